"""What licences allow, by the short names people write: "CC BY-SA 4.0", "Public domain", "yours".

Knows Creative Commons and a few more; what it does not know allows nothing but being looked at. Gives no legal advice.
"""

import re
from dataclasses import dataclass
from typing import Literal

IntendedUse = Literal["any", "commercial", "modify", "both"]
"""What the author wants to do with an article: nothing special, sell it, change its pictures, or both."""

CC = re.compile(r"(?:cc[\s-]*)?(by(?:-nc)?(?:-sa|-nd)?)(?:[\s-]+v?(\d\.\d))?(?:[\s-]+([a-z]{2,3}(?:-[a-z]{2})?))?")
CC_URL = re.compile(r"https?://creativecommons\.org/(?:licenses|publicdomain)/([a-z-]+)/(\d\.\d)(?:/([a-z]{2,3}))?")
ZERO = re.compile(r"cc[\s-]?0(?:[\s-]+(?:1\.0|universal).*)?|cc[\s-]zero")
FREE = re.compile(r"(public[\s-]domain|pd(?=$|[-\s])|pdm(?=$|[-\s])|no known copyright|no restrictions).*")
OPEN = {  # licences of packs and programs: selling and changing are allowed
    "gpl": "GPL",
    "lgpl": "LGPL",
    "apache": "Apache",
    "mit": "MIT",
    "ofl": "OFL",
    "fal": "Free Art License",
    "free art license": "Free Art License",
}
ZERO_URL = "https://creativecommons.org/publicdomain/zero/1.0/"
MARK_URL = "https://creativecommons.org/publicdomain/mark/1.0/"
NEWEST = "4.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a licence is called and allows."""

    name: str  # "CC BY-SA 4.0", "CC0 1.0", "Public domain"
    url: str = ""  # "" where the name alone does not say it
    known: bool = True
    commercial: bool = True
    modification: bool = True


def terms_of(licence: str, url: str = "") -> Terms:
    """The terms of a licence by its name, else by its address; `known` is False for one that is neither.

    A Creative Commons licence without a version is known, but has no address: the versions differ.
    """
    text = " ".join(licence.lower().replace("_", "-").split())
    text = re.sub(r"^(creative commons|cc)[\s-]+(attribution)?", "cc by" if "attribution" in text else "cc ", text)
    text = re.sub(r"[\s-]+(share[\s-]?alike|sa)\b", "-sa", text)
    text = re.sub(r"[\s-]+(non[\s-]?commercial|nc)\b", "-nc", text)
    text = re.sub(r"[\s-]+(no[\s-]?deriv(?:ative)?s?|nd)\b", "-nd", text)
    if ZERO.fullmatch(text):
        return Terms(name="CC0 1.0", url=ZERO_URL)
    if FREE.fullmatch(text):
        return Terms(name="Public domain", url=MARK_URL if text.startswith("pdm") else "")
    if found := CC.fullmatch(text.strip()):
        return _creative_commons(found[1], found[2] or "", found[3] or "")
    if text in ("yours", "own"):
        return Terms(name="yours")
    for beginning, name in OPEN.items():
        if re.match(rf"{beginning}(?=$|[-\s]?v?\d|\s+licen[cs]e)", text):
            return Terms(name=licence.strip() or name)
    return _by_address(url) or Terms(
        name=licence.strip() or "unknown", known=False, commercial=False, modification=False
    )


def allows(licence: str, use: IntendedUse, url: str = "") -> bool:
    """Whether a picture of this licence may be used so; for "any" use it always may, an unknown licence never else."""
    terms = terms_of(licence, url)
    commercial = terms.commercial or use in ("any", "modify")
    modification = terms.modification or use in ("any", "commercial")
    return commercial and modification


def address_of(licence: str) -> str:
    """The web address of a licence; "" where its name does not say it."""
    return terms_of(licence).url


def _creative_commons(code: str, version: str, place: str) -> Terms:
    path = f"{code}/{version}/{place + '/' if place else ''}"
    return Terms(
        name=" ".join(part for part in ("CC", code.upper(), version, place.upper()) if part),
        url=f"https://creativecommons.org/licenses/{path}" if version else "",
        commercial="nc" not in code.split("-"),
        modification="nd" not in code.split("-"),
    )


def _by_address(url: str) -> Terms | None:
    found = CC_URL.match(url.strip())
    if not found:
        return None
    if found[1] == "zero":
        return Terms(name="CC0 1.0", url=ZERO_URL)
    if found[1] == "mark":
        return Terms(name="Public domain", url=MARK_URL)
    return _creative_commons(found[1], found[2], found[3] or "") if CC.fullmatch(found[1]) else None
