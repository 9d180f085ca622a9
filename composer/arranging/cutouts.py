"""Which drawings of single things show what a query names.

Knows captions, keywords and words (`templates/arrangement.toml`); does not know how a picture is laid out. A thing is found
by its whole name, by a keyword, or by the word that its name is about; the longest run of the query's words goes first.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.prompts import TEMPLATES
from retrieval.encoder import Encoder
from retrieval.picture import Attribution
from retrieval.words import CJK, LIMITS, SMALL, cjk_names, has_cjk, head_of, plain_words, stem

LONGEST = 4  # words of a thing's name
MOST_THINGS = 4  # in one picture: more are a heap
CROWD = 3  # copies of a thing that is named in the plural
LONGEST_CJK = 6  # characters of a name
BY_HEAD = 0.15  # what a name's main word is worth more than a keyword, in cosines of sentence vectors
NEAR = 0.45  # the least cosine
COLOUR_AND_THING = frozenset(["orange", "gold", "rose", "olive", "lime"])  # in a name they are colours

Key = tuple[str, ...]
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutout:
    """A drawing of one thing on nothing."""

    path: Path  # PNG with alpha
    caption: str
    keywords: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # in Chinese, Japanese or Korean
    attribution: Attribution = field(default_factory=Attribution)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A thing of a query."""

    cutout: Cutout
    words: str  # as the query has them
    copies: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """What of a query can be shown."""

    things: tuple[Thing, ...]
    scene: tuple[str, ...]  # words of the query that say where and when it is
    missing: tuple[str, ...]  # words that nothing shows
    share: float  # of the telling words, 0 to 1, that things or scene show
    has_head: bool  # whether the thing that the query is about is there


