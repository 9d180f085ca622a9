"""A small pack of cut-out drawings, each of one colour, and an encoder that knows which words mean the same."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from composer.arranging.cutouts import Cutout, Cutouts
from retrieval.packs import VERSION, PackedPicture, pack, pictures_of
from retrieval.picture import Attribution

DRAWINGS = {  # caption: keywords, Chinese names, colour
    "red apple": (("fruit",), "红苹果, 苹果", "#c01010"),
    "green apple": (("fruit",), "青苹果", "#10c010"),
    "bicycle": (("bike",), "自行车", "#1010c0"),
    "books": (("library", "reading"), "书, 图书", "#c0c010"),
    "open book": (("reading",), "打开的书", "#c010c0"),
    "deciduous tree": (("oak",), "落叶树, 树", "#108010"),
    "Christmas tree": (("december",), "圣诞树", "#105010"),
    "house": (("home",), "房子", "#804010"),
    "sun": (("weather",), "太阳", "#f0e010"),
    "hot beverage": (("coffee", "tea", "cup"), "热饮, 咖啡", "#603010"),
    "plunger": (("cup",), "", "#ff8080"),
    "ship": (("boat",), "船, 轮船", "#404080"),
    "grinning face": (("smile", "happy"), "笑脸", "#ffff00"),
}
ALIKE = [
    ("coffee", "hot beverage"),
    ("bike", "bicycle"),
    ("home", "house"),
    ("apple", "red apple"),
    ("tree", "Christmas tree"),
]


class Synonyms:
    """An encoder for which texts in one row of ALIKE are the same, and all others have nothing in common."""

    name, dim = "synonyms", 64

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            same = next((n for n, pair in enumerate(ALIKE) if text in pair), None)
            row[sum(map(ord, text)) % 48 + 16 if same is None else same] = 1
        return rows

    def encode_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        raise NotImplementedError


def pack_in(folder: Path, name: str = "openmoji") -> Path:
    """Write the drawings as a ready pack; the folder of packs."""
    (folder / name).mkdir(parents=True)
    lines = []
    for number, (caption, (keywords, chinese, colour)) in enumerate(DRAWINGS.items()):
        image = Image.new("RGBA", (120, 90 if number % 2 else 150))
        ImageDraw.Draw(image).rectangle((10, 10, 109, image.height - 11), fill=colour)
        image.save(folder / name / f"{number}.png")
        whole = pack(name)
        credit = Attribution(
            title=caption, author=whole.author, source=whole.title, licence=whole.licence, licence_url=whole.licence_url
        )
        one = PackedPicture(
            file=f"{number}.png", caption=caption, keywords=keywords, captions={"zh": chinese}, attribution=credit
        )
        lines.append(json.dumps(asdict(one), ensure_ascii=False))
    (folder / name / "pictures.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / name / "ready").write_text(f"{VERSION} {len(lines)}")
    return folder


def cutouts_in(folder: Path, *, meaning: bool = True) -> Cutouts:
    """The pack's drawings, with or without an encoder."""
    return Cutouts(
        (
            Cutout(path=path, caption=one.caption, keywords=one.keywords, names=tuple(one.captions.values()))
            for one, path in pictures_of("openmoji", folder)
        ),
        Synonyms() if meaning else None,
    )
