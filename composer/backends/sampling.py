"""How the next token is drawn, for every engine in this process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """The defaults for a model of 1.5 billion parameters.

    A plain penalty, and DRY from runs of 4 tokens on, made such a model swap " GPS" for "GPS" in mid-sentence ("in the
    age ofGPS"), for a word without its space is another token. DRY from runs of 10 on ended its endless loops and ate
    no space in the samples. A reply under a JSON schema is drawn with `json_temperature` and without any of this.
    """

    temperature: float = 0.7
    top_p: float = 0.9
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    repeat_last_n: int = 256  # tokens
    dry_multiplier: float = 0.8
    dry_allowed_length: int = 10  # tokens
    dry_penalty_last_n: int = 512  # tokens
    json_temperature: float = 0.4
