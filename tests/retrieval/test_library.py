import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.encoder import unit_rows
from retrieval.errors import SetupError, UsageError
from retrieval.library import Library
from tests.retrieval.fakes import WordEncoder, row

ROOT = Path(__file__).parents[2]


def captions_of(library: Library, ids: list[int]) -> list[str]:
    found = library.pictures(ids)
    return [found[i][0].caption for i in ids]


def test_what_is_put_in_comes_out(library: Library) -> None:
    one = row(1, "a red fox", keywords=("animal", "wild"), de="ein Fuchs")
    (put,) = library.add([one])
    picture, path = library.pictures([put])[put]
    assert picture == one.picture
    assert str(path) == one.path
    assert library.captions([put]) == {put: {"de": "ein Fuchs"}}
    assert library.path_of(one.picture.digest) == path
    assert library.count() == library.count("pack") == 1
    assert library.origins() == {"pack": 1}


def test_a_path_is_in_once(library: Library) -> None:
    library.add([row(1, "a red fox")])
    library.add([row(1, "a grey wolf")])
    assert library.count() == 1
    assert library.by_words("fox", 5) == []
    assert captions_of(library, library.by_words("wolf", 5)) == ["a grey wolf"]


def test_what_is_taken_out_is_not_found(library: Library) -> None:
    encoder = WordEncoder()
    ids = library.add([row(1, "fox"), row(2, "wolf")])
    library.add_vectors(encoder.name, ids, encoder.encode_texts(["fox", "wolf"]))
    library.remove(["/pack/1.png"])
    assert library.by_words("fox", 5) == []
    assert [i for i, _ in library.by_vector(encoder.name, encoder.encode_texts(["fox"])[0], 5)] == [ids[1]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("FOXES", "a red fox"),
        ("Füchse und ein fuchs", "a red fox"),
        ("狐狸在雪地里", "a red fox"),
        ("キツネ", "a red fox"),
        ("an apple, please", "apple pie"),
        ('pie" OR "fox', "apple pie"),
        ("dessert", "apple pie"),
    ],
)
def test_words_are_found_in_any_language_and_form(library: Library, query: str, found: str) -> None:
    library.add(
        [
            row(1, "a red fox", de="ein Fuchs", zh="一只红狐狸", ja="赤いキツネ"),
            row(2, "apple pie", keywords=("dessert",)),
        ]
    )
    assert captions_of(library, library.by_words(query, 1)) == [found]


@pytest.mark.parametrize("query", ["", "  ", "the of a", '"', "*", "NEAR(", "col:x", "-", "（）"])
def test_queries_without_a_telling_word_find_nothing_and_break_nothing(library: Library, query: str) -> None:
    library.add([row(1, "a red fox")])
    assert library.by_words(query, 5) == []


def test_origins_narrow_what_is_found(library: Library) -> None:
    encoder = WordEncoder()
    ids = library.add([row(1, "fox", origin="a"), row(2, "fox", origin="b")])
    library.add_vectors(encoder.name, ids, encoder.encode_texts(["fox", "fox"]))
    assert library.by_words("fox", 5, ["b"]) == [ids[1]]
    assert [i for i, _ in library.by_vector(encoder.name, encoder.encode_texts(["fox"])[0], 5, ["b"])] == [ids[1]]


def test_vectors_of_another_encoder_are_refused_with_what_to_do(library: Library) -> None:
    old, new = WordEncoder("old"), WordEncoder("new")
    library.add_vectors(old.name, library.add([row(1, "fox")]), old.encode_texts(["fox"]))
    with pytest.raises(UsageError, match=r"no vectors of new.*holds: old.*Index again"):
        library.by_vector(new.name, new.encode_texts(["fox"])[0], 5)
    library.require("old")
    with pytest.raises(UsageError, match="Index again"):
        library.require("new")


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_vector_search_is_exact(count: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = unit_rows(rng.standard_normal((count, 8))).astype(np.float16).astype(np.float32)
    asked = unit_rows(rng.standard_normal((1, 8)))[0]
    library = Library(Path(":memory:"))
    ids = library.add([row(1, "x", origin=f"o{n}") for n in range(count)])
    library.add_vectors("e", ids, values)
    found = library.by_vector("e", asked, k)
    cosines = values @ asked
    expected = [ids[i] for i in np.argsort(-cosines, kind="stable")[:k]]
    assert [i for i, _ in found] == expected
    assert [c for _, c in found] == sorted((c for _, c in found), reverse=True)
    library.close()


def test_vectors_come_later_and_only_where_they_are_missing(library: Library) -> None:
    library.add([row(1, "fox", keywords=("animal",)), row(2, "wolf")])
    waiting = library.missing("e", "pack")
    assert [w.text for w in waiting] == ["fox", "wolf"]
    library.add_vectors("e", [waiting[0].id], np.ones((1, 4), np.float32))
    assert [w.text for w in library.missing("e", "pack")] == ["wolf"]
    library.add([row(1, "a changed fox")])
    assert [w.text for w in library.missing("e", "pack")] == ["wolf", "a changed fox"]
    library.add_vectors("e", [10_000], np.ones((1, 4), np.float32))  # gone meanwhile
    assert library.encoders() == {}


def test_a_second_process_sees_what_the_first_has_written(library: Library, tmp_path: Path) -> None:
    encoder = WordEncoder()
    other = Library(tmp_path / "library.sqlite")
    first = library.add([row(1, "fox")])
    library.add_vectors(encoder.name, first, encoder.encode_texts(["fox"]))
    asked = encoder.encode_texts(["wolf"])[0]
    assert [i for i, _ in other.by_vector(encoder.name, asked, 1)] == first
    second = library.add([row(2, "wolf")])
    library.add_vectors(encoder.name, second, encoder.encode_texts(["wolf"]))
    assert [i for i, _ in other.by_vector(encoder.name, asked, 1)] == second
    other.close()


WRITER = """
    import sys
    from pathlib import Path
    from retrieval.library import Library
    from tests.retrieval.fakes import row
    library = Library(Path(sys.argv[1]))
    template = row(1, "x").picture
    from retrieval.rows import Row
    for batch in range(10_000):
        library.add([Row(picture=template, path=f"/{batch}/{n}.png", origin="pack") for n in range(50)])
        print(batch, flush=True)
"""


def test_a_killed_writer_loses_the_batch_in_flight_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(6)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
    done = int([line for line in told if line.endswith("\n")][-1]) + 1
    library = Library(path)
    assert library.count() % 50 == 0
    assert done <= library.count() // 50 <= done + 1
    assert len(library.by_words("x", 10**6)) == library.count()  # the words are in step with the pictures
    library.add([row(1, "fox")])
    library.close()


def test_a_file_that_is_no_index_is_named(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    path.write_bytes(b"this is a letter to my aunt, not a database" * 100)
    with pytest.raises(SetupError, match=r"library\.sqlite cannot be opened"):
        Library(path)


def test_vectors_of_an_older_version_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    library = Library(path)
    library.add_vectors("e", library.add([row(1, "fox", keywords=("animal",))]), np.ones((1, 4), np.float32))
    library.close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    library = Library(path)
    assert (library.count(), library.encoders()) == (1, {})
    assert [w.text for w in library.missing("e", "pack")] == ["fox"]
    library.close()


def test_an_index_of_another_version_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    Library(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(SetupError, match="version 99"):
        Library(path)
