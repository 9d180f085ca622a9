"""The candidates of a slot as the page's tray shows them, and what can be drawn for it."""

from typing import Any

from composer.article import Article, ImageSlot
from composer.drawing.ask import asked, look_of
from composer.drawing.choice import way_of
from composer.drawing.tables import table_for
from composer.errors import UsageError
from composer.events import Progress
from composer.export.credits import credit_line
from composer.store import PictureFolder
from composer.toolkit import Toolkit
from composer.ui.interface import said
from composer.workspace import Workspace
from retrieval.picture import Candidate


def tray(workspace: Workspace, article_id: str, slot_id: str, language: str = "en") -> dict[str, Any]:
    """A slot's candidates with how sure their source is, where they are from and their licence; what a generator would
    be asked for and what it can do, in the page's language; and how far a picture for it is that is being drawn now."""
    log = workspace.open(article_id)
    article, slot = log.article, log.article.slot(slot_id)
    if slot is None:
        raise UsageError("This picture slot is not in the article any more.")
    run = workspace.running(article_id)
    return {
        "chosen": slot.chosen,
        "candidates": [_shown(c, article, log.pictures) for c in slot.candidates],
        "way": str(way_of(article, slot)),
        "said": str(slot.way) if slot.way and slot.way_by == "person" else "",
        "chart": table_for(article, slot) is not None,
        "drawing": drawing(workspace.toolkit(log), article, slot, language),
        "now": under_way(run.progress if run else None, slot_id),
    }


def drawing(toolkit: Toolkit, article: Article, slot: ImageSlot, language: str) -> dict[str, Any] | None:
    """What the tray offers to have drawn; None without a generator."""
    generator = toolkit.generator
    if generator is None:
        return None
    able = generator.abilities
    one = asked(article, slot, look_of(article, toolkit.pictures), able, px=toolkit.settings.picture_px)
    return {
        "model": generator.name,
        "licence": generator.licence,
        "references": len(article.brief.references),
        "references_do": said(generator.references_do, language),
        "style": one.drawing.style,
        "negative": one.drawing.negative if able.negative else "",
        "seed": one.drawing.seed,
        "width": one.drawing.width,
        "height": one.drawing.height,
        "can": {"start": able.start or not able.known, "mask": able.mask or not able.known, "negative": able.negative},
    }


def under_way(progress: Progress | None, slot_id: str) -> dict[str, Any] | None:
    """How far the drawing for a slot is; None when nothing is drawn for it."""
    if progress is None or progress.block != slot_id:
        return None
    return {
        "doing": progress.stage,
        "done": progress.done,
        "total": progress.total,
        "unit": progress.unit,
        "preview": progress.preview,
    }


def _shown(candidate: Candidate, article: Article, pictures: PictureFolder) -> dict[str, Any]:
    picture = candidate.picture
    recipe = picture.recipe
    return {
        "digest": picture.digest,
        "caption": picture.caption,
        "width": picture.width,
        "height": picture.height,
        "from": candidate.source,
        "source": picture.attribution.source,
        "licence": picture.attribution.licence,
        "credit": credit_line(picture.attribution, article.brief.language),
        "generated": picture.attribution.generated,
        "relevance": round(candidate.relevance, 3),
        "recipe": recipe
        and {
            "prompt": recipe.prompt,
            "query": recipe.query,
            "negative": recipe.negative,
            "seed": recipe.seed,
            "steps": recipe.steps,
            "model": recipe.model,
            "again": not recipe.mask or pictures.path(recipe.mask) is not None,
        },
    }
