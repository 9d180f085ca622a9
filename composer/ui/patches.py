"""What the editor sends: a patch of a few edits that it made since the last one, taken once and never against a person.

A patch names the revision that its writer saw (`base`, a record's number). Text that somebody else changed since then is
merged word by word; where both changed the same words, both versions stand, one below the other, and the writer is
told. Knows the log and the editor's nodes; does not know sockets.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from composer.apply import apply
from composer.article import TextBlock
from composer.edits import (
    AddBlock,
    DescribeImage,
    Edit,
    MoveBlock,
    RemoveBlock,
    ReplaceText,
    SetSummary,
    SetTitle,
)
from composer.errors import ConflictError, UsageError
from composer.markdown import split_blocks
from composer.merge import merge
from composer.store import ArticleLog
from composer.ui.source import to_markdown

MOST = 5000  # edits of a patch


class Said(BaseModel):
    """The text of a block."""

    kind: Literal["text"]
    id: str = Field(max_length=40)
    node: dict[str, Any]
    base: int = 0  # the record up to which the writer knew this block


class Added(BaseModel):
    """A new block; `temp` is what the browser calls it until it has an id."""

    kind: Literal["add"]
    temp: str = Field(max_length=40)
    after: str | None = Field(max_length=40)
    node: dict[str, Any]


class Moved(BaseModel):
    """A block put elsewhere."""

    kind: Literal["move"]
    id: str = Field(max_length=40)
    after: str | None = Field(max_length=40)


class Removed(BaseModel):
    """A block taken out."""

    kind: Literal["remove"]
    id: str = Field(max_length=40)
    base: int = 0


class Captioned(BaseModel):
    """The words under a picture."""

    kind: Literal["caption"]
    id: str = Field(max_length=40)
    text: str = Field(max_length=5000)


class Headed(BaseModel):
    """The title, or the sentence under it."""

    kind: Literal["title", "summary"]
    text: str = Field(max_length=2000)


Change = Annotated[Said | Added | Moved | Removed | Captioned | Headed, Field(discriminator="kind")]


class Patch(BaseModel):
    """What one browser did since its last patch."""

    id: str = Field(min_length=8, max_length=40)
    changes: list[Change] = Field(max_length=MOST)
    more: bool = False  # the person is still at it: one step of undo with the patch before


@dataclass(slots=True)
class Taken:
    """What became of a patch."""

    id: str
    seq: int = 0
    step: int = 0
    ids: dict[str, str] = field(default_factory=dict)  # of new blocks, by their names in the browser
    own: list[str] = field(default_factory=list)  # blocks that now are as the browser shows them
    notes: list[str] = field(default_factory=list)  # keys of what the person must be told


PATCH: TypeAdapter[Patch] = TypeAdapter(Patch)


def parsed(value: object) -> Patch:
    """A patch from a browser's message. Raises UsageError for anything else."""
    try:
        return PATCH.validate_python(value)
    except ValidationError as error:
        raise UsageError(f"The page sent an unusable patch ({error.errors()[0]['msg']}). Reload it.") from error


def take(log: ArticleLog, patch: Patch, *, last_step: int = 0) -> Taken:
    """Commit a patch as one step of undo; one that was taken before changes nothing and is answered again."""
    with log.held():
        if (before := log.patch(patch.id)) is not None:
            return _again(log, patch, before)
        weaving = Weaving(log)
        for change in patch.changes:
            weaving.take(change)
        weaving.finish()
        newest = log.history.newest()
        step = last_step if patch.more and last_step and newest == last_step else log.next_step()
        log.commit_all(weaving.edits, step=step, patch=patch.id)
        taken = weaving.taken
        taken.id, taken.seq, taken.step = patch.id, log.seq, step
        return taken


def _again(log: ArticleLog, patch: Patch, before: list[str]) -> Taken:
    temps = [c.temp for c in patch.changes if isinstance(c, Added)]
    return Taken(id=patch.id, seq=log.seq, ids=dict(zip(temps, before, strict=False)))


