"""JSON schemas for replies of XComposer2: llguidance over a tokenizer that it does not know by itself."""

from collections.abc import Callable, Sequence
from typing import Any

from composer.backends.constrain import Grammar
from composer.errors import SetupError
from composer.models import Schema
from composer.xcomposer2.tokens import Tokens


class Grammars:
    """Grammars for one tokenizer, which is looked through when the first is asked for."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._tokenizer: Any = None

    def of(self, schema: Schema) -> Grammar:
        """A grammar at its beginning. Raises SetupError for a schema it does not understand."""
        if self._tokenizer is None:
            self._tokenizer = self._tokens.constrained()
        from llguidance import LLMatcher

        try:
            grammar = LLMatcher.grammar_from_json_schema(dict(schema), defaults={"whitespace_flexible": False})
        except ValueError as error:
            raise SetupError(f"This JSON schema is not understood: {error}.") from error
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise SetupError(f"This JSON schema is not understood: {matcher.get_error()}.")
        return Grammar(matcher)


def wrapped(
    table: Sequence[bytes], encode: Callable[[str], list[int]], *, special: Sequence[int], eos: int, bos: int | None
) -> Any:  # noqa: ANN401 - LLTokenizer
    """A tokenizer given by the bytes of its tokens."""
    try:
        from llguidance import LLTokenizer, TokenizerWrapper
    except ImportError as error:
        raise SetupError("llguidance is not installed, so no JSON schema can be held to.") from error

    class Known:
        """What llguidance asks for."""

        def __init__(self) -> None:
            self.eos_token_id = eos
            self.bos_token_id = bos
            self.tokens = list(table)
            self.special_token_ids = list(special)

        def __call__(self, text: bytes | str) -> list[int]:
            return encode(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)

    return LLTokenizer(TokenizerWrapper(Known()))
