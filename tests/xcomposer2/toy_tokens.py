"""A tokenizer of letters, for tests that need no vocabulary file."""

from collections.abc import Sequence
from typing import Any

from composer.errors import SetupError

MARKERS = ("<T>", "<E>")


class LetterTokens:
    """One token a byte, shifted by 8 (modulo 110); two markers for turns."""

    size = 120
    bos: int | None = 1
    ends = frozenset({2, 6})
    closing: tuple[int, ...] = (2,)
    turn = "<T>"
    end = "<E>"

    def encode(self, text: str) -> list[int]:
        if text == self.turn:
            return [5]
        if text == self.end:
            return [6]
        return self.encode_plain(text)

    def encode_plain(self, text: str) -> list[int]:
        return [8 + ord(letter) % 110 for letter in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(chr(32 + n % 90) for n in ids if n >= 8)

    def constrained(self) -> Any:  # noqa: ANN401
        raise SetupError("letters cannot be held to a schema")
