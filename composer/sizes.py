"""How many words and pictures a brief asks for in passing: "in 250 words, with three pictures", "400字，配三张图"."""

import re

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
CJK_NUMBERS = {"两": 2} | {sign: n for n, sign in enumerate("一二三四五六七八九十", start=1)}
SIGN = rf"(\d{{1,2}}|[{''.join(CJK_NUMBERS)}])"
# A wish stands behind a comma or one of these, or is all that a clause says ("400 words, 3 pictures."); at the beginning
# of a longer one it is the topic: "100 words of Latin".
BEFORE = r"(?:(?<!\d)[,;:(（，；。、]|\b(?:in|with|of|and|or|about|around|roughly|max|most|to|ca\.?|~))\s*"
ABOUT = r"(?:about |around |roughly |ca\.? ?|~)?"
BEGIN, END = r"(?:^|[.!?。！？]\s+|\n)\s*", r"\b(?=\s*(?:[,;.!?)]|and\b|with\b|$))"
COUNT, MANY = r"(\d{1,2},\d{3}|\d{2,5})", rf"(\d{{1,2}}|no|{'|'.join(NUMBERS)})"
PICTURES = r"(?:\w+ )?(?:pictures?|images?|photos?|illustrations?)\b"
WORDS = re.compile(
    rf"{BEFORE}{ABOUT}{COUNT} words?\b"
    rf"|{BEGIN}{ABOUT}{COUNT} words?{END}"
    r"|\b(\d{2,5})-words?\b"
    r"|(\d{2,5})\s*[字词](?![典汇])",
    re.IGNORECASE,
)
IMAGES = re.compile(
    rf"{BEFORE}{MANY} {PICTURES}"
    rf"|{BEGIN}{MANY} {PICTURES}{END}"
    rf"|{SIGN}\s*[张幅]\s*(?:图|插图|配图|照片)"
    rf"|[配附]\s*{SIGN}\s*[张幅]",
    re.IGNORECASE,
)


def sizes_said(text: str) -> tuple[int | None, int | None]:
    """Words and pictures that are asked for; None where nothing is said."""
    words, images = WORDS.search(text), IMAGES.search(text)
    return (
        int(next(g for g in words.groups() if g).replace(",", "")) if words else None,
        _number(next(g for g in images.groups() if g)) if images else None,
    )


def _number(text: str) -> int:
    word = text.lower()
    if word in NUMBERS:
        return NUMBERS.index(word) + 1
    return 0 if word == "no" else CJK_NUMBERS.get(text) or int(text)
