"""Loading a model through transformers: where to put it, and what to say when it cannot be loaded."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from composer.errors import SetupError
from retrieval.encoder import fast_dtype
from retrieval.torchvision_fix import allow_cpu_torchvision

Loaded = TypeVar("Loaded")


def place() -> tuple[str, Any]:
    """The best device of this machine and the number type it is quick with."""
    import torch

    if torch.cuda.is_available():
        return "cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if torch.backends.mps.is_available():
        return "mps", torch.float16
    return "cpu", fast_dtype()


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Hides the libraries' notes to their own authors: deprecations that no user can do anything about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def loaded(load: Callable[[str], Loaded], where: str) -> Loaded:
    """What `load(where)` gives, quietly; `where` is a folder or a name on the Hub. Raises SetupError."""
    try:
        import transformers
    except ImportError as error:
        raise SetupError("transformers and PyTorch are not installed. Run: pip install -r requirements.txt") from error
    allow_cpu_torchvision()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    folder = Path(where).expanduser()
    try:
        with quiet_libraries():
            return load(str(folder) if folder.exists() else where)
    except Exception as error:  # every file of a model can be wrong in a way of its own
        reason = next(iter(str(error).splitlines()), "")[:300]
        where_to_look = "Check the folder." if folder.exists() else "It is no folder here; is the Hub within reach?"
        raise SetupError(f"{where} cannot be loaded: {type(error).__name__}: {reason} {where_to_look}") from error
