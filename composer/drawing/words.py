"""Prompts for image models: what must be seen, what for and how it looks, within what the model can read.

Knows families (sentences or tags) and limits; does not know tokenizers: the caller counts.
"""

import re
from collections.abc import Callable

from composer.drawing.request import Drawing

Count = Callable[[str], int]
"""Tokens of a text as the model counts them, its marks of beginning and end included."""


def fitted(drawing: Drawing, count: Count, limit: int, *, tags: bool = False) -> tuple[str, str]:
    """The whole prompt within `limit` tokens, and what had to go ("" for nothing). What must be seen goes last."""
    subject, context, style = (clean(part) for part in (drawing.prompt, drawing.context, drawing.style))
    if count(joined(subject, context, style, tags=tags)) <= limit:
        return joined(subject, context, style, tags=tags), ""
    if count(joined(subject, "", style, tags=tags)) <= limit:
        return joined(subject, "", style, tags=tags), context
    kept = shortened(style, lambda words: count(joined(subject, "", words, tags=tags)) <= limit)
    if kept or count(joined(subject, "", "", tags=tags)) <= limit:
        return joined(subject, "", kept, tags=tags), f"{context} {style}".strip()
    subject_words = shortened(subject, lambda words: count(joined(words, "", "", tags=tags)) <= limit)
    return joined(subject_words, "", "", tags=tags), f"{subject} {context} {style}".strip()


def joined(subject: str, context: str, style: str, *, tags: bool) -> str:
    """The parts as one prompt: sentences, or a row of tags."""
    if tags:
        return ", ".join(dict.fromkeys(tag for part in (subject, style) for tag in as_tags(part)))
    sentences = [part[:1].upper() + part[1:] for part in (subject, context) if part]
    return (
        ". ".join([*sentences, style] if style else sentences) if context else ", ".join(filter(None, [subject, style]))
    )


def as_tags(text: str) -> list[str]:
    """A description as tags: at commas, full stops and joining words, without articles."""
    parts = re.split(r"\s*[,;.。，；]\s*|\s+(?:and|with|und|mit)\s+", text.lower())
    return [tag for part in parts if (tag := re.sub(r"^(?:an?|the|some)\s+", "", part.strip()))]


def shortened(text: str, fits: Callable[[str], bool]) -> str:
    """As many of its words from the beginning as fit; "" for none."""
    words = re.findall(r"\S+\s*", text) if " " in text else list(text)
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits("".join(words[:middle]).strip(" ,.")) else (low, middle - 1)
    return "".join(words[:low]).strip(" ,.")


def clean(text: str) -> str:
    """One line without an end mark."""
    return " ".join(text.split()).rstrip(" .。,，;；")
