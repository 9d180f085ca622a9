"""A small world for the small model: a tiny language model with a tokenizer, a tiny tower, and made-up pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.starter import folder, recipe
from composer.xcomposer2.starter.loop import Course
from composer.xcomposer2.starter.pictures import Pictures, Seen
from composer.xcomposer2.starter.tasks import Floats, How, Pool
from composer.xcomposer2.tokens import FastTokens
from composer.xcomposer2.tower import DrawingTower, DrawingTowerConfig
from retrieval.encoder import unit_rows

JOINT, CHANNELS, CELLS = 16, 256, 2
FIRST = ("red", "old", "tall", "tiny", "wet", "round")
SECOND = ("house", "heron", "lamp", "boat", "apple", "clock", "bridge", "piano")
SOURCES = ("openmoji", "noto")
COLOURS = ("red", "green", "blue", "")


def write_language_model(where: Path) -> Path:
    """A Llama of two layers and a byte-level tokenizer with ChatML turns."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    fast = Tokenizer(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=["<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    fast.train_from_iterator([" A B C D picture", *FIRST, *SECOND], trainer)
    PreTrainedTokenizerFast(tokenizer_object=fast, eos_token="<|im_end|>").save_pretrained(where)
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=fast.get_vocab_size(), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True, eos_token_id=1, bos_token_id=None,
        pad_token_id=1, max_position_embeddings=1024,
    )  # fmt: skip
    LlamaForCausalLM(config).eval().save_pretrained(where)
    return where


def tower() -> DrawingTower:
    """A tower with random weights."""
    torch.manual_seed(4)
    config = DrawingTowerConfig(
        trunk="test_efficientnet", channels=CHANNELS, joint=JOINT, image_size=32, patch_size=8, cells=CELLS,
        hidden_size=JOINT + CHANNELS,
    )  # fmt: skip
    made: DrawingTower = DrawingTower(config)
    made.eval()
    return made


def model() -> XComposer2ForConditionalGeneration:
    """A model around the language model of this folder (see `conftest.base`), its correction still nothing."""
    torch.manual_seed(5)
    return folder.around("smollm2-135m", tower(), rank=4, alpha=8.0)


def small_recipe(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """The recipe with numbers that take no time."""
    given = {"training.steps": 3, "training.batch": 4, "training.warm": 1, "align.steps": 30, "align.batch": 32}
    return recipe.changed(recipe.table(), {**given, **{k.replace("__", "."): v for k, v in changes.items()}})


def labels() -> list[str]:
    return [f"{a} {b}" for a in FIRST for b in SECOND]


def vectors() -> dict[str, Floats]:
    """One for each word, so that labels with a word in common are near each other."""
    draws = np.random.default_rng(1)
    words = {w: draws.normal(size=JOINT) for w in (*FIRST, *SECOND, "thing", "sight")}
    texts = [*labels(), *words]
    table = unit_rows(np.stack([sum(words[w] for w in t.split()) for t in texts]).astype(np.float32))
    return dict(zip(texts, table, strict=True))


def pictures() -> Pictures:
    """Two of each label; their vectors are near the label's. Labels with "piano" are held out."""
    draws, known = np.random.default_rng(2), vectors()
    seen, rows = [], []
    for n, label in enumerate(labels()):
        for source in SOURCES:
            seen.append(Seen(label=label, tags=("thing", "sight"), source=source, colour=COLOURS[(n + n // 8) % 4]))
            rows.append(unit_rows((known[label] + draws.normal(0, 0.05, JOINT))[None].astype(np.float32))[0] * 4)
    counted = [Seen(label=seen[0].label, tags=(), source="openmoji", count=2 + n % 3) for n in range(6)]
    seen += counted
    rows += rows[: len(counted)]
    maps = draws.normal(0, 0.5, (len(seen), CELLS**2 * CHANNELS))
    flat = np.concatenate([np.stack(rows), maps], 1).astype(np.float16)
    held = [n for n, one in enumerate(seen) if "piano" in one.label]
    train = [n for n, one in enumerate(seen) if "piano" not in one.label and one.count == 1]
    many = list(range(len(seen) - len(counted), len(seen)))
    return Pictures(
        seen=seen, features=np.stack([flat, flat], 1), train=train, dev=[], test=held, style=[],
        counted={"train": many[:3], "test": many[3:]},
    )  # fmt: skip


def pool(part: str = "train") -> Pool:
    own = pictures()
    return Pool(own, getattr(own, part), vectors())


def course(tokens: FastTokens, given: dict[str, Any]) -> Course:
    own = pictures()
    return Course(pictures=own, pool=Pool(own, own.train, vectors()), tokens=tokens, recipe=given)


def how(*, hard: bool = False, alike: bool = False) -> How:
    return How(recipe=small_recipe(), words=recipe.words(), hard=hard, alike=alike)
