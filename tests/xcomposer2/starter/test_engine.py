"""The small model as an engine, and the numbers that a report has."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import plora, plora_report
from composer.errors import SetupError, UsageError
from composer.models import ComposingModel, VisionModel, WordingModel
from composer.weights import path_of
from composer.xcomposer2 import engine as engines
from composer.xcomposer2.engine import XComposer2Engine
from composer.xcomposer2.pixels import prepared
from composer.xcomposer2.starter import folder, judge, loop, recipe, texts
from composer.xcomposer2.starter.__main__ import _changes, main
from composer.xcomposer2.starter.answer import Model, cosines
from composer.xcomposer2.starter.command import Prepared
from composer.xcomposer2.starter.engine import LONGEST, StarterEngine, ending
from composer.xcomposer2.starter.judge import Bench, answers, captions, choosing, recall
from composer.xcomposer2.tokens import FastTokens
from tests.xcomposer2.starter import kit

SHOWN = [Image.new("RGB", (40, 30), colour) for colour in ("red", "green", "blue", "white")]


@pytest.fixture
def shipped(tmp_path: Path, base: Path) -> Path:
    folder.save(kit.model(), tmp_path)
    return tmp_path


@pytest.fixture
def bench(base: Path, tokens: FastTokens) -> Bench:
    own, known = kit.pictures(), kit.vectors()
    work = Prepared(
        recipe=kit.small_recipe(), pictures=own, held=frozenset(), vectors=known, tokens=tokens, words=["thing"]
    )
    return Bench(
        work=work, model=Model(model=kit.model(), tokens=tokens, pictures=own), pool=kit.pool("test"),
        trained=kit.pool(), counted=own.counted["test"], encode=lambda some: judge.known_vectors(known, some),
    )  # fmt: skip


def test_a_folder_without_its_language_model_is_the_small_engine(
    shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StarterEngine, "_likeness", lambda self, parts, line, features: np.ones(1, np.float32))
    made = engines.engine(str(shipped))
    assert isinstance(made, StarterEngine)
    assert isinstance(made, VisionModel)
    assert isinstance(made, ComposingModel)
    assert isinstance(made, WordingModel)
    assert made.max_images == 6
    best = made.choose_picture(["A long walk.", "A house."], 1, SHOWN, {}, wanted="red house")
    found = made.chances("red house", SHOWN)
    assert best == int(np.argmax(found))
    assert sum(found) == pytest.approx(1)
    assert made.choose_picture(["A house."], 0, SHOWN[:1], {}) == 0
    assert len(made.chances("red house", SHOWN[:3])) == 3
    said = made.word_picture(SHOWN[0])
    assert said == made.word_picture(SHOWN[0])
    assert "<|" not in said.caption + said.alt


@pytest.mark.parametrize(("alike", "says"), [(0.9, True), (0.41, True), (0.39, False), (-0.5, False)])
def test_it_says_nothing_that_the_tower_does_not_recognise(
    shipped: Path, monkeypatch: pytest.MonkeyPatch, *, alike: float, says: bool
) -> None:
    made = StarterEngine(str(shipped))
    monkeypatch.setattr(StarterEngine, "_likeness", lambda self, parts, line, features: np.array([alike], np.float32))
    said = made.word_picture(SHOWN[0])
    assert bool(said.alt or said.caption) is says


def test_what_the_tower_finds_alike_counts_as_much_as_the_folder_says(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = kit.model()
    like = np.zeros((1, 1), np.float32)
    monkeypatch.setattr(texts, "encoder_of", lambda where: lambda lines: like)
    with torch.inference_mode():
        seen = model.model.tower_features(prepared(SHOWN, model.config)["pixel_values"])[:, 0]
    for wanted in range(4):
        like = seen[wanted : wanted + 1, : model.config.vision_config.joint].numpy()
        like = like / np.linalg.norm(like)
        found = []
        for weight in (0.0, 1.0, 1e4):
            model.config.likeness = weight
            folder.save(model, tmp_path / f"{weight}")
            found.append(StarterEngine(str(tmp_path / f"{weight}")).chances("a house", SHOWN)[wanted])
        assert found[0] < found[1] < found[2]
        assert found[2] == pytest.approx(1, abs=0.05)


def test_cosines_do_not_hang_on_the_length_of_pictures_vectors() -> None:
    draws = np.random.default_rng(0)
    lines, pictures = draws.normal(size=(3, 5)), draws.normal(size=(3, 4, 5))
    lines /= np.linalg.norm(lines, axis=1, keepdims=True)
    found = cosines(lines.astype(np.float32), pictures.astype(np.float32))
    assert cosines(lines.astype(np.float32), (9 * pictures).astype(np.float32)) == pytest.approx(found, abs=1e-5)
    assert np.abs(found).max() <= 1
    own = cosines(lines.astype(np.float32), np.repeat(lines[:, None], 4, 1).astype(np.float32))
    assert own == pytest.approx(np.ones((3, 4)), abs=1e-5)


def test_without_the_language_model_the_command_that_brings_it_is_told(
    shipped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("INTERLEAVE_HOME", str(tmp_path / "empty"))
    monkeypatch.setattr(folder, "path_of", path_of)
    with pytest.raises(SetupError, match="python -m composer models pull smollm2-135m"):
        StarterEngine(str(shipped)).choose_picture(["A house."], 0, SHOWN, {})


def test_other_models_are_the_official_engine(tmp_path: Path) -> None:
    assert not engines.based(tmp_path)
    assert type(engines.engine(str(tmp_path / "none"))) is XComposer2Engine


def test_a_long_line_is_shown_by_its_end() -> None:
    assert ending("short") == "short"
    long = " ".join(f"word{n}" for n in range(100))
    assert len(ending(long)) <= LONGEST
    assert long.endswith(ending(long))
    assert ending(long).startswith("word")


def test_baselines_are_what_they_must_be_on_pictures_that_are_their_labels(bench: Bench) -> None:
    for hard in (False, True):
        made = choosing(bench, 40, hard=hard)
        assert made["questions"] == 40
        assert made["clip, label"] > 0.9
        assert made["clip, line"] >= 0.2
        assert 0 <= made["blind"] <= 0.6
        assert 0 <= made["model"] <= 1
    said = captions(bench, 6)
    assert said["clip, nearest label that was trained on"]["a word"] > 0.5
    assert said["model"]["all words"] <= said["model"]["a word"]
    for kind in judge.QUESTIONS:
        found = answers(bench, kind, 12)
        assert found["questions"] > 0
        assert found["habit"] > 0.1


def test_recall_counts_words_of_the_label_whatever_their_ending() -> None:
    labels = ["red house", "piano", "two herons"]
    assert recall(["A house.", "Pianos.", "A boat."], labels) == {"a word": 0.6667, "all words": 0.3333}


def test_without_a_checkpoint_there_is_nothing_to_save(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["save", "--out", str(tmp_path)]) == 1
    assert "no checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("method", ["plora", "lora", "projector", "full"])
def test_only_partial_lora_and_the_projector_alone_leave_the_language_as_it_was(
    method: plora.Method, bench: Bench, tokens: FastTokens
) -> None:
    model = kit.model()
    given = kit.small_recipe(training__lr=0.05, training__steps=2, judging__choices=4, judging__looked=2,
                             judging__continuations=3)  # fmt: skip
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    monkey = pytest.MonkeyPatch()
    monkey.setattr(plora, "FULL_LR", 0.05)
    losses = plora.trained(model, kit.course(tokens, given), method, seed=1)
    monkey.undo()
    assert len(losses) == 2
    parts = {
        "plora": "projector plora",
        "lora": "projector plora",
        "projector": "projector",
        "full": "projector language",
    }
    changed = {loop.part_of(n) for n, p in model.named_parameters() if not bool((p == before[n].to(p.dtype)).all())}
    assert changed == set(parts[method].split())
    work = Prepared(recipe=given, pictures=bench.work.pictures, held=frozenset(), vectors=kit.vectors(), tokens=tokens,
                    words=[])  # fmt: skip
    made = plora.measured(model, work, kit.pool(), method)
    kept = made["perplexity"] == made["perplexity before"] and made["the same"] == made["continuations"] == 3
    assert kept == (method in ("plora", "projector"))


def test_the_table_and_the_plot_are_made_of_all_runs(tmp_path: Path) -> None:
    scores = {name: 0.5 for name in plora_report.COLUMNS} | {"perplexity": 20.0, "perplexity before": 20.0,
                                                             "continuations": 20, "the same": 20, "learnt": 1}  # fmt: skip
    runs = [{"method": m, "seed": s, **scores} for m in ("plora", "full") for s in (1, 2)]
    runs[0]["choice among near"] = 0.7
    plora_report.write(runs, tmp_path, steps=3, batch=4)
    table = (tmp_path / "benchmarks" / "results" / "plora.md").read_text(encoding="utf-8")
    assert "Partial LoRA" in table
    assert "60.0 ± 10.0" in table
    first = (tmp_path / "docs" / "images" / "plora.svg").read_bytes()
    plora_report.plot(runs, tmp_path / "docs" / "images" / "plora.svg")
    assert (tmp_path / "docs" / "images" / "plora.svg").read_bytes() == first
    json.dumps(runs)


def test_a_whole_number_for_what_letters_count_is_taken(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "tower_of", lambda where, cells: kit.tower())
    given = recipe.changed(kit.small_recipe(), _changes(["model.letters=0", "training.lr=0.5", "training.steps=7"]))
    assert (given["training"]["lr"], given["training"]["steps"]) == (0.5, 7)
    assert folder.fresh(given, Path()).config.letters == 0.0
    with pytest.raises(UsageError, match="fast"):
        _changes(["training.lr=fast"])
