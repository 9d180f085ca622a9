"""What a person can do to an article on the page, each as one function from a checked request to edits or a run.

Knows the workspace and the stages; does not know HTTP.
"""

from collections.abc import Callable, Mapping
from typing import Any

from composer.article import ImageSlot, SectionPlan, TextBlock, is_heading, with_id
from composer.compose import compose
from composer.describe import describe, plain_words
from composer.edits import (
    AddBlock,
    ChooseImage,
    DescribeImage,
    Edit,
    Lock,
    MoveBlock,
    OfferImages,
    PlanSection,
    RemoveBlock,
    ReplaceText,
    SeekImage,
    SetSummary,
    SetTitle,
)
from composer.errors import UsageError
from composer.events import Stage
from composer.illustrate import illustrate
from composer.plan import plan
from composer.revise import FACTOR, revise, text_ids
from composer.store import ArticleLog
from composer.toolkit import Toolkit
from composer.workspace import Workspace
from retrieval.picture import Attribution, Candidate
from retrieval.source import described_upload

Request = Mapping[str, Any]
Action = Callable[[Workspace, ArticleLog, Request], None]
LONGEST = 50_000  # characters of one field


def act(workspace: Workspace, article_id: str, request: Request) -> None:
    """Do what a request of the page asks. Raises UsageError for what cannot be done, ConflictError for what is gone."""
    action = ACTIONS.get(_word(request, "action"))
    if action is None:
        raise UsageError(f"The page asked for {request.get('action')!r}, which is unknown. Reload it.")
    action(workspace, workspace.open(article_id), request)


def take_upload(workspace: Workspace, article_id: str, slot_id: str, name: str, data: bytes) -> None:
    """A picture that the person gives for a slot: kept, offered and chosen, with words from its file's name."""
    log = workspace.open(article_id)
    slot = _slot(log, slot_id)
    credit = Attribution(source="Author", licence="yours")
    picture, kept = described_upload(data, name=name, attribution=credit)
    log.pictures.put(picture.digest, picture.media_type, kept)
    candidate = Candidate(picture=picture, source="uploads", score=1.0, relevance=1.0)
    words, alt = plain_words(slot, picture, log.article.brief.language)
    workspace.edit(
        article_id,
        [
            OfferImages(
                id=slot.id, candidates=(candidate, *(c for c in slot.candidates if c.picture.digest != picture.digest))
            ),
            ChooseImage(id=slot.id, digest=picture.digest),
            DescribeImage(id=slot.id, caption=words, alt=alt),
        ],
    )


