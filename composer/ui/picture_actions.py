"""What a person can do to the pictures of an article, each from a checked request to edits or a run.

Knows the workspace and the stages; does not know HTTP.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PIL import Image

from composer.article import ImageSlot, with_id
from composer.commands import kept_picture
from composer.describe import describe, plain_words
from composer.drawing.provenance import marked
from composer.edits import (
    AddBlock,
    ArrangeImage,
    ChooseImage,
    DescribeImage,
    Edit,
    MoveBlock,
    RemoveBlock,
    SeekImage,
    SetBrief,
    taking,
)
from composer.errors import ConflictError, UsageError
from composer.events import Stage
from composer.illustrate import illustrate
from composer.rehearse import rehearse
from composer.store import ArticleLog
from composer.toolkit import Toolkit
from composer.ui.drawing_actions import DRAWING_ACTIONS
from composer.ui.requests import Request, share, slot_of, text, word
from composer.workspace import Workspace
from retrieval.images import decode_rgb, encode
from retrieval.picture import Candidate, Picture

SIZES = ("small", "column", "wide")
ALIGNS = ("start", "center", "end")


def take_upload(workspace: Workspace, article_id: str, slot_id: str, name: str, data: bytes) -> None:
    """A picture that the person gives for a slot: kept, offered and chosen, with words from its file's name."""
    log = workspace.open(article_id)
    slot = slot_of(log, slot_id)
    workspace.edit(article_id, _given(log, slot, name, data))


def take_new_upload(workspace: Workspace, article_id: str, after: str, name: str, data: bytes) -> None:
    """A picture that the person puts into the text: a slot of its own behind the block `after`."""
    log = workspace.open(article_id)
    slot = ImageSlot(id="", purpose="", query=_bare(name), author="person")
    slot = replace(slot, id=with_id(log.article, slot).id)
    place = after if log.article.block(after) else (log.article.blocks[-1].id if log.article.blocks else None)
    workspace.edit(article_id, [AddBlock(block=slot, after=place), *_given(log, slot, name, data)])


def suggest_words(workspace: Workspace, article_id: str, slot_id: str) -> dict[str, str]:
    """Alt text and caption as the model would word them, for the picture that now is chosen; nothing is changed."""
    log = workspace.open(article_id)
    slot = slot_of(log, slot_id)
    if slot.picture is None:
        raise UsageError("Choose a picture first: its words are about what it shows.")
    bare = replace(slot, locked=False, author="model")
    article = replace(log.article, blocks=tuple(bare if b.id == slot.id else b for b in log.article.blocks))
    made, _ = rehearse(describe(workspace.toolkit(log), article, [slot.id]), article, scope=frozenset([slot.id]))
    worded = made.slot(slot.id) or slot
    return {"alt": worded.alt, "caption": worded.caption, "digest": str(slot.chosen)}


def _bare(name: str) -> str:
    stem = name.rsplit(".", 1)[0].replace("-", " ").replace("_", " ").strip()
    return stem[:80] or "picture"


def _given(log: ArticleLog, slot: ImageSlot, name: str, data: bytes) -> list[Edit]:
    picture = kept_picture(data, name, log.pictures)
    candidate = Candidate(picture=picture, source="uploads", score=1.0, relevance=1.0)
    caption, alt = plain_words(slot, picture, log.article.brief.language)
    return [*taking(slot, candidate), DescribeImage(id=slot.id, caption=caption, alt=alt)]


