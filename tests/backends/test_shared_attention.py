"""Pictures that follow one look: what the leader's is alone it stays, and the others follow it and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from composer.backends.diffusion import DiffusersGenerator, batches
from composer.backends.shared_attention import shared
from composer.drawing.request import Drawing, Drawn

UNETS = ["StableDiffusionPipeline", "StableDiffusionXLPipeline"]
FOX = Drawing(prompt="a fox", width=64, height=64, seed=1, steps=2)
Tiny = Callable[[str], DiffusersGenerator]


def drawn(generator: DiffusersGenerator, *drawings: Drawing) -> list[Drawn]:
    return sorted((a for a in generator.draw_all(drawings) if isinstance(a, Drawn)), key=lambda a: a.number)


def apart(one: Drawn, other: Drawn) -> float:
    """Mean difference of two pictures, 0 to 255. Half precision rounds otherwise in a larger batch: up to 1."""
    a, b = (np.asarray(d.image, dtype=np.float64) for d in (one, other))
    return float(np.abs(a - b).mean())


@pytest.fixture(scope="module")
def layer() -> Any:  # noqa: ANN401 - torch has no such type
    import torch
    from diffusers.models.attention import BasicTransformerBlock

    torch.manual_seed(0)
    return BasicTransformerBlock(8, 2, 4, cross_attention_dim=6).eval()


@pytest.mark.parametrize("groups", [1, 2])
def test_self_attention_alone_is_shared_and_within_each_group(layer: Any, groups: int) -> None:  # noqa: ANN401
    import torch

    count = 3
    rows, words = torch.randn(groups * count, 5, 8), torch.randn(groups * count, 4, 6)
    plain = layer(rows, encoder_hidden_states=words)
    with shared(layer, count):
        led = layer(rows, encoder_hidden_states=words)
        moved = rows.clone()
        moved[1::count] += torch.randn(5, 8)  # a follower
        beside = layer(moved, encoder_hidden_states=words)
        moved = rows.clone()
        moved[0] += torch.randn(5, 8)  # the first group's leader
        behind = layer(moved, encoder_hidden_states=words)
    assert torch.allclose(led[::count], plain[::count], atol=1e-5), "a leader is as it is alone"
    assert not torch.allclose(led[1::count], plain[1::count], atol=1e-3)
    assert torch.equal(beside[2::count], led[2::count]), "followers do not see each other"
    assert not torch.allclose(behind[1:count], led[1:count], atol=1e-4), "but their leader"
    assert torch.equal(behind[count:], led[count:]), "and not another group's"
    assert torch.equal(layer(rows, encoder_hidden_states=words), plain), "nothing stays behind"
    with shared(layer, count), pytest.raises(ZeroDivisionError):
        raise ZeroDivisionError
    assert torch.equal(layer(rows, encoder_hidden_states=words), plain)


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("name", UNETS)
def test_all_of_a_batch_are_led_and_the_leader_is_as_it_is_alone(
    tiny_generators: Tiny, name: str, guidance: float
) -> None:
    generator = tiny_generators(name)
    lead = replace(FOX, guidance=guidance)
    lamp = replace(lead, prompt="a lamp", seed=2)
    alone, lamp_alone = drawn(generator, lead)[0], drawn(generator, lamp)[0]
    first, followed, twin = drawn(generator, *(replace(d, lead=lead) for d in (lead, lamp, lead)))
    assert max(apart(first, alone), apart(twin, first)) < 2, "rounding: random weights hardly attend"
    assert first.lead == followed.lead == twin.lead == ("a fox", "", 1)
    assert drawn(generator, lamp)[0].image.tobytes() == lamp_alone.image.tobytes(), "nothing stays behind"
    assert lamp_alone.lead is None


def test_a_leader_that_is_not_asked_for_is_drawn_beside_and_not_given(tiny_generators: Tiny) -> None:
    generator = tiny_generators(UNETS[0])
    lamp = replace(FOX, prompt="a lamp", seed=2, lead=FOX)
    (alone,) = drawn(generator, lamp)
    with_it = drawn(generator, replace(FOX, lead=FOX), lamp)
    assert alone.image.tobytes() == with_it[1].image.tobytes()
    assert (alone.number, alone.together, alone.lead) == (0, 2, ("a fox", "", 1))
    (other,) = drawn(generator, replace(lamp, lead=replace(FOX, seed=9)))
    assert other.image.tobytes() != alone.image.tobytes()


def test_a_model_without_such_attention_draws_everybody_alone(tiny_generators: Tiny) -> None:
    generator = tiny_generators("FluxPipeline")
    assert not generator.abilities.shared
    lamp = replace(FOX, prompt="a lamp", seed=2, guidance=None)
    (alone,), (led,) = drawn(generator, lamp), drawn(generator, replace(lamp, lead=FOX))
    assert led.image.tobytes() == alone.image.tobytes()
    assert led.lead is None


def test_a_batch_has_one_leader_and_room_for_it() -> None:
    row = [replace(FOX, seed=s, lead=FOX) for s in range(5)]
    assert batches(row, 3) == [[0, 1], [2, 3], [4]]
    assert batches([row[0], replace(row[1], lead=replace(FOX, seed=4)), FOX], 4) == [[0], [1], [2]]
