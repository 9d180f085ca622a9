"""What the small model answers about pictures whose features are known: letters by their chances, words by the likeliest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.starter.batch import Row, batch_of, hidden_of, row_of
from composer.xcomposer2.starter.pictures import Pictures
from composer.xcomposer2.starter.recipe import words
from composer.xcomposer2.starter.tasks import LETTERS, Exchange, Sample, Shown, captioned
from composer.xcomposer2.tokens import Tokens

TOGETHER = 24


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about pictures."""

    exchange: Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model, and the pictures it is asked about; a blind one sees the mean of all pictures in the place of each."""

    model: XComposer2ForConditionalGeneration
    tokens: Tokens
    pictures: Pictures
    blind: bool = False

    @property
    def joint(self) -> int:
        """Length of a vector that pictures and texts share."""
        return int(self.model.config.vision_config.joint)

    @property
    def per_image(self) -> int:
        """Tokens of a picture."""
        return int(self.model.config.tokens_per_image)

    def features(self, rows: Sequence[Row]) -> Tensor:
        """(pictures, tokens, c) of all pictures of these rows, as the projector takes them."""
        own = self.model.config.vision_config
        shown = [one for row in rows for one in row.shown]
        if self.blind:
            some = list(self.pictures.train[:: max(1, len(self.pictures.train) // 512)])
            mean = self.pictures.tokens(some, [0] * len(some), own.joint, own.cells).mean(0, keepdim=True)
            found = mean.expand(len(shown), -1, -1)
        else:
            found = self.pictures.tokens([s.row for s in shown], [s.variant for s in shown], own.joint, own.cells)
        return found.to(self.model.model.projector.linear_1.weight.dtype)


def letters(tokens: Tokens) -> list[int]:
    """The tokens that stand for A to D behind the words that begin the answer."""
    return [tokens.encode_plain(f" {letter}")[0] for letter in LETTERS]


@torch.inference_mode()
def chances(model: Model, samples: Sequence[Sample]) -> NDArray[np.float32]:
    """(n, 4): how likely each letter is, among the four."""
    table = torch.tensor(letters(model.tokens))
    found = np.zeros((len(samples), len(LETTERS)), np.float32)
    rows = [row_of(sample, model.tokens, model.per_image, answered=False) for sample in samples]
    order = sorted(range(len(rows)), key=lambda n: len(rows[n].ids))
    for begin in range(0, len(order), TOGETHER):
        some = [rows[n] for n in order[begin : begin + TOGETHER]]
        batch = batch_of(some)
        hidden = hidden_of(model.model, batch, model.features(some))
        last = torch.tensor([len(row.ids) - row.prefix - 1 for row in some])
        logits = model.model.lm_head(hidden[torch.arange(len(some)), last])[:, table].float()
        found[order[begin : begin + TOGETHER]] = torch.softmax(logits, 1).numpy()
    return found


@torch.inference_mode()
def fits(
    model: XComposer2ForConditionalGeneration, tokens: Tokens, samples: Sequence[Sample], features: Tensor
) -> NDArray[np.float32]:
    """(n,): the log chance of each sample's answer; `features` are all pictures' tokens, (pictures, tokens, c)."""
    rows = [row_of(sample, tokens, model.config.tokens_per_image) for sample in samples]
    batch = batch_of(rows)
    hidden = hidden_of(model, batch, features)[:, :-1]
    learnt = batch.weights[:, 1:] > 0
    each = torch.log_softmax(model.lm_head(hidden[learnt]).float(), 1)
    said = each.gather(1, batch.suffix[:, 1:][learnt][:, None])[:, 0]
    found = torch.zeros(len(rows)).index_add_(0, learnt.nonzero()[:, 0], said)
    return np.asarray(found.numpy())


def caption_chances(model: Model, lines: Sequence[str], rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """(n, 4): how well each line would caption each of its pictures, as chances among the four."""
    found = np.zeros((len(lines), len(LETTERS)), np.float32)
    for n, (line, some) in enumerate(zip(lines, rows, strict=True)):
        samples = [captioned(Shown(row), line, words()) for row in some]
        made = [row_of(sample, model.tokens, model.per_image) for sample in samples]
        found[n] = fits(model.model, model.tokens, samples, model.features(made))
    return softmax(found)


def softmax(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Along the last axis."""
    raised = np.exp(values - values.max(-1, keepdims=True))
    return np.asarray(raised / raised.sum(-1, keepdims=True), np.float32)


def together(
    letters: NDArray[np.float32],
    captions: NDArray[np.float32],
    share: float,
    alike: NDArray[np.float32] | float = 0.0,
) -> NDArray[np.float32]:
    """Ways of choosing as one: the log chances of letters (`share`) and captions (the rest), and `alike`, the weighted
    likeness of line and picture, added; chances again, (n, k)."""
    small = 1e-9
    return softmax(share * np.log(letters + small) + (1 - share) * np.log(captions + small) + alike)


def cosines(texts: NDArray[np.float32], pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, k) of unit vectors of texts, (n, dim), and vectors of k pictures each, (n, k, dim), of any length."""
    long = np.linalg.norm(pictures, axis=-1, keepdims=True)
    return np.asarray(np.einsum("nd,nkd->nk", texts, pictures / np.maximum(long, 1e-9)), np.float32)


@torch.inference_mode()
def replies(model: Model, asked: Sequence[Asked], *, most: int) -> list[str]:
    """The likeliest reply to each, `most` tokens at most."""
    found: list[str] = []
    for begin in range(0, len(asked), TOGETHER):
        samples = [Sample(exchanges=(one.exchange,)) for one in asked[begin : begin + TOGETHER]]
        rows = [row_of(sample, model.tokens, model.per_image, answered=False) for sample in samples]
        longest = max(len(row.ids) for row in rows)
        ids, mask = torch.zeros(len(rows), longest, dtype=torch.long), torch.zeros(len(rows), longest, dtype=torch.long)
        for n, row in enumerate(rows):
            ids[n, longest - len(row.ids) :] = torch.tensor(row.ids)
            mask[n, longest - len(row.ids) :] = 1
        embeds = model.model.model.projector(model.features(rows)).flatten(0, 1)
        ends = sorted(model.tokens.ends)
        made = model.model.generate(
            input_ids=ids, attention_mask=mask, image_features=embeds, max_new_tokens=most, do_sample=False,
            eos_token_id=ends, pad_token_id=ends[0],
        )[:, longest:].tolist()  # fmt: skip
        found += [model.tokens.decode(_until(reply, model.tokens.ends)).strip() for reply in made]
    return found


def _until(ids: Sequence[int], ends: frozenset[int]) -> list[int]:
    cut = next((n for n, token in enumerate(ids) if token in ends), len(ids))
    return list(ids[:cut])
