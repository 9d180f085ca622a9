"""The small model as an engine: it chooses among four and words captions and alt texts, in the words it was taught.

It knows drawings and English. Of an article it is shown what it was trained on: the end of the paragraph, and what the
picture must show. It reads the chance of each candidate's letter, how well the line would caption each, and how like each
the line is in the tower's own space; the model's folder says what each of these counts.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from composer.models import Worded
from composer.xcomposer2 import prompts
from composer.xcomposer2.chat import Bos
from composer.xcomposer2.drawing import LIKELIEST, drawing
from composer.xcomposer2.engine import Parts, XComposer2Engine
from composer.xcomposer2.pixels import prepared
from composer.xcomposer2.prompts import Ask
from composer.xcomposer2.starter import recipe, texts
from composer.xcomposer2.starter.answer import cosines, fits, letters, softmax, together
from composer.xcomposer2.starter.tasks import LETTERS, Shown, captioned

LONGEST = 160  # characters of a line it is shown: it was trained on short ones
WORDS = 32  # tokens of a caption or an alt text
SURE = 0.4  # cosine of a caption and its picture in the tower's space below which nothing is said: docs/plora.md


class StarterEngine(XComposer2Engine):
    """Satisfies ComposingModel and WordingModel besides TextModel and VisionModel."""

    _encode: texts.Encode | None = None  # the tower's own texts, loaded when first used

    def choose_picture(
        self,
        lines: Sequence[str],
        line: int,
        candidates: Sequence[Image.Image],
        chosen: Mapping[int, Image.Image],
        *,
        language: str = "en",
        wanted: str = "",
    ) -> int:
        """See `ComposingModel.choose_picture`; at most four candidates are looked at, the rest never taken."""
        found = self.chances(wanted or ending(lines[line]), candidates)
        return max(range(len(found)), key=lambda n: found[n])

    def chances(self, line: str, candidates: Sequence[Image.Image]) -> list[float]:
        """How likely each of up to four candidates is the one for a line; they sum to 1."""
        shown = [image.convert("RGB") for image in candidates[: len(LETTERS)]]
        if len(shown) == 1:
            return [1.0]
        with self._lock, torch.inference_mode():
            parts = self.parts()
            config = parts.model.config
            features = parts.model.model.tower_features(_pixels(parts, shown))
            samples = [captioned(Shown(n), line, recipe.words()) for n in range(len(shown))]
            said = softmax(fits(parts.model, parts.processor.tokens, samples, features))
            named = _named(parts, line, shown) if config.letters else np.ones_like(said)
            alike = config.likeness * self._likeness(parts, line, features) if config.likeness else 0.0
            return [float(c) for c in together(named, said, config.letters, alike)]

    def _likeness(self, parts: Parts, line: str, features: Tensor) -> NDArray[np.float32]:
        """(pictures,): the cosine of the line and each picture in the space of the tower that they share."""
        config = parts.model.config
        if self._encode is None:
            self._encode = texts.encoder_of(recipe.ASSETS / "models" / str(config.tower_texts))
        pictures = features[:, 0, : config.vision_config.joint].float().cpu().numpy()
        return np.asarray(cosines(self._encode([line]), pictures[None])[0])

    def word_picture(self, image: Image.Image) -> Worded:
        """See `WordingModel.word_picture`: the tower, which learnt from other texts, must recognise the caption."""
        words, shown = recipe.words(), image.convert("RGB")
        with self._lock, torch.inference_mode():
            parts = self.parts()
            caption = _said(parts, shown, words["caption"])
            features = parts.model.model.tower_features(_pixels(parts, [shown]))
            if self._likeness(parts, caption.rstrip("."), features)[0] < SURE:
                return Worded(caption="", alt="")
            return Worded(caption=caption, alt=_said(parts, shown, words["alt"]))


def _named(parts: Parts, line: str, shown: Sequence[Image.Image]) -> NDArray[np.float32]:
    """(pictures,): how likely each one's letter is as the answer."""
    ask = prompts.choose(prompts.prompts("en"), [line], 0, shown, {})
    table = torch.tensor(letters(parts.processor.tokens)[: len(shown)])
    logits = parts.reader.logits(parts.processor.chat(ask.turns, bos=Bos.ONCE, begun=ask.begun))
    return np.asarray(torch.softmax(logits.cpu()[table], 0).numpy())


def _pixels(parts: Parts, shown: Sequence[Image.Image]) -> Tensor:
    """What the tower takes, (n, 3, side, side)."""
    return prepared(shown, parts.model.config)["pixel_values"].to(parts.model.device, parts.model.dtype)


def ending(line: str) -> str:
    """The last sentences of a line, as many as it was trained to read."""
    if len(line) <= LONGEST:
        return line
    return line[-LONGEST:].split(" ", 1)[-1]


def _said(parts: Parts, image: Image.Image, question: str) -> str:
    """The likeliest reply to a question about one picture."""
    ask = Ask(content=(image, question), most=WORDS)
    prompt = parts.processor.chat(ask.turns, bos=Bos.ONCE)
    ids: list[int] = []
    for token in parts.reader.tokens(prompt, ask.most, drawing(LIKELIEST)):
        if token in parts.processor.tokens.ends:
            break
        ids.append(token)
    return parts.processor.tokens.decode(ids).strip()
