"""What a terminal shows: whole paragraphs under their headings, in the article's order, nothing that was dropped."""

import pytest

from composer.article import Block, ImageSlot, TextBlock
from composer.edits import AddBlock, AppendText, Edit, RemoveBlock, ReplaceText, SetTitle
from composer.events import Edited, Event, Progress, StageStarted, Warned
from composer.printing import TextPrinter


def shown(capsys: pytest.CaptureFixture[str], events: list[Event | Edit], past: int = 0) -> str:
    printer = TextPrinter()
    for number, event in enumerate(events):
        whole = event if isinstance(event, Progress | StageStarted | Warned) else Edited(edit=event, by="model")  # type: ignore[arg-type]
        (printer.past if number < past else printer.show)(whole)
    printer.end()
    return capsys.readouterr().out


def text(id: str, markdown: str, after: str | None) -> AddBlock:
    block: Block = TextBlock(id=id, markdown=markdown)
    return AddBlock(block=block, after=after)


PLAN: list[Event | Edit] = [
    SetTitle(title="Lights"),
    text("b1", "## Lamps", None),
    text("b2", "## Lenses", "b1"),
    AddBlock(block=ImageSlot(id="b3", purpose="", query="lamp"), after="b1"),
]


def test_paragraphs_stand_under_their_headings(capsys: pytest.CaptureFixture[str]) -> None:
    written: list[Event | Edit] = [
        text("b4", "", "b3"),
        AppendText(id="b4", text="Keepers trim"),
        Progress(stage="write", done=1, total=2, unit="sections"),
        AppendText(id="b4", text=" the wick."),
        text("b5", "Oil burns.", "b4"),
        text("b6", "Glass bends light.", "b2"),
    ]
    wanted = "# Lights\n\n## Lamps\n\nKeepers trim the wick.\n\nOil burns.\n\n## Lenses\n\nGlass bends light.\n\n"
    assert shown(capsys, PLAN + written) == wanted


def test_what_was_dropped_again_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    written: list[Event | Edit] = [
        text("b4", "Oil burns. Oil burns.", "b3"),
        ReplaceText(id="b4", markdown="Oil burns."),
        text("b5", "Oil burns.", "b4"),
        RemoveBlock(id="b5"),
        StageStarted(stage="check"),
    ]
    assert shown(capsys, PLAN + written) == "# Lights\n\n## Lamps\n\nOil burns.\n\n"


def test_a_resumed_run_shows_what_is_new_under_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, [*PLAN, text("b4", "New.", "b2")], past=len(PLAN)) == "## Lenses\n\nNew.\n\n"


@pytest.mark.parametrize(("total", "said"), [(0, "load 7 s\n"), (9, "load 7/9 s\n")])
def test_work_of_unknown_length_is_told_without_an_end(
    capsys: pytest.CaptureFixture[str], total: int, said: str
) -> None:
    TextPrinter().show(Progress(stage="load", done=7, total=total, unit="s"))
    assert capsys.readouterr().err.endswith(said)
