"""Laws of the model: what must come out the same, however it is computed."""

import copy
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM, StaticCache

from benchmarks.xcomposer2_baseline import Baseline
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.plora import PLoRALinear
from tests.xcomposer2 import tiny

CLOSE: dict[str, Any] = {"atol": 2e-5, "rtol": 1e-4}


@pytest.fixture(scope="module")
def model() -> XComposer2ForConditionalGeneration:
    return tiny.model()


def plain_llama(model: XComposer2ForConditionalGeneration) -> LlamaForCausalLM:
    """transformers' own model with the same weights, PLoRA left out."""
    llama = LlamaForCausalLM(model.config.text_config).eval()
    own = {n: t for n, t in model.model.language_model.state_dict().items() if ".plora_" not in n}
    llama.model.load_state_dict(own)
    llama.lm_head.load_state_dict(model.lm_head.state_dict())
    return llama


SHAPES = [
    {"side": 42, "layers": 2, "heads": 4, "keys": 2},
    {"side": 56, "layers": 3, "heads": 4, "keys": 4, "rank": 3},
    {"side": 28, "layers": 1, "heads": 6, "keys": 2, "rank": 16},
    {"side": 42, "heads": 2, "keys": 1, "text": {"attention_bias": True}},
]
LAYOUTS = [(7, "image", 5), ("image", "image", 9), (3, "image", 1, "image", 2, "image"), ("image",)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("parts", LAYOUTS)
def test_it_computes_what_a_straightforward_model_computes(shape: dict[str, Any], parts: tuple[int | str, ...]) -> None:
    model = tiny.model(tiny.config(**shape))
    count = parts.count("image")
    ids, pixels = tiny.prompt(model, *parts), tiny.pixels(model, count)
    baseline = Baseline(tiny.official_tensors(model), model.config)
    with torch.inference_mode():
        features = model.get_image_features(pixels)
        embeds, shown = baseline.embeds(ids, features)
        torch.testing.assert_close(model(ids, pixel_values=pixels).logits, baseline.logits(embeds, shown), **CLOSE)
        model.generation_config.eos_token_id = None
        reply = model.generate(input_ids=ids, pixel_values=pixels, max_new_tokens=6, do_sample=False)
        assert reply[:, ids.shape[1] :].tolist() == baseline.greedy(embeds, shown, 6).tolist()


@torch.inference_mode()
def test_text_alone_is_the_same_llama_bit_for_bit(model: XComposer2ForConditionalGeneration) -> None:
    ids = tiny.prompt(model, 40)
    llama = plain_llama(model)
    assert torch.equal(model(ids).logits, llama(ids).logits)
    replies = [m.generate(input_ids=ids, max_new_tokens=8, do_sample=False, eos_token_id=None) for m in (model, llama)]
    assert torch.equal(*replies)


@torch.inference_mode()
def test_image_tokens_are_corrected_and_text_tokens_before_them_are_not(
    model: XComposer2ForConditionalGeneration,
) -> None:
    ids, pixels = tiny.prompt(model, 5, "image", 4), tiny.pixels(model, 1)
    with_plora = model(ids, pixel_values=pixels).logits
    plain = copy.deepcopy(model)
    for module in plain.modules():
        if isinstance(module, PLoRALinear):
            module.plora_b.weight.zero_()
    without = plain(ids, pixel_values=pixels).logits
    assert torch.equal(with_plora[:, :5], without[:, :5])
    assert not torch.allclose(with_plora[:, 5:], without[:, 5:])


@torch.inference_mode()
def test_decoding_touches_no_plora(model: XComposer2ForConditionalGeneration, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, pixels = tiny.prompt(model, 5, "image", 4), tiny.pixels(model, 1)
    out = model(ids, pixel_values=pixels, use_cache=True)

    def never(*_: object) -> None:
        raise AssertionError("PLoRA was computed for a token that is none of an image")

    monkeypatch.setattr(PLoRALinear, "corrected", never)
    model(out.logits[:, -1:].argmax(-1), past_key_values=out.past_key_values)


@torch.inference_mode()
@pytest.mark.parametrize("at", [1, 6, 12, 17, 20])
def test_going_on_with_a_kept_cache_equals_computing_all_anew(
    model: XComposer2ForConditionalGeneration, at: int
) -> None:
    ids, pixels = tiny.prompt(model, 4, "image", 3, "image", 5), tiny.pixels(model, 2)
    whole = model(ids, pixel_values=pixels).logits
    features = model.get_image_features(pixels)
    first = int((ids[0, :at] < 0).sum())
    parts = [features[:first], features[first:]]
    head = model(ids[:, :at], image_features=parts[0] if first else None, use_cache=True)
    tail = model(ids[:, at:], image_features=parts[1], past_key_values=head.past_key_values)
    torch.testing.assert_close(torch.cat([head.logits, tail.logits], 1), whole, **CLOSE)


@torch.inference_mode()
def test_generate_goes_on_with_a_kept_cache_and_new_pictures(model: XComposer2ForConditionalGeneration) -> None:
    first, pixels = tiny.prompt(model, 4, "image", 3), tiny.pixels(model, 2)
    options = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None}
    turn = model.generate(input_ids=first, pixel_values=pixels[:1], return_dict_in_generate=True, **options)
    second = torch.cat([turn.sequences, tiny.prompt(model, 2, "image", 3, seed=1)], 1)
    kept = model.generate(input_ids=second, pixel_values=pixels[1:], past_key_values=turn.past_key_values, **options)
    assert torch.equal(kept, model.generate(input_ids=second, pixel_values=pixels, **options))


@torch.inference_mode()
def test_a_left_padded_batch_equals_single_runs(model: XComposer2ForConditionalGeneration) -> None:
    pixels = tiny.pixels(model, 3)
    prompts = [
        tiny.prompt(model, 3, "image", 6),
        tiny.prompt(model, 8, seed=2),
        tiny.prompt(model, "image", 1, "image", 2),
    ]
    pictures = [pixels[:1], None, pixels[1:]]
    longest = max(p.shape[1] for p in prompts)
    batch = torch.cat([torch.nn.functional.pad(p, (longest - p.shape[1], 0), value=2) for p in prompts])
    mask = torch.tensor([[int(n >= longest - p.shape[1]) for n in range(longest)] for p in prompts])
    options = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None}
    together = model.generate(input_ids=batch, attention_mask=mask, pixel_values=pixels, **options)
    logits = model(batch, attention_mask=mask, pixel_values=pixels).logits
    for row, (ids, picture) in enumerate(zip(prompts, pictures, strict=True)):
        alone = model.generate(input_ids=ids, pixel_values=picture, **options)
        assert torch.equal(together[row, longest:], alone[0, ids.shape[1] :])
        torch.testing.assert_close(logits[row, -ids.shape[1] :], model(ids, pixel_values=picture).logits[0], **CLOSE)


