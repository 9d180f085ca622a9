"""The command `draw`: pictures drawn for an article that is there, as its author wants them, without a browser.

Knows files, options and whom to ask for what; how pictures are drawn, judged and marked is `composer.drawing`'s.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from composer import compose as composing
from composer.article import Article, ImageSlot, Way
from composer.describe import describe
from composer.drawing.alike import alike
from composer.drawing.ask import asked, look_of
from composer.drawing.stage import NO_GENERATOR, draw_open, draw_wanted
from composer.edits import FillBy, SetStyle
from composer.engines import Engines
from composer.errors import SetupError, UsageError
from composer.events import Failed, Stage, StageStarted
from composer.export import ExportOptions, bundle, write_bundle
from composer.printing import Follower, TextPrinter
from composer.settings import load_settings
from composer.store import ArticleLog, reopen
from composer.toolkit import Toolkit

MOST = 8  # pictures of a slot


def add_draw(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("folder", type=Path, help="the folder of an article")
    parser.add_argument(
        "--only", nargs="+", action="extend", default=[], metavar="WORDS", help="slots whose query has these words"
    )
    parser.add_argument("--style", default="", metavar="WORDS", help="the look of all drawn pictures of the article")
    parser.add_argument("--tries", type=int, default=1, metavar="N", help="draw each slot of --only up to N times")
    parser.add_argument("--preset", default="", metavar="NAME", help="engines; see the command settings")
    parser.add_argument("--self-contained", action="store_true", help="article.html carries its pictures inside")
    parser.set_defaults(run=draw)


def draw(options: argparse.Namespace) -> int:
    """`draw`: 0 when all was tried, with however many pictures. Raises UsageError, SetupError."""
    settings = load_settings(options.preset)
    if not (options.folder / "events.jsonl").is_file():
        raise UsageError(f"There is no article in {options.folder}. Write one with the command compose.")
    if not 1 <= options.tries <= MOST:
        raise UsageError(f"--tries takes 1 to {MOST}; {options.tries} was given.")
    log = reopen(options.folder)
    engines = Engines(settings, warn=_say)
    if engines.generator is None:
        raise SetupError(NO_GENERATOR)
    slots = decide(log, options.only, options.style)
    driver, follower = composing.Driver(log), Follower(log, TextPrinter())
    stage = drawn(engines.toolkit(log), log.article, slots, tries=options.tries if options.only else 1)
    ok = driver.run(stage, follower.hear)
    follower.hear(None)
    log.snapshot()
    wanted = ExportOptions.of(settings, self_contained=options.self_contained)
    write_bundle(bundle(log.article, log.pictures.read, options=wanted), log.folder)
    if not ok:
        _say(f"error: {[r.event.message for r in log.since(0) if isinstance(r.event, Failed)][-1]}")
        return 1
    _tell(log.article, slots)
    return 0


def decide(log: ArticleLog, only: Sequence[str], style: str) -> list[str]:
    """Write down what the author wants: the look, and that these slots are to be drawn. Their ids; without `only` those
    of all slots, which are drawn where they are open or meant to be. Raises UsageError where nothing has the words."""
    chosen = list[ImageSlot]()
    for words in only:
        found = [s for s in log.article.slots() if words.lower() in s.query.lower()]
        if not found:
            queries = ", ".join(f"“{s.query}”" for s in log.article.slots()) or "no pictures"
            raise UsageError(f"No picture's query has the words “{words}”. The article has {queries}.")
        chosen += [s for s in found if s not in chosen]
    sheet = [line for line in log.article.style.splitlines() if "=" in line]  # of the entities, which stay
    if style and (said := "\n".join([style, *sheet])) != log.article.style:
        log.commit(SetStyle(style=said), by="person")
    for slot in chosen:
        if (slot.way, slot.way_by) != (Way.DRAWN, "person"):
            log.commit(FillBy(id=slot.id, way=Way.DRAWN), by="person")
    return [s.id for s in chosen] or [s.id for s in log.article.slots()]


def drawn(toolkit: Toolkit, article: Article, only: Sequence[str], *, tries: int) -> Stage:
    """Draw, with other seeds for what nobody could recognise, and word what was chosen. All are judged: nobody looks."""
    yield StageStarted(stage="draw", detail=f"{len(only)} slots")
    before = {s.id: s.chosen for s in article.slots()}
    article = yield from draw_open(toolkit, article, only)
    for attempt in range(1, tries):
        left = [s for s in article.slots() if s.id in only and _is_undrawn(s)]
        if not left:
            break
        article = yield from _anew(toolkit, article, left, attempt)
    changed = [s.id for s in article.slots() if s.chosen and s.chosen != before.get(s.id)]
    return (yield from describe(toolkit, article, changed)) if changed else article


def _anew(toolkit: Toolkit, article: Article, slots: Sequence[ImageSlot], attempt: int) -> Stage:
    """The same slots with seeds of their own for this attempt."""
    if toolkit.generator is None:
        raise SetupError(NO_GENERATOR)
    look, able, px = look_of(article, toolkit.pictures), toolkit.generator.abilities, toolkit.settings.picture_px
    wanted = [asked(article, slot, look, able, px=px) for slot in slots]
    wanted = [replace(w, drawing=replace(w.drawing, seed=w.drawing.seed + 1000 * attempt)) for w in wanted]
    return (yield from draw_wanted(toolkit, article, alike(toolkit, article, wanted)))


def _is_undrawn(slot: ImageSlot) -> bool:
    return not slot.locked and slot.author == "model" and not any(c.picture.recipe for c in slot.candidates)


def _tell(article: Article, only: Sequence[str]) -> None:
    for slot in article.slots():
        if slot.id in only:
            made = sum(c.picture.recipe is not None for c in slot.candidates)
            shown = (
                "nothing" if slot.picture is None else "a drawn picture" if slot.picture.recipe else "a found picture"
            )
            _say(f"{slot.query}: {made} drawn, {len(slot.candidates) - made} found; {shown} is chosen")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
