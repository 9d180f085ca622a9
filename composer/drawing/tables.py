"""Small tables in texts: Markdown tables, values behind commas or tabs, and lists of a name and a number.

Knows how numbers are written; does not know what is made of them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from composer.article import Article, ImageSlot, TextBlock

NUMBER = re.compile(r"[-+−]?\d{1,3}(?:[ ,.’'\u202f]\d{3})+(?:[.,]\d+)?|[-+−]?\d+(?:[.,]\d+)?")
ENTRY = re.compile(r"^\s*(?:[-*+•]|\d+[.)])?\s*(?P<name>[^:：=|\t]{1,60}?)\s*[:：=]\s*(?P<value>.{1,40})$")
RULE = re.compile(r"^\s*\|?[\s:|-]*-[\s:|-]*\|?\s*$")
FEWEST, MOST = 3, 30  # rows of a chart
MOST_SERIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A row of numbers, one for each label."""

    name: str
    values: tuple[float, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Names and the numbers that belong to them."""

    heading: str  # what the names are
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    source: str = ""  # where it stands: the name of a material, or a section's title

    @property
    def words(self) -> set[str]:
        """The words it is about."""
        return words_of(" ".join([self.heading, *self.labels, *(s.name for s in self.series), self.source]))


def table_for(article: Article, slot: ImageSlot) -> Table | None:
    """The table that a slot is best made from: of its section before others, then the one with most words in common."""
    section = article.section_of(slot.id)
    own = [b.markdown for b in section.blocks if isinstance(b, TextBlock)] if section else []
    near = [t for text in own for t in tables_in(text, section.title if section else "")]
    asked = words_of(f"{slot.query} {slot.purpose} {slot.caption}")
    far = [t for m in article.brief.material for t in tables_in(m.text, m.name)]
    elsewhere = [b.markdown for b in article.blocks if isinstance(b, TextBlock) and b.markdown not in own]
    far += [t for text in elsewhere for t in tables_in(text, article.title)]
    fitting = [(len(t.words & asked) + 1.5, t) for t in near] + [(float(len(t.words & asked)), t) for t in far]
    best = max(fitting, key=lambda pair: pair[0], default=None)
    return comparable(best[1], asked) if best and best[0] >= 1 else None


def tables_in(text: str, source: str) -> list[Table]:
    """Every table in a text that a chart can be made of."""
    lines = text.splitlines()
    runs = [*_runs(lines, _cells), *_runs(lines, _entry)]
    return [table for rows in runs if (table := _table(rows, source))]


def number_in(text: str) -> tuple[float, str] | None:
    """The one number in a cell and its unit; None for none or several."""
    text = text.replace("**", "").strip()
    found = NUMBER.findall(text)
    if len(found) != 1:
        return None
    rest = re.sub(r"^(?:ca\.?|about|~|≈)\s*", "", text).replace(found[0], "", 1).strip(" ()~.")
    if len(rest) > 12 or len(rest.split()) > 2:
        return None
    return _value(found[0]), rest


def words_of(text: str) -> set[str]:
    """Words of three letters and more, in small letters; CJK characters in pairs."""
    cjk = re.findall(r"[\u3400-\u9fff]+", text)
    pairs = {run[i : i + 2] for run in cjk for i in range(len(run) - 1)}
    return {w.rstrip("s") for w in re.findall(r"[^\W\d_]{3,}", text.lower()) if w.isascii()} | pairs


def comparable(table: Table, asked: set[str]) -> Table:
    """The table with the series that is asked for first, and of the others those of its unit: one axis holds no two."""
    ranked = sorted(table.series, key=lambda s: -len(words_of(s.name) & asked))
    same = [s for s in ranked if s.unit == ranked[0].unit]
    return replace(table, series=tuple(same[:MOST_SERIES]))


def _named(head: str) -> tuple[str, str]:
    """A column's name and the unit behind it in brackets."""
    found = re.match(r"(.*?)\s*[(\[]\s*(\S{1,8})\s*[)\]]$", head)
    return (found[1], found[2]) if found else (head, "")


def _value(written: str) -> float:
    plain = written.replace("−", "-").replace(" ", "").replace("\u202f", "").replace("’", "").replace("'", "")
    marks = [c for c in plain if c in ".,"]
    if len(set(marks)) == 2:  # the last of two kinds is the decimal mark
        last = max(plain.rfind("."), plain.rfind(","))
        return float(re.sub(r"[.,]", "", plain[:last]) + "." + plain[last + 1 :])
    thousands = len(marks) > 1 or (marks == [","] and re.search(r",\d{3}$", plain) is not None)
    return float(plain.replace(",", "").replace(".", "")) if thousands else float(plain.replace(",", "."))


def _cells(line: str) -> list[str] | None:
    for mark in ("|", "\t", ";"):
        if line.count(mark) >= (2 if mark == "|" else 1):
            return [cell.strip() for cell in line.strip().strip("|").split(mark)]
    parts = [cell.strip() for cell in line.split(",")]
    return parts if 2 <= len(parts) <= 6 and all(0 < len(p) <= 40 for p in parts) else None


def _entry(line: str) -> list[str] | None:
    found = ENTRY.match(line)
    named = found and re.search(r"[^\W\d_]|^\d{4}$", found["name"])
    return [found["name"].strip(), found["value"].strip()] if found and named and number_in(found["value"]) else None


def _runs(lines: Sequence[str], read: object) -> Iterable[list[list[str]]]:
    """Neighbouring lines that are read as rows of one width; a header with other words may stand before them."""
    run: list[list[str]] = []
    for line in [*lines, ""]:
        if RULE.match(line) and run:
            continue
        cells = read(line) if line.strip() and callable(read) else None
        if cells and (not run or len(cells) == len(run[-1])):
            run.append(cells)
            continue
        if run:
            yield run
        run = [cells] if cells else []


def _table(rows: list[list[str]], source: str) -> Table | None:
    head: list[str] | None = None
    if not any(number_in(cell) for cell in rows[0][1:]) or all(not number_in(c) for c in rows[0]):
        head, rows = rows[0], rows[1:]
    if not FEWEST <= len(rows) <= MOST:
        return None
    series = []
    for column in range(1, len(rows[0])):
        found = [number_in(row[column]) for row in rows]
        if all(found):
            name, unit = _named(head[column]) if head else ("", "")
            unit = next((u for f in found if f for u in [f[1]] if u), unit)
            series.append(Series(name=name, values=tuple(f[0] for f in found if f), unit=unit))
    labels = tuple(re.sub(r"[*_`]", "", row[0]).strip() for row in rows)
    if not series or len(set(labels)) < len(labels) or not all(labels):
        return None
    return Table(heading=head[0] if head else "", labels=labels, series=tuple(series), source=source)
