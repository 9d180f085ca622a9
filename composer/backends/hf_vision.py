"""Any model of transformers that answers about pictures, from a folder or the Hub."""

import threading
from collections.abc import Sequence
from typing import Any

from PIL import Image

from composer.backends.constrain import Grammar, Grammars
from composer.backends.hf_load import loaded, place, quiet_libraries
from composer.backends.shown import shown
from composer.backends.stops import without_thoughts
from composer.errors import ReplyError
from composer.models import Schema


class TransformersVisionModel:
    """A vision-language model in this process, loaded when it is first used. One call at a time; others wait.

    Answers with the likeliest words, so the same question gets the same answer.
    """

    def __init__(self, where: str, *, max_images: int = 6) -> None:
        self.name = f"transformers:{where}"
        self.max_images = max_images
        self._where = where
        self._lock = threading.Lock()
        self._processor: Any = None
        self._model: Any = None
        self._grammars: Grammars | None = None

    def ask(
        self, images: Sequence[Image.Image], prompt: str, *, schema: Schema | None = None, max_tokens: int = 256
    ) -> str:
        """See `VisionModel.ask`. A schema is held to."""
        pictures = shown(images, most=self.max_images, name=self.name)
        with self._lock:
            if self._model is None:
                self._processor, self._model = loaded(_load, self._where)
            grammar = self._grammar(schema)
            try:
                return self._answer(pictures, prompt, grammar, max_tokens)
            except RuntimeError as error:
                raise ReplyError(f"{self.name} broke off: {str(error).splitlines()[0]}") from error

    def _answer(self, pictures: list[Image.Image], prompt: str, grammar: Grammar | None, max_tokens: int) -> str:
        import torch

        content = [*({"type": "image", "image": p} for p in pictures), {"type": "text", "text": prompt}]
        inputs = self._processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        ).to(self._model.device, self._model.dtype)
        begin = inputs["input_ids"].shape[1]
        with torch.inference_mode(), quiet_libraries():
            ids = self._model.generate(
                **inputs,
                max_new_tokens=max_tokens,
                do_sample=False,
                logits_processor=[_Within(grammar, begin)] if grammar else [],
            )
        reply = self._processor.decode(ids[0, begin:], skip_special_tokens=True)
        return "".join(without_thoughts([reply])).strip()

    def _grammar(self, schema: Schema | None) -> Grammar | None:
        if schema is None:
            return None
        self._grammars = self._grammars or Grammars(self._processor.tokenizer)
        return self._grammars.of(schema)


class _Within:
    """Lets `generate` draw only what the grammar allows; one reply, one beam."""

    def __init__(self, grammar: Grammar, begin: int) -> None:
        self._grammar = grammar
        self._seen = begin  # tokens of the prompt, then of the reply, that the grammar has taken

    def __call__(self, ids: Any, scores: Any) -> Any:  # noqa: ANN401 - (1, n) int64, (1, vocabulary) float
        import torch

        for token in ids[0, self._seen :].tolist():
            self._grammar.take(token)
        self._seen = ids.shape[1]
        allowed = torch.from_numpy(self._grammar.allowed(scores.shape[-1])).to(scores.device)
        return scores.masked_fill(~allowed, -torch.inf)


def _load(where: str) -> tuple[Any, Any]:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    device, dtype = place()
    processor = AutoProcessor.from_pretrained(where)
    return processor, AutoModelForImageTextToText.from_pretrained(where, dtype=dtype).to(device).eval()
