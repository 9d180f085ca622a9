"""How fast the nearest vectors are found, and whether the screened search finds what the exact one finds.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.search [--write]

Vectors: 20,000 centres with a falling spectrum and noise around them, 512 components; queries near a vector each. Real
embeddings may spread otherwise. One core; 3 GB of memory for the million.
"""

import argparse
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval import vectors

DIM, QUERIES, STEP = 512, 60, 100_000


def main() -> None:
    """Measure, print, and with --write keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/search.md")
    options = parser.parse_args()
    date = datetime.now(UTC).date()
    lines = [
        "# Searching vectors",
        "",
        f"`OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.search --write`, {date}, {os.cpu_count()} cores "
        f"{platform.machine()} (one used), Python {platform.python_version()}; {DIM} components,"
        f" {QUERIES} queries, the 10 nearest.",
        "",
        "| vectors | way | median ms | p95 ms | recall@10 against exact | a fifth of them kept: p95 ms | memory MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for count in (10_000, 100_000, 1_000_000):
        lines.append(row(count))
        print(lines[-1], flush=True)
    lines += ["", "Aims: p95 at most 10 ms at 100,000, 60 ms at a million, recall at least 0.99."]
    if options.write:
        target = Path(__file__).parent / "results" / "search.md"
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def row(count: int) -> str:
    """A line of the table."""
    rng = np.random.default_rng(0)
    rows = spread(rng, count)
    held = vectors.Vectors(np.arange(count), rows)
    near = rows[rng.integers(0, count, QUERIES)] + 0.04 * rng.standard_normal((QUERIES, DIM))
    asked = np.asarray(near / np.linalg.norm(near, axis=1, keepdims=True), np.float32)
    keep = rng.random(count) < 0.2
    times, kept, found = [], [], 0
    for query in asked:
        begin = time.perf_counter()
        got = held.nearest(query, 10)
        times.append(1e3 * (time.perf_counter() - begin))
        begin = time.perf_counter()
        held.nearest(query, 10, keep)
        kept.append(1e3 * (time.perf_counter() - begin))
        found += len(exact(rows, query) & {i for i, _ in got})
    way = "exact" if count <= vectors.EXACT else "1 bit, then exact"
    memory = count * DIM * (6 if count <= vectors.EXACT else 2.125) / 1e6
    p50, p95, filtered = np.median(times), np.quantile(times, 0.95), np.quantile(kept, 0.95)
    return f"| {count:,} | {way} | {p50:.1f} | {p95:.1f} | {found / 10 / QUERIES:.3f} | {filtered:.1f} | {memory:.0f} |"


def spread(rng: np.random.Generator, count: int) -> NDArray[np.float16]:
    """(count, DIM) of unit length."""
    falling = (1 + np.arange(DIM)) ** -0.35
    centres = (rng.standard_normal((20_000, DIM)) * falling).astype(np.float32)
    out = np.empty((count, DIM), np.float16)
    for begin in range(0, count, STEP):
        size = min(STEP, count - begin)
        some = centres[rng.integers(0, len(centres), size)]
        some = some + (0.7 * rng.standard_normal((size, DIM)) * falling).astype(np.float32)
        out[begin : begin + size] = some / np.linalg.norm(some, axis=1, keepdims=True)
    return out


def exact(rows: NDArray[np.float16], query: NDArray[np.float32]) -> set[int]:
    """The 10 nearest by fp32 products."""
    parts = [rows[b : b + STEP].astype(np.float32) @ query for b in range(0, len(rows), STEP)]
    return set(np.argsort(-np.concatenate(parts))[:10].tolist())


if __name__ == "__main__":
    main()
