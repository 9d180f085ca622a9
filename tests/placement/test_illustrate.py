"""The whole way with scripted models and little pictures: the text stays, places hold pictures, failures are told."""

from pathlib import Path

import pytest

from composer.article import Article
from composer.compose import Driver
from composer.events import Warned
from composer.illustrate_article import run
from composer.illustrate_command import as_document, known_alts, pool_of
from composer.placement.deliver import Illustrated, illustrated
from composer.placement.job import Job, Order, take_in
from composer.settings import load_settings
from composer.store import ArticleLog, PictureFolder, create
from composer.toolkit import Toolkit
from retrieval.picture import Picture
from tests.composer.kit import WordSource, picture
from tests.fakes import ScriptedTextModel

TEXT = """---
title: Harbour
---
# A day at the harbour

Ships unload timber at noon. The crane looks like this:

Inland a mill grinds wheat beside the river.

- a list
- of things

In the evening the market square fills with music.
"""
WANTED = '{"main_thing": "crane", "what_is_visible": "a crane lifting timber", "why_here": "It shows the crane."}'
WORDED = '{"alt": "A crane", "caption": "This picture shows how timber leaves the ship."}'


def work(
    tmp_path: Path, text: str, order: Order, captions: list[str], model: ScriptedTextModel | None = None
) -> tuple[ArticleLog, Job, Illustrated]:
    log = create(tmp_path / "out", "a1")
    for p in order.pool:
        data = next(d for q, d in map(picture, [p.caption]) if q.digest == p.digest)
        log.pictures.put(p.digest, p.media_type, data)
    document = as_document(text.encode(), "harbour.md")
    job = take_in(log, document, order, "harbour", ())
    toolkit = Toolkit(
        settings=load_settings(),
        text=model or ScriptedTextModel([]),
        sources=(WordSource(captions),),
        pictures=log.pictures,
    )
    made: list[Illustrated] = []

    def deliver(article: Article, job: Job) -> None:
        made.append(illustrated(job.document, article, job.gaps, log.pictures.read))

    assert Driver(log).run(run(toolkit, log.article, job, deliver))
    return log, job, made[0]


def is_kept(text: str, made: Illustrated) -> bool:
    """Whether all characters of a text are there in order."""
    rest = iter(made.text)
    return all(c in rest for c in text)


def test_a_library_s_pictures_go_in_without_a_model(tmp_path: Path) -> None:
    log, job, made = work(tmp_path, TEXT, Order(images=2, words=False), ["crane", "mill", "market square"])
    assert is_kept(TEXT, made)
    assert made.text.startswith("---\ntitle: Harbour\n---\n# A day at the harbour\n")
    assert len(made.figures) == 2
    assert all(credit["licence"] == "CC0 1.0" for credit in made.credits)
    assert log.article.title == "A day at the harbour"
    assert all(d["reason"] and d["purpose"] for d in job.decisions(log.article))


def test_a_model_says_what_to_look_for_and_words_it(tmp_path: Path) -> None:
    model = ScriptedTextModel([WANTED, WORDED])
    log, _, made = work(tmp_path, TEXT, Order(images=1), ["crane", "a mill"], model)
    slot = log.article.slots()[0]
    assert slot.query == "crane, a crane lifting timber"
    assert slot.purpose == "It shows the crane."
    assert slot.caption == "How timber leaves the ship."
    assert "![Crane](images/" in made.text


def test_a_model_that_answers_nonsense_is_told_and_done_without(tmp_path: Path) -> None:
    log, _, made = work(tmp_path, TEXT, Order(images=1), ["crane", "mill"], ScriptedTextModel(lambda prompt: "no idea"))
    assert len(made.figures) == 1
    assert sum(isinstance(r.event, Warned) for r in log.since(0)) >= 2


def test_nothing_that_fits_leaves_the_text_as_it_is(tmp_path: Path) -> None:
    log, _, made = work(tmp_path, TEXT, Order(images=2, words=False), ["zebra"])
    assert made.text == TEXT
    assert any(isinstance(r.event, Warned) and "stays open" in r.event.message for r in log.since(0))


