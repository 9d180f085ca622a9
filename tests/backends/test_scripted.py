import json
from pathlib import Path

import pytest

from composer.backends.scripted import from_file
from composer.errors import ReplyError, SetupError
from composer.models import Message
from tests.backends.text_subjects import told
from tests.fakes import ScriptedTextModel


def written(folder: Path, text: str) -> Path:
    path = folder / "script.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_first_entry_that_fits_answers_and_a_list_gives_its_turns(tmp_path: Path) -> None:
    replies = [{"contains": "plan", "reply": {"title": "T"}}, {"contains": "section", "reply": ["one", "two"]}]
    model = from_file(written(tmp_path, json.dumps({"replies": replies})))

    def ask(text: str) -> str:
        return "".join(model.stream(told(text), max_tokens=50))

    assert json.loads(ask("a plan")) == {"title": "T"}
    assert [ask("a section") for _ in range(3)] == ["one", "two", "two"]
    with pytest.raises(ReplyError, match="no reply for: 'a caption'"):
        ask("a caption")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"replies": [{"reply": "x"}]}', '{"replies": [1]}'])
def test_what_is_no_script_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(SetupError, match="is no script"):
        from_file(written(tmp_path, text))


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"nowhere\.json cannot be read"):
        from_file(tmp_path / "nowhere.json")


def test_a_fake_can_break_off_in_the_middle_of_chosen_replies() -> None:
    model = ScriptedTextModel(["first reply here", "second reply here"], fails_after=2, failing=[1])
    assert "".join(model.stream(told("a"), max_tokens=50)) == "first reply here"
    pieces = model.stream(told("b"), max_tokens=50)
    assert [next(pieces), next(pieces)] == ["second", " reply"]
    with pytest.raises(ReplyError):
        next(pieces)
    assert model.closed == 2


def test_a_growing_conversation_counts_as_read_before() -> None:
    model = ScriptedTextModel(lambda prompt: "yes")
    begin = told("A first question of some length.")
    list(model.stream(begin, max_tokens=5))
    before = model.usage.prompt_tokens
    list(model.stream((*begin, Message(role="assistant", content="yes")), max_tokens=5))
    assert model.usage.cached_tokens == before
