"""How words are prepared for full-text search, alike for what is stored and for what is asked; what a query is about."""

import re
from itertools import pairwise

CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]")
WORD = re.compile(r"[^\W_]+(?:['’]s\b)?")
COUNTED = re.compile(
    "^[一两二三几这那]?[只个朵把条张座辆架匹头本杯瓶块片棵株双对位名件艘栋颗支枝根台部群碗盘些幅]+(?=..)"
)
SMALL_WORDS = (
    "a an and are as at be being by for from has have in inside into is it its near of off on onto or over several some"
    " showing that the their them there these they this those through to under up very was were while with within"
)
SMALL = frozenset(SMALL_WORDS.split())
LIMIT_WORDS = (
    "on in at with over under near by for from through into onto inside between behind above below against during that"
    " which who to and or showing beside alongside around"
)
LIMITS = frozenset(LIMIT_WORDS.split())
STATES = frozenset(
    ["fresh", "full", "cut", "made", "built", "carved", "filled", "seen"]
)  # end a thing like a participle does


def has_cjk(text: str) -> bool:
    """Whether a text has Chinese, Japanese or Korean characters."""
    return CJK.search(text) is not None


def searchable(text: str) -> str:
    """Text in which every CJK character is a word of its own."""
    return " ".join(CJK.sub(lambda m: f" {m.group()} ", text).split())


def telling(text: str) -> list[str]:
    """The words that tell texts apart, lower case, each once, in order."""
    return list(dict.fromkeys(w for w in plain_words(text) if w not in SMALL))


def plain_words(text: str) -> list[str]:
    """All words that are not in CJK characters, lower case, without the ending of a genitive, in order."""
    return [re.sub(r"['’]s$", "", w.lower()) for w in WORD.findall(CJK.sub(" ", text))]


def pairs(text: str) -> list[str]:
    """The pairs of neighbouring CJK characters, each once, in order; a single character stands for itself."""
    runs = re.findall(rf"{CJK.pattern}+", text)
    return list(dict.fromkeys(run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))))


def terms_of(query: str) -> list[str]:
    """FTS5 expressions: the query's telling words, and its pairs of CJK characters as phrases."""
    return [f'"{w}"' for w in telling(query)] + [f'"{" ".join(pair)}"' for pair in pairs(query)]


def match_expression(query: str) -> str:
    """An FTS5 expression: any of the query's terms."""
    return " OR ".join(terms_of(query))


def stem(word: str) -> str:
    """A word without the ending of its plural."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "xes", "sses", "oes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def head_of(query: str) -> str:
    """The stem of the word for the thing an English query is about: the last one before a preposition or participle.

    "a red fox in the snow" is about a fox, "a cup of coffee" about coffee, "a violin resting on sheet music" about a
    violin. "" where there is no word.
    """
    words = plain_words(query.split(",")[0])
    head, open_ = "", True  # open: the word that comes belongs to the thing, as behind an article or "of"
    for word, following in pairwise([*words, ""]):
        ends = not following or following in SMALL or following in LIMITS
        if not open_ and (word in LIMITS or ((word.endswith("ing") or word in STATES) and ends)):
            break
        if word not in SMALL:
            head = word
        open_ = word in SMALL
    return stem(head)


def cjk_thing(query: str) -> str:
    """What a Chinese or Japanese query is about: what stands behind its last 的 or の, else before its first 在 or が."""
    text = "".join(re.findall(CJK, re.split("[，。、,.;；]", query.strip())[0]))
    before, _, behind = re.sub("[の]", "的", text).rpartition("的")
    if before and behind:
        return behind
    return COUNTED.sub("", re.split("在|が", text)[0] or text)


def cjk_names(text: str) -> list[str]:
    """The names of things in a caption with CJK characters, without their measure words; at least two characters."""
    parts = (COUNTED.sub("", part) for part in re.findall(f"{CJK.pattern}+", text))
    return [part for part in parts if len(part) > 1]
