"""What the tests of the stages share: a source of little pictures, scripted replies, and a run on a fresh log."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from composer.article import Article
from composer.brief import Wishes, make_brief
from composer.compose import Driver
from composer.edits import SetBrief
from composer.errors import SourceError
from composer.events import Failed, Warned
from composer.models import Prompt
from composer.settings import load_settings
from composer.store import ArticleLog, create
from composer.toolkit import Toolkit
from retrieval.images import as_picture, encode
from retrieval.picture import Attribution, Candidate, Digest, Picture
from tests.fakes import ScriptedTextModel

LAMP = """Lamps burn oil and later gas. Keepers trim the wick each night, for soot dims everything. A brass tank holds
enough until dawn. Clockwork turns the whole apparatus on its float of mercury. Nobody may sleep while it runs.

Electric bulbs ended that watch. They need no trimming, and a spare one swings into place by itself."""
LENS = """Glass rings around the flame bend stray rays into one beam. Fresnel cut away what a lens does not need. His
first one shone over the Gironde. Large ones stand taller than a man and weigh several tons.

Ships far out at sea see a flash, count the seconds and know which coast lies ahead."""


def picture(caption: str, colour: tuple[int, int, int] = (200, 30, 30)) -> tuple[Picture, bytes]:
    """A picture whose pattern and colour follow from its caption, so that no two are near-duplicates."""
    bits = hashlib.sha256(caption.encode()).digest()
    image = Image.new("RGB", (48, 36), colour)
    for i in range(48):  # 8 x 6 squares of 6 px
        shade = bits[i % 32] if i < 32 else bits[i - 32] ^ 0xA5
        image.paste((shade, shade, (shade * 7) % 256), (i % 8 * 6, i // 8 * 6, i % 8 * 6 + 6, i // 8 * 6 + 6))
    credit = Attribution(
        title=caption, author="Ann", source="Test pack", licence="CC0 1.0", url="https://example.org/p"
    )
    return as_picture(encode(image, "PNG"), caption=caption, attribution=credit)


@dataclass
class WordSource:
    """Offers the pictures whose captions share words with the query; relevance is the share of the query's words."""

    captions: Sequence[str]
    name: str = "words"
    fails: bool = False
    queries: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pictures = {p.digest: (p, data) for p, data in (picture(c) for c in self.captions)}

    def find(self, query: str, k: int) -> list[Candidate]:
        self.queries.append(query)
        if self.fails:
            raise SourceError("the index is gone")
        asked = set(query.lower().replace(",", "").split())
        found = []
        for p, _ in self.pictures.values():
            share = len(asked & set(p.caption.lower().split())) / len(asked)
            if share:
                found.append(Candidate(picture=p, source=self.name, score=share, relevance=share))
        return sorted(found, key=lambda c: -c.score)[:k]

    def read(self, digest: Digest) -> bytes:
        return self.pictures[digest][1]


def plan_reply(
    sections: Sequence[str] = ("The lamp", "The lens"), pictures: Sequence[tuple[int, str]] = ((1, "brass lamp"),)
) -> str:
    return json.dumps(
        {
            "title": "Lighthouses",
            "summary": "How they work.",
            "sections": [{"title": t, "purpose": f"tells of {t}", "words": 60} for t in sections],
            "pictures": [
                {
                    "section": s,
                    "position": "middle",
                    "main_thing": q,
                    "what_is_visible": q,
                    "why_here": f"shows the {q}",
                    "caption": q,
                }
                for s, q in pictures
            ],
        }
    )


def answer(prompt: Prompt) -> str:
    """Plausible replies to every prompt of the English protocol."""
    asked = prompt[-1].content
    if "Plan an article" in asked:
        return plan_reply()
    if '"alt":' in asked:
        return json.dumps({"alt": "A lamp of brass", "caption": "Such lamps burned all night."})
    if "Write the whole text" in asked or " part of about " in asked:
        return ""  # so that it is written section by section
    return LAMP if "section 1" in asked else LENS


def start(tmp: Path, text: str = "How lighthouses work", wishes: Wishes = Wishes(words=120, images=1)) -> ArticleLog:  # noqa: B008
    log = create(tmp / "article", "test")
    log.commit(SetBrief(brief=make_brief(text, wishes)), by="person")
    return log


def kit(log: ArticleLog, replies: Sequence[str] | Callable[[Prompt], str] = answer, *sources: WordSource) -> Toolkit:
    model = ScriptedTextModel(replies)
    return Toolkit(
        settings=load_settings(), text=model, sources=sources or (WordSource(["brass lamp"]),), pictures=log.pictures
    )


def run(log: ArticleLog, stage: Callable[[Toolkit, Article], object], toolkit: Toolkit) -> Article:
    """The article after a stage; a failure of the run fails the test."""
    assert Driver(log).run(stage(toolkit, log.article)), failures(log)  # type: ignore[arg-type]
    return log.article


def warnings(log: ArticleLog) -> list[str]:
    return [r.event.message for r in log.since(0) if isinstance(r.event, Warned)]


def failures(log: ArticleLog) -> list[str]:
    return [r.event.message for r in log.since(0) if isinstance(r.event, Failed)]
