"""The one rule for where this program keeps what it fetched and what the author made."""

import os
from pathlib import Path


def home() -> Path:
    """`$INTERLEAVE_HOME`, else `~/.local/share/interleave`. Not created here."""
    given = os.environ.get("INTERLEAVE_HOME", "")
    return Path(given).expanduser() if given else Path.home() / ".local" / "share" / "interleave"
