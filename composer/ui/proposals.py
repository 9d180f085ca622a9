"""Proposals of the model as the page asks for them and shows them."""

from typing import Any

from composer.errors import UsageError
from composer.merge import differences
from composer.propose import TASKS, Proposal, Wish
from composer.ui.interface import said
from composer.ui.requests import Request, text, word
from composer.ui.source import to_markdown
from composer.workspace import Workspace

MOST_BLOCKS = 60


def proposed(workspace: Workspace, article_id: str, request: Request) -> str:
    """Start what the page asks for; the proposal's id. Raises UsageError."""
    task = next((t for t in TASKS if t == word(request, "task")), None)
    if task is None:
        raise UsageError(f"A text can be changed by: {', '.join(TASKS)}.")
    blocks = request.get("blocks")
    names = tuple(str(b)[:40] for b in blocks) if isinstance(blocks, list) else ()
    if not 0 < len(names) <= MOST_BLOCKS:
        raise UsageError(f"Choose between one and {MOST_BLOCKS} blocks.")
    selection = request.get("selection")
    part = to_markdown(selection) if isinstance(selection, dict) else ""
    wish = Wish(task=task, blocks=names, selection=part, instruction=text(request, "instruction"))
    return workspace.propose(article_id, wish).id


def shown(proposal: Proposal, code: str = "en") -> dict[str, Any]:
    """A proposal as the page shows it: the new text, or what it changes in the old one, word by word."""
    pieces = [] if proposal.adds else [[p.kind, p.text] for p in differences(proposal.old, proposal.text)]
    return {
        "id": proposal.id,
        "task": proposal.wish.task,
        "blocks": list(proposal.wish.blocks),
        "instruction": proposal.wish.instruction,
        "part": bool(proposal.wish.selection),
        "adds": proposal.adds,
        "text": proposal.text,
        "pieces": pieces if proposal.done else [],
        "old": proposal.old,
        "done": proposal.done,
        "error": said(proposal.error, code),
    }
