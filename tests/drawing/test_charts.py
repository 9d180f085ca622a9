"""Charts: the tables they come from, what is drawn, what readers who do not see it are told."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from composer.article import Material
from composer.drawing import charts
from composer.drawing.charts import chart, is_course, written
from composer.drawing.stage import draw_open
from composer.drawing.tables import Series, Table, number_in, table_for, tables_in
from composer.edits import SetBrief
from composer.errors import SetupError
from tests.composer.kit import run, warnings
from tests.drawing.kit import article_with, drawing, wanting

MARKDOWN = """| Lighthouse | Height (m) | Built |
| --- | ---: | --- |
| Jeddah | 133 m | in the year 1990 |
| Perdigon | 37.5 m | later |
| **Genoa** | 76 m | 1543 |"""
CSV = "year,ships lost\n1820,120\n1830,96\n1840,51\n1850,40"
LIST = "Shares:\n- Oil: 60 %\n- Gas: 25 %\n- Electric light: 15 %\nThe rest is dark."


def test_tables_are_found_in_every_form() -> None:
    first = tables_in(MARKDOWN, "book")[0]
    assert list(first.labels) == ["Jeddah", "Perdigon", "Genoa"]
    assert first.heading == "Lighthouse"
    assert first.series == (Series(name="Height", values=(133, 37.5, 76), unit="m"),)
    second = tables_in(CSV, "ships.csv")[0]
    assert list(second.labels) == ["1820", "1830", "1840", "1850"]
    assert list(second.series[0].values) == [120, 96, 51, 40]
    third = tables_in(LIST, "")[0]
    assert list(third.labels) == ["Oil", "Gas", "Electric light"]
    assert third.series[0].unit == "%"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "One, two, three.",
        "He said: 5 of 7 ships.",
        "a: 1\nb: 2",
        "| a | b |\n| - | - |\n| x | y |",
        "12:30\n13:40\n14:50",
    ],
)
def test_what_is_no_table_is_none(text: str) -> None:
    assert tables_in(text, "") == []


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1,234", 1234, ""),
        ("12.5 %", 12.5, "%"),
        ("12,5", 12.5, ""),
        ("1.234.567", 1234567, ""),
        ("1,234.5 t", 1234.5, "t"),
        ("1.234,5", 1234.5, ""),
        ("€ 30", 30, "€"),
        ("−4 °C", -4, "°C"),
        ("about 7", 7, ""),
        ("**9**", 9, ""),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, value: float, unit: str) -> None:
    assert number_in(text) == (value, unit)


@pytest.mark.parametrize("text", ["", "none", "3 to 5", "12 men on a boat at night", "1990-05-04"])
def test_what_is_not_one_number_is_none(text: str) -> None:
    assert number_in(text) is None


@given(st.floats(-1e7, 1e7, allow_nan=False).map(lambda v: round(v, 1)))
def test_a_written_number_is_read_back(value: float) -> None:
    found = number_in(f"{value:,.1f}")
    assert found is not None
    assert found[0] == pytest.approx(value)


def test_a_table_of_the_section_goes_before_one_of_the_material(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("bar chart of heights"), text=MARKDOWN)
    brief = replace(log.article.brief, material=(Material(name="ships.csv", text=CSV),))
    log.commit(SetBrief(brief=brief), by="person")
    slot = log.article.slots()[0]
    found = table_for(log.article, slot)
    assert found is not None
    assert found.source == "The watch"
    ships = table_for(log.article, replace(slot, query="graph of ships lost in a year"))
    assert ships is not None
    assert ships.source == "ships.csv"


def test_numbers_of_different_units_never_share_an_axis(tmp_path: Path) -> None:
    rows = ["| Light | Height (m) | Range (nm) | Width (m) |", "|-|-|-|-|", "| a | 9 | 20 | 2 |", "| b | 8 | 21 | 3 |"]
    text = "\n".join([*rows, "| c | 7 | 22 | 4 |"])
    log = article_with(tmp_path, wanting("chart of their range"), text=text)
    slot = log.article.slots()[0]
    named = []
    for query in ("chart of their range", "chart of their width", "a chart"):
        found = table_for(log.article, replace(slot, query=query))
        assert found is not None
        named.append([s.name for s in found.series])
    assert named == [["Range"], ["Width", "Height"], ["Height", "Width"]]


def test_a_data_slot_becomes_a_chart_with_alt_text_and_source_without_any_generator(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("bar chart of heights"), text=MARKDOWN)
    toolkit = replace(drawing(log), generator=None)
    slot = run(log, lambda tk, a: draw_open(tk, a, [s.id for s in a.slots()]), toolkit).slots()[0]
    assert slot.picture is not None
    assert not slot.picture.attribution.generated
    assert slot.picture.attribution.licence == "yours"
    assert "highest Jeddah (133 m), lowest Perdigon (37.5 m)" in slot.alt
    assert slot.caption.endswith("Source: The watch")
    data = log.pictures.read(slot.picture.digest)
    assert data is not None
    image = Image.open(io.BytesIO(data))
    assert image.size == (1600, 1000)
    colours = np.asarray(image.convert("RGB")).reshape(-1, 3)
    assert (np.abs(colours.astype(int) - (0x2F, 0x6F, 0x9F)).sum(1) < 10).mean() > 0.02


def test_numbers_are_never_invented(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("bar chart of heights"))
    article = run(log, lambda tk, a: draw_open(tk, a, [s.id for s in a.slots()]), drawing(log))
    assert article.slots()[0].chosen is None
    assert "No small table" in warnings(log)[0]


def test_years_are_a_course_and_names_are_not() -> None:
    (ships,), (heights,) = tables_in(CSV, "ships.csv"), tables_in(MARKDOWN, "")
    assert is_course(ships)
    assert not is_course(heights)
    made = chart(ships, "Ships lost", "en")
    assert made.alt == "Line chart of ships lost by year from 1820 (120) to 1850 (40); 4 values."
    assert made.caption == "Ships lost. Source: ships.csv"


def test_longer_bars_are_larger_numbers() -> None:
    widths = []
    for values in ((1.0, 2.0, 4.0), (4.0, 2.0, 1.0)):
        table = Table(heading="", labels=("a", "b", "c"), series=(Series(name="n", values=values),))
        pixels = np.asarray(Image.open(io.BytesIO(chart(table, "t", "en").png)).convert("RGB")).astype(int)
        blue = np.abs(pixels - (0x2F, 0x6F, 0x9F)).sum(2) < 10
        left, right = blue[:, : blue.shape[1] // 3].sum(), blue[:, -blue.shape[1] // 3 :].sum()
        widths.append(right / left)
    assert widths[0] > 2 > 0.5 > widths[1]


def test_several_series_and_many_names_are_drawn() -> None:
    labels = tuple(f"a long name {n}" for n in range(12))
    series = tuple(Series(name=f"s{k}", values=tuple(float(n * k) for n in range(12)), unit="t") for k in (1, 2, 3))
    assert chart(Table(heading="h", labels=labels, series=series), "t", "en").png.startswith(b"\x89PNG")


def test_chinese_words_need_a_font_and_are_told_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(
        heading="年份", labels=("1820", "1830", "1840", "1850"), series=(Series(name="船只", values=(1, 2, 3, 4)),)
    )
    monkeypatch.setattr(charts, "CHINESE", ("No such font",))
    with pytest.raises(SetupError, match="font"):
        chart(table, "损失", "zh")
    plain = replace(table, heading="", series=(replace(table.series[0], name=""),))
    assert chart(plain, "损失", "zh").alt == "折线图：损失，从 1820 (1) 到 1850 (4)。共 4 个数值。"


def test_numbers_are_written_plainly() -> None:
    assert [written(1234.0, "t"), written(12.5, "%"), written(0.12345, "")] == ["1,234 t", "12.5%", "0.1235"]