class Weaving:
    """Turns changes into edits, one after the other, against the article as the edits before have made it."""

    def __init__(self, log: ArticleLog) -> None:
        self.edits: list[Edit] = []
        self.taken = Taken(id="")
        self._log = log
        self._article = log.article
        self._later: list[
            tuple[list[str], str | None]
        ] = []  # texts without a name, behind a block: after all that have

    def finish(self) -> None:
        """Add what the changes brought along beside the blocks they name."""
        for parts, after in self._later:
            for part in parts:
                after = self._new(part, after)

    def take(self, change: Change) -> None:
        """Add the edits of a change. What is gone is said, never raised: the rest of the patch still counts."""
        match change:
            case Said():
                self._say(change)
            case Added():
                self._add(change)
            case Moved(id=name, after=after):
                block = self._name(name)
                if self._article.block(block) and self._place(after) != block:
                    self._do(MoveBlock(id=block, after=self._place(after)))
            case Removed():
                self._remove(change)
            case Captioned(id=name, text=text):
                slot = self._article.slot(name)
                if slot and slot.caption != text:
                    self._do(DescribeImage(id=name, caption=text, alt=slot.alt))
                self.taken.own.append(name)
            case Headed(kind=kind, text=text):
                line = " ".join(text.split())
                self._do(SetTitle(title=line) if kind == "title" else SetSummary(summary=line))

    def _say(self, change: Said) -> None:
        block = self._article.text_block(self._name(change.id))
        mine = to_markdown(change.node)
        if block is None:
            self._keep_both(mine, None)
            self.taken.notes.append("gone")
            return
        base = self._known(block.id, change.base)
        text = block.markdown if mine == block.markdown else merge(base or "", mine, block.markdown)
        if text is None or (base is None and mine != block.markdown):
            self._keep_both(mine, block.id)
            self.taken.notes.append("clash")
            return
        if text == mine:
            self.taken.own.append(block.id)
        self._replace(block, text)

    def _replace(self, block: TextBlock, text: str) -> None:
        """The text of a block; a text of several blocks becomes several."""
        parts = split_blocks(text) or [""]
        if parts[0] != block.markdown or block.author != "person":
            self._do(ReplaceText(id=block.id, markdown=parts[0]))
        self._later.append((parts[1:], block.id))

    def _known(self, block: str, seq: int) -> str | None:
        """A block's text as its writer knew it; None where it did not stand yet."""
        if self._log.touched(block, seq):
            return self._log.text_at(block, seq)
        present = self._log.article.text_block(block)
        return present.markdown if present else None

    def _keep_both(self, mine: str, after: str | None) -> None:
        last = self._article.blocks[-1].id if self._article.blocks else None
        if mine.strip():
            self._later.append(([mine], after or last))

    def _add(self, change: Added) -> None:
        parts = split_blocks(to_markdown(change.node)) or [""]
        first = self._new(parts[0], self._place(change.after))
        self.taken.ids[change.temp] = first
        self.taken.own += [first] if len(parts) == 1 else []
        self._later.append((parts[1:], first))

    def _remove(self, change: Removed) -> None:
        block = self._article.block(change.id)
        if block is None:
            return
        if isinstance(block, TextBlock):
            known = self._known(block.id, change.base)
            if known is not None and known != block.markdown and block.author == "person":
                self.taken.notes.append("kept")
                return
        self._do(RemoveBlock(id=change.id))

    def _new(self, markdown: str, after: str | None) -> str:
        name = f"b{self._article.next_id}"
        self._do(AddBlock(block=TextBlock(id=name, markdown=markdown, author="person"), after=after))
        return name

    def _name(self, name: str) -> str:
        return self.taken.ids.get(name, name)

    def _place(self, after: str | None) -> str | None:
        """The block to stand behind; one that is gone meanwhile: the end."""
        if after is None:
            return None
        name = self._name(after)
        if self._article.block(name):
            return name
        return self._article.blocks[-1].id if self._article.blocks else None

    def _do(self, edit: Edit) -> None:
        try:
            self._article = apply(self._article, edit, by="person")
        except ConflictError:
            self.taken.notes.append("gone")
            return
        self.edits.append(edit)
