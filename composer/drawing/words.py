"""Prompts for image models: what must be seen, what for and how it looks, within what the model can read.

Knows families (sentences or tags) and limits; does not know tokenizers: the caller counts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from composer.drawing.request import Drawing

Count = Callable[[str], int]
"""Tokens of a text as the model counts them, its marks of beginning and end included."""


def fitted(drawing: Drawing, count: Count, limit: int, *, tags: bool = False) -> tuple[str, str]:
    """The whole prompt within `limit` tokens, and what had to go ("" for nothing). What must be seen goes last."""
    subject, context, style = (clean(part) for part in (drawing.prompt, drawing.context, drawing.style))
    if count(joined(subject, context, style, tags=tags)) <= limit:
        return joined(subject, context, style, tags=tags), ""
    if count(joined(subject, "", style, tags=tags)) <= limit:
        return joined(subject, "", style, tags=tags), context
    kept = shortened(style, lambda words: count(joined(subject, "", words, tags=tags)) <= limit)
    if kept or count(joined(subject, "", "", tags=tags)) <= limit:
        return joined(subject, "", kept, tags=tags), f"{context} {style}".strip()
    subject_words = shortened(subject, lambda words: count(joined(words, "", "", tags=tags)) <= limit)
    return joined(subject_words, "", "", tags=tags), f"{subject} {context} {style}".strip()


def in_named_look(drawing: Drawing, looks: Mapping[str, Sequence[str]], usual: str) -> Drawing:
    """The drawing for a model that was taught single things in a few looks: its first thing, in the look that its style
    or, when it is drawn again, its prompt names, by the look's name or a word that points to it; else in the usual one."""
    first, *others = [part.strip() for part in re.split("[,;，；]", drawing.prompt)]
    told = (drawing.style.lower(), *(part.lower() for part in others))
    named = (look for look in looks if any(look in text for text in told))
    meant = (look for look, words in looks.items() if any(_has(drawing.style, word) for word in words))
    return replace(drawing, prompt=first, context="", style=next(named, None) or next(meant, None) or usual)


def _has(text: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", text.lower()) is not None


def joined(subject: str, context: str, style: str, *, tags: bool) -> str:
    """The parts as one prompt: sentences, or a row of tags."""
    if tags:
        return ", ".join(dict.fromkeys(tag for part in (subject, style) for tag in as_tags(part)))
    sentences = [part[:1].upper() + part[1:] for part in (subject, context) if part]
    return (
        ". ".join([*sentences, style] if style else sentences) if context else ", ".join(filter(None, [subject, style]))
    )


def as_tags(text: str) -> list[str]:
    """A description as tags: at commas, full stops and joining words, without articles."""
    parts = re.split(r"\s*[,;.。，；]\s*|\s+(?:and|with|und|mit)\s+", text.lower())
    return [tag for part in parts if (tag := re.sub(r"^(?:an?|the|some)\s+", "", part.strip()))]


def shortened(text: str, fits: Callable[[str], bool]) -> str:
    """As many of its words from the beginning as fit; "" for none."""
    words = re.findall(r"\S+\s*", text) if " " in text else list(text)
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits("".join(words[:middle]).strip(" ,.")) else (low, middle - 1)
    return "".join(words[:low]).strip(" ,.")


def clean(text: str) -> str:
    """One line without an end mark."""
    return " ".join(text.split()).rstrip(" .。,，;；")
