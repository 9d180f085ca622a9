"""Which labels nobody may train on: a concept is held out, not a picture.

A label is its set of telling words without plural endings. A drawing is kept from training when its label's words
include all of a held-out label's: "electric guitar" goes with "guitar". The choice depends on the labels alone (a hash of
each), so it stays the same when sets are added.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.training.sets import Drawing
from retrieval.words import stem, telling

TEST_PERCENT, DEV_PERCENT = 8, 4
MOST_LOST = 40  # drawings that may go with a held-out label; a label as common as "man" would take too many

Words = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Indices of drawings. `style` shows known labels, drawn by hands nobody trained on."""

    train: list[int]
    dev: list[int]
    test: list[int]
    style: list[int]
    apart: frozenset[str]  # labels of `test` that share no word with any label of `train`


def words_in(label: str) -> Words:
    """A label's telling words without plural endings."""
    return frozenset(stem(w) for w in telling(label.split("(")[0])) or frozenset([label])


def split(drawings: Sequence[Drawing], core: Sequence[str]) -> Split:
    """Hold out labels of the `core` sources, for a test and for choosing the recipe; icons beside are trained on only."""
    words = [words_in(d.label) for d in drawings]
    wanted = {w: _part(w) for w, d in zip(words, drawings, strict=True) if d.source in core}
    held = {w: part for w, part in wanted.items() if part}
    losses = Counter(key for w in words for key in _included(w, held))
    held = {w: part for w, part in held.items() if losses[w] <= MOST_LOST}
    parts: dict[str, list[int]] = {"train": [], "dev": [], "test": [], "style": []}
    for i, (w, drawing) in enumerate(zip(words, drawings, strict=True)):
        if w in held and drawing.source in core:
            parts[held[w]].append(i)
        elif not any(_included(w, held)):
            parts["style" if drawing.role == "style" else "train"].append(i)
    known = {w for i in parts["train"] for w in words[i]}
    labels = {words[i] for i in parts["train"]}
    parts["style"] = [i for i in parts["style"] if words[i] in labels]
    apart = frozenset(drawings[i].label for i in parts["test"] if not words[i] & known)
    return Split(train=parts["train"], dev=parts["dev"], test=parts["test"], style=parts["style"], apart=apart)


def _part(words: Words) -> str:
    number = int(hashlib.sha256(" ".join(sorted(words)).encode()).hexdigest()[:8], 16) % 100
    return "test" if number < TEST_PERCENT else "dev" if number < TEST_PERCENT + DEV_PERCENT else ""


def _included(words: Words, held: dict[Words, str]) -> list[Words]:
    """The held-out labels whose words are all among these."""
    if len(words) > 10:
        return [h for h in held if h <= words]
    found = []
    ordered = sorted(words)
    for mask in range(1, 1 << len(ordered)):
        subset = frozenset(w for i, w in enumerate(ordered) if mask >> i & 1)
        if subset in held:
            found.append(subset)
    return found
