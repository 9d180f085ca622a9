"""Must-mention facts and forbidden topics: which section a fact belongs to, and whether a text states it."""

import re
from collections.abc import Sequence

from composer.markdown import CJK

ENOUGH = 0.6  # share of a fact's telling words that a text must have to state it
SMALL_WORDS = (
    "a an and are as at be been by for from had has have he her his in is it its of on or she that the their they this"
    " to was were which will with not no but than then there these those into over under about after before"
)
SMALL = frozenset(SMALL_WORDS.split(" "))


def terms(text: str) -> set[str]:
    """What tells a text apart: words without the small ones, cut to stems of six letters; pairs of CJK characters."""
    words = re.findall(r"[^\W_]+", CJK.sub(" ", text).lower())
    chinese = "".join(c if CJK.match(c) else " " for c in text)
    pairs = {run[i : i + 2] for run in chinese.split() for i in range(max(1, len(run) - 1))}
    return {w if w.isdigit() else w[:6] for w in words if w not in SMALL} | pairs


def numbers(text: str) -> set[str]:
    """The numbers in a text, without thousands separators."""
    return {re.sub(r"[,\s]", "", n) for n in re.findall(r"\d+(?:[,\u00a0 ]\d{3})*(?:\.\d+)?", text)}


def states(text: str, fact: str) -> bool:
    """Whether a text states a fact: all its numbers, and most of its telling words, anywhere in the text."""
    wanted = terms(fact)
    if not wanted:
        return fact.strip().lower() in text.lower()
    return numbers(fact) <= numbers(text) and len(wanted & terms(text)) >= ENOUGH * len(wanted)


def missing(text: str, facts: Sequence[str]) -> list[str]:
    """The facts that a text does not state."""
    return [fact for fact in facts if not states(text, fact)]


def as_sentences(facts: Sequence[str], language: str) -> str:
    """The author's own words as sentences of a text in this language; "" for those that are in another script."""
    chinese = language[:2] in ("zh", "ja")
    own = [fact.strip().rstrip(".。") for fact in facts if bool(CJK.search(fact)) == chinese]
    return ("" if chinese else " ").join(f"{fact[:1].upper()}{fact[1:]}{'。' if chinese else '.'}" for fact in own)


def mentions(text: str, topic: str) -> bool:
    """Whether a text speaks of a topic, by its own words."""
    if CJK.search(topic):
        return topic in text
    return bool(re.search(rf"\b{re.escape(topic.lower())}\b", text.lower()))


def share_out(facts: Sequence[str], sections: Sequence[str]) -> list[tuple[str, ...]]:
    """Each fact to the section whose description shares most with it; to the one with the fewest where none does."""
    shares: list[list[str]] = [[] for _ in sections]
    known = [terms(section) for section in sections]
    for fact in facts:
        wanted = terms(fact)
        best = max(range(len(sections)), key=lambda i: (len(wanted & known[i]), -len(shares[i]), -i))
        shares[best].append(fact)
    return [tuple(share) for share in shares]


def passages(material: str, topic: str, *, chars: int) -> list[str]:
    """The paragraphs of a long text that share most with a topic, in their own order, up to `chars` characters."""
    wanted = terms(topic)
    paragraphs = [p.strip() for p in re.split(r"\n\s*\n", material) if p.strip()]
    ranked = sorted(range(len(paragraphs)), key=lambda i: (-len(wanted & terms(paragraphs[i])), i))
    kept: list[int] = []
    for i in ranked:
        if not wanted & terms(paragraphs[i]) or sum(len(paragraphs[k]) for k in kept) + len(paragraphs[i]) > chars:
            continue
        kept.append(i)
    return [" ".join(paragraphs[i].split()) for i in sorted(kept)]
