"""A chart from a small table: for a slot that shows numbers. No model draws it, so that no number is invented.

Knows tables and matplotlib, which is imported when the first chart is drawn; does not know how slots are chosen.
"""

import io
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from composer.article import Article, ImageSlot
from composer.drawing.tables import Series, Table, table_for
from composer.edits import DescribeImage, taking
from composer.errors import SetupError, UsageError
from composer.events import Stage
from composer.export.containers import bare
from composer.markdown import CJK
from composer.prompts import TEMPLATES
from composer.toolkit import Toolkit
from retrieval.images import as_picture
from retrieval.picture import Attribution, Candidate

INCHES, DOTS = (8.0, 5.0), 200  # 1600 x 1000 px
COLOURS = ("#2f6f9f", "#d9822b", "#5a8f4e", "#8b5a8c")
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "SimHei",
)
FEW = 4  # points of a line
LONG_NAME, MANY = 9, 8  # letters of a name, and names, from which bars lie


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawn chart with its words."""

    png: bytes
    title: str
    alt: str
    caption: str


def chart_stage(toolkit: Toolkit, article: Article, slot: ImageSlot) -> Stage:
    """Fill a slot with a chart of the table that it is about. Raises UsageError where there is none."""
    table = table_for(article, slot)
    if table is None:
        raise UsageError("No small table was found in the text or the material that this chart could be made from.")
    made = chart(table, slot.caption or slot.query, article.brief.language)
    credit = Attribution(title=made.title, source=table.source, licence="yours")
    picture, data = as_picture(made.png, caption=made.title, attribution=credit)
    if toolkit.pictures:
        toolkit.pictures.put(picture.digest, picture.media_type, data)
    candidate = Candidate(picture=picture, source="chart", score=1.0, relevance=1.0)
    for edit in taking(slot, candidate):
        article = yield edit
    return (yield DescribeImage(id=slot.id, caption=made.caption, alt=made.alt))


def chart(table: Table, title: str, language: str) -> Chart:
    """The chart of a table with alt text and a caption that names the source. Raises SetupError without matplotlib, and
    where no font has the letters."""
    words = _words(language)
    kind = "line" if is_course(table) else "bar"
    series = ", ".join(filter(None, (s.name for s in table.series))) or title
    what = words["what"].format(series=series, heading=table.heading) if table.heading else series
    first = table.series[0]
    ranked = sorted(zip(first.values, table.labels, strict=True))
    told = {
        "kind": words[kind],
        "what": what,
        "count": sum(len(s.values) for s in table.series),
        "high": f"{ranked[-1][1]} ({written(ranked[-1][0], first.unit)})",
        "low": f"{ranked[0][1]} ({written(ranked[0][0], first.unit)})",
        "first": f"{table.labels[0]} ({written(first.values[0], first.unit)})",
        "last": f"{table.labels[-1]} ({written(first.values[-1], first.unit)})",
    }
    source = words["source"].format(source=table.source) if table.source else ""
    caption = f"{title.rstrip('.。')}. {source}".strip() if not CJK.search(title) else f"{title.rstrip('。')}。{source}"
    alt = words["trend" if kind == "line" else "alt"].format(**told)
    return Chart(png=_drawn(table, kind), title=title, alt=alt, caption=caption)


def is_course(table: Table) -> bool:
    """Whether the names are years or other rising numbers: then a line shows the course."""
    if len(table.labels) < FEW or not all(re.fullmatch(r"\d{1,4}", label) for label in table.labels):
        return False
    numbers = [int(label) for label in table.labels]
    return numbers == sorted(numbers)


def written(value: float, unit: str) -> str:
    """A number as people write it, with its unit."""
    plain = f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"
    return f"{plain}{'' if unit in ('', '%') else ' '}{unit}"


def _drawn(table: Table, kind: str) -> bytes:
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SetupError("Charts need matplotlib. Run: pip install -r requirements.txt") from error
    with rc_context({"font.family": _fonts(table), "axes.unicode_minus": False, "font.size": 13}):
        figure = Figure(figsize=INCHES, dpi=DOTS, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        (_lines if kind == "line" else _bars)(axes, table)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        if len(table.series) > 1:
            axes.legend(frameon=False)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
    return bare(buffer.getvalue())


def _lines(axes: Any, table: Table) -> None:  # noqa: ANN401 - matplotlib's types
    for series, colour in zip(table.series, COLOURS, strict=False):
        axes.plot([int(label) for label in table.labels], series.values, marker="o", color=colour, label=_name(series))
    axes.set_xlabel(table.heading)
    _value_axis(axes.set_ylabel, table)
    axes.grid(axis="y", alpha=0.3)


def _bars(axes: Any, table: Table) -> None:  # noqa: ANN401
    lies = len(table.labels) > MANY or max(map(len, table.labels)) > LONG_NAME
    places, width = range(len(table.labels)), 0.8 / len(table.series)
    for number, (series, colour) in enumerate(zip(table.series, COLOURS, strict=False)):
        at = [p + (number - (len(table.series) - 1) / 2) * width for p in places]
        draw, size = (axes.barh, {"height": width}) if lies else (axes.bar, {"width": width})
        bars = draw(at, series.values, color=colour, label=_name(series), **size)
        if len(table.series) == 1:
            axes.bar_label(bars, labels=[written(v, series.unit) for v in series.values], padding=3)
    if lies:
        axes.set_yticks(list(places), labels=list(table.labels))
        axes.invert_yaxis()
        _value_axis(axes.set_xlabel, table)
    else:
        axes.set_xticks(list(places), labels=list(table.labels))
        _value_axis(axes.set_ylabel, table)


def _value_axis(label: Any, table: Table) -> None:  # noqa: ANN401
    units = {s.unit for s in table.series}
    label(_name(table.series[0]) if len(table.series) == 1 else (units.pop() if len(units) == 1 else ""))


def _name(series: Series) -> str:
    return f"{series.name} ({series.unit})" if series.unit and series.name else series.name or series.unit


def _fonts(table: Table) -> Sequence[str]:
    """Fonts that have the table's letters. Raises SetupError."""
    text = " ".join([table.heading, *table.labels, *(s.name + s.unit for s in table.series)])
    if not CJK.search(text):
        return ["DejaVu Sans"]
    from matplotlib import font_manager

    there = {font.name for font in font_manager.fontManager.ttflist}
    found = [name for name in CHINESE if name in there]
    if not found:
        raise SetupError(
            f"A chart with Chinese words needs a font that has them. Install one of: {', '.join(CHINESE)}."
        )
    return [*found, "DejaVu Sans"]


@cache
def _words(language: str) -> Mapping[str, str]:
    table = tomllib.loads((TEMPLATES / "charts.toml").read_text(encoding="utf-8"))
    return table.get(language.split("-")[0], table["en"])  # type: ignore[no-any-return]
