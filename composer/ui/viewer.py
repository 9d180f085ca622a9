"""What one browser tab has been sent, and what it does not know yet.

Knows the article and the editor's nodes; does not know sockets or runs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from composer.article import Article, Block, ImageSlot, SectionPlan, TextBlock
from composer.events import Failed, Finished, StageStarted, Warned
from composer.export.credits import credit_line
from composer.export.html import direction
from composer.store import ArticleLog, Record
from composer.ui.document import Node, to_node
from composer.ui.interface import said
from composer.ui.patches import Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the program is doing for an article."""

    running: str = ""  # name of the run; "" for none
    progress: str = ""
    proposals: tuple[Mapping[str, Any], ...] = ()


@dataclass(slots=True)
class Viewer:
    """What one browser tab has been sent."""

    code: str = "en"  # the interface's language
    seq: int = 0
    shown: dict[str, Block] = field(default_factory=dict)
    plans: dict[str, SectionPlan] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    state: str = ""
    first: bool = True

    def news(self, log: ArticleLog, work: Work) -> dict[str, Any] | None:
        """What the tab does not know yet; None when there is nothing."""
        with log.held():
            seq, article, records = log.seq, log.article, log.since(self.seq)
            about = _about(article, log, work)
            state = json.dumps(about)
            if seq == self.seq and state == self.state and not self.first:
                return None
            message: dict[str, Any] = {"seq": seq, "notes": [] if self.first else _notes(records, self.code)}
            if self.first or state != self.state:
                message |= about
            if self.first:
                message["first"] = True
            message |= self._places([b.id for b in article.blocks])
            message["blocks"] = self._changed(article)
            self.seq, self.state, self.first = seq, state, False
        return message

    def took(self, article: Article, taken: Taken) -> None:
        """Follow this tab's own patch: what it sent is not sent back. Where it did not fit, the tab is told all anew."""
        if self.first:  # sent by a tab before this one was told anything
            return
        if taken.notes:
            self.shown, self.order, self.first = {}, [], True
            return
        present = {b.id: b for b in article.blocks}
        for block in taken.own:
            if block in present:
                self.shown[block] = present[block]
        self.shown = {name: block for name, block in self.shown.items() if name in present}
        if set(taken.ids.values()) | set(self.order) >= present.keys():
            self.order = list(present)

    def _places(self, order: list[str]) -> dict[str, Any]:
        """How the row of blocks changed: what is gone, and behind what the new ones stand, or the whole row anew."""
        old, self.order = self.order, order
        if old == order and not self.first:
            return {}
        here = set(order)
        left = [name for name in old if name in here]
        known = set(left)
        gone = [name for name in old if name not in here]
        if left != [name for name in order if name in known] or self.first:
            return {"order": order, "gone": gone}
        places = [[name, order[i - 1] if i else None] for i, name in enumerate(order) if name not in known]
        return {"places": places, "gone": gone}

    def _changed(self, article: Article) -> dict[str, Any]:
        plans = {p.heading: p for p in article.plans}
        found = {}
        for block in article.blocks:
            old = self.shown.get(block.id)
            if old != block or plans.get(block.id) != self.plans.get(block.id):
                found[block.id] = content(old, block) | {"meta": meta(article, block)}
        self.shown = {b.id: b for b in article.blocks}
        self.plans = plans
        return found


def content(old: Block | None, new: Block) -> dict[str, Any]:
    """The text of a block: nothing where it is as it was, what was appended, or the whole node."""
    if isinstance(new, ImageSlot):
        if isinstance(old, ImageSlot) and old.caption == new.caption:
            return {}
        return {"node": figure(new)}
    if isinstance(old, TextBlock):
        if old.markdown == new.markdown:
            return {}
        before, after = _plain(to_node(old.markdown)), _plain(to_node(new.markdown))
        if before and after and after.startswith(before):
            return {"append": after[len(before) :]}
    return {"node": to_node(new.markdown)}


def figure(slot: ImageSlot) -> Node:
    """The node of a slot: its caption; all else is beside the document."""
    caption = " ".join(slot.caption.split())
    return {"type": "figure", "content": [{"type": "text", "text": caption}]} if caption else {"type": "figure"}


def meta(article: Article, block: Block) -> dict[str, Any]:
    """What the page knows of a block beside its text."""
    common = {"author": block.author, "locked": block.locked}
    if isinstance(block, TextBlock):
        plan = article.plan(block.id)
        return common | ({"plan": _plan(plan)} if plan else {})
    picture = block.picture
    shown = None
    if picture:
        credit = picture.attribution
        shown = {
            "digest": picture.digest,
            "width": picture.width,
            "height": picture.height,
            "credit": credit_line(credit, article.brief.language),
            "generated": credit.generated,
        }
    return common | {
        "purpose": block.purpose,
        "query": block.query,
        "alt": block.alt,
        "caption": block.caption,
        "size": block.size,
        "align": block.align,
        "focus": list(block.focus),
        "decorative": block.decorative,
        "candidates": len(block.candidates),
        "picture": shown,
    }


def _plan(plan: SectionPlan) -> dict[str, Any]:
    return {"purpose": plan.purpose, "words": plan.words, "written": plan.written, "images": plan.images}


def _plain(node: Node) -> str:
    """The text of a paragraph without any mark; "" for everything else."""
    parts = node.get("content") or []
    simple = node["type"] == "paragraph" and len(parts) == 1 and parts[0]["type"] == "text" and "marks" not in parts[0]
    return str(parts[0]["text"]) if simple else ""


def _about(article: Article, log: ArticleLog, work: Work) -> dict[str, Any]:
    return {
        "title": article.title,
        "summary": article.summary,
        "lang": article.brief.language,
        "dir": direction(article.brief.language),
        "style": article.style,
        "references": [p.digest for p in article.brief.references],
        "running": work.running,
        "progress": work.progress,
        "proposals": list(work.proposals),
        "undo": log.can_undo,
        "redo": log.can_redo,
        "written": any(p.written for p in article.plans) or not article.plans,
    }


def _notes(records: Sequence[Record], code: str) -> list[dict[str, str]]:
    """What the person is told of, out of new records."""
    notes = []
    for record in records:
        match record.event:
            case Warned(message=message, block=block):
                notes.append({"kind": "warning", "text": said(message, code), "block": block})
            case Failed(message=message):
                notes.append({"kind": "error", "text": said(message, code)})
            case StageStarted(stage=stage):
                notes.append({"kind": "stage", "text": stage})
            case Finished(stopped=stopped):
                notes.append({"kind": "done", "text": "stopped" if stopped else "done"})
            case _:
                pass
    return notes
