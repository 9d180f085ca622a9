"""The starter generator: seconds and memory a picture, one by one and in batches, beside the numbers of its judge.

    python -m composer.starter_diffusion judge --data FOLDER      # once; FOLDER is that of a training
    python -m benchmarks.starter_diffusion [--write]

The judge's report lies beside the model; this only measures time and memory and writes both down.
"""

import argparse
import json
import os
import resource
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from composer.starter_diffusion import data
from composer.starter_diffusion.model import load
from composer.starter_diffusion.sample import pictures

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "assets" / "models" / "starter-diffusion"
RESULTS = Path(__file__).parent / "results" / "starter_diffusion.md"
COLUMNS = ("pictures", "score", "R@1", "R@5", "R@10", "style", "distance", "passes 0.95", "offered 0.2", "offered 0.3")


def main() -> None:
    """Measure, print, and with --write keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    text = "\n".join([*head(), *times(), *judged(json.loads((MODEL / "report.json").read_text(encoding="utf-8"))), ""])
    print(text)
    if options.write:
        RESULTS.write_text(text, encoding="utf-8")


def head() -> list[str]:
    """What was measured, where and when."""
    load_now = os.getloadavg()[0]
    return [
        "# The starter generator measured",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPU cores, load average {load_now:.1f} (of this program and others).",
        "",
    ]


def times() -> list[str]:
    """Seconds a picture of 512 px: time on the clock, and of the processors, which others' work disturbs less."""
    settings = data.table()["judging"]
    began = time.perf_counter()
    pipe = load(MODEL)
    lines = [
        f"Loading: {time.perf_counter() - began:.1f} s.",
        "",
        "| pictures at once | s a picture | CPU s a picture |",
        "|---|---|---|",
    ]
    for count in (1, 4):
        began, used = time.perf_counter(), time.process_time()
        pictures(pipe, ["red apple, flat emoji"] * count, 0, (settings["steps"], settings["guidance"]))
        clock, cpu = (time.perf_counter() - began) / count, (time.process_time() - used) / count
        lines.append(f"| {count} | {clock:.1f} | {cpu:.1f} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return [
        *lines,
        "",
        f"{settings['steps']} steps, guidance {settings['guidance']}; peak memory {peak:.1f} GB with torch.",
        "",
    ]


def judged(report: dict[str, Any]) -> list[str]:
    """The judge's table."""
    lines = ["| | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, row in report.items():
        if "pictures" in row:
            lines.append(f"| {name} | " + " | ".join(str(row.get(column, "")) for column in COLUMNS) + " |")
    lines += ["", "Distance to the nearest training picture of the style (mean squared, 32 px):", ""]
    return lines + [f"- {name}: {value}" for name, value in report["memorising"].items()]


if __name__ == "__main__":
    main()
