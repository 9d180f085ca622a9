from pathlib import Path

import pytest
from PIL import Image

from retrieval.encoder import SentenceEncoder
from retrieval.errors import SourceError, UsageError
from retrieval.indexing import Encoders, index_folder
from retrieval.library import Library
from retrieval.picture import Attribution, Picture
from retrieval.source import LibrarySource, UploadSource, described_upload
from tests.retrieval.fakes import COLOURS, WordEncoder, as_bytes, drawing, put, row

CAPTIONS = ("a red fox", "a hound", "apple pie", "a red car", "snowman")


@pytest.fixture
def full(library: Library) -> Library:
    encoder = WordEncoder()
    ids = library.add([row(n, caption) for n, caption in enumerate(CAPTIONS)])
    library.add_vectors(encoder.name, ids, encoder.encode_texts(CAPTIONS))
    return library


def found(source: LibrarySource | UploadSource, query: str, k: int = 3) -> list[str]:
    return [c.picture.caption for c in source.find(query, k)]


def test_words_and_meanings_find_together(full: Library) -> None:
    by_words, both = LibrarySource(full), LibrarySource(full, sentence=WordEncoder())
    assert found(by_words, "a puppy") == []
    assert found(both, "a puppy", 1) == ["a hound"]
    assert found(both, "the red fox in the snow", 1) == found(by_words, "the red fox in the snow", 1) == ["a red fox"]


def test_relevance_parts_what_fits_from_what_does_not(full: Library) -> None:
    source = LibrarySource(full, sentence=WordEncoder())
    best = {c.picture.caption: c.relevance for c in source.find("a red fox", 5)}
    assert best["a red fox"] > 0.9
    assert best["apple pie"] < 0.2
    assert all(c.relevance < 0.5 for c in source.find("interest rates", 5))


def test_candidates_come_best_first_and_at_most_k(full: Library) -> None:
    source = LibrarySource(full, sentence=WordEncoder(), name="mine")
    candidates = source.find("red", 2)
    assert len(candidates) == 2
    assert candidates[0].score >= candidates[1].score
    assert {c.source for c in candidates} == {"mine"}
    assert source.find("red", 0) == source.find("  ", 5) == []


def test_an_encoder_that_is_not_installed_is_said_once_and_words_go_on(full: Library, tmp_path: Path) -> None:
    said: list[str] = []
    source = LibrarySource(full, sentence=SentenceEncoder(tmp_path / "minilm"), warn=said.append)
    assert found(source, "red fox", 1) == found(source, "red fox", 1) == ["a red fox"]
    assert len(said) == 1


def test_an_index_made_with_another_encoder_is_said(full: Library) -> None:
    said: list[str] = []
    source = LibrarySource(full, sentence=WordEncoder("words:2"), warn=said.append)
    assert found(source, "red fox", 1) == ["a red fox"]
    assert "no vectors of words:2" in said[0]
    assert "Index again" in said[0]


def test_pixels_find_what_no_caption_says(library: Library, tmp_path: Path) -> None:
    encoder = WordEncoder("pixels")
    for name, colour in COLOURS.items():
        (tmp_path / f"{len(name)}{name[0]}.png").write_bytes(as_bytes(drawing(1, colour=colour)))
    index_folder(library, tmp_path, Encoders(image=encoder))
    assert len(LibrarySource(library, pixels=encoder).find("green", 4)) == 4
    assert LibrarySource(library).find("green", 4) == []


def test_a_picture_that_nobody_wrote_about_fills_a_slot_where_its_pixels_stand_out(
    library: Library, tmp_path: Path
) -> None:
    encoder = WordEncoder("pixels")
    for n in range(80):
        colour = "red" if n else "green"
        path = tmp_path / f"IMG_{n:04}.png"
        Image.new("RGB", (40 + n, 40), COLOURS[colour]).save(path)
    index_folder(library, tmp_path, Encoders(image=encoder))
    source = LibrarySource(library, pixels=encoder)
    found = source.find("green", 4)
    assert found[0].relevance > 0.5
    assert all(c.relevance < 0.5 for c in found[1:])
    assert all(c.relevance < 0.5 for c in source.find("snow", 4))
    assert all(c.relevance < 0.5 for c in LibrarySource(library).find("green", 4))


