"""Any causal language model through transformers, from a folder or the Hub: for GPUs, and for models without GGUF."""

import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from composer.backends.constrain import Grammar, Grammars
from composer.backends.hf_decode import Decoder, sampler
from composer.backends.hf_load import loaded, place
from composer.backends.sampling import Sampling
from composer.backends.stops import until_stop, without_thoughts
from composer.errors import ReplyError
from composer.models import Prompt, Schema, Usage


class TransformersTextModel:
    """A causal model in this process, loaded when it is first used. One call at a time; others wait."""

    def __init__(self, where: str, *, sampling: Sampling | None = None) -> None:
        self.name = f"transformers:{where}"
        self.usage = Usage()
        self._where = where
        self._sampling = sampling or Sampling()
        self._lock = threading.Lock()
        self._tokenizer: Any = None
        self._model: Any = None
        self._decoder: Decoder | None = None
        self._grammars: Grammars | None = None

    def stream(
        self, prompt: Prompt, *, max_tokens: int, stop: Sequence[str] = (), schema: Schema | None = None, seed: int = 0
    ) -> Generator[str, None, None]:
        """See `TextModel.stream`. Raises ReplyError when the conversation does not fit the model's positions."""
        with self._lock:
            decoder = self._load()
            grammar = self._grammar(schema)
            ids = _encode(self._tokenizer, prompt)
            self._check_length(ids)
            draw = sampler(self._sampling, seed, grammar)
            with closing(decoder.tokens(ids, max_tokens, draw, self.usage)) as tokens:
                text = _text(self._tokenizer, _until_end(tokens, self._ends(), grammar))
                yield from until_stop(without_thoughts(text), stop)

    def _load(self) -> Decoder:
        if self._decoder is None:
            self._tokenizer, self._model = loaded(_load, self._where)
            self._decoder = Decoder(self._model)
        return self._decoder

    def _grammar(self, schema: Schema | None) -> Grammar | None:
        if schema is None:
            return None
        self._grammars = self._grammars or Grammars(self._tokenizer)
        return self._grammars.of(schema)

    def _ends(self) -> set[int]:
        """Tokens that end a reply."""
        configured = self._model.generation_config.eos_token_id
        several = configured if isinstance(configured, list) else [configured]
        return {token for token in (*several, self._tokenizer.eos_token_id) if token is not None}

    def _check_length(self, ids: Sequence[int]) -> None:
        limit = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if limit and len(ids) >= limit:
            raise ReplyError(
                f"The conversation of {len(ids)} tokens is longer than the {limit} of {self._where}. "
                "Make the brief, the material or the article shorter, or use a model with a longer context."
            )


def _load(where: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device, dtype = place()
    tokenizer = AutoTokenizer.from_pretrained(where)
    return tokenizer, AutoModelForCausalLM.from_pretrained(where, dtype=dtype).to(device).eval()


def _encode(tokenizer: Any, prompt: Prompt) -> list[int]:  # noqa: ANN401
    """The conversation as the model was taught to read it. Reasoning models are told to answer at once."""
    messages = [{"role": m.role, "content": m.content} for m in prompt]
    if not tokenizer.chat_template:  # a model that was taught no conversations
        return list(tokenizer("\n\n".join(m.content for m in prompt) + "\n\n")["input_ids"])
    from jinja2 import TemplateError

    def apply(turns: list[dict[str, str]]) -> list[int]:
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False, enable_thinking=False)
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    try:
        return apply(messages)
    except TemplateError:  # a template that knows no system turn
        first, *rest = messages
        if first["role"] != "system" or not rest:
            raise
        return apply([{"role": "user", "content": f"{first['content']}\n\n{rest[0]['content']}"}, *rest[1:]])


def _until_end(tokens: Iterable[int], ends: set[int], grammar: Grammar | None) -> Iterator[int]:
    for token in tokens:
        if token in ends:
            return
        yield token
        if grammar is not None and grammar.complete:
            return


def _text(tokenizer: Any, tokens: Iterable[int]) -> Iterator[str]:  # noqa: ANN401
    """The tokens as text; bytes of one character that come in several tokens are held back until it is whole."""
    ids: list[int] = []
    begin = told = 0  # ids[begin:told] is text that was given out, and what the following text joins on to
    for token in tokens:
        ids.append(token)
        before = tokenizer.decode(ids[begin:told], skip_special_tokens=True)
        now = tokenizer.decode(ids[begin:], skip_special_tokens=True)
        if len(now) > len(before) and not now.endswith("\ufffd"):
            yield now[len(before) :]
            begin, told = told, len(ids)
