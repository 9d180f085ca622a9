"""What an article is: frozen values, and the few questions that can be answered by looking at them.

An article is a flat row of blocks. A section is no container: it is a heading block of level 2 and everything up to
the next one; what the plan wants of it hangs on the heading's id. Nothing here changes anything: see `edits`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from retrieval.picture import Candidate, Digest, Picture
from retrieval.style_card import StyleCard

Author = Literal["model", "person"]
Place = Literal["start", "middle", "end"]
Size = Literal["small", "column", "wide"]
Focus = tuple[float, float]  # of a picture's width and height, from its upper left corner: 0 to 1
MIDDLE: Focus = (0.5, 0.5)
Align = Literal["start", "center", "end"]


class Way(StrEnum):
    """How a slot is best filled."""

    FOUND = "found"  # a fact: a person, a place, a thing that exists
    EITHER = "either"  # an ordinary thing: whatever comes first
    DRAWN = "drawn"  # a mood, an idea, a scene that does not exist
    CHART = "chart"  # numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A source text that the author gives: to be used and not contradicted."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineItem:
    """A section that the author planned; its title is kept word for word."""

    title: str
    words: int = 0  # target; 0: the plan decides
    notes: str = ""  # what the author wrote under it


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What the author wants. Made by `composer.brief`, which validates it once."""

    instruction: str
    title: str = ""  # "": the plan finds one
    outline: tuple[OutlineItem, ...] = ()
    material: tuple[Material, ...] = ()
    references: tuple[Picture, ...] = ()  # pictures whose look the article's pictures should have
    uploads: tuple[Picture, ...] = ()  # the author's pictures for this article, each used at most once
    language: str = "en"  # BCP 47; never "auto" here
    words: int = 800  # of the whole article; a Chinese character counts as one
    images: int | None = None  # None: the plan decides, none is a valid answer
    kind: str = "explainer"  # a name under templates/kinds/
    tone: str = ""
    audience: str = ""
    must_mention: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    seed: int = 0
    web: tuple[str, ...] = ()  # web sources that may be asked for pictures; none unless the author says so


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBlock:
    """One Markdown block: a paragraph, heading, list, quote, table or code."""

    id: str
    markdown: str
    author: Author = "model"  # who wrote it last; a person's block is not changed by a model unasked
    locked: bool = False
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSlot:
    """A place for one picture."""

    id: str
    purpose: str  # why a picture belongs here
    query: str  # what must be visible, literally
    way: Way | None = None  # how it is to be filled, as far as anybody said; see composer/drawing/choice.py
    way_by: Author = "model"  # who said so: what a person says is done, what the plan says is proposed
    place: Place = "middle"  # where in its section the plan wants it, while the section is not yet written
    caption: str = ""  # shown under the picture
    alt: str = ""  # for readers who do not see it
    candidates: tuple[Candidate, ...] = ()  # best first
    chosen: Digest | None = None  # None: the slot is open, and an export leaves it out
    size: Size = "column"
    align: Align = "center"
    focus: Focus = MIDDLE  # what stays in view where a layout cuts the picture
    decorative: bool = False  # says nothing that the text does not: readers who do not see it are told nothing
    author: Author = "model"  # who chose or worded last
    locked: bool = False
    kind: Literal["image"] = "image"

    @property
    def picture(self) -> Picture | None:
        """The chosen picture; None while the slot is open."""
        return next((c.picture for c in self.candidates if c.picture.digest == self.chosen), None)


Block = TextBlock | ImageSlot


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionPlan:
    """What the plan wants of the section under a heading."""

    heading: str  # id of the heading block
    purpose: str = ""
    words: int = 0  # target; 0: none
    facts: tuple[str, ...] = ()  # must-mention facts that belong here
    written: bool = False  # the model finished it
    images: int | None = None  # pictures wanted; None: as many as help


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A view of a part of the article: the blocks from one level-2 heading to the next."""

    heading: TextBlock | None  # None: what stands before the first heading
    plan: SectionPlan | None
    blocks: tuple[Block, ...]  # without the heading

    @property
    def title(self) -> str:
        """The heading's text without its marks; "" for the part before the first heading."""
        return self.heading.markdown.lstrip("#").strip() if self.heading else ""

    @property
    def text(self) -> str:
        """The Markdown of its text blocks."""
        return "\n\n".join(b.markdown for b in self.blocks if isinstance(b, TextBlock))


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """An illustrated article as it stands after all edits of its log."""

    id: str
    brief: Brief = field(default_factory=lambda: Brief(instruction=""))
    title: str = ""
    summary: str = ""  # one sentence, shown under the title
    blocks: tuple[Block, ...] = ()
    plans: tuple[SectionPlan, ...] = ()
    style: str = ""  # words for the look of its pictures
    card: StyleCard | None = None  # what its reference pictures have in common
    style_strength: float | None = None  # how much the card counts, 0 to 1; None: what the settings say
    next_id: int = 1  # block ids are "b1", "b2", ... and never used again

    def block(self, block_id: str) -> Block | None:
        """The block of this id, or None when there is none."""
        return next((b for b in self.blocks if b.id == block_id), None)

    def index(self, block_id: str) -> int:
        """Its position among the blocks; -1 when there is none."""
        return next((i for i, b in enumerate(self.blocks) if b.id == block_id), -1)

    def text_block(self, block_id: str) -> TextBlock | None:
        """The text block of this id; None when there is none or it is a slot."""
        found = self.block(block_id)
        return found if isinstance(found, TextBlock) else None

    def slot(self, block_id: str) -> ImageSlot | None:
        """The slot of this id; None when there is none or it is text."""
        found = self.block(block_id)
        return found if isinstance(found, ImageSlot) else None

    def slots(self) -> tuple[ImageSlot, ...]:
        """All picture slots in order."""
        return tuple(b for b in self.blocks if isinstance(b, ImageSlot))

    def plan(self, heading_id: str) -> SectionPlan | None:
        """What is planned under this heading, if anything is."""
        return next((p for p in self.plans if p.heading == heading_id), None)

    def sections(self) -> tuple[Section, ...]:
        """The article as sections; the first has no heading when something stands before the first heading."""
        return tuple(self._sections())

    def section_of(self, block_id: str) -> Section | None:
        """The section that holds this block, as its heading or inside."""
        for section in self.sections():
            if (section.heading and section.heading.id == block_id) or any(b.id == block_id for b in section.blocks):
                return section
        return None

    def _sections(self) -> Iterator[Section]:
        heading: TextBlock | None = None
        inside: list[Block] = []
        for block in self.blocks:
            if is_heading(block) and isinstance(block, TextBlock):
                if heading or inside:
                    yield self._section(heading, inside)
                heading, inside = block, []
            else:
                inside.append(block)
        if heading or inside:
            yield self._section(heading, inside)

    def _section(self, heading: TextBlock | None, inside: list[Block]) -> Section:
        return Section(heading=heading, plan=self.plan(heading.id) if heading else None, blocks=tuple(inside))


def is_heading(block: Block) -> bool:
    """Whether a block opens a section: a level-2 heading."""
    return isinstance(block, TextBlock) and block.markdown.startswith("## ")


def with_id(article: Article, block: Block) -> Block:
    """The block under the article's next free id, ready to be added."""
    return replace(block, id=f"b{article.next_id}")