def test_the_same_file_at_two_paths_is_offered_once(library: Library) -> None:
    library.add([row(1, "fox", origin="a"), row(1, "fox", origin="b")])
    assert found(LibrarySource(library), "fox") == ["fox"]


def test_origins_are_asked_anew_each_time(library: Library) -> None:
    library.add([row(1, "fox", origin="a"), row(2, "fox cub", origin="b")])
    chosen = ["a"]
    source = LibrarySource(library, origins=lambda: chosen)
    assert found(source, "fox") == ["fox"]
    chosen[0] = "b"
    assert found(source, "fox") == ["fox cub"]


def test_queries_in_other_languages_are_answered_by_their_captions(library: Library) -> None:
    encoder = WordEncoder()
    ids = library.add([row(1, "fox", de="ein Fuchs", zh="一只狐狸"), row(2, "the fox terrier"), row(3, "pie")])
    library.add_vectors(encoder.name, ids, encoder.encode_texts(["fox", "terrier", "pie"]))
    source = LibrarySource(library, sentence=encoder)
    for query in ("ein kleiner Fuchs", "雪地里的狐狸"):
        (best, *_) = source.find(query, 2)
        assert best.picture.caption == "fox"
        assert best.relevance > 0.5


def test_reading_gives_the_bytes_that_were_indexed(library: Library, tmp_path: Path) -> None:
    path = put(tmp_path / "pictures" / "fox.png", 1)
    odd = tmp_path / "pictures" / "wolf.bmp"
    odd.write_bytes(as_bytes(drawing(2), "BMP"))
    index_folder(library, tmp_path / "pictures")
    source = LibrarySource(library)
    (fox,) = source.find("fox", 1)
    assert source.read(fox.picture.digest) == path.read_bytes()
    (wolf,) = source.find("wolf", 1)
    assert source.read(wolf.picture.digest).startswith(b"\x89PNG")  # browsers do not show BMP
    put(tmp_path / "pictures" / "fox.png", 9)
    with pytest.raises(SourceError, match="changed since"):
        source.read(fox.picture.digest)
    path.unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        source.read(fox.picture.digest)
    with pytest.raises(SourceError, match="no picture"):
        source.read("0" * 64)


def test_a_broken_index_is_a_source_error(full: Library) -> None:
    source = LibrarySource(full)
    full.close()
    with pytest.raises(SourceError, match="cannot be searched"):
        source.find("fox", 1)


def uploads(*captions: str) -> tuple[list[Picture], dict[str, bytes]]:
    made = [described_upload(as_bytes(drawing(n)), name=f"{caption}.png") for n, caption in enumerate(captions)]
    return [picture for picture, _ in made], {picture.digest: data for picture, data in made}


def test_an_upload_that_plausibly_fits_goes_before_a_pack(full: Library) -> None:
    pictures, data = uploads("our fox", "snow")
    source = UploadSource(pictures, data.get, WordEncoder())
    (own, other) = source.find("a red fox", 5)
    (pack, *_) = LibrarySource(full, sentence=WordEncoder()).find("a red fox", 1)
    assert own.picture.caption == "our fox"
    assert own.relevance >= 0.5
    assert own.relevance + 0.01 >= pack.relevance
    assert other.relevance < 0.3
    assert source.read(own.picture.digest) == data[own.picture.digest]


def test_uploads_are_found_by_words_without_an_encoder() -> None:
    pictures, data = uploads("our fox", "snow")
    assert found(UploadSource(pictures, data.get), "fox", 1) == ["our fox"]
    assert UploadSource([], data.get).find("fox", 3) == []
    with pytest.raises(SourceError, match="gone"):
        UploadSource(pictures, lambda digest: None).read(pictures[0].digest)


def test_an_upload_is_described_by_itself() -> None:
    picture, data = described_upload(as_bytes(drawing(1)), name="/tmp/My-red_fox.PNG")
    assert picture.caption == "My red fox"
    assert picture.attribution == Attribution(title="My red fox", source="Uploaded", licence="unknown")
    own = Attribution(author="Ada", licence="yours", title="Fox")
    assert described_upload(data, name="x.png", attribution=own)[0].attribution == own
    with pytest.raises(UsageError):
        described_upload(b"%PDF-1.4", name="x.pdf")
