import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from retrieval.errors import UsageError
from retrieval.indexing import Encoders, index_folder
from retrieval.library import Library
from retrieval.picture import Attribution
from tests.retrieval.fakes import COLOURS, WordEncoder, as_bytes, drawing, put

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "pictures"
    for number, name in enumerate(("red fox.png", "deep/grey wolf.jpg", "deep/er/owl.png")):
        put(place / name, number)
    return place


def captions(library: Library) -> list[str]:
    rows = [library.pictures(library.ids_at(list(library.stamps(origin)))) for origin in library.origins()]
    return sorted(picture.caption for some in rows for picture, _ in some.values())


def test_a_folder_is_indexed_and_nothing_is_done_twice(library: Library, folder: Path) -> None:
    encoder = WordEncoder()
    first = index_folder(library, folder, Encoders(sentence=encoder))
    assert (first.added, first.unchanged, first.removed, first.broken) == (3, 0, 0, ())
    assert captions(library) == ["grey wolf", "owl", "red fox"]
    assert library.encoders() == {encoder.name: 3}
    read = encoder.texts_read
    again = index_folder(library, folder, Encoders(sentence=encoder))
    assert (again.added, again.unchanged, again.removed) == (0, 3, 0)
    assert encoder.texts_read == read


def test_new_changed_moved_and_deleted_files_are_noticed(library: Library, folder: Path) -> None:
    index_folder(library, folder)
    put(folder / "bear.png", 7)
    put(folder / "red fox.png", 8)
    os.utime(folder / "red fox.png", (1, 1))
    (folder / "deep" / "grey wolf.jpg").rename(folder / "white wolf.jpg")
    report = index_folder(library, folder)
    assert (report.added, report.moved, report.unchanged, report.removed) == (2, 1, 1, 0)
    assert captions(library) == ["bear", "owl", "red fox", "white wolf"]


def test_a_new_sidecar_and_new_rights_are_noticed(library: Library, folder: Path) -> None:
    index_folder(library, folder)
    (folder / "red fox.txt").write_text("A vixen", "utf-8")
    assert index_folder(library, folder).added == 1
    assert "A vixen" in captions(library)
    mine = Attribution(licence="yours", author="Ada", source="My woods")
    assert index_folder(library, folder, attribution=mine).added == 3
    (picture, _) = next(iter(library.pictures(library.ids_at([str(folder / "red fox.png")])).values()))
    assert picture.attribution == Attribution(title="A vixen", licence="yours", author="Ada", source="My woods")


def test_a_licence_is_unknown_until_somebody_says_it(library: Library, folder: Path) -> None:
    (folder / "red fox.json").write_text('{"license": "CC BY 4.0", "author": "Bo"}', "utf-8")
    index_folder(library, folder)
    found = {p.caption: p.attribution for p, _ in library.pictures(range(1, 4)).values()}
    assert (found["red fox"].licence, found["red fox"].author) == ("CC BY 4.0", "Bo")
    assert (found["owl"].licence, found["owl"].source) == ("unknown", "pictures")


def test_broken_files_are_listed_and_passed_over(library: Library, folder: Path) -> None:
    (folder / "torn.jpg").write_bytes(as_bytes(drawing(1), "JPEG")[:200])
    (folder / "page.png").write_text("<html>not found</html>")
    (folder / "empty.webp").touch()
    (folder / "notes.txt").write_text("not looked at")
    (folder / ".hidden.png").write_bytes(b"not looked at")
    (folder / "loop").symlink_to(folder)
    report = index_folder(library, folder)
    assert report.added == 3
    assert sorted(Path(line.split(": ")[0]).name for line in report.broken) == ["empty.webp", "page.png", "torn.jpg"]
    assert all(": " in line and len(line.split(": ", 1)[1]) > 10 for line in report.broken)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are always text")
def test_a_name_that_is_no_text_is_reported_and_stops_nothing(library: Library, folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(as_bytes(drawing(1), "PNG"))
    report = index_folder(library, folder)
    assert report.added == 3
    assert [line.partition("pictures/")[2] for line in report.broken] == [
        "caf?.png: its name is not in UTF-8; rename it"
    ]


def test_a_file_that_broke_since_leaves_the_library(library: Library, folder: Path) -> None:
    index_folder(library, folder)
    (folder / "red fox.png").write_bytes(b"oh")
    report = index_folder(library, folder)
    assert (report.removed, len(report.broken)) == (1, 1)
    assert captions(library) == ["grey wolf", "owl"]


def test_a_folder_that_vanished_is_an_error_and_its_pictures_are_kept(library: Library, folder: Path) -> None:
    index_folder(library, folder)
    shutil.rmtree(folder)
    with pytest.raises(UsageError, match=r"no folder .*pictures.*The 3 pictures indexed from it are kept"):
        index_folder(library, folder)
    assert library.count() == 3


def test_an_encoder_that_comes_later_reads_what_is_there(library: Library, folder: Path) -> None:
    index_folder(library, folder)
    for number, name in enumerate(COLOURS):
        (folder / f"{number}.png").write_bytes(as_bytes(drawing(number, colour=COLOURS[name])))
    words, pixels = WordEncoder("words"), WordEncoder("pixels")
    report = index_folder(library, folder, Encoders(sentence=words, image=pixels))
    assert (report.added, report.unchanged) == (4, 3)
    assert library.encoders() == {"words": 7, "pixels": 7}


def test_progress_is_told_to_the_end(library: Library, folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    index_folder(library, folder, Encoders(sentence=WordEncoder()), progress=lambda *step: told.append(step))
    assert told[0] == ("reading pictures", 0, 3)
    assert ("reading pictures", 3, 3) in told
    later = WordEncoder("later")
    index_folder(library, folder, Encoders(sentence=later), progress=lambda *step: told.append(step))
    assert told[-1] == ("reading captions", 0, 3)


KILLED = """
    import sys
    from pathlib import Path
    from retrieval.indexing import Encoders, index_folder
    from retrieval.library import Library
    from tests.retrieval.fakes import WordEncoder
    def show(what, done, total):
        print(what, done, flush=True)
    both = Encoders(sentence=WordEncoder("words"), image=WordEncoder("pixels"))
    index_folder(Library(Path(sys.argv[1])), Path(sys.argv[2]), both, progress=show)
"""


def test_a_killed_run_is_continued(tmp_path: Path) -> None:
    folder, path = tmp_path / "many", tmp_path / "library.sqlite"
    for number in range(200):
        put(folder / f"thing {number} of many.png", number)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(path), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("reading pictures 64"):
                process.send_signal(signal.SIGKILL)
                break
    time.sleep(0.05)
    library = Library(path)
    kept = library.count()
    assert kept >= 64
    assert kept % 64 == 0 or kept == 200  # batches are whole
    assert library.encoders() == {"words": kept, "pixels": kept}
    words = WordEncoder("words")
    report = index_folder(library, folder, Encoders(sentence=words, image=WordEncoder("pixels")))
    assert (report.unchanged, report.added, words.texts_read) == (kept, 200 - kept, 200 - kept)
    assert library.encoders() == {"words": 200, "pixels": 200}
    library.close()