def choose(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Another candidate, with its own words; an empty digest opens the slot."""
    slot = slot_of(log, word(request, "id"))
    digest = word(request, "digest") or None
    edits: list[Edit] = [ChooseImage(id=slot.id, digest=digest)]
    picture = next((c.picture for c in slot.candidates if c.picture.digest == digest), None)
    if picture:
        caption, alt = plain_words(slot, picture, log.article.brief.language)
        edits.append(DescribeImage(id=slot.id, caption=caption, alt=alt))
    workspace.edit(log.article.id, edits)


def words(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Caption or alt text, for the picture they were written for and no other."""
    slot = slot_of(log, word(request, "id"))
    if request.get("digest") and request["digest"] != slot.chosen:
        raise ConflictError("Another picture was chosen meanwhile. These words are about the old one; look again.")
    caption = text(request, "caption").strip() if "caption" in request else slot.caption
    alt = text(request, "alt").strip() if "alt" in request else slot.alt
    workspace.edit(log.article.id, [DescribeImage(id=slot.id, caption=caption, alt=alt)])


def arrange(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Size, alignment, what stays in view where it is cut, and whether it is decorative."""
    slot = slot_of(log, word(request, "id"))
    size = next((s for s in SIZES if s == request.get("size")), slot.size)
    align = next((a for a in ALIGNS if a == request.get("align")), slot.align)
    decorative = bool(request.get("decorative", slot.decorative))
    x, y = (share(request.get(name), old) for name, old in zip(("x", "y"), slot.focus, strict=True))
    edit = ArrangeImage(id=slot.id, size=size, align=align, decorative=decorative, focus=(x, y))  # type: ignore[arg-type]
    workspace.edit(log.article.id, [edit])


def suggest(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Let the model word a slot."""
    slot = slot_of(log, word(request, "id"))
    workspace.start(log.article.id, "describe", lambda tk, a: describe(tk, a, [slot.id]), scope=[slot.id])


def seek(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Search again for a slot."""
    slot = slot_of(log, word(request, "id"))
    query = text(request, "query").strip()
    if not query:
        raise UsageError("Say what the picture should show.")
    if query != slot.query:
        workspace.edit(log.article.id, [SeekImage(id=slot.id, query=query, purpose=slot.purpose)])
    workspace.start(log.article.id, "search", find(slot.id), scope=[slot.id])


def refine(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """The chosen picture becomes a reference of the article, then the slot is searched again in its style."""
    slot = slot_of(log, word(request, "id"))
    picture = slot.picture
    if picture is None:
        raise UsageError("Choose a picture first: it becomes the reference.")
    brief = log.article.brief
    references = (picture, *(p for p in brief.references if p.digest != picture.digest))
    workspace.edit(log.article.id, [SetBrief(brief=replace(brief, references=references))])
    workspace.start(log.article.id, "search", find(slot.id), scope=[slot.id])


def crop(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """A part of the chosen picture, as a picture of its own with the same maker; edges in percent."""
    slot = slot_of(log, word(request, "id"))
    picture = slot.picture
    path = log.pictures.path(picture.digest) if picture else None
    if picture is None or path is None:
        raise UsageError("Choose a picture first.")
    if "ND" in picture.attribution.licence.upper().replace("-", " ").split():
        raise UsageError(f"The licence {picture.attribution.licence} does not allow changed pictures. Choose another.")
    made, data = cropped(picture, decode_rgb(path.read_bytes()), request)
    log.pictures.put(made.digest, made.media_type, data)
    candidate = Candidate(picture=made, source="uploads", score=1.0, relevance=1.0)
    workspace.edit(log.article.id, taking(slot, candidate))


def cropped(picture: Picture, image: Image.Image, request: Request) -> tuple[Picture, bytes]:
    """The part of a picture between four edges in percent, and its file. Raises UsageError for a part too small."""
    edges = [
        float(request.get(name, default))
        for name, default in (("left", 0), ("top", 0), ("right", 100), ("bottom", 100))
    ]
    left, top, right, bottom = (min(max(e, 0.0), 100.0) / 100 for e in edges)
    box = (
        round(left * image.width),
        round(top * image.height),
        round(right * image.width),
        round(bottom * image.height),
    )
    if box[2] - box[0] < 16 or box[3] - box[1] < 16:
        raise UsageError("Too little would be left: at least 16 pixels on each side.")
    part = image.crop(box)
    data = marked(picture, encode(part, "PNG"))
    credit = replace(picture.attribution, changes="; ".join(filter(None, [picture.attribution.changes, "cropped"])))
    made = replace(
        picture,
        digest=hashlib.sha256(data).hexdigest(),
        media_type="image/png",
        width=part.width,
        height=part.height,
        attribution=credit,
        phash="",
    )
    return made, data


def move(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Put a picture behind another block."""
    slot = slot_of(log, word(request, "id"))
    after = word(request, "after") or None
    workspace.edit(log.article.id, [MoveBlock(id=slot.id, after=after)])


def remove(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Take a slot out."""
    workspace.edit(log.article.id, [RemoveBlock(id=slot_of(log, word(request, "id")).id)])


def find(slot_id: str) -> Callable[[Toolkit, Any], Stage]:
    """The search for one slot, as a stage to be started."""
    return lambda toolkit, article: illustrate(toolkit, article, [slot_id])


PICTURE_ACTIONS = {
    "choose": choose,
    "words": words,
    "arrange": arrange,
    "suggest": suggest,
    "seek": seek,
    "refine": refine,
    "crop": crop,
    "place": move,
    **DRAWING_ACTIONS,
}
