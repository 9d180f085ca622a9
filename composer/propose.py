"""The model at hand: a proposal for a selection or a few blocks, streamed beside the old text, which stays as it is.

Nothing here changes the article: what the author accepts comes back as the author's own edit.
"""

import secrets
import threading
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, get_args

from jinja2 import Environment, StrictUndefined, Template

from composer.article import Article, TextBlock
from composer.conversation import language, request_on
from composer.errors import InterleaveError, UsageError
from composer.markdown import count_words, plain_text
from composer.prompts import TEMPLATES, prompts
from composer.reply import clean, stopping
from composer.toolkit import Toolkit
from composer.write import tokens_for

Task = Literal["rewrite", "expand", "shorten", "continue", "tone", "translate", "simplify", "fix", "insert"]
TASKS: tuple[Task, ...] = get_args(Task)
NEEDS_WORDS = ("tone", "translate", "insert")  # tasks that mean nothing without an instruction
FACTOR = {"expand": 1.6, "shorten": 0.6, "continue": 0.8}
SHOWN_AFTER = 160  # characters of the text that follows, shown to the model


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the author wants done."""

    task: Task
    blocks: tuple[str, ...]  # ids, in order; the last one is what a continuation follows
    selection: str = ""  # Markdown of a part of the one block; "": the whole blocks
    instruction: str = ""


@dataclass(slots=True)
class Proposal:
    """A wish at work in a thread of its own, and what came of it so far."""

    id: str
    wish: Wish
    old: str
    text: str = ""
    error: str = ""
    done: bool = False
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def adds(self) -> bool:
        """Whether it stands behind the old text instead of in its place."""
        return self.wish.task in ("continue", "insert")

    def work(self, pieces: Iterator[str]) -> None:
        """Collect the model's text until it ends or is not wanted any more."""
        try:
            with stopping(pieces) as flow:
                for piece in flow:
                    self.text += piece
                    if self.stop.is_set():
                        break
            self.text = self.text.strip()
            if not self.text and not self.stop.is_set():
                self.error = "The model gave no text for this. Try again or say it in other words."
        except InterleaveError as error:
            self.error = str(error)
        except Exception as error:
            self.error = f"The program broke off: {type(error).__name__}: {error}."
        self.done = True


def proposal(toolkit: Toolkit, article: Article, wish: Wish) -> tuple[Proposal, threading.Thread]:
    """A proposal and the thread that works on it, not yet started. Raises UsageError for what cannot be worked on."""
    blocks = [b for name in wish.blocks if (b := article.text_block(name))]
    old = wish.selection or "\n\n".join(b.markdown for b in blocks)
    if not blocks or (not old.strip() and wish.task not in ("continue", "insert")):
        raise UsageError("There is no text here to work on. Put the caret into a text first.")
    if wish.task in NEEDS_WORDS and not wish.instruction.strip():
        raise UsageError("Say what is wanted: the tone, the language, or what the paragraph is about.")
    made = Proposal(id=secrets.token_hex(6), wish=wish, old=old)
    pieces = _pieces(toolkit, article, wish, old, blocks)
    return made, threading.Thread(target=made.work, args=(pieces,), name=f"proposal-{wish.task}", daemon=True)


def _pieces(toolkit: Toolkit, article: Article, wish: Wish, old: str, blocks: Sequence[TextBlock]) -> Iterator[str]:
    section = article.section_of(blocks[0].id)
    template = prompts(article.brief.language)
    words = 70 if wish.task == "insert" else max(15, round(count_words(plain_text(old)) * FACTOR.get(wish.task, 1.0)))
    request = _template(template.code).render(
        task=wish.task,
        words=words,
        instruction=wish.instruction.strip(),
        title=section.title if section else article.title,
        after=_after(article, blocks[-1]),
        text=old,
        language=language(article.brief),
        inline=bool(wish.selection),
    )
    prompt = request_on(toolkit, article, request, section)
    tokens = tokens_for(article.brief, words, slack=2) + 80
    raw = toolkit.text.stream(prompt, max_tokens=tokens, seed=secrets.randbelow(2**31))
    with stopping(raw) as flow:
        yield from clean(flow, seen=set(), template=template)


def _after(article: Article, block: TextBlock) -> str:
    following = article.blocks[article.index(block.id) + 1 :]
    text = next((b.markdown for b in following if isinstance(b, TextBlock)), "")
    return plain_text(text)[:SHOWN_AFTER]


@cache
def _template(code: str) -> Template:
    path = TEMPLATES / "assist" / f"{code}.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    environment = Environment(undefined=StrictUndefined, autoescape=False)
    return environment.from_string(table["request"].strip())
