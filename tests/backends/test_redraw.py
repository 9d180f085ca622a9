"""A drawn picture's recipe draws the same file again: with real pipeline classes, out of a batch, on this machine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from composer.backends.diffusion import DiffusersGenerator
from composer.drawing.redraw import again
from composer.drawing.stage import draw_open, draw_wanted
from tests.composer.kit import run, warnings
from tests.drawing.kit import article_with, drawing, refer, wanting


@pytest.mark.parametrize(
    ("name", "alike"),
    [
        ("StableDiffusionPipeline", False),
        ("StableDiffusionPipeline", True),
        ("ZImagePipeline", False),
        ("Flux2KleinPipeline", False),
    ],
)
@pytest.mark.parametrize("number", [0, 1])
def test_a_picture_of_an_article_is_drawn_again_to_the_bit(
    tmp_path: Path, tiny_generators: Callable[[str], DiffusersGenerator], name: str, alike: bool, number: int
) -> None:
    log = article_with(tmp_path, *(wanting(f"lamp {n}", size="small") for n in range(3)))
    refer(log, "one look", "two looks")
    toolkit = replace(drawing(log, draw_alike=alike), generator=tiny_generators(name))
    article = run(log, lambda tk, a: draw_open(tk, a, [s.id for s in a.slots()]), toolkit)
    slot = article.slots()[number]
    assert slot.picture is not None, warnings(log)
    assert slot.picture.recipe is not None
    assert slot.picture.recipe.together > 1
    wanted = again(toolkit, slot, slot.picture.recipe)
    article = run(log, lambda tk, a: draw_wanted(tk, a, wanted, judged=False), toolkit)
    assert [c.picture.digest for c in article.slots()[number].candidates] == [slot.picture.digest]
