"""How the next token is drawn, for every engine in this process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """The defaults for a model of 1.5 billion parameters.

    No penalty on repetition: a plain penalty and DRY (from runs of 4 tokens on, and of 10) made such a model swap " GPS"
    for "GPS" in mid-sentence ("in the age ofGPS", "conditions o the sea"), for a word without its space is another
    token. `composer.write` drops sentences that are said twice. JSON is drawn with `json_temperature`.
    """

    temperature: float = 0.6
    top_p: float = 0.9
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    repeat_last_n: int = 256  # tokens
    dry_multiplier: float = 0.0
    dry_allowed_length: int = 10  # tokens
    dry_penalty_last_n: int = 512  # tokens
    json_temperature: float = 0.4