@torch.inference_mode()
def test_the_order_of_pictures_matters_and_is_kept(model: XComposer2ForConditionalGeneration) -> None:
    ids, pixels = tiny.prompt(model, 2, "image", 2, "image", 2), tiny.pixels(model, 2)
    right, swapped = (model(ids, pixel_values=p).logits for p in (pixels, pixels.flip(0)))
    tokens = model.config.tokens_per_image
    assert torch.equal(right[:, :2], swapped[:, :2])
    assert not torch.allclose(right[:, 2 + tokens :], swapped[:, 2 + tokens :])
    one = model(ids[:, : 2 + tokens], pixel_values=pixels[:1]).logits
    torch.testing.assert_close(right[:, : 2 + tokens], one, **CLOSE)


@torch.inference_mode()
def test_beams_see_the_pictures_of_their_own_prompt(model: XComposer2ForConditionalGeneration) -> None:
    pixels = tiny.pixels(model, 3)
    ids = torch.cat([tiny.prompt(model, 3, "image", 2), tiny.prompt(model, 3, "image", 2, seed=5)])
    options = {"num_beams": 3, "max_new_tokens": 4, "do_sample": False, "eos_token_id": None}
    together = model.generate(input_ids=ids, pixel_values=pixels[:2], **options)
    for row in range(2):
        alone = model.generate(input_ids=ids[row : row + 1], pixel_values=pixels[row : row + 1], **options)
        assert torch.equal(together[row], alone[0])


@torch.inference_mode()
def test_a_static_cache_gives_the_same_reply(model: XComposer2ForConditionalGeneration) -> None:
    ids, pixels = tiny.prompt(model, 4, "image", 3), tiny.pixels(model, 1)
    options = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None, "disable_compile": True}
    cache = StaticCache(config=model.config.text_config, max_cache_len=64)
    fixed = model.generate(input_ids=ids, pixel_values=pixels, past_key_values=cache, **options)
    assert torch.equal(fixed, model.generate(input_ids=ids, pixel_values=pixels, **options))


def test_pictures_that_do_not_fit_the_prompt_are_refused(model: XComposer2ForConditionalGeneration) -> None:
    with pytest.raises(ValueError, match="9 image tokens, and the pictures have 18"):
        model(tiny.prompt(model, 2, "image"), pixel_values=tiny.pixels(model, 2))
