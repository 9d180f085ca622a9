"""What a person can do to an article on the page, each as one function from a checked request to edits or a run.

Knows the workspace and the stages; does not know HTTP.
"""

from collections.abc import Callable

from composer.article import Article, ImageSlot, SectionPlan, TextBlock, is_heading, with_id
from composer.compose import compose
from composer.edits import (
    AddBlock,
    Edit,
    Lock,
    MoveBlock,
    PlanSection,
    RemoveBlock,
    ReplaceText,
    SetSummary,
    SetTitle,
)
from composer.errors import UsageError
from composer.events import Stage, StageStarted
from composer.markdown import plain_text, sentences
from composer.plan import plan
from composer.revise import FACTOR, revise, text_ids
from composer.store import ArticleLog
from composer.toolkit import Toolkit
from composer.ui.credit_actions import CREDIT_ACTIONS
from composer.ui.desk import DESK_ACTIONS
from composer.ui.outline_actions import OUTLINE_ACTIONS
from composer.ui.paste_actions import PASTE_ACTIONS
from composer.ui.picture_actions import PICTURE_ACTIONS, find
from composer.ui.requests import Request, block_of, text, word
from composer.ui.style_actions import STYLE_ACTIONS
from composer.workspace import Workspace
from composer.write import write_section

Action = Callable[[Workspace, ArticleLog, Request], None]


def act(workspace: Workspace, article_id: str, request: Request) -> None:
    """Do what a request of the page asks. Raises UsageError for what cannot be done, ConflictError for what is gone."""
    action = ACTIONS.get(word(request, "action"))
    if action is None:
        raise UsageError(f"The page asked for {request.get('action')!r}, which is unknown. Reload it.")
    action(workspace, workspace.open(article_id), request)


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
    edits: list[Edit] = [SetTitle(title=text(request, "title")), SetSummary(summary=text(request, "summary"))]
    workspace.edit(log.article.id, edits)


def _edit(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    block = block_of(log, word(request, "id"))
    markdown = text(request, "markdown").strip()
    if is_heading(block) and not markdown.startswith("## "):
        markdown = "## " + markdown.lstrip("# ")
    edits: list[Edit] = [ReplaceText(id=block.id, markdown=markdown)] if markdown else [RemoveBlock(id=block.id)]
    old = log.article.plan(block.id)
    if old and ("purpose" in request or "words" in request):
        words = int(request["words"]) if str(request.get("words", "")).isdecimal() else old.words
        changed = SectionPlan(
            heading=block.id, purpose=text(request, "purpose"), words=words, facts=old.facts, written=old.written
        )
        edits.append(PlanSection(plan=changed))
    workspace.edit(log.article.id, edits)


def _add(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """A paragraph, a section or a slot behind a block."""
    after = word(request, "after") or None
    what = word(request, "what")
    if what == "slot":
        query = text(request, "text").strip() or _beside(log, after)
        slot = with_id(log.article, ImageSlot(id="", purpose="", query=query))
        workspace.edit(log.article.id, [AddBlock(block=slot, after=after)])
        workspace.start(log.article.id, "search", find(slot.id))
        return
    said = text(request, "text").strip() or "…"
    block = with_id(
        log.article, TextBlock(id="", markdown=f"## {said}" if what == "section" else said, author="person")
    )
    edits: list[Edit] = [AddBlock(block=block, after=after)]
    if what == "section":
        edits.append(PlanSection(plan=SectionPlan(heading=block.id, words=150)))
    workspace.edit(log.article.id, edits)


def _beside(log: ArticleLog, block_id: str | None) -> str:
    """What a picture beside a block would show, in the block's own words: its first sentence, shortened."""
    block = log.article.text_block(block_id or "")
    first = sentences(plain_text(block.markdown)) if block else []
    if not first:
        raise UsageError("Say what the picture should show.")
    return " ".join(first[0].split()[:12])[:80]


def _remove(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    block_id = word(request, "id")
    section = log.article.section_of(block_id)
    ids = [block_id]
    if request.get("whole") and section and section.heading and section.heading.id == block_id:
        ids += [b.id for b in section.blocks]
    workspace.edit(log.article.id, [RemoveBlock(id=i) for i in reversed(ids)])


def _move(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """One place up or down; a heading takes its section along."""
    article, block_id, up = log.article, word(request, "id"), bool(request.get("up"))
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


def _revise_section(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Rewrite the section under a heading, or every section from there to the end."""
    heading, instruction = block_of(log, word(request, "id")), text(request, "instruction")
    sections = [s for s in log.article.sections() if s.heading]
    start = next((i for i, s in enumerate(sections) if s.heading and s.heading.id == heading.id), None)
    if start is None:
        raise UsageError("This heading opens no section: sections have headings of the second level.")
    chosen = sections[start:] if request.get("below") else sections[start : start + 1]
    headings = [s.heading.id for s in chosen if s.heading and text_ids(log.article, s.heading.id)]
    if not headings:
        raise UsageError("There is no text here yet to work on. Write the section first.")
    scope = [i for h in headings for i in text_ids(log.article, h)]

    def stage(toolkit: Toolkit, article: Article) -> Stage:
        for name in headings:
            if text_ids(article, name):
                article = yield from revise(toolkit, article, name, "rewrite", instruction)
        return article

    workspace.start(log.article.id, "rewrite", stage, scope=scope)


def _write_section(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Write the one section under a heading."""
    heading = block_of(log, word(request, "id")).id

    def stage(toolkit: Toolkit, article: Article) -> Stage:
        yield StageStarted(stage="write", detail=heading)
        return (yield from write_section(toolkit, article, heading))

    workspace.start(log.article.id, "write", stage)


def _lock(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    workspace.edit(log.article.id, [Lock(id=word(request, "id"), locked=bool(request.get("locked")))])


def _revise(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    block_id, instruction = word(request, "id"), text(request, "instruction")
    task = next((t for t in FACTOR if t == word(request, "task")), None)
    if task is None:
        raise UsageError(f"A text can be changed by: {', '.join(FACTOR)}.")
    ids = text_ids(log.article, block_id)
    if not ids:
        raise UsageError("There is no text here yet to work on. Write the section first.")

    def stage(toolkit: Toolkit, article: Article) -> Stage:
        return revise(toolkit, article, block_id, task, instruction)

    workspace.start(log.article.id, task, stage, scope=ids)


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
    "revise_section": _revise_section,
    "write_section": _write_section,
    **PASTE_ACTIONS,
    **PICTURE_ACTIONS,
    **OUTLINE_ACTIONS,
    **STYLE_ACTIONS,
    **DESK_ACTIONS,
    **CREDIT_ACTIONS,
}
