"""Text to tokens and back: InternLM2's sentencepiece model, or the fast tokenizer of another language model.

Knows the special tokens and when a reply ends; does not know conversations (`chat`) or pictures.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from composer.errors import SetupError

HELD = 12  # tokens after which text that is still no whole character is given out as it is


class Tokens(Protocol):
    """A tokenizer, and how it marks the turns of a conversation."""

    size: int  # of the vocabulary
    bos: int | None
    ends: frozenset[int]  # tokens that end a reply
    closing: tuple[int, ...]  # tokens behind a whole conversation, in training
    turn: str  # before the role
    end: str  # behind a turn's text

    def encode(self, text: str) -> list[int]:
        """Tokens without BOS; special tokens that are written out are taken for what they are."""
        ...

    def encode_plain(self, text: str) -> list[int]:
        """The same for text of a person or a model: nothing in it is taken for a special token."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text, special tokens left out."""
        ...

    def constrained(self) -> Any:  # noqa: ANN401 - llguidance's LLTokenizer
        """For holding replies to a JSON schema. Raises SetupError where that cannot be."""
        ...


class InternLM2Tokens:
    """The sentencepiece model that comes with the official checkpoints."""

    turn = "[UNUSED_TOKEN_146]"
    end = "[UNUSED_TOKEN_145]"

    def __init__(self, file: Path) -> None:
        try:
            import sentencepiece
        except ImportError as error:
            raise SetupError("sentencepiece is not installed. Run: pip install -r requirements.txt") from error
        sentencepiece.set_min_log_level(2)  # it warns of a null character in the vocabulary
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(file))
        except (OSError, RuntimeError) as error:
            raise SetupError(f"{file} is no sentencepiece model: {error}") from error
        self.size = int(self._pieces.get_piece_size())
        self.bos: int | None = int(self._pieces.bos_id())
        self._special = {n for n in range(self.size) if self._is_special(n)}
        self.ends = frozenset({int(self._pieces.eos_id()), *self._ids([self.end])})
        self.closing: tuple[int, ...] = (int(self._pieces.eos_id()),)

    def encode(self, text: str) -> list[int]:
        return list(self._pieces.encode(text))

    def encode_plain(self, text: str) -> list[int]:
        before, *rest = text.split("[UNUSED_TOKEN_")
        ids = self.encode(before)
        for part in rest:  # in two pieces it is no special token, and reads the same
            ids += [*self.encode("[UNUSED"), *self.encode("_TOKEN_" + part)]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._pieces.decode([n for n in ids if 0 <= n < self.size and n not in self._special]))

    def constrained(self) -> Any:  # noqa: ANN401
        from composer.xcomposer2.grammar import wrapped

        table = [self._bytes(n) for n in range(self.size)]
        return wrapped(table, self.encode_plain, special=sorted(self._special), eos=min(self.ends), bos=self.bos)

    def _bytes(self, n: int) -> bytes:
        piece = str(self._pieces.id_to_piece(n))
        if self._pieces.is_byte(n):
            return bytes([int(piece[3:5], 16)])
        return piece.replace("\u2581", " ").encode()

    def _is_special(self, n: int) -> bool:
        p = self._pieces
        return bool(p.is_control(n) or p.is_unknown(n)) or str(p.id_to_piece(n)).startswith("[UNUSED_TOKEN_")

    def _ids(self, names: Iterable[str]) -> list[int]:
        found = [int(self._pieces.piece_to_id(name)) for name in names]
        return [n for n in found if n != self._pieces.unk_id()]


class FastTokens:
    """The tokenizer of a language model with ChatML turns, such as SmolLM2 and Qwen, through transformers."""

    turn = "<|im_start|>"
    end = "<|im_end|>"

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.size = len(self._tokenizer)
        self.bos: int | None = None  # models of this kind begin with a turn
        self.closing: tuple[int, ...] = ()  # and end with one
        end = self._tokenizer.convert_tokens_to_ids(self.end)
        self.ends = frozenset(n for n in (end, self._tokenizer.eos_token_id) if n is not None)

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def encode_plain(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])

    def decode(self, ids: Sequence[int]) -> str:
        kept = [n for n in ids if 0 <= n < self.size]
        return str(self._tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def constrained(self) -> Any:  # noqa: ANN401
        try:
            from llguidance.hf import from_tokenizer
        except ImportError as error:
            raise SetupError("llguidance is not installed, so no JSON schema can be held to.") from error
        return from_tokenizer(self._tokenizer, eos_token=min(self.ends))


def tokens_of(folder: Path) -> Tokens:
    """The tokenizer of a model's folder. Raises SetupError where there is none."""
    if (folder / "tokenizer.model").is_file():
        return InternLM2Tokens(folder / "tokenizer.model")
    if (folder / "tokenizer.json").is_file():
        return FastTokens(folder)
    raise SetupError(f"{folder} has neither tokenizer.model nor tokenizer.json. Copy it from the official checkpoint.")


def streamed(tokens: Tokens, ids: Iterable[int]) -> Iterator[str]:
    """The text of tokens as they come; the bytes of a character are held back until it is whole."""
    read: list[int] = []
    begin = told = 0  # read[begin:told] was given out, and is what the following text joins on to
    for token in ids:
        read.append(token)
        before, now = tokens.decode(read[begin:told]), tokens.decode(read[begin:])
        whole = not now.endswith("\ufffd") or len(read) - told >= HELD
        if len(now) > len(before) and whole:
            yield now[len(before) :]
            begin, told = told, len(read)
    before, now = tokens.decode(read[begin:told]), tokens.decode(read[begin:])
    if len(now) > len(before):
        yield now[len(before) :]