def test_the_author_s_own_pictures_each_once(tmp_path: Path) -> None:
    pool = tuple(picture(c)[0] for c in ("A mill by the river", "Music on the market square", "The crane"))
    log, job, made = work(tmp_path, TEXT, Order(images=3, pool=pool, words=False), [])
    assert len(made.figures) == 3
    shown = [slot.picture.caption for slot in log.article.slots() if slot.picture]
    assert sorted(shown) == sorted(p.caption for p in pool)
    assert job.gaps[log.article.slots()[0].id] in (1, 2)
    assert is_kept(TEXT, made)


def test_none_wanted_none_given(tmp_path: Path) -> None:
    _, _, made = work(tmp_path, TEXT, Order(images=0, words=False), ["crane"])
    assert made.text == TEXT


def test_html_goes_in_and_comes_out(tmp_path: Path) -> None:
    page = "<h1>Harbour</h1>\n<p>The crane lifts timber.</p>\n<p>A mill grinds wheat.</p>\n"
    log = create(tmp_path / "out", "a1")
    job = take_in(log, as_document(page.encode(), "page.html"), Order(images=1, words=False), "page", ())
    toolkit = Toolkit(
        settings=load_settings(), text=ScriptedTextModel([]), sources=(WordSource(["crane"]),), pictures=log.pictures
    )
    made: list[Illustrated] = []
    deliver = lambda a, j: made.append(illustrated(j.document, a, j.gaps, log.pictures.read))  # noqa: E731
    assert Driver(log).run(run(toolkit, log.article, job, deliver))
    assert made[0].text.count("<figure><img") == 1
    assert is_kept(page, made[0])


def test_pictures_that_stand_keep_others_away(tmp_path: Path) -> None:
    text = "The crane.\n\n![](crane.png)\n\nThe crane lifts.\n"
    _, job, made = work(tmp_path, text, Order(images=5, words=False), ["crane"])
    assert set(job.gaps.values()) <= {0, 3}
    assert is_kept(text, made)


def test_missing_alt_texts_are_filled_only_between_brackets(tmp_path: Path) -> None:
    (tmp_path / "old-mill.png").write_bytes(picture("x")[1])
    text = "One.\n\n![](old-mill.png)\n\n`![](old-mill.png)`\n\n![there](old-mill.png)\n\n![](../secret.png)\n"
    document = as_document(text.encode(), "a.md")
    alts = known_alts(document, tmp_path)
    assert list(alts.values()) == ["old mill"]
    log = create(tmp_path / "out", "a1")
    made = illustrated(document, log.article, {}, log.pictures.read, alts)
    assert made.text == text.replace("![](old-mill.png)", "![old mill](old-mill.png)", 1)


def test_a_pool_reads_what_is_written_beside_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture("one")[1])
    (tmp_path / "a.txt").write_text("A mill by the river", encoding="utf-8")
    (tmp_path / "b.png").write_bytes(b"no picture")
    found: list[Picture] = pool_of(tmp_path, PictureFolder(tmp_path / "kept"))
    assert [p.caption for p in found] == ["A mill by the river"]


@pytest.mark.parametrize(
    ("source", "made"),
    [("bicycle.md", "bicycle/bicycle.md"), ("spring-garden.zh.md", "spring-garden/spring-garden.zh.md")],
)
def test_the_examples_hold_their_sources(source: str, made: str) -> None:
    examples = Path(__file__).parents[2] / "docs" / "examples"
    rest = iter((examples / made).read_bytes())
    assert all(byte in rest for byte in (examples / "sources" / source).read_bytes())


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Harbours\n\nShips.\n", "Harbours"),
        ('---\nlayout: post\ntitle: "Harbours: a *visit*"\n---\n\nShips.\n', "Harbours: a *visit*"),
        ("+++\ntitle = 'Harbours'\n+++\n\nShips.\n", "Harbours"),
        ("---\ntitle: Other\n---\n\n# Harbours\n\nShips.\n", "Harbours"),
        ("---\ntags: x\n---\n\nShips.\n\ntitle: no\n", ""),
        ("Ships.\n\ntitle: no\n", ""),
        ("", ""),
    ],
)
def test_a_text_says_its_title(text: str, title: str) -> None:
    assert as_document(text.encode(), "harbour.md").title == title
