"""Partial LoRA by itself, on any model of Llama's family."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

from composer.xcomposer2.plora import Low, PLoRALinear, Rows, add_plora, checkpointing, plora_parameters
from tests.xcomposer2 import tiny

SIZES: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
FAMILY = [(LlamaForCausalLM, LlamaConfig), (Qwen2ForCausalLM, Qwen2Config), (MistralForCausalLM, MistralConfig)]
IDS = torch.arange(3, 15)[None]
INDEX = torch.tensor([2, 3, 4, 8])


def layer(rank: int = 3, alpha: float = 6.0, *, bias: bool = True) -> tuple[PLoRALinear, nn.Linear, Rows]:
    torch.manual_seed(0)
    plain, rows = nn.Linear(5, 7, bias=bias), Rows()
    return PLoRALinear(plain, Low(rank=rank, alpha=alpha), rows), plain, rows


@pytest.mark.parametrize("bias", [True, False])
def test_a_fresh_layer_equals_the_plain_one(bias: bool) -> None:
    made, plain, rows = layer(bias=bias)
    x = torch.randn(2, 4, 5)
    assert torch.equal(made(x), plain(x))
    with rows.at(torch.tensor([1, 6])):
        assert torch.equal(made(x), plain(x))
    assert made.plora_a.weight.std() > 0


def test_rows_of_pictures_are_corrected_by_the_formula() -> None:
    made, plain, rows = layer(rank=3, alpha=6.0)
    nn.init.normal_(made.plora_b.weight)
    x = torch.randn(2, 4, 5)
    with rows.at(torch.tensor([1, 6])):
        y = made(x)
    wanted = plain(x)
    for b, n in ((0, 1), (1, 2)):
        wanted[b, n] += 2.0 * made.plora_b.weight @ made.plora_a.weight @ x[b, n]
    torch.testing.assert_close(y, wanted)
    assert rows.index is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_picture_s_rows_are_corrected_as_scattered_ones_are(dtype: torch.dtype) -> None:
    """Rows without a gap take a quicker way where nothing is learnt."""
    made, _, rows = layer()
    nn.init.normal_(made.plora_b.weight)
    made.to(dtype)
    x = torch.randn(2, 4, 5, dtype=dtype)
    with rows.at(torch.tensor([2, 3, 4, 5])):
        assert rows.run == slice(2, 6)
        learning = made(x).detach()
        with torch.inference_mode():
            torch.testing.assert_close(made(x), learning)
    with rows.at(torch.tensor([2, 4])):
        assert not rows.run


@pytest.mark.parametrize(("model_class", "config_class"), FAMILY)
def test_any_family_takes_it_and_stays_the_same_until_trained(model_class: Any, config_class: Any) -> None:  # noqa: ANN401
    model = model_class(config_class(**SIZES)).eval()
    with torch.inference_mode():
        before = model(IDS).logits
        rows = add_plora(model, 4, 8.0)
        assert torch.equal(model(IDS).logits, before)
        with rows.at(INDEX):
            assert torch.equal(model(IDS).logits, before)
        for _, parameter in plora_parameters(model):
            parameter.normal_()
        assert torch.equal(model(IDS).logits, before), "text is touched"
        with rows.at(INDEX):
            corrected = model(IDS).logits
    assert torch.equal(corrected[:, :2], before[:, :2])
    assert not torch.allclose(corrected[:, 2:], before[:, 2:])


def test_parameters_are_those_of_the_paper_and_one_a_for_query_key_and_value() -> None:
    model = LlamaForCausalLM(LlamaConfig(**SIZES))
    add_plora(model, 4, 4.0, sites={"qkv": Low(rank=2, alpha=4.0), "down": Low(rank=0, alpha=1.0)})
    names = [name for name, _ in plora_parameters(model) if ".layers.0." in name]
    assert len(names) == 1 + 3 + 2 * 3
    assert [n for n in names if "self_attn.plora_a" in n]
    assert not [n for n in names if "down_proj" in n]
    assert model.model.layers[0].self_attn.q_proj.scale == 2.0
    assert len(names) == len({n for n in model.state_dict() if ".layers.0." in n and "plora" in n})


def test_a_model_of_another_build_is_refused() -> None:
    with pytest.raises(ValueError, match="Sequential has no decoder layers"):
        add_plora(nn.Sequential(nn.Linear(2, 2)), 4, 4.0)


def test_a_copy_is_on_its_own() -> None:
    model = LlamaForCausalLM(LlamaConfig(**SIZES)).eval()
    rows = add_plora(model, 4, 4.0)
    with torch.no_grad():
        for _, parameter in plora_parameters(model):
            parameter.normal_()
        twin = copy.deepcopy(model)
        for _, parameter in plora_parameters(twin):
            parameter.zero_()
        before = model(IDS).logits
        with rows.at(INDEX):
            assert not torch.allclose(model(IDS).logits, before)
            assert torch.equal(twin(IDS).logits, before)


@pytest.mark.parametrize("accumulated", [1, 2])
def test_checkpointing_changes_no_gradient(accumulated: int) -> None:
    """Also where several forward passes come before the backward pass."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SIZES)).train()
    rows = add_plora(model, 4, 4.0)
    with torch.no_grad():
        for _, parameter in plora_parameters(model):
            parameter.normal_()

    def gradients() -> list[torch.Tensor]:
        model.zero_grad()
        losses = []
        for step in range(accumulated):
            with rows.at(INDEX + step):
                losses.append(model(IDS, labels=IDS, use_cache=False).loss)
        torch.autograd.backward(torch.stack(losses).sum())
        return [p.grad for _, p in plora_parameters(model) if p.grad is not None]

    plain = gradients()
    model.activation_checkpointing_enable(activation_checkpointing_kwargs=checkpointing(rows))
    assert len(plain) == len(list(plora_parameters(model)))
    torch.testing.assert_close(gradients(), plain)


def test_the_whole_model_trains_with_checkpointing() -> None:
    model = tiny.model(tiny.config(plora_dropout=0.0)).train()
    ids, pixels = tiny.prompt(model, 3, "image", 6), tiny.pixels(model, 1)
    labels = ids.masked_fill(ids < 0, -100)

    def gradients() -> dict[str, torch.Tensor]:
        model.zero_grad()
        model(ids, pixel_values=pixels, labels=labels, use_cache=False).loss.backward()
        return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}

    plain = gradients()
    model.activation_checkpointing_enable()
    torch.testing.assert_close(gradients(), plain)
    untouched = {n for n, _ in model.named_parameters()} - plain.keys()
    assert all("post_layernorm" in n for n in untouched)
