"""Training: what is learnt, what is frozen, rows of several examples, and runs that were killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from composer.errors import SetupError, UsageError
from composer.xcomposer2 import train as training
from composer.xcomposer2.__main__ import main
from composer.xcomposer2.assemble import assembled
from composer.xcomposer2.assemble import save as save_model
from composer.xcomposer2.chat import Bos, Turn
from composer.xcomposer2.drawing import LIKELIEST, drawing
from composer.xcomposer2.engine import XComposer2Engine
from composer.xcomposer2.examples import IGNORED, Tokenised, _cut, collated, read_examples, rows, tokenised
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.processing import XComposer2Processor
from composer.xcomposer2.recipe import Recipe, read_recipe
from composer.xcomposer2.train import Learner, Point, factor, group_of, rate, train
from tests.xcomposer2 import tiny
from tests.xcomposer2.toy_tokens import LetterTokens

COLOURS = ("red", "blue", "green", "yellow")


def conversation(user: str, reply: str, *images: str) -> dict[str, Any]:
    turns = [{"from": "user", "value": user}, {"from": "assistant", "value": reply}]
    return {"image": list(images), "conversations": turns}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in COLOURS:
        Image.new("RGB", (30, 20), name).save(tmp_path / f"{name}.png")
    entries = [conversation("<ImageHere>Which colour?", name, f"{name}.png") for name in COLOURS]
    entries += [
        conversation("Say hello.", "Hello."),
        conversation("<ImageHere>and<ImageHere>?", "Two.", "red.png", "blue.png"),
    ]
    (tmp_path / "data.json").write_text(json.dumps(entries), encoding="utf-8")
    return tmp_path / "data.json"


@pytest.fixture(scope="module")
def processor() -> XComposer2Processor:
    return XComposer2Processor(LetterTokens(), tiny.config())


def recipe(data: Path, model: Path, **more: Any) -> Recipe:  # noqa: ANN401
    values: dict[str, Any] = {
        "model": str(model), "output": str(data.parent / "out"), "data": (str(data),), "images": str(data.parent),
        "steps": 4, "batch": 2, "micro_batch": 1, "length": 120, "precision": "float32", "save_every": 1,
    }  # fmt: skip
    return Recipe(**values | more)


def test_only_the_assistant_is_learnt(data: Path, processor: XComposer2Processor) -> None:
    example = read_examples(data, data.parent)[0]
    one = tokenised(example, processor, 200)
    letters = processor.tokens.encode_plain("red")
    assert [label for label in one.labels if label != IGNORED] == [*letters, 6, 8 + 10, 2]
    assert one.ids.count(-1) == 9
    assert one.ids[:2] == (1, 5)
    prompt = processor.encode([], bos=None).ids
    assert not prompt
    assert len(one.images) == 1


def test_turns_between_are_not_learnt(tmp_path: Path, processor: XComposer2Processor) -> None:
    turns = [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
    entry = {"conversations": [{"from": role, "value": text} for role, text in turns]}
    (tmp_path / "d.json").write_text(json.dumps([entry]))
    one = tokenised(read_examples(tmp_path / "d.json", tmp_path)[0], processor, 200)
    encode = processor.tokens.encode_plain
    assert [n for n in one.labels if n != IGNORED] == [*encode("b"), 6, *encode("d"), 6, *encode("\n"), 2]


def test_what_is_too_long_is_cut_and_pictures_stay_whole(data: Path, processor: XComposer2Processor) -> None:
    example = read_examples(data, data.parent)[-1]
    whole = tokenised(example, processor, 200)
    with pytest.raises(UsageError, match=r"data\.json, entry 5"):
        tokenised(example, processor, 30)
    assert len(tokenised(example, processor, len(whole.ids) - 2).ids) == len(whole.ids) - 2
    assert _cut((3, -1, -1, 3, -1, -1, 3), (2, 2), 5) == (4, 1)
    assert _cut((3, -1, -1, 3, -1, -1, 3), (2, 2), 6) == (6, 2)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"conversations": [{"from": "user", "value": "x"}]}, "says nothing"),
        ({"conversations": [{"from": "dog", "value": "x"}]}, "`from`"),
        (conversation("<ImageHere>", "x"), "1 places for pictures, and 0"),
        (conversation("x", "y", "gone.png"), "gone.png"),
        ("text", "list of conversations"),
    ],
)
def test_data_that_cannot_be_used_is_named(tmp_path: Path, entry: object, told: str) -> None:
    (tmp_path / "d.json").write_text(json.dumps([entry]))
    with pytest.raises(UsageError, match=told) as error:
        read_examples(tmp_path / "d.json", tmp_path)
    assert "d.json, entry 0" in str(error.value)


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 50), min_size=1, max_size=80), length=st.integers(50, 90), seed=st.integers(0, 9))
def test_rows_hold_every_example_once_and_never_too_much(sizes: list[int], length: int, seed: int) -> None:
    made = [Tokenised(ids=(n,) * size, labels=(n,) * size, images=()) for n, size in enumerate(sizes)]
    packed = rows(made, length, seed=seed, pack=True)
    assert sorted(one.ids[0] for row in packed for one in row) == list(range(len(sizes)))
    assert all(sum(len(one.ids) for one in row) <= length for row in packed)
    assert packed == rows(made, length, seed=seed, pack=True)


@torch.no_grad()
def test_a_packed_row_learns_what_its_examples_learn(data: Path) -> None:
    """No example sees another."""
    model = tiny.model(tiny.config(plora_dropout=0.0))
    processor = XComposer2Processor(LetterTokens(), model.config)
    found = [tokenised(example, processor, 200) for example in read_examples(data, data.parent)]
    learner = Learner(model)
    alone = [float(learner(collated([[one]], processor), 1)) for one in found]
    assert float(learner(collated([found], processor), 1)) == pytest.approx(sum(alone), rel=1e-5)
    two_rows = collated([found[:2], found[2:]], processor)
    assert float(learner(two_rows, 1)) == pytest.approx(sum(alone), rel=1e-5)


def test_the_stages_of_the_paper() -> None:
    made = {name: 0.0 for name in tiny.model().state_dict()}
    stage = Recipe(model="", output="", data=(), train=("tower", "projector", "plora"), learning_rate=1.0)
    assert {group_of(name) for name in made} == {"tower", "projector", "plora", "llm"}
    layers = [factor(f"model.vision_tower.encoder.layers.{n}.mlp.fc1.weight", stage, 2) for n in (0, 1)]
    assert layers == pytest.approx([0.81, 0.9])
    assert factor("model.vision_tower.embeddings.class_embedding", stage, 2) == pytest.approx(0.729)
    assert factor("lm_head.weight", stage, 2) == 0.2
    rates = [rate(Recipe(model="", output="", data=(), steps=200, learning_rate=2e-4), n) for n in range(200)]
    assert rates[0] == pytest.approx(1e-4)
    assert max(rates) == rates[1] == rates[2] == pytest.approx(2e-4)
    assert rates[-1] < 1e-7


def test_a_stage_learns_leaves_the_rest_alone_and_gives_a_model(data: Path, whole_folder: Path) -> None:
    stage = recipe(
        data, whole_folder, train=("tower", "projector", "plora"), steps=30, learning_rate=1e-2, save_every=99
    )
    points: list[Point] = []
    made = train(stage, points.append)
    first, last = (sum(point.loss for point in some) for some in (points[:6], points[-6:]))
    assert last < 0.9 * first
    before, after = (XComposer2ForConditionalGeneration.from_pretrained(f).state_dict() for f in (whole_folder, made))
    changed = {group_of(name) for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed == {"tower", "projector", "plora"}
    assert XComposer2Processor.from_pretrained(made).tokens.encode("tea")


def test_what_was_learnt_is_answered(data: Path, whole_folder: Path) -> None:
    """From the data's format through training, saving and loading to a reply about a picture."""
    entries = [conversation("<ImageHere>?", name, f"{name}.png") for name in COLOURS[:3]]
    data.write_text(json.dumps(entries), encoding="utf-8")
    stage = recipe(data, whole_folder, steps=70, micro_batch=2, learning_rate=1e-2, llm_factor=1.0, save_every=99)
    made = XComposer2Engine(str(train(stage)))
    parts = made.parts()
    parts.model.float()
    for name in COLOURS[:3]:
        turns = [Turn(role="user", content=(Image.new("RGB", (30, 20), name), "?"))]
        prompt = parts.processor.chat(turns, bos=Bos.ONCE)
        assert parts.processor.decode(parts.reader.tokens(prompt, 8, drawing(LIKELIEST))) == name


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_run_that_was_killed_ends_as_it_would_have(
    data: Path, whole_folder: Path, monkeypatch: pytest.MonkeyPatch, checkpointing: bool
) -> None:
    """Killed after a step that was not saved, and once more while a state was being written."""
    options = {"save_every": 2, "steps": 5, "checkpointing": checkpointing}
    whole = train(recipe(data, whole_folder, **options, output=str(data.parent / "whole")))
    stage = recipe(data, whole_folder, **options)

    def killed(point: Point) -> None:
        if point.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(stage, killed)

    def no_room(*_: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", no_room)
        with pytest.raises(OSError, match="killed"):
            train(stage)
    resumed = train(stage)
    weights = [load_file(folder / "model.safetensors") for folder in (whole, resumed)]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    with (data.parent / "out" / "curves.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [1, 2, 3, 4, 5]
    with pytest.raises(SetupError, match="another learning_rate"):
        train(recipe(data, whole_folder, **options, learning_rate=1.0))


def test_a_process_killed_without_warning_goes_on(data: Path, whole_folder: Path) -> None:
    """kill -9 at whatever step the run has come to."""
    whole = train(recipe(data, whole_folder, save_every=2, steps=40, output=str(data.parent / "whole")))
    stage = recipe(data, whole_folder, save_every=2, steps=40)
    program = (
        f"from composer.xcomposer2.train import train; from composer.xcomposer2.recipe import Recipe; train({stage!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", program], env=os.environ | {"OMP_NUM_THREADS": "1"})
    curves, until = Path(stage.output) / "curves.csv", time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until:
        if curves.is_file() and len(curves.read_text().splitlines()) > 4:
            break
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
    resumed = train(stage)
    one, other = (load_file(folder / "model.safetensors") for folder in (whole, resumed))
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    assert len(curves.read_text().splitlines()) == 1 + 40


def test_half_precision_freezes_in_half_and_learns_in_full(data: Path, whole_folder: Path) -> None:
    model = XComposer2ForConditionalGeneration.from_pretrained(whole_folder, dtype=torch.float32)
    stage = recipe(data, whole_folder, precision="bfloat16", train=("plora",))
    training.prepare(model, stage)
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}
    assert {p.dtype for p in model.parameters() if not p.requires_grad} == {torch.bfloat16}
    points: list[Point] = []
    train(stage, points.append)
    assert all(0 < point.loss < 100 for point in points)


