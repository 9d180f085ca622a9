"""What happens while an article is made: the tagged union that the log, the command line and the page all read."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from composer.article import Article, Author
from composer.edits import Edit

Role = Literal["do", "undo", "redo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted:
    stage: str  # "plan", "write", "illustrate", "describe", "check", "revise"
    detail: str = ""
    kind: Literal["stage_started"] = "stage_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a stage is; shown, not logged."""

    stage: str
    done: int
    total: int
    unit: str = ""
    block: str = ""  # id of the slot that is worked at
    preview: str = ""  # what an unfinished picture looks like, as a data URI
    kind: Literal["progress"] = "progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something fell short and the work went on."""

    message: str
    block: str = ""  # id of the block it is about
    kind: Literal["warned"] = "warned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A run broke off; the article is kept as it stands."""

    message: str
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run ended."""

    stopped: bool = False  # by the person, before its end
    kind: Literal["finished"] = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The person gave the article as it stands here a name, to come back to."""

    name: str
    kind: Literal["named"] = "named"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """An edit was made."""

    edit: Edit
    by: Author
    step: int = 0  # edits of one step are taken back together; 0: not by undo
    role: Role = "do"
    patch: str = ""  # id of the browser's patch that it came with: the same patch is never taken twice
    kind: Literal["edited"] = "edited"


Event = Annotated[
    StageStarted | Progress | Warned | Failed | Finished | Named | Edited,
    Field(discriminator="kind"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)

Stage = Generator[Edit | StageStarted | Progress | Warned, Article, Article]
"""A stage yields edits and events and is sent back the article as it then stands; it returns the last one it saw."""
