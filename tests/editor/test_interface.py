"""The interface's words: both languages say the same things, and what the program says of failures has a translation."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from composer.prompts import kinds
from composer.ui.interface import FOLDER, LANGUAGES, language_of, said, words

ROOT = Path(__file__).resolve().parent.parent.parent
HOLE = re.compile(r"\{\w+\}")
SOURCES = (
    "actions",
    "credit_actions",
    "desk",
    "illustrate",
    "outline_actions",
    "page",
    "patches",
    "proposals",
    "requests",
    "routes",
    "shelf",
)
TOLD = [ROOT / "composer" / "ui" / f"{name}.py" for name in SOURCES] + [
    ROOT / "composer" / f"{name}.py" for name in ("brief", "bring")
]
NAMES = re.compile(
    r"Interleave|Markdown|HTML|Zip|INTERLEAVE_\w+|docs/[\w./-]+|Hugging Face|Ctrl\+Enter|AI|GB|zip|[./]\w+"
)


def entry(code: str) -> dict[str, str]:
    return dict(tomllib.loads((FOLDER / f"{code}.toml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_has_the_same_keys_and_values_to_fill_in(code: str) -> None:
    english, other = entry("en"), entry(code)
    assert other.keys() == english.keys()
    assert [k for k in english if set(HOLE.findall(english[k])) != set(HOLE.findall(other[k]))] == []


def test_no_english_is_left_in_the_chinese_words() -> None:
    told = {k: v for k, v in entry("zh").items() if not k.endswith(".words")}  # those are what may be typed after "/"
    left = {k: v for k, v in told.items() if re.search(r"[A-Za-z]{2}", NAMES.sub("", HOLE.sub("", v)))}
    assert left == {}


def test_every_kind_of_article_has_a_word() -> None:
    assert {f"kind.{name}" for name in kinds()} <= words("en").keys()


@pytest.mark.parametrize("name", ["assets/editor/src", "assets/page", "composer/ui"])
def test_every_word_that_is_used_is_there(name: str) -> None:
    used = set()
    for path in (p for p in (ROOT / name).rglob("*") if p.suffix in (".js", ".html", ".py")):
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"""\b(?:t|tr)\(["']([\w.]+)["']""", text))
        used |= set(re.findall(r'data-t(?:-label)?="([\w.]+)"', text))
    assert used
    assert used - words("en").keys() == set()


@pytest.mark.parametrize(
    ("accepted", "code"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("zh", "zh"), ("en-GB,zh;q=0.5", "en"), ("fr", "en"), ("", "en"), (None, "en")],
)
def test_the_language_is_the_browsers_first_choice(accepted: str | None, code: str) -> None:
    assert language_of(accepted) == code


def test_a_sentence_is_translated_with_what_stands_in_it() -> None:
    assert said("The brief is empty. Say in a sentence or more what the article is about.", "zh").startswith(
        "写作要求是空的"
    )
    assert said("The model is still at work on this article (write). Stop it or wait.", "zh").count("撰写") == 1
    inner = said("openverse gave no pictures: Choose a picture first.", "zh")
    assert (inner.startswith("openverse "), inner.endswith("请先选一张图片。")) == (True, True)
    assert said("Nobody has translated this.", "zh") == "Nobody has translated this."
    assert said("Choose a picture first.", "en") == "Choose a picture first."


@pytest.mark.parametrize("path", TOLD, ids=lambda p: p.stem)
def test_what_the_page_says_of_failures_has_a_translation(path: Path) -> None:
    sentences = list(complaints(path))
    assert [s for s in sentences if not re.search(r"[\u4e00-\u9fff]", said(s, "zh"))] == []


def complaints(path: Path) -> Iterator[str]:
    """What a module raises or warns of, with an "x" for each value."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if called in ("UsageError", "ConflictError") and isinstance(node, ast.Call):
            yield text_of(node.args[0])


def text_of(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr), ast.dump(node)
    return "".join(str(v.value) if isinstance(v, ast.Constant) else "x" for v in node.values)
