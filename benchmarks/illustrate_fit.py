"""Learns the few weights of templates/placement.toml: a logistic function for gaps, a softmax over the pool for choices.

Both are convex, regularised and deterministic, so the same posts give the same weights.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from composer.placement.features import FEATURES
from composer.placement.match import MEASURES
from composer.placement.optimum import Spacing
from composer.placement.scorer import Weights

GAP_PENALTY = 20.0  # of the squared weights of standardised features
MATCH_PENALTY = 3.0
SPACING = Spacing(cost=2.0, ends=0.3)  # chosen by hand on the development posts; see docs/quality.md
JOINT = 0.75
PIXELS = 20.0  # by hand
JUDGE = 0.3  # of an opinion that is asked for with --judge only
Floats = NDArray[np.float64]


def fit_gaps(
    features: Sequence[Floats], is_figure: Sequence[Floats], used: Sequence[int] = (), penalty: float = GAP_PENALTY
) -> tuple[Floats, float]:
    """Weights (len(FEATURES),) and bias of a logistic function, by Newton's method; `used` features, or all."""
    x, y = np.vstack(features), np.concatenate(is_figure)
    columns = list(used) or list(range(x.shape[1]))
    mean, deviation = x[:, columns].mean(0), x[:, columns].std(0) + 1e-9
    z = np.c_[(x[:, columns] - mean) / deviation, np.ones(len(x))]
    ridge = np.diag([penalty] * len(columns) + [0.0])
    b = np.zeros(z.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-z @ b))
        b += np.linalg.solve(z.T @ (z * (p * (1 - p) + 1e-6)[:, None]) + ridge, z.T @ (y - p) - ridge @ b)
    found = np.zeros(x.shape[1])
    found[columns] = b[:-1] / deviation
    return found, float(b[-1] - (b[:-1] * mean / deviation).sum())


def fit_matches(
    tables: Sequence[Floats], right: Sequence[int], used: Sequence[int] = (), penalty: float = MATCH_PENALTY
) -> Floats:
    """Weights (len(MEASURES),) that make the right picture of each table (pictures, measures) the likeliest."""
    from scipy.optimize import minimize

    x = np.stack(tables)
    columns = list(used) or list(range(x.shape[2]))
    deviation = x[:, :, columns].std((0, 1)) + 1e-9
    z, rows = x[:, :, columns] / deviation, np.arange(len(x))
    target = np.array(right)

    def loss(w: Floats) -> tuple[float, Floats]:
        scores = z @ w
        p = np.exp(scores - scores.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        missing = np.einsum("ij,ijk->k", p, z) - z[rows, target].sum(0)
        worth = -np.log(p[rows, target] + 1e-12).sum() + penalty / 2 * float(w @ w)
        return float(worth), missing + penalty * w

    found = np.zeros(x.shape[2])
    found[columns] = minimize(loss, np.ones(len(columns)), jac=True, method="L-BFGS-B").x / deviation
    return found


def as_weights(gap: tuple[Floats, float], match: Floats, fitted_on: Sequence[str]) -> Weights:
    """The learned numbers under their names."""
    return Weights(
        gap=dict(zip(FEATURES, gap[0].tolist(), strict=True)),
        bias=gap[1],
        spacing=SPACING,
        match=dict(zip(MEASURES, match.tolist(), strict=True)),
        joint=JOINT,
        pixels=PIXELS,
        judge=JUDGE,
        fitted_on=tuple(fitted_on),
    )


def as_toml(weights: Weights, old: str) -> str:
    """The data file with these numbers; the words, which are chosen by hand, stay as they stand in `old`."""
    comment, words = old[: old.index("bias =")], old[old.index("[words.en]") :]
    lines = [
        f"bias = {weights.bias:.3f}",
        f"joint = {weights.joint}",
        f"pixels = {weights.pixels}",
        f"judge = {weights.judge}",
        "fitted_on = [",
        *(f'  "{post}",' for post in weights.fitted_on),
        "]",
        "\n[spacing]",
        f"cost = {weights.spacing.cost}",
        f"ends = {weights.spacing.ends}",
        "\n[gap]",
        *(f"{name} = {value:.3f}" for name, value in weights.gap.items()),
        "\n[match]",
        *(f"{name} = {value:.3f}" for name, value in weights.match.items()),
    ]
    return comment + "\n".join(lines) + "\n\n" + words
