"""Pictures that were copied or cut come back as new slots with all they had: picture, candidates, words and look.

Text needs nothing of the kind: the browser has it. What a slot holds only the log knows, also of one that was cut.
"""

from dataclasses import replace

from composer.article import ImageSlot, with_id
from composer.edits import AddBlock, RemoveBlock
from composer.errors import UsageError
from composer.events import Edited
from composer.store import ArticleLog
from composer.ui.requests import Request, word
from composer.workspace import Workspace


def paste(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """A slot of this article, or of the one that "article" names, once more, behind a block; from another article with
    its pictures' files. Raises UsageError for a slot that never was, and for an article that is not here."""
    source = word(request, "article")
    origin = workspace.open(source) if source and source != log.article.id else log
    slot = origin.article.slot(word(request, "id")) or _removed(origin, word(request, "id"))
    if slot is None:
        raise UsageError("This picture is not in the article, and was not before.")
    if origin is not log:
        slot = _brought(slot, origin, log)
    after = word(request, "after")
    place = after if log.article.block(after) else (log.article.blocks[-1].id if log.article.blocks else None)
    again = with_id(log.article, replace(slot, id="", author="person", locked=False))
    workspace.edit(log.article.id, [AddBlock(block=again, after=place)])


def _brought(slot: ImageSlot, origin: ArticleLog, log: ArticleLog) -> ImageSlot:
    """The slot with those of its candidates whose files are there; they are kept in this article too."""
    kept = []
    for candidate in slot.candidates:
        data = origin.pictures.read(candidate.picture.digest)
        if data is not None:
            log.pictures.put(candidate.picture.digest, candidate.picture.media_type, data)
            kept.append(candidate)
    chosen = slot.chosen if any(c.picture.digest == slot.chosen for c in kept) else None
    return replace(slot, candidates=tuple(kept), chosen=chosen)


def _removed(log: ArticleLog, slot_id: str) -> ImageSlot | None:
    """The slot as it last stood before it was taken out."""
    for record in reversed(log.since(0)):
        match record.event:
            case Edited(edit=RemoveBlock(id=name)) if name == slot_id:
                return log.at(record.seq - 1).slot(slot_id)
            case _:
                pass
    return None


PASTE_ACTIONS = {"paste": paste}
