"""Pictures as vision models are shown them: how many, and how large."""

from collections.abc import Sequence

from PIL import Image

from composer.errors import UsageError

LONG_SIDE = 768  # px


def shown(images: Sequence[Image.Image], *, most: int, name: str) -> list[Image.Image]:
    """RGB copies with a long side of 768 px at most, in order. Raises UsageError for more than `most`."""
    if len(images) > most:
        raise UsageError(f"{name} looks at {most} pictures at once at most, not at {len(images)}.")
    copies = [image.convert("RGB") for image in images]
    for copy in copies:
        copy.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
    return copies
