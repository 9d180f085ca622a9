"""What a person can have drawn: a picture from words, the same again, variations, the chosen one changed or enlarged.

Each is a checked request turned into a run; the person's own wish is judged by nobody but the filter. Knows the
workspace and the stages; does not know HTTP.
"""

import base64
import binascii
import secrets
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from composer.article import Article, ImageSlot, Way
from composer.drawing.alike import alike
from composer.drawing.ask import Wanted, asked, look_of
from composer.drawing.charts import chart_stage
from composer.drawing.enlarge import enlarged
from composer.drawing.redraw import again
from composer.drawing.request import Abilities
from composer.drawing.stage import NO_GENERATOR, draw_wanted
from composer.edits import FillBy, taking
from composer.errors import UsageError
from composer.events import Stage, StageStarted
from composer.store import ArticleLog
from composer.toolkit import Toolkit
from composer.ui.requests import Request, slot_of, text, word
from composer.workspace import Workspace
from retrieval.images import decode_rgb, digest_of, encode
from retrieval.picture import Digest, Picture

MOST_VARIATIONS = 8
CHANGED, FILLED = 0.55, 0.9  # how far a picture moves away: refined as a whole, and within a mask
MASK_BYTES = 300_000


def draw_picture(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Pictures for a slot from a prompt and a seed; the first is chosen, further ones differ in their seeds alone."""
    toolkit, slot = _ready(workspace, log), slot_of(log, word(request, "id"))
    one = _from_words(toolkit, log.article, slot, request)
    count = _number(request, "count", 1, MOST_VARIATIONS)
    seeds = [one.drawing.seed, *(secrets.randbelow(2**31) for _ in range(count - 1))]
    row = [
        replace(one, drawing=replace(one.drawing, seed=seed), choose=number == 0) for number, seed in enumerate(seeds)
    ]
    _start(workspace, log, slot, alike(toolkit, log.article, row))


def draw_again(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """A drawn candidate drawn once more: exactly so, or with what the request changes of it."""
    toolkit, slot = _ready(workspace, log), slot_of(log, word(request, "id"))
    picture = next((c.picture for c in slot.candidates if c.picture.digest == word(request, "digest")), None)
    if picture is None or picture.recipe is None:
        raise UsageError("This picture was not drawn here, so that it cannot be drawn again.")
    _start(workspace, log, slot, again(toolkit, slot, picture.recipe))


def change_picture(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """The chosen picture as the beginning of a new one; with a mask only the brushed part changes."""
    toolkit, slot = _ready(workspace, log), slot_of(log, word(request, "id"))
    picture, start = _chosen(log, slot)
    mask = _mask(request, start.size)
    able = _abilities(toolkit)
    if not (able.mask if mask else able.start) and able.known:
        raise UsageError("The configured generator cannot begin from a picture. docs/generation.md says which can.")
    one = _from_words(toolkit, log.article, slot, request)
    strength = _share(request, "strength", FILLED if mask else CHANGED)
    width, height = _alike(start, one.drawing.width * one.drawing.height)
    drawing = replace(one.drawing, start=start, mask=mask, strength=strength, width=width, height=height, references=())
    wanted = replace(one, drawing=drawing, start=picture.digest, mask=_kept(log, mask), references=())
    _start(workspace, log, slot, [wanted])


def enlarge_picture(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """The chosen picture at a size that can be printed."""
    slot = slot_of(log, word(request, "id"))
    picture, _ = _chosen(log, slot)
    data = log.pictures.read(picture.digest)
    if data is None:
        raise UsageError("The picture's file is gone. Choose another one.")
    candidate, made = enlarged(picture, data)
    log.pictures.put(candidate.picture.digest, candidate.picture.media_type, made)
    workspace.edit(log.article.id, taking(slot, candidate))


def fill_by(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """How the person wants a slot filled; "" leaves it to what is proposed. Nothing is searched or drawn by this."""
    slot, said = slot_of(log, word(request, "id")), text(request, "way")
    if said and said not in list(Way):
        raise UsageError(f"A picture is {', '.join(Way)}; not {said!r}.")
    workspace.edit(log.article.id, [FillBy(id=slot.id, way=Way(said) if said else None)])


def chart_picture(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """A chart of the table that the slot is about."""
    slot_id = slot_of(log, word(request, "id")).id

    def stage(toolkit: Toolkit, article: Article) -> Stage:
        yield StageStarted(stage="draw")
        return (yield from chart_stage(toolkit, article, article.slot(slot_id) or slot_of(log, slot_id)))

    workspace.start(log.article.id, "draw", stage, scope=[slot_id])


def _start(workspace: Workspace, log: ArticleLog, slot: ImageSlot, wanted: Sequence[Wanted]) -> None:
    def stage(toolkit: Toolkit, article: Article) -> Stage:
        yield StageStarted(stage="draw", detail=wanted[0].query)
        return (yield from draw_wanted(toolkit, article, wanted, judged=False))

    workspace.start(log.article.id, "draw", stage, scope=[slot.id])


def _ready(workspace: Workspace, log: ArticleLog) -> Toolkit:
    toolkit = workspace.toolkit(log)
    if toolkit.generator is None:
        raise UsageError(NO_GENERATOR)
    return toolkit


def _abilities(toolkit: Toolkit) -> Abilities:
    return toolkit.generator.abilities if toolkit.generator else Abilities()


def _from_words(toolkit: Toolkit, article: Article, slot: ImageSlot, request: Request) -> Wanted:
    """The slot's own wish with the words, the seed and the size of a request."""
    look = look_of(article, toolkit.pictures)
    one = asked(article, slot, look, _abilities(toolkit), px=toolkit.settings.picture_px)
    prompt = text(request, "prompt").strip()
    drawing = replace(one.drawing, seed=_number(request, "seed", secrets.randbelow(2**31), 2**31 - 1))
    if prompt and prompt != slot.query:  # the person's own words say what it is for, too
        drawing = replace(drawing, prompt=prompt, context="")
    if "negative" in request:
        drawing = replace(drawing, negative=text(request, "negative").strip())
    return replace(one, query=prompt or slot.query, drawing=drawing)


def _chosen(log: ArticleLog, slot: ImageSlot) -> tuple[Picture, Image.Image]:
    data = log.pictures.read(slot.picture.digest) if slot.picture else None
    if slot.picture is None or data is None:
        raise UsageError("Choose a picture first: the new one begins from it.")
    return slot.picture, decode_rgb(data)


def _mask(request: Request, size: tuple[int, int]) -> Image.Image | None:
    """What was brushed: a PNG as a data URI, white where the picture is to change. Raises UsageError."""
    given = text(request, "mask")
    if not given:
        return None
    try:
        data = base64.b64decode(given.partition(",")[2], validate=True)
        if len(data) > MASK_BYTES:
            raise ValueError("too large")
        mask = decode_rgb(data).convert("L").resize(size)
    except (ValueError, binascii.Error, UsageError) as error:
        raise UsageError("What was brushed came through damaged. Brush it once more.") from error
    mask = mask.point(lambda value: 255 if value > 127 else 0)
    if mask.getbbox() is None:
        raise UsageError("Nothing is brushed. Brush over the part that is to change.")
    return mask


def _kept(log: ArticleLog, mask: Image.Image | None) -> Digest:
    """The digest of a mask's file, which stays with the article so that the same part can be drawn again."""
    if mask is None:
        return ""
    data = encode(mask, "PNG")
    digest = digest_of(data)
    log.pictures.put(digest, "image/png", data)
    return digest


def _alike(start: Image.Image, area: int) -> tuple[int, int]:
    """Sides like the start's, with as many pixels as the model draws best."""
    scale = (area / (start.width * start.height)) ** 0.5
    return max(32, round(start.width * scale / 32) * 32), max(32, round(start.height * scale / 32) * 32)


def _number(request: Request, name: str, default: int, most: int) -> int:
    given = str(request.get(name) or "")
    return min(int(given), most) if given.isdecimal() and len(given) < 12 else default


def _share(request: Request, name: str, default: float) -> float:
    try:
        return min(1.0, max(0.05, float(request.get(name) or default)))
    except (TypeError, ValueError):
        return default


DRAWING_ACTIONS = {
    "draw": draw_picture,
    "redraw": draw_again,
    "change": change_picture,
    "enlarge": enlarge_picture,
    "chart": chart_picture,
    "fill_by": fill_by,
}
