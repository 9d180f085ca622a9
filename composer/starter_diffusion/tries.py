"""What more tries bring: of held-out pairs, how many have a picture that may be offered after one, two, four, eight.

The gate is asked as often as there are tries, so luck has as many chances: pictures for one prompt are held against all the
others', and what passes there is wrong. Knows the judge; draws and measures.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.starter_diffusion import command
from composer.starter_diffusion.judge import FLOORS, Log, chosen_of, judges_of, prompt, sure_of
from composer.starter_diffusion.model import load
from composer.starter_diffusion.offer import SHARE
from composer.starter_diffusion.sample import pictures

SEED = 1_000  # from one try to the next; pairs have seeds in a row


def tried(folder: Path, made: Path, home: Path, log: Log, *, pairs: int, most: int, guidance: float) -> dict[str, Any]:
    """Shares by number of tries and floor, of the model in `folder` whose training was in `made`."""
    work = command.prepared(made, home, log)
    settings = work.recipe["judging"]
    held = chosen_of(np.random.default_rng(5), work.parts.held, pairs)
    judges = judges_of(work, settings)
    model, labels = load(folder), [work.drawings[i].label for i in held]
    asked = judges.texts[[judges.labels.index(label) for label in labels]]
    found = np.full((most, len(held), len(held)), -1.0)  # of a picture of a pair (second) and a label (third)
    for attempt in range(most):
        log(f"try {attempt + 1} of {most}")
        how = settings["steps"], guidance or settings["guidance"]
        drawn = pictures(model, [prompt(work, i) for i in held], attempt * SEED, how)
        for n, image in enumerate(judges.encoder.encode_images(drawn)):
            for k, near in enumerate(asked @ image):
                if sure_of(judges, labels[k], image, float(near)) >= SHARE:
                    found[attempt, n, k] = near
    return shares(found, np.array([[a == b for b in labels] for a in labels]))


def shares(found: NDArray[np.float64], own: NDArray[np.bool_]) -> dict[str, Any]:
    """From nearness (tries, pairs, labels), -1 where the gate is shut, and which label is a pair's own (pairs, labels):
    the share of right and of wrong labels that the best of so many tries passes with."""
    table: dict[str, Any] = {}
    tries = 1
    while tries <= len(found):
        best = found[:tries].max(0)
        table[f"{tries} tries"] = {
            **{f"right {floor}": round(float((best[own] >= floor).mean()), 3) for floor in FLOORS},
            **{f"wrong {floor}": round(float((best[~own] >= floor).mean()), 3) for floor in FLOORS},
        }
        tries *= 2
    return table
