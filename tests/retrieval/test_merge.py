from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.__main__ import main
from retrieval.errors import UsageError
from retrieval.indexing import Encoders, Shard, index_folder
from retrieval.library import Library
from retrieval.merge import merge
from tests.retrieval.fakes import COLOURS, WordEncoder, as_bytes, drawing, put

THINGS = ("red fox", "grey wolf", "blue whale", "green frog", "yellow bird", "snow owl", "old boat", "red house")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    colours = list(COLOURS.values())
    for number, name in enumerate(THINGS):
        path = tmp_path / "pictures" / str(number % 2) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(drawing(number, colour=colours[number % len(colours)])))
    return tmp_path / "pictures"


def answers(library: Library, words: WordEncoder, pixels: WordEncoder) -> list[object]:
    """What is found for every thing by words, by meaning and by pixels, with scores and credits, without ids."""
    found: list[object] = []
    for query in (*THINGS, "red", "0", "animal"):
        for encoder in (words, pixels):
            hits = library.by_vector(encoder.name, encoder.encode_texts([query])[0], 100)
            known = library.pictures([i for i, _ in hits])
            found.append(sorted((str(known[i][1]), round(score, 5), repr(known[i][0])) for i, score in hits))
        known = library.pictures(library.by_words(query, 100))
        found.append(sorted(str(path) for _, path in known.values()))
    return found


@pytest.mark.parametrize("of", [1, 2, 5])
def test_what_several_workers_made_finds_the_same_as_one_index(tmp_path: Path, folder: Path, of: int) -> None:
    words, pixels = WordEncoder("words"), WordEncoder("pixels")
    both = Encoders(sentence=words, image=pixels)
    whole, merged = Library(tmp_path / "whole.sqlite"), Library(tmp_path / "merged.sqlite")
    index_folder(whole, folder, both)
    parts = [tmp_path / f"{n}.sqlite" for n in range(1, of + 1)]
    for number, path in enumerate(parts, 1):
        part = Library(path)
        index_folder(part, folder, both, shard=Shard(number=number, of=of))
        part.close()
    read = words.texts_read
    assert merge(merged, parts).rows == len(THINGS)
    assert words.texts_read == read
    assert merged.encoders() == whole.encoders() == {"words": 8, "pixels": 8}
    assert merged.stamps(str(folder)) == whole.stamps(str(folder))
    assert answers(merged, words, pixels) == answers(whole, words, pixels)
    again = index_folder(merged, folder, both)
    assert (again.added, again.unchanged, words.texts_read - read) == (0, 8, 2 * 11)  # `answers` read those
    whole.close()
    merged.close()


def test_a_path_that_is_in_twice_is_replaced_and_a_merge_may_be_repeated(tmp_path: Path, folder: Path) -> None:
    one, two, out = (Library(tmp_path / f"{name}.sqlite") for name in ("one", "two", "out"))
    index_folder(one, folder)
    (folder / "0" / "red fox.txt").write_text("A vixen", "utf-8")
    index_folder(two, folder)
    first = merge(out, [one.path, two.path])
    assert (first.rows, first.replaced, out.count()) == (16, 8, 8)
    assert len(out.by_words("vixen", 9)) == 1
    assert merge(out, [one.path]).replaced == 8
    assert out.by_words("vixen", 9) == []
    for library in (one, two, out):
        library.close()


def test_merging_needs_other_libraries_that_are_there(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no library"):
        merge(library, [tmp_path / "nowhere.sqlite"])
    with pytest.raises(UsageError, match="into itself"):
        merge(library, [library.path])


@given(st.integers(1, 9), st.lists(st.text("abc/", min_size=1, max_size=8), max_size=20))
@settings(max_examples=50)
def test_every_file_belongs_to_exactly_one_shard(of: int, names: list[str]) -> None:
    folder = Path("/pictures")
    for name in names:
        path = folder / name.strip("/")
        assert sum(Shard(number=n, of=of).holds(path, folder) for n in range(1, of + 1)) == 1


@pytest.mark.parametrize(("number", "of"), [(0, 2), (3, 2), (1, 0)])
def test_a_shard_is_one_of_its_number(number: int, of: int) -> None:
    with pytest.raises(UsageError, match="I from 1 to N"):
        Shard(number=number, of=of)


def test_shards_in_one_library_leave_each_other_alone(library: Library, folder: Path) -> None:
    for number in (1, 2, 1):
        report = index_folder(library, folder, shard=Shard(number=number, of=2))
        assert report.removed == 0
    assert library.count() == len(THINGS)


def test_workers_and_merge_from_the_command_line(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLEAVE_HOME", str(tmp_path / "home"))
    put(folder / "one more.png", 40)
    parts = [str(tmp_path / f"{n}.sqlite") for n in (1, 2)]
    for number, part in enumerate(parts, 1):
        assert main(["index", str(folder), "--yes-mine", "--library", part, "--shard", f"{number}/2"]) == 0
    out = str(tmp_path / "all.sqlite")
    capsys.readouterr()
    assert main(["merge", out, *parts]) == 0
    assert capsys.readouterr().out == "9 pictures merged, 0 of them replaced; all.sqlite has 9\n"
    assert main(["find", "one more", "--library", out, "-k", "1"]) == 0
    assert "one more.png" in capsys.readouterr().out
    assert main(["index", str(folder), "--shard", "3/2"]) == 2
    assert main(["index", str(folder), "--shard", "half"]) == 2
    assert main(["merge", out, out]) == 2
    assert capsys.readouterr().err.count("error: ") == 3
