"""Official checkpoints: loading, naming what is wrong, and the way there and back."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForImageTextToText

from composer.errors import SetupError, UsageError
from composer.xcomposer2 import checkpoint, layout
from composer.xcomposer2.convert import convert
from composer.xcomposer2.layout import Heads
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from tests.xcomposer2 import tiny

Model = XComposer2ForConditionalGeneration


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny.model()


@pytest.fixture
def folder(tmp_path: Path, model: Model) -> Path:
    return tiny.official_folder(tmp_path / "official", model)


def logits(model: Model) -> Tensor:
    with torch.inference_mode():
        result: Tensor = model(tiny.prompt(model, 3, "image", 4), pixel_values=tiny.pixels(model, 1)).logits
    return result


def change(folder: Path, change: dict[str, Tensor | None]) -> None:
    tensors: dict[str, Tensor | None] = {**load_file(folder / "model.safetensors"), **change}
    save_file({n: t for n, t in tensors.items() if t is not None}, folder / "model.safetensors")


def test_packing_is_the_documented_one() -> None:
    heads = Heads(queries=4, keys=2, size=3)
    packed = torch.arange(2 * (2 + 2) * 3)[:, None].float()
    q, k, v = layout.unpack(packed, heads)
    assert q.flatten().tolist() == [*range(6), *range(12, 18)]
    assert k.flatten().tolist() == [6, 7, 8, 18, 19, 20]
    assert v.flatten().tolist() == [9, 10, 11, 21, 22, 23]
    assert torch.equal(layout.pack(q, k, v, heads), packed)


def test_the_official_layout_loads_to_the_same_model(folder: Path, model: Model) -> None:
    loaded = Model.from_pretrained(folder)
    assert loaded.dtype is torch.float32
    torch.testing.assert_close(logits(loaded.eval()), logits(model))


def test_shards_of_pickles_load(tmp_path: Path, model: Model, folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    files = {n: f"pytorch_model-{1 + (i >= len(names) // 2):05d}-of-00002.bin" for i, n in enumerate(names)}
    for file in set(files.values()):
        torch.save({n: tensors[n] for n in names if files[n] == file}, folder / file)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    torch.testing.assert_close(logits(Model.from_pretrained(folder).eval()), logits(model))
    (folder / files[names[0]]).unlink()
    with pytest.raises(SetupError, match="00001-of-00002"):
        Model.from_pretrained(folder)


def test_half_precision_stays_half(folder: Path, model: Model) -> None:
    change(folder, {n: t.bfloat16() for n, t in load_file(folder / "model.safetensors").items()})
    for options, wanted in (({}, torch.bfloat16), ({"dtype": torch.float16}, torch.float16)):
        loaded = Model.from_pretrained(folder, **options)
        assert {p.dtype for p in loaded.parameters()} == {wanted}


def test_missing_extra_and_misshapen_tensors_are_named(folder: Path) -> None:
    change(folder, {
        "model.layers.1.attention.wqkv.Plora_B.weight": None,
        "model.layers.1.attention.wqkv.Plora_C.weight": torch.zeros(2),
        "vision_proj.0.weight": torch.zeros(3, 3),
        "model.layers.0.attention.wqkv.weight": torch.zeros(7, 32),
    })  # fmt: skip
    with pytest.raises(SetupError) as error:
        Model.from_pretrained(folder)
    for part in (
        "model.layers.1.attention.wqkv.Plora_B.weight",
        "wqkv.Plora_C",
        "vision_proj.0.weight [3, 3]",
        "wqkv.weight [7, 32]",
    ):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("config.json", "{", "cannot be read as JSON"),
        ("config.json", "[]", "must hold a JSON object"),
        ("model.safetensors", "half", "bring it again"),
        ("model.safetensors.index.json", "{}", "no weight_map"),
        ("model.safetensors.index.json", '{"weight_map": {"a": 1}}', "no weight_map"),
    ],
)
def test_files_that_are_broken_are_named(folder: Path, name: str, text: str, told: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(SetupError, match=told) as error:
        Model.from_pretrained(folder)
    assert name in str(error.value)


@pytest.mark.parametrize(
    "fields",
    [{"num_attention_heads": 0}, {"num_attention_heads": 7}, {"hidden_size": "big"}, {"img_size": -5},
     {"hidden_act": "none such"}, {"rope_scaling": {"type": "none such"}}],
)  # fmt: skip
def test_a_config_of_no_model_is_explained(folder: Path, fields: dict[str, Any]) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | fields))
    with pytest.raises(SetupError, match=r"config\.json"):
        Model.from_pretrained(folder)


def test_a_path_that_is_wrong_is_no_download(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SetupError, match="Check the path"):
        Model.from_pretrained(tmp_path / "none")
    assert checkpoint.LICENCE not in caplog.text


def test_what_official_files_leave_out_or_add_does_no_harm(folder: Path, model: Model) -> None:
    positions = torch.arange(10)[None]
    change(folder, {
        "vit.vision_tower.vision_model.post_layernorm.weight": None,
        "vit.vision_tower.vision_model.post_layernorm.bias": None,
        "vit.vision_tower.vision_model.embeddings.position_ids": positions,
    })  # fmt: skip
    torch.testing.assert_close(logits(Model.from_pretrained(folder).eval()), logits(model))


def test_a_position_table_of_another_size_is_resized(folder: Path) -> None:
    table = torch.randn(1 + 24 * 24, 16)
    change(folder, {"vit.vision_tower.vision_model.embeddings.position_embedding.weight": table})
    loaded = Model.from_pretrained(folder)
    own = loaded.model.vision_tower.embeddings.position_embedding.weight
    assert torch.equal(own[0], table[0])
    assert own.shape == (10, 16)
    assert torch.equal(own, checkpoint.resized(table, 3))
    assert checkpoint.resized(table, 24) is table


def test_a_folder_that_is_no_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"no config\.json"):
        Model.from_pretrained(tmp_path)


def test_the_licence_is_stated_before_a_download(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    def bring(name: str, **_: object) -> str:
        told.extend(caplog.messages)
        if name.endswith("gone"):
            raise OSError("no such repository")
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", bring)
    assert isinstance(Model.from_pretrained("internlm/a-model"), Model)
    assert "academic research" in told[0]
    with pytest.raises(SetupError, match="no such repository"):
        Model.from_pretrained("internlm/gone")


@pytest.mark.parametrize("shard", [2**40, 20_000])
def test_there_and_back_is_lossless(folder: Path, tmp_path: Path, model: Model, shard: int) -> None:
    change(folder, {"model.norm.weight": torch.ones(32, dtype=torch.float16)})
    (folder / "tokenizer.model").write_bytes(b"pieces")
    files = convert(folder, tmp_path / "own", shard=shard)
    assert (len(files) > 1) == (shard == 20_000)
    convert(tmp_path / "own", tmp_path / "back")
    before, after = load_file(folder / "model.safetensors"), load_file(tmp_path / "back" / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(t.dtype == after[n].dtype and torch.equal(t, after[n]) for n, t in before.items())
    configs = [json.loads((f / "config.json").read_text()) for f in (folder, tmp_path / "back")]
    assert configs[0] == configs[1]
    assert (tmp_path / "back" / "tokenizer.model").read_bytes() == b"pieces"
    own = Model.from_pretrained(tmp_path / "own", dtype=torch.float32).eval()
    torch.testing.assert_close(logits(own), logits(Model.from_pretrained(folder, dtype=torch.float32).eval()))
    with pytest.raises(UsageError, match="not empty"):
        convert(folder, tmp_path / "own")


def test_a_model_made_here_can_become_official(tmp_path: Path, model: Model) -> None:
    model.save_pretrained(tmp_path / "own")
    torch.testing.assert_close(logits(Model.from_pretrained(tmp_path / "own").eval()), logits(model))
    convert(tmp_path / "own", tmp_path / "official")
    assert checkpoint.look(tmp_path / "official").official
    torch.testing.assert_close(logits(Model.from_pretrained(tmp_path / "official").eval()), logits(model))


@pytest.mark.parametrize("scaling", [None, {"type": "dynamic", "factor": 2.0}, {"type": "linear", "factor": 1.0}])
def test_biases_scales_and_rope_of_the_official_config_count(tmp_path: Path, scaling: object) -> None:
    plora = {site: {"rank": 4, "alpha": 12.0} for site in ("qkv", "o", "gate", "up", "down")}
    model = tiny.model(tiny.config(text={"attention_bias": True}, plora=plora))
    for name, parameter in model.named_parameters():
        if name.endswith("_proj.bias"):
            torch.nn.init.normal_(parameter)
    folder = tiny.official_folder(tmp_path, model, bias=True, rope_scaling=scaling, lora_alpha=12.0)
    assert "model.layers.0.attention.wqkv.bias" in checkpoint.look(folder).shapes
    torch.testing.assert_close(logits(Model.from_pretrained(folder).eval()), logits(model))


def test_transformers_auto_classes_know_it(tmp_path: Path, model: Model) -> None:
    model.save_pretrained(tmp_path)
    loaded = AutoModelForImageTextToText.from_pretrained(tmp_path)
    assert isinstance(loaded, Model)
    torch.testing.assert_close(logits(loaded.eval()), logits(model))


def test_tied_embeddings_need_no_output_layer(folder: Path) -> None:
    fields = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(fields | {"tie_word_embeddings": True}))
    change(folder, {"output.weight": None})
    loaded = Model.from_pretrained(folder)
    assert loaded.lm_head.weight is loaded.get_input_embeddings().weight


def test_quantising_packed_weights_is_refused(folder: Path) -> None:
    with pytest.raises(SetupError, match="convert"):
        Model.from_pretrained(folder, quantization_config=object())


def test_replies_end_where_the_official_ones_do(folder: Path) -> None:
    assert Model.from_pretrained(folder).generation_config.eos_token_id == [2]
    assert Model.from_pretrained(folder).generation_config.max_length is None
