"""Labels, tags and common words as vectors of the space that pictures and texts share: made once, kept on disk."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from composer.xcomposer2.starter.pictures import Pictures, tells
from composer.xcomposer2.tokens import Tokens
from retrieval.training.holdout import Words

Floats = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Floats]
WORD = re.compile(r" [a-z]{3,}")


def vectors_of(texts: Iterable[str], encode: Encode, folder: Path) -> dict[str, Floats]:
    """(dim,) of each text, of unit length."""
    wanted = sorted(set(texts))
    path = folder / "texts"
    names, table = path.with_suffix(".json"), path.with_suffix(".npy")
    if not names.is_file() or json.loads(names.read_text(encoding="utf-8")) != wanted:
        with table.open("wb") as file:
            np.save(file, encode(wanted).astype(np.float16))
        names.write_text(json.dumps(wanted), encoding="utf-8")
    return dict(zip(wanted, np.load(table).astype(np.float32), strict=True))


def encoder_of(folder: Path) -> Encode:
    """The text tower of an open_clip folder such as assets/models/starter-clip; short texts are not padded to its context."""
    import torch
    from safetensors.torch import load_file

    from retrieval.encoder import unit_rows
    from retrieval.training import judge, model

    clip = model.build(folder)
    clip.load_state_dict(
        {n: v.float() for n, v in load_file(folder / "open_clip_model.safetensors").items()}, strict=False
    )
    clip.eval()

    def encode(texts: Sequence[str]) -> Floats:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            rows = judge.text_vectors(clip, folder, texts)
        with torch.inference_mode():
            return unit_rows(clip.text.proj(rows).float().numpy())

    return encode


def trained_texts(pictures: Pictures, held: frozenset[Words]) -> list[str]:
    """Labels and tags of the pictures that are trained on; none names a held-out label."""
    found = {t for row in pictures.train for t in (pictures.seen[row].label, *pictures.seen[row].tags)}
    return sorted(t for t in found if not tells(t, held))


def common_words(tokens: Tokens, held: frozenset[Words]) -> list[str]:
    """The words that are one token of the language model; none is a held-out label."""
    texts = (tokens.decode([n]) for n in range(tokens.size))
    return sorted({t.strip() for t in texts if WORD.fullmatch(t) and not tells(t.strip(), held)})
