"""How words are prepared for full-text search, alike for what is stored and for what is asked."""

import re

CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]")
WORD = re.compile(r"[^\W_]+")
SMALL = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "being",
        "by",
        "for",
        "from",
        "has",
        "have",
        "in",
        "inside",
        "into",
        "is",
        "it",
        "its",
        "near",
        "of",
        "off",
        "on",
        "onto",
        "or",
        "over",
        "several",
        "some",
        "showing",
        "that",
        "the",
        "their",
        "them",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "under",
        "up",
        "very",
        "was",
        "were",
        "while",
        "with",
        "within",
    ]
)


def has_cjk(text: str) -> bool:
    """Whether a text has Chinese, Japanese or Korean characters."""
    return CJK.search(text) is not None


def searchable(text: str) -> str:
    """Text in which every CJK character is a word of its own."""
    return " ".join(CJK.sub(lambda m: f" {m.group()} ", text).split())


def telling(text: str) -> list[str]:
    """The words that tell texts apart, lower case, each once, in order."""
    words = (w.lower() for w in WORD.findall(CJK.sub(" ", text)))
    return list(dict.fromkeys(w for w in words if w not in SMALL))


def terms_of(query: str) -> list[str]:
    """FTS5 expressions: the query's telling words, and its runs of CJK characters as phrases of pairs."""
    runs = re.findall(rf"{CJK.pattern}+", query)
    pairs = [run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))]
    return [f'"{w}"' for w in telling(query)] + [f'"{" ".join(pair)}"' for pair in dict.fromkeys(pairs)]


def match_expression(query: str) -> str:
    """An FTS5 expression: any of the query's terms."""
    return " OR ".join(terms_of(query))
