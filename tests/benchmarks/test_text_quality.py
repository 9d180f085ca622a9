"""Measures of text that need no judge, the judge's swapped positions, and the briefs."""

import pytest

from benchmarks import text_judge, text_measures
from benchmarks.text_quality import BRIEFS, brief_of, measures_table, task_of
from composer.article import Brief
from composer.errors import ReplyError
from composer.models import Prompt
from composer.prompts import kinds
from tests.fakes import ScriptedTextModel

BRIEF = Brief(
    instruction="Write about the sea. See https://example.org/sea", words=10, must_mention=("The tide turns",)
)


def test_repetition_counts_runs_of_four() -> None:
    assert text_measures.repeated("one two three four five six seven eight") == 0
    assert text_measures.repeated("a b c d a b c d") == pytest.approx(1 / 5)
    assert text_measures.repeated("春天来了春天来了") == pytest.approx(1 / 5)


def test_what_is_cut_off_and_what_is_invented() -> None:
    assert text_measures.cut_off("A whole sentence.\n\nOne that is cut in the") == 0.5
    assert text_measures.cut_off("# A heading\n\n- an item") == 0
    made = "See https://example.org/sea and https://invented.example/x."
    assert text_measures.invented(made, BRIEF) == ["https://invented.example/x."]


def test_reading_is_easier_in_short_words() -> None:
    easy = text_measures.reading("The cat sat on the mat. It was a good mat.")
    hard = text_measures.reading("Institutional considerations necessitate comprehensive interdisciplinary evaluation.")
    assert easy > 90 > 0 > hard
    assert text_measures.reading("春天来了。花开了。") == 3.5


def test_every_measure_of_a_text() -> None:
    found = text_measures.measured("# The sea\n\nThe tide turns twice.\n\n# The sea\n\nWaves break on the", BRIEF)
    assert found.keys() == text_measures.MEASURES.keys()
    assert found["facts"] == 1.0
    assert found["same headings"] == 1.0
    assert found["cut off"] == 0.5
    table = measures_table({"x": BRIEF}, {"x": {"one prompt": "The tide turns.", "pipeline": "Waves."}})
    assert "| en | facts | 1.000 | 0.000 | -1.000" in table


def test_the_judge_reads_both_ways_round() -> None:
    def reply(prompt: Prompt) -> str:
        first_is_good = prompt[-1].content.index("GOOD") < prompt[-1].content.index("BAD")
        marks = [dict.fromkeys(text_judge.RESPECTS, n) for n in ((8, 4) if first_is_good else (6, 8))]
        return str({"a": marks[0], "b": marks[1]}).replace("'", '"')

    verdict = text_judge.compare(ScriptedTextModel(reply), "task", ("GOOD", "BAD"), language="en")
    assert verdict.first["overall"] == 8
    assert verdict.second["overall"] == 5


def test_a_reference_is_shown_and_nonsense_refused() -> None:
    model = ScriptedTextModel(["{}"])
    with pytest.raises(ReplyError):
        text_judge.compare(model, "任务", ("甲", "乙"), language="zh", reference="范文")
    assert "范文" in model.prompts[0][-1].content


def test_twenty_briefs_of_five_kinds_in_two_languages() -> None:
    briefs = {p.stem: brief_of(p) for p in BRIEFS.glob("*.md")}
    assert len(briefs) == 20
    counts = {(b.language, b.kind) for b in briefs.values()}
    assert len(counts) == 10
    assert {b.kind for b in briefs.values()} <= kinds().keys()
    assert all(b.must_mention and b.words >= 300 and b.must_mention[0] in task_of(b) for b in briefs.values())
