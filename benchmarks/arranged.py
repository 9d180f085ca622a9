"""How many picture slots the library leaves open, and how many of these an arrangement of drawings fills.

    python -m benchmarks.arranged [--preset starter] [--only PATTERN ...] [--out DIR] [--write]

The model plans each brief of benchmarks/briefs/ with pictures; plans are kept in DIR and not made twice. A sheet of all
arranged pictures is written there, for people to say which show what was asked: no program can.
"""

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, ImageDraw

from benchmarks.text_quality import briefs_like, made
from composer.article import Brief
from composer.backends.arranged import ArrangedGenerator
from composer.drawing.request import Drawing, Drawn
from composer.engines import Engines
from composer.plan import plan
from composer.settings import load_settings
from retrieval.home import home

RESULT = Path(__file__).parent / "results" / "arranged.md"
PICTURES = 4  # asked of each brief
SIZE = (640, 480)
ACROSS = 5  # pictures in a row of the sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What became of a planned picture."""

    brief: str
    query: str
    found: str  # caption of the library's picture; "" where none is sure enough
    drawn: Drawn | None  # the arrangement; None where no drawing shows any of it


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--preset", default="", metavar="NAME")
    parser.add_argument("--only", nargs="+", default=["*"], metavar="PATTERN", help="which briefs, such as en-*")
    parser.add_argument("--out", type=Path, default=Path("data/arranged"), metavar="DIR", help="where plans are kept")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/arranged.md")
    options = parser.parse_args(arguments)
    engines = Engines(load_settings(options.preset), warn=print)
    options.out.mkdir(parents=True, exist_ok=True)
    briefs = briefs_like(options.only)
    queries = [(name, query) for name, brief in briefs.items() for query in planned(engines, name, brief, options.out)]
    slots = filled(engines, queries)
    text = "\n".join(report(slots))
    print(text)
    sheet([s for s in slots if not s.found and s.drawn], options.out / "sheet.png")
    if options.write:
        RESULT.write_text(text + "\n", encoding="utf-8")


def planned(engines: Engines, name: str, brief: Brief, folder: Path) -> list[str]:
    """The queries of the pictures that the model plans for a brief, planned now or before."""
    path = folder / f"{name}.json"
    if not path.exists():
        article = made(engines, replace(brief, images=PICTURES), plan)
        path.write_text(json.dumps([s.query for s in article.slots()], ensure_ascii=False), encoding="utf-8")
    return list(json.loads(path.read_text(encoding="utf-8")))


def filled(engines: Engines, queries: Sequence[tuple[str, str]]) -> list[Slot]:
    """What the library finds for each query, and what is arranged for it."""
    source, least = engines.library_source(), engines.settings.min_relevance
    generator = ArrangedGenerator("openmoji", home() / "packs", engines.sentences)
    drawings = [Drawing(prompt=q, width=SIZE[0], height=SIZE[1], seed=n) for n, (_, q) in enumerate(queries)]
    drawn = {said.number: said for said in generator.draw_all(drawings) if isinstance(said, Drawn)}
    slots = []
    for number, (brief, query) in enumerate(queries):
        best = next((c for c in source.find(query, 1) if c.relevance >= least), None)
        slots.append(
            Slot(brief=brief, query=query, found=best.picture.caption if best else "", drawn=drawn.get(number))
        )
    return slots


def report(slots: Sequence[Slot]) -> list[str]:
    """The counts, and every slot that the library leaves open."""
    open_ = [s for s in slots if not s.found]
    offered = [s for s in open_ if s.drawn and not s.drawn.doubt]
    asked = [s for s in open_ if s.drawn]
    lines = [
        "# Slots that the library leaves open, and arrangements",
        "",
        f"`python -m benchmarks.arranged --write`, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores "
        f"{platform.machine()}; {len({s.brief for s in slots})} briefs, {len(slots)} planned pictures.",
        "",
        "| what becomes of a planned picture | number |",
        "| --- | --- |",
        f"| found in the packs | {len(slots) - len(open_)} |",
        f"| open, and arranged unasked | {len(offered)} |",
        f"| open, and arranged when a person asks | {len(asked) - len(offered)} |",
        f"| open, and nothing of it can be shown | {len(open_) - len(asked)} |",
        "",
        "| brief | query | arranged of | why it is not offered unasked |",
        "| --- | --- | --- | --- |",
    ]
    for slot in open_:
        parts = "; ".join(slot.drawn.parts) if slot.drawn else ""
        lines.append(f"| {slot.brief} | {slot.query} | {parts} | {slot.drawn.doubt if slot.drawn else ''} |")
    return lines


def sheet(slots: Sequence[Slot], path: Path) -> None:
    """All arranged pictures with their queries, those that are not offered unasked marked."""
    cell, line = (SIZE[0] // 2, SIZE[1] // 2), 34
    rows = -(-len(slots) // ACROSS)
    made = Image.new("RGB", (ACROSS * cell[0], max(1, rows) * (cell[1] + line)), "white")
    pen = ImageDraw.Draw(made)
    for number, slot in enumerate(slots):
        at = number % ACROSS * cell[0], number // ACROSS * (cell[1] + line)
        if slot.drawn:
            made.paste(slot.drawn.image.resize(cell), at)
            mark = "(when asked) " if slot.drawn.doubt else ""
            words = f"{mark}{slot.query}".encode("ascii", "replace").decode()
            pen.text((at[0] + 4, at[1] + cell[1] + 3), f"{words[:52]}\n{words[52:104]}", fill="black")
    made.save(path)


if __name__ == "__main__":
    main()
