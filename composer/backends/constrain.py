"""JSON schemas for models that run through transformers: which tokens may come next, by llguidance."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.errors import SetupError
from composer.models import Schema


class Grammar:
    """One reply under one schema: `allowed` says what may come next, `take` what came."""

    def __init__(self, matcher: Any) -> None:  # noqa: ANN401 - the library's own
        self._matcher = matcher

    def allowed(self, vocabulary: int) -> NDArray[np.bool_]:
        """(vocabulary,) bool: which tokens may come next."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        mask = np.unpackbits(bits, bitorder="little")[:vocabulary].astype(np.bool_)
        return np.pad(mask, (0, vocabulary - len(mask)))

    def take(self, token: int) -> None:
        """Go on behind this token, which was allowed."""
        self._matcher.consume_token(token)

    @property
    def complete(self) -> bool:
        """Whether the reply is whole and nothing may follow."""
        return bool(self._matcher.is_stopped())


class Grammars:
    """Grammars for one tokenizer. Making it takes a second for a large vocabulary, a grammar milliseconds."""

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - any fast tokenizer of transformers
        try:
            import llguidance.hf
        except ImportError as error:
            raise SetupError("llguidance is not installed, so no JSON schema can be held to.") from error
        try:
            self._tokenizer = llguidance.hf.from_tokenizer(tokenizer)
        except ValueError as error:
            raise SetupError(f"This tokenizer cannot be held to a JSON schema: {error}.") from error

    def of(self, schema: Schema) -> Grammar:
        """A grammar at its beginning. Raises SetupError for a schema it does not understand."""
        from llguidance import LLMatcher

        try:
            grammar = LLMatcher.grammar_from_json_schema(dict(schema), defaults={"whitespace_flexible": False})
        except ValueError as error:
            raise SetupError(f"This JSON schema is not understood: {error}.") from error
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise SetupError(f"This JSON schema is not understood: {matcher.get_error()}.")
        return Grammar(matcher)
