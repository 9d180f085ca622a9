"""What a person can do to the sections of an article from the outline panel, before and after writing.

A section is a heading and what stands up to the next one; moving and merging sections is moving and removing blocks.
"""

from dataclasses import replace

from composer.article import Article, Section, SectionPlan, TextBlock, with_id
from composer.edits import AddBlock, Edit, Lock, MoveBlock, PlanSection, RemoveBlock, ReplaceText
from composer.errors import UsageError
from composer.more_pictures import picture_for
from composer.store import ArticleLog
from composer.ui.requests import Request, block_of, text, word
from composer.workspace import Workspace

MOST_WORDS, MOST_IMAGES = 5000, 20


def plan_section(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """A section's title, purpose, target words and picture budget."""
    heading = block_of(log, word(request, "id"))
    old = log.article.plan(heading.id) or SectionPlan(heading=heading.id, written=bool(_section(log, heading.id).text))
    title = " ".join(text(request, "title").split())
    edits: list[Edit] = []
    if title and f"## {title}" != heading.markdown:
        edits.append(ReplaceText(id=heading.id, markdown=f"## {title}"))
    words, images = str(request.get("words", "")), str(request.get("images", ""))
    changed = replace(
        old,
        purpose=text(request, "purpose").strip(),
        words=min(int(words), MOST_WORDS) if words.isdecimal() else old.words,
        images=min(int(images), MOST_IMAGES) if images.isdecimal() else None,
    )
    if changed != old:
        edits.append(PlanSection(plan=changed))
    workspace.edit(log.article.id, edits)


def add_section(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """A new section behind another one, or at the end."""
    title = " ".join(text(request, "title").split())
    if not title:
        raise UsageError("Give the section a title.")
    after = word(request, "after")
    last = _ids(_section(log, after))[-1] if after else (log.article.blocks[-1].id if log.article.blocks else None)
    block = with_id(log.article, TextBlock(id="", markdown=f"## {title}", author="person"))
    plan = SectionPlan(heading=block.id, purpose=text(request, "purpose").strip(), words=150)
    workspace.edit(log.article.id, [AddBlock(block=block, after=last), PlanSection(plan=plan)])


def merge_section(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Join a section to the one before it: its heading goes, its text stays."""
    heading = block_of(log, word(request, "id"))
    sections = [s for s in log.article.sections() if s.heading]
    place = next((i for i, s in enumerate(sections) if s.heading == heading), 0)
    if place == 0:
        raise UsageError("The first section has none before it to be joined to.")
    before, own = sections[place - 1].plan, sections[place].plan
    edits: list[Edit] = [RemoveBlock(id=heading.id)]
    if before and own:
        purpose = "; ".join(p for p in (before.purpose, own.purpose) if p)
        joined = replace(
            before,
            purpose=purpose,
            words=before.words + own.words,
            facts=(*before.facts, *own.facts),
            written=before.written and own.written,
        )
        edits.append(PlanSection(plan=joined))
    workspace.edit(log.article.id, edits)


def split_section(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Begin a new section in front of a block."""
    block, title = word(request, "id"), " ".join(text(request, "title").split())
    place = log.article.index(block)
    if place <= 0 or not title:
        raise UsageError("Give the new section a title, and a place behind the beginning of the article.")
    heading = with_id(log.article, TextBlock(id="", markdown=f"## {title}", author="person"))
    plan = SectionPlan(heading=heading.id, written=True)
    edits: list[Edit] = [AddBlock(block=heading, after=log.article.blocks[place - 1].id), PlanSection(plan=plan)]
    workspace.edit(log.article.id, edits)


def place_section(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Put a whole section behind another one; none: in front of all sections."""
    moved, after = _section(log, word(request, "id")), word(request, "after")
    ids = _ids(moved)
    if after in ids:
        return
    first = next(i for i, b in enumerate(log.article.blocks) if any(b.id == s[0] for s in _all(log.article)))
    last = _ids(_section(log, after))[-1] if after else (log.article.blocks[first - 1].id if first else None)
    edits: list[Edit] = []
    for name in ids:
        edits.append(MoveBlock(id=name, after=last))
        last = name
    workspace.edit(log.article.id, edits)


def lock_section(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Lock or unlock a section's heading and everything in it."""
    locked = bool(request.get("locked"))
    ids = _ids(_section(log, word(request, "id")))
    workspace.edit(log.article.id, [Lock(id=name, locked=locked) for name in ids])


def _section(log: ArticleLog, heading: str) -> Section:
    section = log.article.section_of(heading)
    if section is None or section.heading is None or section.heading.id != heading:
        raise UsageError("This section is not in the article any more.")
    return section


def _ids(section: Section) -> list[str]:
    return [*([section.heading.id] if section.heading else []), *(b.id for b in section.blocks)]


def _all(article: Article) -> list[list[str]]:
    return [_ids(s) for s in article.sections() if s.heading]


def section_picture(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """A picture where the model would put one in a section, searched for at once."""
    heading = _section(log, word(request, "id")).heading
    name = heading.id if heading else ""
    workspace.start(log.article.id, "search", lambda tk, a: picture_for(tk, a, name), scope=[])


OUTLINE_ACTIONS = {
    "section_picture": section_picture,
    "plan_section": plan_section,
    "add_section": add_section,
    "merge_section": merge_section,
    "split_section": split_section,
    "place_section": place_section,
    "lock_section": lock_section,
}