def write_recipe(folder: Path, text: str) -> Path:
    (folder / "stage.toml").write_text(text, encoding="utf-8")
    return folder / "stage.toml"


def test_the_command_trains(data: Path, whole_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage = 'preset = "pretrain"\noutput = "out"\ndata = ["data.json"]\nsteps = 2\nbatch = 2\nlength = 120\n'
    text = f'model = "{whole_folder}"\n{stage}'
    file = write_recipe(data.parent, text)
    assert read_recipe(file).train == ("tower", "projector", "plora")
    assert main(["train", str(file)]) == 0
    assert str(data.parent / "out" / "model") in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model = 1 2", "TOML"),
        ('model = "m"\noutput = "o"', "lacks data"),
        ('model = "m"\noutput = "o"\ndata = ["d"]\nspeed = 1', "speed"),
        ('model = "m"\noutput = "o"\ndata = ["d"]\ntrain = ["dog"]', "dog"),
        ('model = "m"\noutput = "o"\ndata = ["d"]\nsteps = 0', "steps"),
        ('model = "m"\noutput = "o"\ndata = ["d"]\nlearning_rate = "fast"', "learning_rate"),
        ('model = "m"\noutput = "o"\ndata = ["d"]\nbetas = [0.9]', "betas"),
        ('model = "m"\noutput = "o"\ndata = ["d"]\npack = 1', "pack"),
        ('model = "m"\noutput = "o"\ndata = ["d"]\nlayer_decay = true', "layer_decay"),
        ('model = "m"\noutput = "o"\ndata = ["d"]\nclip = -1.0', "clip"),
        ('model = 3\noutput = "o"\ndata = ["d"]', "model"),
        ('preset = "best"\nmodel = "m"\noutput = "o"\ndata = ["d"]', "pretrain, finetune"),
    ],
)
def test_recipes_that_cannot_be_are_explained(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_recipe(write_recipe(tmp_path, text))


def test_any_language_model_becomes_one(tmp_path: Path) -> None:
    """PLoRA is not tied to InternLM2: a Llama with tied embeddings and a fast tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    fast = Tokenizer(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    fast.train_from_iterator(["a heron stands"], trainer)
    PreTrainedTokenizerFast(tokenizer_object=fast, eos_token="<|im_end|>").save_pretrained(tmp_path / "llm")
    size = len(AutoTokenizer.from_pretrained(tmp_path / "llm"))
    config = LlamaConfig(
        vocab_size=size, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, tie_word_embeddings=True, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    llama = LlamaForCausalLM(config).eval()
    llama.save_pretrained(tmp_path / "llm")
    vision = tiny.config().vision_config.to_dict()
    model = assembled(tmp_path / "llm", {n: vision[n] for n in ("hidden_size", "intermediate_size", "num_hidden_layers",
                      "num_attention_heads", "image_size", "patch_size")}, rank=4)  # fmt: skip
    save_model(model, tmp_path / "xc2", tmp_path / "llm")
    loaded = XComposer2ForConditionalGeneration.from_pretrained(tmp_path / "xc2").eval()
    processor = XComposer2Processor.from_pretrained(tmp_path / "xc2")
    inputs = processor("<|im_start|>user\nheron<|im_end|>\n")
    with torch.inference_mode():
        assert torch.equal(loaded(**inputs).logits, llama(**inputs).logits)
    picture = Image.new("RGB", (9, 9))
    prompt = processor.batch([processor.encode(["a", picture], bos=None)])
    assert loaded.generate(**prompt, max_new_tokens=3, do_sample=False).shape[1] > prompt["input_ids"].shape[1]
    assert not {0, 1} & set(processor.tokens.encode_plain("<|im_end|>"))
    with pytest.raises(SetupError, match="no language model"):
        assembled(tmp_path, vision, rank=4)
