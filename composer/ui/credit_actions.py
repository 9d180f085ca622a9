"""Who made a picture and under which terms, stated by the person where the picture came without it or is the author's.

A credit that came with a picture from its source is not changed here: it is the maker's, not the author's.
"""

from dataclasses import replace
from urllib.parse import urlsplit

from composer.article import Article, ImageSlot
from composer.edits import Edit, OfferImages, SetBrief
from composer.errors import ConflictError, UsageError
from composer.store import ArticleLog
from composer.ui.requests import Request, slot_of, text, word
from composer.workspace import Workspace
from retrieval.licences import terms_of
from retrieval.picture import Attribution, Candidate, Picture

LONGEST_FIELD = 300  # characters


def may_be_stated(slot: ImageSlot) -> bool:
    """Whether the credit of the chosen picture is the person's to word: a picture given by the author, or one of which
    nothing is known; never one that a model drew."""
    chosen = next((c for c in slot.candidates if c.picture.digest == slot.chosen), None)
    if chosen is None or chosen.picture.attribution.generated:
        return False
    return chosen.source == "uploads" or chosen.picture.attribution.licence in ("", "unknown", "yours")


def credit_shown(log: ArticleLog, slot_id: str) -> dict[str, object]:
    """The parts of a credit as the page's form has them."""
    slot = slot_of(log, slot_id)
    credit = _picture(slot).attribution
    source = "" if credit.licence == "yours" else credit.source
    fields = {"title": credit.title, "author": credit.author, "source": source, "url": credit.url}
    return fields | {"licence": credit.licence, "digest": slot.chosen, "open": may_be_stated(slot)}


def state_credit(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Word the credit of the chosen picture, wherever in the article the same picture stands."""
    slot = slot_of(log, word(request, "id"))
    picture = _picture(slot)
    if request.get("digest") and request["digest"] != slot.chosen:
        raise ConflictError("Another picture was chosen meanwhile. This credit is about the old one; look again.")
    if not may_be_stated(slot):
        raise UsageError("This credit came with the picture from its source, so it stays as it is.")
    credit = _stated(picture.attribution, request)
    workspace.edit(log.article.id, _everywhere(log.article, picture.digest, credit))


def _picture(slot: ImageSlot) -> Picture:
    if slot.picture is None:
        raise UsageError("Choose a picture first.")
    return slot.picture


def _stated(old: Attribution, request: Request) -> Attribution:
    """The credit with what the person says. Raises UsageError for an address that is none."""
    field = {name: " ".join(text(request, name).split())[:LONGEST_FIELD] for name in ("title", "author", "source")}
    url, licence = text(request, "url").strip(), text(request, "licence").strip()[:LONGEST_FIELD] or "unknown"
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise UsageError("Give the address of the picture's page with http:// or https://, or leave it empty.")
    terms = terms_of(licence)
    source = "Author" if terms.name == "yours" else field["source"]
    name = terms.name if terms.known else licence
    return replace(
        old, title=field["title"], author=field["author"], source=source, url=url, licence=name, licence_url=terms.url
    )


def _everywhere(article: Article, digest: str, credit: Attribution) -> list[Edit]:
    """The edits that put a credit to every place where its picture is kept."""

    def stated(picture: Picture) -> Picture:
        return replace(picture, attribution=credit) if picture.digest == digest else picture

    def offered(candidate: Candidate) -> Candidate:
        return replace(candidate, picture=stated(candidate.picture))

    edits: list[Edit] = []
    for slot in article.slots():
        candidates = tuple(offered(c) for c in slot.candidates)
        if candidates != slot.candidates:
            edits.append(OfferImages(id=slot.id, candidates=candidates))
    uploads = tuple(stated(p) for p in article.brief.uploads)
    if uploads != article.brief.uploads:
        edits.append(SetBrief(brief=replace(article.brief, uploads=uploads)))
    return edits


CREDIT_ACTIONS = {"credit": state_credit}
