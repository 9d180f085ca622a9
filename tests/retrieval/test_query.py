from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retrieval.errors import UsageError
from retrieval.filtering import matching
from retrieval.library import Library
from retrieval.looks import colours_of, fill_looks, look_of
from retrieval.picture import Attribution
from retrieval.query import EVERYTHING, Filters, Term, summed, terms_of
from retrieval.rows import Row
from retrieval.source import LibrarySource
from tests.retrieval.fakes import COLOURS, WordEncoder, as_bytes, row


@pytest.mark.parametrize(
    "query", ["a red fox", "a man - portrait", "2 * 3 cakes", "mail me@home", "fox+snow", "  a fox  "]
)
def test_a_text_without_marks_is_one_plain_query(query: str) -> None:
    assert terms_of(query) == (Term(weight=1.0, text=query.strip()),)


def test_a_sum_has_weights_signs_words_and_pictures(tmp_path: Path) -> None:
    file = tmp_path / "my dog.png"
    file.write_bytes(as_bytes(Image.new("RGB", (9, 9), "red")))
    assert terms_of(f'2*"a dog" - "tall grass" + 0.5 * night - @"{file}"') == (
        Term(weight=2.0, text="a dog"),
        Term(weight=-1.0, text="tall grass"),
        Term(weight=0.5, text="night"),
        Term(weight=-1.0, picture=file),
    )


@pytest.mark.parametrize("query", ['"dog" "cat"', '"dog" +', '"dog', '- "dog"', "@/nowhere/at/all.png", '"dog" + 2*'])
def test_a_sum_that_cannot_be_read_says_what_to_write(query: str) -> None:
    with pytest.raises(UsageError, match=r"query|picture"):
        terms_of(query)


@given(
    st.lists(st.tuples(st.floats(0.1, 9).map(lambda w: round(w, 2)), st.sampled_from(["ab", "cd", "ef"])), min_size=1)
)
def test_a_sum_is_the_weighted_sum_of_its_terms(parts: list[tuple[float, str]]) -> None:
    encoder = WordEncoder()
    got = summed(encoder, terms_of(" + ".join(f'{w}*"{text}"' for w, text in parts)))
    wanted = sum(w * encoder.encode_texts([text])[0] for w, text in parts)
    assert np.allclose(got, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_what_is_taken_away_comes_later(library: Library) -> None:
    encoder = WordEncoder()
    ids = library.add([row(1, "dog grass"), row(2, "dog snow")])
    library.add_vectors(encoder.name, ids, encoder.encode_texts(["dog grass", "dog snow"]))
    source = LibrarySource(library, sentence=encoder)
    assert source.find('2*"dog" - "grass"', 2)[0].picture.caption == "dog snow"
    assert source.find('2*"dog" - "snow"', 2)[0].picture.caption == "dog grass"


def shaped(number: int, width: int, height: int, source: str = "A", licence: str = "CC0 1.0") -> Row:
    made = row(number, f"fox number{number}", keywords=("animal",) if number % 2 else ("toy", "red"))
    credit = Attribution(source=source, licence=licence)
    return replace(made, picture=replace(made.picture, width=width, height=height, attribution=credit))


@given(
    st.lists(
        st.tuples(
            st.integers(10, 99),
            st.integers(10, 99),
            st.sampled_from("AB"),
            st.sampled_from(["CC0 1.0", "CC BY-NC 4.0"]),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([None, "landscape", "portrait", "square"]),
    st.sampled_from([0, 40]),
    st.sampled_from(["any", "commercial"]),
    st.sampled_from([frozenset(), frozenset("A")]),
    st.sampled_from([frozenset(), frozenset(["animal"]), frozenset(["toy", "red"])]),
)
def test_a_filter_takes_exactly_what_fits(
    facts: list[tuple[int, int, str, str]],
    stands: str | None,
    least: int,
    use: str,
    sources: frozenset[str],
    tags: frozenset[str],
) -> None:
    library = Library(Path(":memory:"))
    rows = [shaped(n, *fact) for n, fact in enumerate(facts)]
    ids = library.add(rows)
    filters = Filters(orientation=stands, min_px=least, use=use, sources=sources, tags=tags)  # type: ignore[arg-type]

    def fits(one: Row) -> bool:
        p = one.picture
        ratio = p.width / p.height
        way = "square" if max(ratio, 1 / ratio) < 1.1 else "landscape" if ratio > 1 else "portrait"
        return (
            (stands is None or way == stands)
            and min(p.width, p.height) >= least
            and (use == "any" or "NC" not in p.attribution.licence)
            and (not sources or p.attribution.source in sources)
            and tags <= set(p.keywords)
        )

    got = matching(library, filters)
    wanted = {i for i, one in zip(ids, rows, strict=True) if fits(one)}
    assert (set(ids) if got is None else got) == wanted
    found = LibrarySource(library).find("fox", 50, filters)
    assert {c.picture.digest for c in found} == {one.picture.digest for one in rows if fits(one)}
    library.close()


def test_no_filter_takes_everything(library: Library) -> None:
    assert matching(library, EVERYTHING) is None


def test_colours_are_seen_and_filtered_by(library: Library, tmp_path: Path) -> None:
    rows = []
    for number, (name, value) in enumerate(COLOURS.items()):
        file = tmp_path / f"{name}.png"
        file.write_bytes(as_bytes(Image.new("RGB", (64, 64), value)))
        assert colours_of(Image.new("RGB", (64, 64), value)) == (name,)
        rows.append(replace(row(number, f"plain {name}"), path=str(file)))
    ids = library.add(rows)
    assert fill_looks(library) == len(ids)
    assert fill_looks(library) == 0
    for number, name in zip(ids, COLOURS, strict=True):
        assert matching(library, Filters(colour=name)) == frozenset([number])
    with pytest.raises(UsageError, match="mauve"):
        matching(library, Filters(colour="mauve"))


def test_noise_with_shading_is_a_photograph_and_flat_colour_a_drawing() -> None:
    across = np.linspace(0, 255, 200)
    shaded = np.stack([np.add.outer(across, a * across) / 2 for a in (0.2, 0.6, 1.0)], -1)
    grain = np.random.default_rng(0).normal(0, 14, shaded.shape)
    assert look_of(Image.fromarray(np.clip(shaded + grain, 0, 255).astype(np.uint8))) == "photo"
    flat = Image.new("RGB", (200, 200), "white")
    flat.paste((200, 30, 30), (40, 40, 160, 160))
    assert look_of(flat) == "drawing"