def _write(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    workspace.start(log.article.id, "write", compose)


def _plan(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    workspace.start(log.article.id, "plan", plan)


def _stop(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    workspace.stop(log.article.id)


def _undo(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    log.undo()


def _redo(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    log.redo()


def _title(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    edits: list[Edit] = [SetTitle(title=_text(request, "title")), SetSummary(summary=_text(request, "summary"))]
    workspace.edit(log.article.id, edits)


def _edit(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    block = _block(log, _word(request, "id"))
    markdown = _text(request, "markdown").strip()
    if is_heading(block) and not markdown.startswith("## "):
        markdown = "## " + markdown.lstrip("# ")
    edits: list[Edit] = [ReplaceText(id=block.id, markdown=markdown)] if markdown else [RemoveBlock(id=block.id)]
    old = log.article.plan(block.id)
    if old and ("purpose" in request or "words" in request):
        words = int(request["words"]) if str(request.get("words", "")).isdecimal() else old.words
        changed = SectionPlan(
            heading=block.id, purpose=_text(request, "purpose"), words=words, facts=old.facts, written=old.written
        )
        edits.append(PlanSection(plan=changed))
    workspace.edit(log.article.id, edits)


def _add(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """A paragraph, a section or a slot behind a block."""
    after = _word(request, "after") or None
    what = _word(request, "what")
    if what == "slot":
        query = _text(request, "text").strip()
        if not query:
            raise UsageError("Say what the picture should show.")
        slot = with_id(log.article, ImageSlot(id="", purpose="", query=query))
        workspace.edit(log.article.id, [AddBlock(block=slot, after=after)])
        workspace.start(log.article.id, "search", _find(slot.id))
        return
    text = _text(request, "text").strip() or "…"
    block = with_id(
        log.article, TextBlock(id="", markdown=f"## {text}" if what == "section" else text, author="person")
    )
    edits: list[Edit] = [AddBlock(block=block, after=after)]
    if what == "section":
        edits.append(PlanSection(plan=SectionPlan(heading=block.id, words=150)))
    workspace.edit(log.article.id, edits)


def _remove(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    block_id = _word(request, "id")
    section = log.article.section_of(block_id)
    ids = [block_id]
    if request.get("whole") and section and section.heading and section.heading.id == block_id:
        ids += [b.id for b in section.blocks]
    workspace.edit(log.article.id, [RemoveBlock(id=i) for i in reversed(ids)])


def _move(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """One place up or down; a heading takes its section along."""
    article, block_id, up = log.article, _word(request, "id"), bool(request.get("up"))
    section = article.section_of(block_id)
    if section and section.heading and section.heading.id == block_id:
        workspace.edit(article.id, _move_section(log, block_id, up=up))
        return
    position = article.index(block_id) + (-2 if up else 1)
    if article.index(block_id) < 0 or position < -1 or position >= len(article.blocks):
        return
    after = article.blocks[position].id if position >= 0 else None
    workspace.edit(article.id, [MoveBlock(id=block_id, after=after)])


def _move_section(log: ArticleLog, heading: str, *, up: bool) -> list[Edit]:
    sections = [s for s in log.article.sections() if s.heading]
    ids = [[s.heading.id, *(b.id for b in s.blocks)] for s in sections if s.heading]
    place = next(i for i, s in enumerate(ids) if s[0] == heading)
    other = place - 1 if up else place + 1
    if not 0 <= other < len(ids):
        return []
    moved, anchor = (ids[place], ids[other][0]) if up else (ids[other], ids[place][0])
    before = log.article.blocks[log.article.index(anchor) - 1].id if log.article.index(anchor) else None
    edits: list[Edit] = []
    for block_id in moved:
        edits.append(MoveBlock(id=block_id, after=before))
        before = block_id
    return edits


def _lock(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    workspace.edit(log.article.id, [Lock(id=_word(request, "id"), locked=bool(request.get("locked")))])


def _revise(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    block_id, instruction = _word(request, "id"), _text(request, "instruction")
    task = next((t for t in FACTOR if t == _word(request, "task")), None)
    if task is None:
        raise UsageError(f"A text can be changed by: {', '.join(FACTOR)}.")
    ids = text_ids(log.article, block_id)
    if not ids:
        raise UsageError("There is no text here yet to work on. Write the section first.")

    def stage(toolkit: Toolkit, article: Any) -> Stage:  # noqa: ANN401 - an Article, as Workspace.start says
        return revise(toolkit, article, block_id, task, instruction)

    workspace.start(log.article.id, task, stage, scope=ids)


def _choose(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    slot = _slot(log, _word(request, "id"))
    digest = _word(request, "digest") or None
    edits: list[Edit] = [ChooseImage(id=slot.id, digest=digest)]
    picture = next((c.picture for c in slot.candidates if c.picture.digest == digest), None)
    if picture:
        caption, alt = plain_words(slot, picture, log.article.brief.language)
        edits.append(DescribeImage(id=slot.id, caption=caption, alt=alt))
    workspace.edit(log.article.id, edits)


def _words(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    slot = _slot(log, _word(request, "id"))
    edit = DescribeImage(id=slot.id, caption=_text(request, "caption").strip(), alt=_text(request, "alt").strip())
    workspace.edit(log.article.id, [edit])


def _suggest(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    slot = _slot(log, _word(request, "id"))
    workspace.start(log.article.id, "describe", lambda tk, a: describe(tk, a, [slot.id]), scope=[slot.id])


def _seek(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    slot = _slot(log, _word(request, "id"))
    query = _text(request, "query").strip()
    if not query:
        raise UsageError("Say what the picture should show.")
    if query != slot.query:
        workspace.edit(log.article.id, [SeekImage(id=slot.id, query=query, purpose=slot.purpose)])
    workspace.start(log.article.id, "search", _find(slot.id), scope=[slot.id])


def _find(slot_id: str) -> Callable[[Toolkit, Any], Stage]:
    return lambda toolkit, article: illustrate(toolkit, article, [slot_id])


def _slot(log: ArticleLog, slot_id: str) -> ImageSlot:
    slot = log.article.slot(slot_id)
    if slot is None:
        raise UsageError("This picture slot is not in the article any more.")
    return slot


def _block(log: ArticleLog, block_id: str) -> TextBlock:
    block = log.article.text_block(block_id)
    if block is None:
        raise UsageError("This text is not in the article any more.")
    return block


def _word(request: Request, name: str) -> str:
    value = request.get(name) or ""
    if not isinstance(value, str) or len(value) > 100:
        raise UsageError(f"The page sent an unusable {name}. Reload it.")
    return value


def _text(request: Request, name: str) -> str:
    value = request.get(name) or ""
    if not isinstance(value, str):
        raise UsageError(f"The page sent an unusable {name}. Reload it.")
    if len(value) > LONGEST:
        raise UsageError(f"At most {LONGEST:,} characters fit here; {len(value):,} were given.")
    return value


ACTIONS: dict[str, Action] = {
    "write": _write,
    "plan": _plan,
    "stop": _stop,
    "undo": _undo,
    "redo": _redo,
    "title": _title,
    "edit": _edit,
    "add": _add,
    "remove": _remove,
    "move": _move,
    "lock": _lock,
    "revise": _revise,
    "choose": _choose,
    "words": _words,
    "suggest": _suggest,
    "seek": _seek,
}
