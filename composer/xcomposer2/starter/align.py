"""First the projector alone: a picture's tokens are drawn to the embeddings of the words that name it.

The language model is not run, so this takes minutes. Words without pictures join in, by their vectors in the space that
the image-text model has for both (as Li et al. 2023 did, DeCap, arXiv 2303.03032): so concepts that no drawing shows have
their place, too. No text that names a held-out label is among them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from composer.xcomposer2.starter.pictures import Pictures
from composer.xcomposer2.starter.tasks import Floats, Pool
from composer.xcomposer2.tokens import Tokens

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the projector learns from."""

    pictures: Pictures
    pool: Pool
    texts: Sequence[str]  # labels, tags and words
    vectors: Mapping[str, Floats]
    tokens: Tokens
    embeddings: Tensor  # (vocabulary, hidden) float32, of the language model
    shape: tuple[int, int]  # length of a joint vector, cells along a side


def align(projector: nn.Module, known: Known, recipe: Mapping[str, Any], folder: Path, log: Log) -> None:
    """Trains the projector in place, once: what came of it is kept in `folder`."""
    path = folder / "aligned.safetensors"
    if path.is_file():
        projector.load_state_dict(load_file(path))
        return
    own = recipe["align"]
    table, ids_of = vocabulary(known)
    goal = functional.normalize(known.embeddings[table], dim=1)  # (words, hidden)
    length = float(known.embeddings[table].norm(dim=1).mean())
    scale = nn.Parameter(torch.tensor(20.0))
    optimizer = torch.optim.AdamW([*projector.parameters(), scale], lr=own["lr"], weight_decay=0.01)
    shift = _shift(known)
    total = 0.0
    for step in range(own["steps"]):
        draws = np.random.default_rng([recipe["training"]["seed"], 7, step])
        tokens, wanted = _batch(known, ids_of, recipe, draws, shift)
        with torch.autocast("cpu", torch.bfloat16):
            made = projector(tokens).float()  # (rows, hidden)
            logits = scale * functional.normalize(made, dim=1) @ goal.T
        rows, columns, mass = wanted
        chances = functional.log_softmax(logits.float(), 1)
        loss = -(chances[rows, columns] * mass).sum() / len(made)
        size = (made.norm(dim=1) / length - 1).square().mean()
        for group in optimizer.param_groups:
            group["lr"] = own["lr"] * min(1.0, (step + 1) / 20, (own["steps"] - step) / (own["steps"] * 0.5))
        optimizer.zero_grad()
        (loss + size).backward()
        optimizer.step()
        total += float(loss.detach())
        if step % 50 == 49:
            log(f"align {step + 1} of {own['steps']}: {total / 50:.3f}, size {float(size.detach()):.3f}")
            total = 0.0
    save_file({name: value.detach().clone() for name, value in projector.state_dict().items()}, path)


def vocabulary(known: Known) -> tuple[Tensor, dict[str, list[int]]]:
    """The language model's tokens that the texts have, and each text's as places among them."""
    ids = {text: known.tokens.encode_plain(f" {text}") for text in known.texts}
    table = sorted({n for some in ids.values() for n in some})
    place = {n: at for at, n in enumerate(table)}
    return torch.tensor(table), {text: [place[n] for n in some] for text, some in ids.items()}


def _shift(known: Known) -> Floats:
    """What lies between the middle of all pictures' vectors and that of their labels' (Liang et al. 2022, arXiv
    2203.02053): words are moved by it, so that they look like pictures."""
    rows = known.pool.rows[:: max(1, len(known.pool.rows) // 4000)]
    images = np.asarray(known.pictures.features[rows, 0, : known.shape[0]], np.float32) / known.shape[0] ** 0.5
    labels = np.stack([known.vectors[known.pictures.seen[row].label] for row in rows])
    return np.asarray(images.mean(0) - labels.mean(0))


def _batch(
    known: Known, ids_of: Mapping[str, list[int]], recipe: Mapping[str, Any], draws: np.random.Generator, shift: Floats
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """Tokens (rows, joint + channels), and where each row's mass is: rows, places in the table, shares."""
    own, (joint, cells) = recipe["align"], known.shape
    words = int(own["batch"] * own["words"])
    rows = [known.pool.one(draws, recipe["training"]["icons"]) for _ in range(own["batch"] - words)]
    variants = draws.integers(recipe["pictures"]["variants"], size=len(rows))
    seen = known.pictures.tokens(rows, [int(v) for v in variants], joint, cells)  # (rows, tokens, c)
    texts = [str(t) for t in draws.choice(np.asarray(known.texts), words)]
    moved = np.stack([known.vectors[t] for t in texts]) + shift
    moved = moved + draws.normal(0, own["noise"], moved.shape)
    moved *= joint**0.5 / np.linalg.norm(moved, axis=1, keepdims=True)
    told = functional.pad(torch.from_numpy(moved.astype(np.float32)), (0, seen.shape[2] - joint))
    which = torch.from_numpy(draws.integers(1, seen.shape[1], size=len(rows)))
    tokens = torch.cat([seen[:, 0], seen[torch.arange(len(rows)), which], told])
    shares = [_shares(known.pictures.seen[row], own["tags"]) for row in rows]
    return tokens, _mass([*shares, *shares, *({t: 1.0} for t in texts)], ids_of)


def _shares(seen: Any, tags: float) -> dict[str, float]:  # noqa: ANN401 - Seen
    some = seen.tags[:4]
    return {seen.label: 1.0 - (tags if some else 0.0), **{t: tags / len(some) for t in some}}


def _mass(shares: Sequence[Mapping[str, float]], ids_of: Mapping[str, list[int]]) -> tuple[Tensor, Tensor, Tensor]:
    triples = [
        (row, place, share / len(ids_of[text]))
        for row, own in enumerate(shares)
        for text, share in own.items()
        if text in ids_of
        for place in ids_of[text]
    ]
    rows, places, mass = zip(*triples, strict=True)
    return torch.tensor(rows), torch.tensor(places), torch.tensor(mass)
