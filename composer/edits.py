"""Every change an article can undergo, as a value: models, sources and people all speak edits.

What an edit does is `composer.apply`'s business.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from composer.article import MIDDLE, Align, Author, Block, Brief, Focus, ImageSlot, SectionPlan, Size, Way
from retrieval.picture import Candidate, Digest
from retrieval.style_card import StyleCard


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBrief:
    """The first edit of every log."""

    brief: Brief
    kind: Literal["set_brief"] = "set_brief"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTitle:
    title: str
    kind: Literal["set_title"] = "set_title"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSummary:
    summary: str
    kind: Literal["set_summary"] = "set_summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStyle:
    style: str
    kind: Literal["set_style"] = "set_style"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStyleCard:
    """What the references have in common, and how much it counts; None: what the settings say."""

    card: StyleCard | None
    strength: float | None = None  # 0 to 1
    kind: Literal["set_style_card"] = "set_style_card"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddBlock:
    """Put a block behind the block `after`; None: at the very beginning."""

    block: Annotated[Block, Field(discriminator="kind")]
    after: str | None
    kind: Literal["add_block"] = "add_block"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveBlock:
    """Take a block out, and what was planned under it."""

    id: str
    kind: Literal["remove_block"] = "remove_block"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveBlock:
    """Put a block behind the block `after`; None: to the very beginning."""

    id: str
    after: str | None
    kind: Literal["move_block"] = "move_block"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendText:
    id: str
    text: str
    kind: Literal["append_text"] = "append_text"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceText:
    id: str
    markdown: str
    kind: Literal["replace_text"] = "replace_text"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSection:
    """Set what is wanted of the section under a heading."""

    plan: SectionPlan
    kind: Literal["plan_section"] = "plan_section"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnplanSection:
    heading: str
    kind: Literal["unplan_section"] = "unplan_section"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeekImage:
    """Change what a slot looks for."""

    id: str
    query: str
    purpose: str
    kind: Literal["seek_image"] = "seek_image"


@dataclass(frozen=True, slots=True, kw_only=True)
class FillBy:
    """Say how a slot is to be filled; None: by what its words and the plan propose."""

    id: str
    way: Way | None
    said_by: Author = "person"
    kind: Literal["fill_by"] = "fill_by"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferImages:
    """Replace a slot's candidates. A chosen picture that is no longer among them stays, as the last."""

    id: str
    candidates: tuple[Candidate, ...]
    kind: Literal["offer_images"] = "offer_images"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseImage:
    """Fill a slot with one of its candidates; None opens it."""

    id: str
    digest: Digest | None
    kind: Literal["choose_image"] = "choose_image"


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeImage:
    id: str
    caption: str
    alt: str
    kind: Literal["describe_image"] = "describe_image"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrangeImage:
    """How a picture stands in the text."""

    id: str
    size: Size
    align: Align
    decorative: bool
    focus: Focus = MIDDLE
    kind: Literal["arrange_image"] = "arrange_image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Say whose block it is: a person's is not changed by a model unasked."""

    id: str
    author: Author
    kind: Literal["claim"] = "claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    id: str
    locked: bool
    kind: Literal["lock"] = "lock"


Edit = Annotated[
    SetBrief
    | SetTitle
    | SetSummary
    | SetStyle
    | SetStyleCard
    | AddBlock
    | RemoveBlock
    | MoveBlock
    | AppendText
    | ReplaceText
    | PlanSection
    | UnplanSection
    | SeekImage
    | FillBy
    | OfferImages
    | ChooseImage
    | DescribeImage
    | ArrangeImage
    | Claim
    | Lock,
    Field(discriminator="kind"),
]
Targeted = (
    RemoveBlock
    | MoveBlock
    | AppendText
    | ReplaceText
    | SeekImage
    | FillBy
    | OfferImages
    | ChooseImage
    | DescribeImage
    | ArrangeImage
    | Claim
    | Lock
)


def taking(slot: ImageSlot, candidate: Candidate) -> tuple[OfferImages, ChooseImage]:
    """The edits that put a picture first in its slot's row and choose it."""
    others = (c for c in slot.candidates if c.picture.digest != candidate.picture.digest)
    return (
        OfferImages(id=slot.id, candidates=(candidate, *others)),
        ChooseImage(id=slot.id, digest=candidate.picture.digest),
    )


def target(edit: Edit) -> str:
    """Id of the block that an edit changes; "" for an edit of the whole article."""
    if isinstance(edit, AddBlock):
        return edit.block.id
    return edit.id if isinstance(edit, Targeted) else ""
