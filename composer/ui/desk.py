"""The page's panels that look at an article: checks with their fixes, versions and what differs between two of them.

Knows the log and the findings; does not know HTTP.
"""

from difflib import SequenceMatcher
from typing import Any

from composer.article import Article, Block, ImageSlot
from composer.errors import UsageError
from composer.events import Named
from composer.findings import Finding, figures_of, findings
from composer.merge import differences
from composer.restore import restoring
from composer.store import ArticleLog
from composer.ui.requests import Request, text, word
from composer.workspace import Workspace

USES = ("any", "commercial", "modify", "both")


def checks(article: Article, use: str) -> dict[str, Any]:
    """Everything that stands out, and how long and how hard the text is."""
    numbers = figures_of(article)
    found = findings(article, use=use if use in USES else "any")
    return {
        "words": numbers.words,
        "minutes": numbers.minutes,
        "grade": numbers.grade,
        "pictures": numbers.pictures,
        "wanted": article.brief.words,
        "findings": [
            {"code": f.code, "block": f.block, "values": dict(f.values), "fixable": bool(f.fix)} for f in found
        ],
    }


def fix(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Mend a finding, if it still stands."""
    code, block, use = word(request, "code"), word(request, "block"), word(request, "use")
    found = next((f for f in findings(log.article, use=use) if _is(f, code, block)), None)
    if found is None:
        raise UsageError("This is not so any more. Look at the checks again.")
    workspace.edit(log.article.id, list(found.fix))


def _is(finding: Finding, code: str, block: str) -> bool:
    return finding.code == code and finding.block == block and bool(finding.fix)


def versions(log: ArticleLog) -> list[dict[str, Any]]:
    """The named versions, the newest first."""
    found = [r for r in log.since(0) if isinstance(r.event, Named)]
    return [{"seq": r.seq, "time": r.time, "name": r.event.name} for r in reversed(found) if isinstance(r.event, Named)]


def name_version(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Give the article as it stands a name."""
    name = " ".join(text(request, "name").split())[:120]
    if not name:
        raise UsageError("Give the version a name.")
    log.emit(Named(name=name))


def restore_version(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Bring the article back to how it stood; undo takes that back."""
    seq = request.get("seq")
    if not isinstance(seq, int) or not 0 < seq <= log.seq:
        raise UsageError("This version is not there. Open the list again.")
    log.commit_all(restoring(log.article, log.at(seq)), step=log.next_step())


def compared(log: ArticleLog, seq: int) -> list[dict[str, Any]]:
    """The article as it was after record `seq` beside how it is now, block by block and word by word; what is gone
    stands where it stood."""
    old, new = log.at(seq), log.article
    rows = [_row("title", old.title, new.title), _row("summary", old.summary, new.summary)]
    stays, gone = _staying(old, new), _gone(old, new)
    rows += [_block_row(b, None) for b in gone.get("", ())]
    for block in new.blocks:
        before = old.block(block.id)
        rows.append(_block_row(before, block) | {"moved": before is not None and block.id not in stays})
        rows += [_block_row(b, None) for b in gone.get(block.id, ())]
    return [r for r in rows if r["pieces"] or r.get("pictures")]


def _staying(old: Article, new: Article) -> set[str]:
    """Ids of the blocks that kept their order: all other old ones were moved."""
    before, after = [b.id for b in old.blocks], [b.id for b in new.blocks]
    matches = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    return {name for match in matches for name in before[match.a : match.a + match.size]}


def _gone(old: Article, new: Article) -> dict[str, list[Block]]:
    """The blocks that are not there any more, by the block that they stood behind; "": at the beginning."""
    found: dict[str, list[Block]] = {}
    last = ""
    for block in old.blocks:
        if new.block(block.id):
            last = block.id
        else:
            found.setdefault(last, []).append(block)
    return found


def _block_row(old: Block | None, new: Block | None) -> dict[str, Any]:
    kind = new.kind if new else old.kind if old else ""
    row = _row(kind, _words(old), _words(new))
    before, after = _shows(old), _shows(new)
    if before == after:
        pictures = [["same", after]] if after else []
    else:
        pictures = [[mark, digest] for mark, digest in (("gone", before), ("new", after)) if digest]
    return row | {"pictures": pictures, "changed": row["changed"] or before != after}


def _shows(block: Block | None) -> str:
    return block.chosen or "" if isinstance(block, ImageSlot) else ""


def _words(block: Block | None) -> str:
    """What is written in a block; of a picture its caption and, in brackets, its alt text."""
    if not isinstance(block, ImageSlot):
        return block.markdown if block else ""
    return " ".join(filter(None, [block.caption or block.query, block.alt and f"({block.alt})"]))


def _row(kind: str, old: str, new: str) -> dict[str, Any]:
    return {"kind": kind, "changed": old != new, "pieces": [[p.kind, p.text] for p in differences(old, new)]}


DESK_ACTIONS = {"fix": fix, "name_version": name_version, "restore_version": restore_version}
