"""How the next token is drawn, for every engine in this process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """The defaults keep a model of 1.5 billion parameters from repeating itself.

    A reply under a JSON schema is drawn with `json_temperature` and without penalties: its marks must repeat.
    DRY (llama.cpp) punishes only what would continue a repeated run of tokens, so unlike a plain penalty it leaves
    names, commas and common Chinese characters alone.
    """

    temperature: float = 0.7
    top_p: float = 0.9
    min_p: float = 0.05
    repeat_penalty: float = 1.05
    repeat_last_n: int = 256  # tokens
    dry_multiplier: float = 0.5
    dry_allowed_length: int = 4  # tokens
    dry_penalty_last_n: int = 2048  # tokens
    json_temperature: float = 0.4
