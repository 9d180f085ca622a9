"""Pictures without a model: drawings of single things from a pack, arranged as a query names them.

Works on any machine at once, and shows nothing but what somebody drew and named. Knows packs and the generators' protocol;
which drawings are meant and how they are laid out is `composer.arranging`'s business.
"""

import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from composer.arranging.cutouts import CROWD, Cast, Cutout, Cutouts
from composer.arranging.paint import painted
from composer.drawing.request import Abilities, Drawing, Drawn, Step, Undrawn
from composer.errors import InterleaveError, SetupError
from retrieval.encoder import Encoder
from retrieval.packs import Pack, installed, pack, pictures_of
from retrieval.picture import Attribution

LEAST_SHOWN = 0.6  # of a query's telling words, for a picture that nobody asked for
MAIN = re.compile("[,;，；]")  # behind it a query has details
CJK_LANGUAGES = ("zh", "ja", "ko")
NUMBERS = {CROWD: "three"}
CHANGES = "arranged on a background"


class ArrangedGenerator:
    """An ImageGenerator that arranges a pack's drawings. Safe to use from several threads."""

    abilities = Abilities(references="shown")
    references_do = "Reference pictures give ground and sky their colours; the drawings keep their own."

    def __init__(self, name: str, folder: Path, sentences: Encoder | None = None) -> None:
        """`name` is a pack in `folder`, which may come later. Raises UsageError for one that there is not."""
        self.name = f"arranged:{name}"
        self._pack: Pack = pack(name)
        self.licence = self._pack.licence
        self._folder = folder
        self._sentences = sentences
        self._cutouts: Cutouts | None = None
        self._lock = threading.Lock()

    def draw_all(self, drawings: Sequence[Drawing], *, step: int = 1) -> Iterator[Step | Drawn | Undrawn]:
        """See `ImageGenerator.draw_all`; there are no previews. Raises SetupError without the pack."""
        if not drawings:
            return
        yield Step(doing="draw", done=0, total=len(drawings))
        cutouts = self._ready()
        for number, drawing in enumerate(drawings):
            with self._lock:  # the encoder's answers are kept
                cast, main = cutouts.cast(drawing.prompt), cutouts.cast(MAIN.split(drawing.prompt)[0])
            if cast.things:
                yield self._drawn(number, drawing, cast, doubt=_doubt(cast, main))
            else:
                yield Undrawn(number=number, why=f"no drawing of {self._pack.title} shows any of it.")
            yield Step(doing="draw", done=number + 1, total=len(drawings), first=number)

    def _drawn(self, number: int, drawing: Drawing, cast: Cast, doubt: str) -> Drawn:
        size = max(32, drawing.width), max(32, drawing.height)
        return Drawn(
            number=number,
            image=painted(cast, size, drawing.seed, drawing.references),
            prompt=drawing.prompt,
            shown=bool(drawing.references),
            size=size,
            software=f"{self._pack.title}, arranged",
            parts=tuple(_told(thing.cutout.caption, thing.copies) for thing in cast.things),
            credit=_credit([thing.cutout.attribution for thing in cast.things]),
            doubt=doubt,
            warnings=("An arrangement cannot begin from a picture.",) if drawing.start is not None else (),
        )

    def _ready(self) -> Cutouts:
        with self._lock:
            if self._cutouts is None:
                name = self._pack.name
                if not installed(name, self._folder):
                    raise SetupError(
                        f"The drawings of {self._pack.title} are not here. Run: python -m retrieval packs install {name}"
                    )
                self._cutouts = Cutouts(
                    (
                        Cutout(
                            path=path,
                            caption=one.caption,
                            keywords=one.keywords,
                            names=tuple(one.captions[code] for code in CJK_LANGUAGES if code in one.captions),
                            attribution=one.attribution,
                        )
                        for one, path in pictures_of(name, self._folder)
                    ),
                    self._sentences if _works(self._sentences) else None,
                )
            return self._cutouts


def _works(encoder: Encoder | None) -> bool:
    """Whether the encoder's files are there: without it less is found, and who searches says so."""
    try:
        return encoder is not None and len(encoder.encode_texts(["a thing"])) > 0
    except InterleaveError:
        return False


def _doubt(cast: Cast, main: Cast) -> str:
    """Why a picture may not show what was asked; "" where it does: most of it, or the main thing, before the first comma."""
    if (cast.has_head and cast.share >= LEAST_SHOWN) or (main.has_head and main.share == 1):
        return ""
    missing = ", ".join(f"“{word}”" for word in dict.fromkeys(cast.missing))
    return f"no drawing shows {missing}." if missing else "no drawing shows what it is about."


def _told(caption: str, copies: int) -> str:
    return f"{caption} ({NUMBERS[copies]})" if copies > 1 else caption


def _credit(credits: Sequence[Attribution]) -> Attribution:
    """The credit of an arrangement: whoever drew its things, under the terms of the first, which are the pack's."""
    first = credits[0]
    authors = dict.fromkeys(c.author for c in credits if c.author)
    return Attribution(
        title=", ".join(dict.fromkeys(c.title for c in credits if c.title)),
        author=", ".join(authors),
        author_url=first.author_url if len(authors) == 1 else "",
        source=first.source,
        licence=first.licence,
        licence_url=first.licence_url,
        url=first.url,
        changes=CHANGES,
    )
