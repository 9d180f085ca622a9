"""How good a model is: recall of pictures by their labels and labels by their pictures, on what it never saw.

A query is a label. Its right pictures are all of that label. R@k is the share of queries with a right answer among the
first k; MRR the mean of 1 / the first right one's rank.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoder import unit_rows
from retrieval.training import augment
from retrieval.training.holdout import Split
from retrieval.training.loop import Data
from retrieval.training.sets import Drawing
from retrieval.words import match_expression

Floats = NDArray[np.float32]


def text_vectors(clip: Any, folder: Path, texts: Sequence[str]) -> Any:  # noqa: ANN401
    """(texts, width) of the text encoder, mean pooled, before the projection."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    encoder = clip.text.transformer.eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    rows = torch.zeros(len(texts), encoder.config.hidden_size)
    with torch.inference_mode():
        for begin in range(0, len(order), 256):
            chosen = order[begin : begin + 256]
            batch = tokenizer(
                [texts[i] for i in chosen], padding=True, truncation=True, max_length=64, return_tensors="pt"
            )
            mask = batch["attention_mask"]
            hidden = encoder(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state
            rows[chosen] = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    return torch.nn.functional.normalize(rows, dim=1).clone()


def image_vectors(clip: Any, pixels: NDArray[np.uint8], rows: Sequence[int], px: int) -> Floats:  # noqa: ANN401
    """(rows, dim) of unit length."""
    import torch

    found = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for begin in range(0, len(rows), 256):
            images = augment.plain(pixels[list(rows[begin : begin + 256])], px)
            found.append(clip.visual((images - 0.5) / 0.5).float().numpy())
    return unit_rows(np.concatenate(found))


def judge(clip: Any, data: Data, parts: Split, px: int) -> dict[str, Any]:  # noqa: ANN401
    """The report: held-out labels, those apart from all known words, the unseen style, and each source."""
    core = {data.drawings[i].source for i in parts.test}
    known = [i for i in parts.train if data.drawings[i].source in core]
    rows = sorted({*parts.test, *parts.dev, *parts.style, *known})
    images = dict(zip(rows, image_vectors(clip, data.pixels, rows, px), strict=True))
    labels = sorted({data.drawings[i].label for i in rows})
    texts = _projected(clip, data, labels)
    held = [data.drawings[i] for i in parts.test]
    choices = {
        "test": parts.test,
        "dev": parts.dev,
        "style": parts.style,
        "apart": [i for i in parts.test if data.drawings[i].label in parts.apart],
        **{
            f"test {s}": [i for i in parts.test if data.drawings[i].source == s]
            for s in sorted({d.source for d in held})
        },
    }
    report = {
        name: scores(np.stack([images[i] for i in chosen]), [data.drawings[i] for i in chosen], texts)
        for name, chosen in choices.items()
        if chosen
    }
    report["test among all"] = scores(
        np.stack([images[i] for i in (*parts.test, *known)]),
        [data.drawings[i] for i in (*parts.test, *known)],
        texts,
        asked=frozenset(data.drawings[i].label for i in parts.test),
    )
    report["by tags"] = by_tags(clip, data, parts.test, images)
    return report


def by_tags(clip: Any, data: Data, chosen: Sequence[int], images: dict[int, Floats]) -> dict[str, Any]:  # noqa: ANN401
    """R@1, 5, 10 of held-out pictures asked for by their tags: by words and by meaning of their labels, by pixels, by chance.

    A label asked for by itself would find its own caption, so what captions are worth is measured with tags.
    """
    held = [i for i in chosen if data.drawings[i].tags]
    labels = [data.drawings[i].label for i in held]
    asked = {data.drawings[i].label: data.drawings[i].tags for i in held}
    queries = sorted(asked)
    right = np.array(labels)[None, :] == np.array(queries)[:, None]
    tags = np.stack([data.vectors[[data.texts[t] for t in asked[q]]].numpy().mean(0) for q in queries])
    meant = unit_rows(tags) @ data.vectors[[data.texts[label] for label in labels]].numpy().T
    import torch

    with torch.inference_mode():
        projected = unit_rows(clip.text.proj(torch.from_numpy(unit_rows(tags))).float().numpy())
    pixels = projected @ np.stack([images[i] for i in held]).T
    words = _bm25([asked[q] for q in queries], labels)
    chance = np.random.default_rng(0).random(right.shape).astype(np.float32)
    ways = {"words": words, "meaning": meant, "pixels": pixels, "chance": chance}
    ranks = {name: _first_right(table, right) for name, table in ways.items()}
    found = {n: {f"R@{k}": round(float((r < k).mean()), 4) for k in (1, 5, 10)} for n, r in ranks.items()}
    return {"pictures": len(held), "labels": len(queries), **found}


def _bm25(queries: Sequence[Sequence[str]], texts: Sequence[str]) -> Floats:
    """(queries, texts): how well the words fit, by SQLite's bm25 with stemming, as the library does it."""
    table = np.full((len(queries), len(texts)), -1e9, np.float32)
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'porter unicode61')")
    db.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", enumerate(texts))
    for row, tags in enumerate(queries):
        expression = match_expression(" ".join(tags))
        for at, score in db.execute("SELECT rowid, bm25(words) FROM words WHERE words MATCH ?", (expression,)):
            table[row, at] = -score
    return table


def scores(
    images: Floats, drawings: Sequence[Drawing], texts: dict[str, Floats], asked: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """R@1, 5, 10 both ways and MRR among these pictures and their labels; with `asked` of these labels only."""
    labels = sorted({d.label for d in drawings})
    truth = np.array([labels.index(d.label) for d in drawings])
    table = np.stack([texts[label] for label in labels]) @ images.T  # (labels, pictures)
    to_image = _first_right(table, truth[None, :] == np.arange(len(labels))[:, None])
    to_text = _first_right(table.T, truth[:, None] == np.arange(len(labels))[None, :])
    if asked:
        to_image = to_image[[label in asked for label in labels]]
        to_text = to_text[[d.label in asked for d in drawings]]
    return {
        "pictures": len(drawings),
        "labels": len(to_image),
        "text_to_image": {f"R@{k}": round(float((to_image < k).mean()), 4) for k in (1, 5, 10)},
        "image_to_text": {f"R@{k}": round(float((to_text < k).mean()), 4) for k in (1, 5, 10)},
        "MRR": round(float((1 / (to_image + 1)).mean()), 4),
    }


def _first_right(table: Floats, right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The rank, from 0, of each row's first right column; equal scores count against it."""
    best = np.where(right, table, -np.inf).max(1, keepdims=True)
    return np.asarray(((table >= best) & ~right).sum(1))


def _projected(clip: Any, data: Data, labels: Sequence[str]) -> dict[str, Floats]:  # noqa: ANN401
    import torch

    with torch.inference_mode():
        rows = clip.text.proj(data.vectors[[data.texts[label] for label in labels]]).float().numpy()
    return dict(zip(labels, unit_rows(rows), strict=True))
