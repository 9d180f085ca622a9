"""The text models the contract suite runs over: how to get one, and a prompt it can answer."""

from dataclasses import dataclass

from composer.models import Message, Prompt, TextModel

SCHEMA = {
    "type": "object",
    "properties": {"animal": {"type": "string", "maxLength": 20}, "legs": {"type": "integer"}},
    "required": ["animal", "legs"],
    "additionalProperties": False,
}
LONG = "The heron stands in the shallow water and waits. It hears every small sound. 鹭站在浅水里等待。🐟 " * 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One model under test."""

    model: TextModel


def told(text: str) -> Prompt:
    return (Message(role="system", content="You answer briefly."), Message(role="user", content=text))


def canned(prompt: Prompt) -> str:
    """What a scripted model or a stub server says to the suite's prompts."""
    return '{"animal": "heron", "legs": 2}' if "JSON" in prompt[-1].content else LONG
