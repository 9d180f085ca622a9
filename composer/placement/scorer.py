"""The learned weights of `templates/placement.toml`, and the chance that a person would put a picture into a gap."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from composer.errors import SetupError
from composer.markdown import CJK
from composer.placement.features import FEATURES, Lexicon, gap_features, points_at
from composer.placement.match import MEASURES, Table
from composer.placement.optimum import Spacing
from composer.placement.text import Block
from composer.prompts import TEMPLATES

Reason = Literal["explain", "evidence", "mood", "steps", "data", "portrait"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What was learned; every number has its line in the data file."""

    gap: Mapping[str, float]  # by feature
    bias: float
    spacing: Spacing
    match: Mapping[str, float]  # by measure
    joint: float  # how much a known picture's fit counts against the gap's own log-odds
    pixels: float  # how much the fit of pixels counts, for pictures without a caption
    judge: float  # how much the language model's judgement counts
    fitted_on: tuple[str, ...] = ()  # ids of the posts that the weights were learned on

    def chances(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each gap between 0 and 1."""
        total = features @ np.array([self.gap[name] for name in FEATURES]) + self.bias
        return np.asarray(1 / (1 + np.exp(-total)))

    def fit(self, measured: Table) -> Table:
        """One number for each row of measures; higher fits better. Comparable within one gap."""
        return np.asarray(measured @ np.array([self.match[name] for name in MEASURES]))


@cache
def weights() -> Weights:
    """The weights that ship. Raises SetupError when the file is not whole."""
    table = _file()
    if set(table["gap"]) != set(FEATURES) or set(table["match"]) != set(MEASURES):
        raise SetupError(f"placement.toml must weigh exactly these: {', '.join((*FEATURES, *MEASURES))}.")
    return Weights(
        gap=table["gap"],
        bias=table["bias"],
        spacing=Spacing(**table["spacing"]),
        match=table["match"],
        joint=table["joint"],
        pixels=table["pixels"],
        judge=table["judge"],
        fitted_on=tuple(table["fitted_on"]),
    )


@cache
def lexicon() -> Lexicon:
    """The words that features look for, of all languages together."""
    words = _file()["words"]
    return Lexicon(**{name: _pattern(name, words) for name in ("shows", "points", "aside")})


def gap_chances(
    blocks: Sequence[Block], given: Weights, vectors: NDArray[np.float32] | None = None
) -> NDArray[np.float64]:
    """The chance of each gap, (len(blocks) + 1,)."""
    return given.chances(gap_features(blocks, lexicon(), vectors))


def reason_of(blocks: Sequence[Block], gap: int) -> Reason:
    """What a picture in this gap would do for the reader, told from the text's form alone."""
    before = blocks[gap - 1] if gap > 0 else None
    after = blocks[gap] if gap < len(blocks) else None
    near = " ".join(b.plain for b in (before, after) if b)
    if before is not None and points_at(before, after, lexicon()):
        return "evidence"
    if any(
        b is not None and re.match(r"\s*\d+[.)]\s|(?:Step|第)\s*[\d一二三四五六七八九十]", b.raw)
        for b in (before, after)
    ):
        return "steps"
    if len(re.findall(r"\d[\d,.]*\s*(?:%|percent|million|billion|per|倍|万|亿|％)", near)) >= 2:
        return "data"
    if re.search(r"\b(?:said|says|born|Dr\.|Mr\.|Ms\.|Professor)\s|[说道]：", near):
        return "portrait"
    return "mood" if before is None or gap == 1 else "explain"


def purpose_of(reason: Reason, language: str) -> str:
    """A sentence that says so to the author."""
    table = _file()["reasons"]
    return str(table.get(language.split("-")[0], table["en"])[reason])


@cache
def _file() -> Mapping[str, Any]:
    return tomllib.loads((TEMPLATES / "placement.toml").read_text(encoding="utf-8"))


def _pattern(name: str, words: Mapping[str, Mapping[str, Sequence[str]]]) -> re.Pattern[str]:
    entries: list[Any] = [entry for language in words.values() for entry in language.get(name, [])]
    parts = [entry if CJK.search(entry) else rf"\b(?:{entry})\b" for entry in entries]
    return re.compile("|".join(parts), re.IGNORECASE)
