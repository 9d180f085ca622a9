"""The small model's data: the same whenever it is made, nothing of what is held out, questions with one right answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from composer.errors import UsageError
from composer.xcomposer2 import prompts
from composer.xcomposer2.chat import Bos
from composer.xcomposer2.processing import XComposer2Processor
from composer.xcomposer2.starter import pictures, recipe, tasks, texts
from composer.xcomposer2.starter.batch import row_of
from composer.xcomposer2.starter.pictures import Seen, copies, main_colour, seen_of, split, tells
from composer.xcomposer2.starter.tasks import Sample, Shown, choice, differ, looked, step_samples
from composer.xcomposer2.tokens import FastTokens
from retrieval.training.holdout import words_in
from retrieval.training.sets import Drawing
from tests.xcomposer2.starter import kit


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_a_step_is_the_same_whenever_it_is_made(step: int) -> None:
    made = kit.small_recipe()
    own = kit.pictures()
    pool = kit.pool()
    first, again = (step_samples(pool, own.counted["train"], made, recipe.words(), step) for _ in range(2))
    assert first == again
    assert len(first) in (made["training"]["batch"], 2 * made["training"]["batch"])


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_nothing_that_is_held_out_is_in_a_step(step: int) -> None:
    own = kit.pictures()
    samples = step_samples(kit.pool(), own.counted["train"], kit.small_recipe(), recipe.words(), step)
    told = " ".join(
        str(part) for s in samples for e in s.exchanges for part in (*e.content, e.reply) if isinstance(part, str)
    )
    shown = {part.row for s in samples for e in s.exchanges for part in e.content if isinstance(part, Shown)}
    assert "piano" not in told
    assert not shown & {*own.test, *own.counted["test"]}


def drawings() -> list[Drawing]:
    return [
        Drawing(source=source, label=label, tags=("music", label.split()[-1], f"big {label}"))
        for label in [*kit.labels(), *kit.SECOND]
        for source in ("openmoji", "noto", "mdi")
    ]


def test_no_label_tag_or_word_that_is_learnt_names_a_held_out_label(tokens: FastTokens) -> None:
    found = drawings()
    parts, held = split(found, ["openmoji", "noto"])
    assert held
    assert parts.train
    blank = np.zeros((16, 16, 4), np.uint8)
    made = recipe.table()
    seen = [seen_of(d, blank, made, held) for d in found]
    for row in parts.train:
        for text in (seen[row].label, *seen[row].tags):
            assert not any(one <= words_in(text) for one in held)
    own = kit.pictures()
    all_seen = pictures.Pictures(
        seen=seen, features=own.features, train=parts.train, dev=parts.dev, test=parts.test, style=[], counted={}
    )
    learnt = [*texts.trained_texts(all_seen, held), *texts.common_words(tokens, held)]
    assert learnt
    assert not [text for text in learnt if tells(text, held)]


@pytest.mark.parametrize("hard", [False, True])
def test_a_choice_has_one_right_answer(hard: bool) -> None:
    pool, how = kit.pool(), kit.how(hard=hard)
    draws = np.random.default_rng(1)
    places = set()
    for row in pool.rows[:40]:
        one = choice(pool, row, how, draws, template="{label}")
        places.add(one.right)
        assert one.rows[one.right] == row
        assert one.line == pool.seen[row].label
        own = pool.seen[row]
        assert all(differ(own, pool.seen[n], ()) for n in one.rows if n != row)
        assert len({pool.seen[n].label for n in one.rows}) == 4
    assert places == {0, 1, 2, 3}


def test_hard_choices_are_among_near_labels() -> None:
    pool, draws = kit.pool(), np.random.default_rng(1)
    assert set(pool.near("red house", 12)[:8]) & {f"red {b}" for b in kit.SECOND}

    def nearness(hard: bool) -> float:
        own = kit.vectors()
        made = [choice(pool, row, kit.how(hard=hard), draws, template="{label}") for row in pool.rows[:40]]
        pairs = [(pool.seen[one.rows[one.right]].label, pool.seen[n].label) for one in made for n in one.rows]
        return float(np.mean([own[a] @ own[b] for a, b in pairs]))

    assert nearness(True) > nearness(False)


def test_pictures_that_can_be_taken_for_each_other_never_stand_against_each_other() -> None:
    one = Seen(label="guitar", tags=("music",), source="noto")
    assert not differ(one, Seen(label="electric guitar", tags=(), source="noto"), ())
    assert not differ(one, Seen(label="banjo", tags=("guitar",), source="noto"), ())
    assert not differ(Seen(label="drum", tags=("music",), source="noto"), one, ("music",))
    assert differ(Seen(label="drum", tags=("music",), source="noto"), one, ())


def test_a_choice_is_asked_in_the_engines_own_tokens(tokens: FastTokens, base: object) -> None:
    model = kit.model()
    processor = XComposer2Processor(tokens, model.config)
    pool, draws = kit.pool(), np.random.default_rng(1)
    one = choice(pool, pool.rows[3], kit.how(), draws, template="{label}")
    asked = tasks.asked(one, pool, recipe.words(), draws)
    image = Image.new("RGB", (9, 9))
    ask = prompts.choose(prompts.prompts("en"), [one.line], 0, [image] * 4, {})
    ours = row_of(Sample(exchanges=(asked,)), tokens, model.config.tokens_per_image, answered=False)
    assert ours.ids == processor.chat(ask.turns, bos=Bos.ONCE, begun=ask.begun).ids


def test_questions_about_a_picture_are_answered_by_what_is_known_of_it() -> None:
    pool, how, draws = kit.pool(), kit.how(), np.random.default_rng(1)
    row = next(n for n in pool.rows if pool.seen[n].colour == "green")
    own = pool.seen[row]
    said = {kind: tasks.question(kind, pool, row, how, draws).reply for kind in ("caption", "alt", "colour", "count")}
    assert said["caption"] == tasks.capital(own.label) + "."
    assert own.label in said["alt"]
    assert "green" in said["alt"]
    assert said["colour"] == "Green."
    assert said["count"] == "One."
    for _ in range(20):
        asked = tasks.question("content", pool, row, how, draws)
        assert (asked.reply == "Yes.") == (own.label in str(asked.content[1]))
    sample = looked(pool, row, how, draws, variant=1)
    assert isinstance(sample.exchanges[0].content[0], Shown)
    assert not any(isinstance(part, Shown) for one in sample.exchanges[1:] for part in one.content)


@given(st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_counted_picture_has_that_many_copies(count: int, seed: int) -> None:
    one = np.full((16, 16, 4), 200, np.uint8)
    made = copies(one, count, np.random.default_rng(seed))
    assert made.shape == one.shape
    assert int((made[..., 3] > 0).sum()) == count * 64


def test_a_main_colour_is_named_where_there_is_one() -> None:
    names = recipe.table()["colours"]
    red = np.zeros((32, 32, 4), np.uint8)
    red[:, :, 0], red[:, :, 3] = 210, 255
    assert main_colour(red, names, 0.34) == "red"
    assert main_colour(np.zeros((32, 32, 4), np.uint8), names, 0.34) == ""
    mixed = red.copy()
    for n, colour in enumerate(((20, 20, 20), (250, 250, 250), (60, 130, 210))):
        mixed[8 * (n + 1) : 8 * (n + 2), :, :3] = colour
    assert main_colour(mixed, names, 0.5) == ""


def test_numbers_that_the_recipe_does_not_have_are_refused() -> None:
    assert recipe.changed(recipe.table(), {"training.steps": 7})["training"]["steps"] == 7
    with pytest.raises(UsageError, match="speed"):
        recipe.changed(recipe.table(), {"training.speed": 7})