class Cutouts:
    """Drawings that are found by what a query names. Without an encoder of sentences nothing is found by a keyword."""

    def __init__(self, drawings: Iterable[Cutout], encoder: Encoder | None = None) -> None:
        never = re.compile(table()["never"])
        self._encoder = encoder
        self._vectors: dict[str, Vector] = {}
        self._by_caption: dict[str, Cutout] = {}
        self._by_name: dict[Key, Cutout] = {}
        self._by_head: dict[str, list[Cutout]] = defaultdict(list)
        self._by_keyword: dict[Key, list[Cutout]] = defaultdict(list)
        self._by_cjk: dict[str, tuple[int, Cutout]] = {}
        for one in drawings:
            if not never.search(one.caption):
                self._add(one)

    def _add(self, one: Cutout) -> None:
        words = plain_words(one.caption)
        key = _key(words)
        self._by_caption.setdefault(" ".join(words), one)
        self._by_name.setdefault(key, one)
        head = head_of(one.caption)  # what stands behind it is only there as well: the straw of a cup
        own = (
            (word,)
            for word in key[: key.index(head) + 1 if head in key else 0]
            if word not in table()["dull"] and word not in COLOUR_AND_THING
        )
        self._by_head[head].append(one)
        for keyword in dict.fromkeys([*map(_key, map(plain_words, one.keywords)), *own]):
            self._by_keyword[keyword].append(one)
        for place, name in enumerate(n for text in one.names for n in cjk_names(text)):
            if name not in self._by_cjk or place < self._by_cjk[name][0]:
                self._by_cjk[name] = place, one

    def cast(self, query: str) -> Cast:
        """The things and the scene of a query, the thing that it is about first."""
        return self._cjk_cast(query) if has_cjk(query) else self._word_cast(query)

    def _word_cast(self, query: str) -> Cast:
        words, dull = _without_measures(plain_words(query)), frozenset(table()["dull"])
        head, found = head_of(query), list[Thing]()
        scene, missing, shown, at = list[str](), list[str](), 0, 0
        while at < len(words):
            placed = at == 0 or words[at - 1] != "of"  # "a glass of water" is not on the water
            length, cutout = self._at(words, at, dull, placed=placed)
            run = words[at : at + length]
            if cutout is not None:
                copies = CROWD if run[-1] != stem(run[-1]) and not _is_plural(cutout) else 1
                found.append(Thing(cutout=cutout, words=" ".join(run), copies=copies))
                shown += sum(w not in SMALL for w in run)
            elif placed and run[0] in scene_words():
                shown += 1
            elif run[0] not in SMALL and run[0] not in dull and (stem(run[0]) == head or not run[0].endswith("ing")):
                missing.append(run[0])
            scene += [w for w in run if placed and w in scene_words()]
            at += length
        told = shown + len(missing)
        has_head = head != "" and not any(stem(w) == head for w in missing)
        return Cast(
            things=_leading(found, lambda t: head in {stem(w) for w in t.words.split()}),
            scene=tuple(dict.fromkeys(scene)),
            missing=tuple(missing),
            share=shown / told if told else 0.0,
            has_head=has_head and bool(found),
        )

    def _at(self, words: Sequence[str], at: int, dull: frozenset[str], *, placed: bool) -> tuple[int, Cutout | None]:
        """How many words from here name a thing, and its drawing; one word and None where they name none."""
        for length in range(min(LONGEST, len(words) - at), 0, -1):
            run = words[at : at + length]
            alone = length == 1 and (run[0] in dull or (placed and run[0] in scene_words()))
            if alone or run[0] in SMALL or run[-1] in SMALL:
                continue
            joined = _goes_on(words[at + length : at + length + 1])
            if cutout := self._named(run) or self._meant(" ".join(run), by_keyword=not joined):
                return length, cutout
        return 1, None

    def _named(self, run: Sequence[str]) -> Cutout | None:
        """The drawing of this very name, in the plural or not; for some plain words the usual one."""
        usual = table()["prefer"].get(stem(run[0]), "") if len(run) == 1 else ""
        return self._by_caption.get(" ".join(run)) or self._by_caption.get(usual) or self._by_name.get(_key(run))

    def _meant(self, words: str, *, by_keyword: bool) -> Cutout | None:
        """The drawing that has these words as the thing its name is about, or as a keyword, and is nearest in meaning."""
        key = _key(words.split())
        if words.endswith("ing") and words not in self._by_head:
            return None  # what is done, not what is there
        heads = self._by_head.get(key[0], []) if len(key) == 1 else []
        if self._encoder is None:
            return min(heads, key=lambda one: len(one.caption), default=None)
        near = [(self._nearness(words, one.caption) + BY_HEAD, one) for one in heads]
        others = self._by_keyword.get(key, []) if by_keyword else []
        near += [(self._nearness(words, one.caption), one) for one in others if one not in heads]
        best, cutout = max(near, key=lambda pair: pair[0], default=(0.0, None))
        return cutout if best >= NEAR else None

    def _nearness(self, words: str, caption: str) -> float:
        """The cosine of two texts' sentence vectors."""
        for text in (words, caption):
            if text not in self._vectors and self._encoder is not None:
                self._vectors[text] = self._encoder.encode_texts([text])[0]
        return float(self._vectors[words] @ self._vectors[caption])

    def _cjk_cast(self, query: str) -> Cast:
        text = "".join(CJK.findall(query))
        found, scene, left, at = list[Thing](), list[str](), list[str](), 0
        while at < len(text):
            for length in range(min(LONGEST_CJK, len(text) - at), 0, -1):
                run = text[at : at + length]
                if run in scene_words():
                    scene.append(run)
                    break
                if cutout := self._named_cjk(run):
                    found.append(Thing(cutout=cutout, words=run))
                    break
            else:
                length = 1
                left.append(text[at])
            at += length
        told = [c for c in left if c not in table()["dull_cjk"]]
        shown = sum(len(t.words) for t in found) + sum(len(s) for s in scene)
        return Cast(
            things=_leading(found, lambda t: False),
            scene=tuple(dict.fromkeys(scene)),
            missing=("".join(told),) if told else (),
            share=shown / (shown + len(told)) if shown else 0.0,
            has_head=bool(found),
        )

    def _named_cjk(self, run: str) -> Cutout | None:
        usual = self._by_caption.get(table()["prefer_cjk"].get(run, ""))
        return usual or (self._by_cjk[run][1] if len(run) > 1 and run in self._by_cjk else None)


@cache
def table() -> Mapping[str, Any]:
    """`templates/arrangement.toml`."""
    return tomllib.loads((TEMPLATES / "arrangement.toml").read_text(encoding="utf-8"))


@cache
def scene_words() -> Mapping[str, str]:
    """Words that say where or when it is, each with the name of its sky or ground."""
    kinds = (*table()["sky"].items(), *table()["ground"].items())
    return {word: name for name, kind in kinds for word in kind["words"]}


def _leading(found: Sequence[Thing], is_head: Callable[[Thing], bool]) -> tuple[Thing, ...]:
    """Each drawing once, what the query is about first, no more than a picture holds."""
    once = {t.cutout.path: t for t in reversed(found)}
    things = [t for t in found if once[t.cutout.path] is t]
    return tuple(sorted(things, key=lambda t: not is_head(t))[:MOST_THINGS])


def _goes_on(then: Sequence[str]) -> bool:
    """Whether the word that follows belongs to the same thing: "bamboo" in "a bamboo basket" says what the basket is like."""
    return bool(then) and then[0] not in SMALL | LIMITS and not then[0].endswith("ing")


def _without_measures(words: Sequence[str]) -> list[str]:
    """Without "cup" in "a cup of coffee": the coffee's drawing has its cup."""
    counted = table()["measures"]
    return [w for at, w in enumerate(words) if w not in counted or words[at + 1 : at + 2] != ["of"]]


def _key(words: Sequence[str]) -> Key:
    return tuple(stem(w) for w in words)


def _is_plural(one: Cutout) -> bool:
    words = plain_words(one.caption)
    return bool(words) and words[-1] != stem(words[-1])
