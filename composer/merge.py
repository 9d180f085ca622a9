"""Two changes of one text, word by word: what differs, and both changes at once where they do not meet."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
TOKEN = re.compile(rf"[{CJK}]|\s+|[^\W\d_{CJK}]+|\d+|.", re.DOTALL)

Change = tuple[int, int, tuple[str, ...]]  # tokens [start, end) of the old text become these


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of a comparison."""

    kind: Literal["same", "gone", "new"]
    text: str


def words(text: str) -> list[str]:
    """Words, white space, marks and single Chinese characters; they join to the text."""
    return TOKEN.findall(text)


def differences(old: str, new: str) -> list[Piece]:
    """The two texts as runs: what stayed, what is gone, what is new."""
    a, b = words(old), words(new)
    pieces: list[Piece] = []
    for tag, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece(kind="same", text="".join(a[i:j])))
            continue
        if j > i:
            pieces.append(Piece(kind="gone", text="".join(a[i:j])))
        if m > k:
            pieces.append(Piece(kind="new", text="".join(b[k:m])))
    return pieces


def merge(base: str, mine: str, theirs: str) -> str | None:
    """`base` with both changes; None where they change the same words to something else."""
    if mine == theirs or theirs == base:
        return mine
    if mine == base:
        return theirs
    tokens = words(base)
    found = _together(_changes(tokens, words(mine)), _changes(tokens, words(theirs)))
    if found is None:
        return None
    out, place = list[str](), 0
    for start, end, text in found:
        out += tokens[place:start]
        out += text
        place = end
    return "".join([*out, *tokens[place:]])


def _changes(old: list[str], new: list[str]) -> list[Change]:
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [(i, j, tuple(new[k:m])) for tag, i, j, k, m in codes if tag != "equal"]


def _together(mine: list[Change], theirs: list[Change]) -> list[Change] | None:
    """Both rows of changes in order; an insertion at the same place puts mine first."""
    row = sorted([(c[0], c[1], side, c) for side, side_row in enumerate((mine, theirs)) for c in side_row])
    found: list[Change] = []
    owner = -1
    for start, _end, side, change in row:
        if found and found[-1] == change:
            continue
        if found and side != owner and (start < found[-1][1]):
            return None
        found.append(change)
        owner = side
    return found
