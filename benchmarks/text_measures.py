"""What can be said of a text's quality without a judge: counts, each named for what it counts."""

import re
from collections import Counter
from collections.abc import Sequence

from composer.article import Brief
from composer.facts import missing
from composer.markdown import CJK, count_words, ends_whole, is_prose, plain_text, sentences, split_blocks

RUN = 4  # words in a row that count as repeated when they come again
ADDRESS = re.compile(r"https?://[^\s)>\]]+|www\.[^\s)>\]]+")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
VOWELS = re.compile(r"[aeiouy]+")

MEASURES = {
    "repeated": "share of runs of four words that came before (lower is better)",
    "facts": "share of the must-mention facts that are stated",
    "length error": "how far the length is off, as a share of what was asked",
    "same headings": "headings that stand twice",
    "cut off": "share of paragraphs that do not end a sentence",
    "addresses": "web addresses that the brief did not give",
    "reading": "Flesch reading ease in English (higher is easier); characters a sentence in Chinese",
}


def measured(markdown: str, brief: Brief) -> dict[str, float]:
    """Every measure of a text."""
    text = plain_text(markdown)
    wanted = brief.must_mention
    headings = [h.strip().lower() for h in HEADING.findall(markdown)]
    return {
        "repeated": repeated(text),
        "facts": 1 - len(missing(text, wanted)) / len(wanted) if wanted else 1.0,
        "length error": abs(count_words(text) - brief.words) / max(1, brief.words),
        "same headings": float(len(headings) - len(set(headings))),
        "cut off": cut_off(markdown),
        "addresses": float(len(invented(markdown, brief))),
        "reading": reading(text),
    }


def repeated(text: str) -> float:
    """The share of a text's runs of words (of characters in Chinese) that stood before in it."""
    words = _units(text)
    runs = Counter(tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1))
    total = sum(runs.values())
    return sum(n - 1 for n in runs.values()) / total if total else 0.0


def cut_off(markdown: str) -> float:
    """The share of paragraphs that do not end with a whole sentence; the line before a list may end with a colon."""
    prose = [b for b in split_blocks(markdown) if is_prose(b)]
    return sum(not ends_whole(b) for b in prose) / len(prose) if prose else 0.0


def invented(markdown: str, brief: Brief) -> list[str]:
    """Web addresses that stand in no text the author gave."""
    given = " ".join([brief.instruction, *(m.text for m in brief.material), *brief.must_mention])
    return [address for address in ADDRESS.findall(markdown) if address.rstrip(".,") not in given]


def reading(text: str) -> float:
    """206.8 - 1.015 words a sentence - 84.6 syllables a word; for Chinese the characters of a sentence."""
    parts: Sequence[str] = sentences(text) or [text]
    if len(CJK.findall(text)) * 2 > len(re.findall(r"\w", text)):
        return len(CJK.findall(text)) / len(parts)
    words = re.findall(r"[A-Za-z]+", text) or ["a"]
    syllables = sum(max(1, len(VOWELS.findall(w.lower().removesuffix("e")))) for w in words)
    return 206.835 - 1.015 * len(words) / len(parts) - 84.6 * syllables / len(words)


def _units(text: str) -> list[str]:
    return re.findall(rf"{CJK.pattern}|[^\W_]+", text.lower())
