"""Which hosts are asked is fixed; nothing is asked without a contact; a narrowed source offers nothing else."""

from pathlib import Path

import pytest

from retrieval.errors import SourceError, UsageError
from retrieval.library import Library
from retrieval.licences import IntendedUse
from retrieval.permitted import PermittedSource
from retrieval.source import LibrarySource
from retrieval.web import commons, openverse
from retrieval.web.guard import is_public
from retrieval.web.sources import read_names, web_sources
from tests.retrieval.fakes import row


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("none", ()),
        ("openverse", ("openverse",)),
        ("commons, Openverse", ("openverse", "commons")),
        ("commons,commons", ("commons",)),
    ],
)
def test_names(text: str, names: tuple[str, ...]) -> None:
    assert read_names(text) == names


@pytest.mark.parametrize("text", ["unsplash", "openverse,pexels", "https://api.openverse.org"])
def test_there_are_no_others(text: str) -> None:
    with pytest.raises(UsageError, match="There are: openverse, commons"):
        read_names(text)


def test_nothing_is_asked_without_a_contact(tmp_path: Path) -> None:
    assert web_sources([], tmp_path, contact="") == []
    with pytest.raises(SourceError, match="INTERLEAVE_WEB_CONTACT"):
        web_sources(["commons"], tmp_path, contact="none")


def test_at_work_they_ask_their_own_hosts_by_https(tmp_path: Path) -> None:
    made = web_sources(["openverse", "commons"], tmp_path, contact="ada@example.org")
    assert [s.name for s in made] == ["openverse", "commons"]
    hosts = {}
    for source in made:
        for what in ("_api", "_files"):
            service = getattr(source._catalogue, what)
            rules = service.client._rules
            assert (rules.scheme, rules.port, rules.may_reach) == ("https", 443, is_public)
            assert "ada@example.org" in service.client._agent
            hosts[f"{source.name}{what}"] = rules.hosts
            assert service.gate._path.is_relative_to(tmp_path)
            assert service.gate._quotas == {
                "openverse_api": openverse.SEARCH_QUOTAS,
                "openverse_files": openverse.FILE_QUOTAS,
            }.get(f"{source.name}{what}", ())
    assert hosts == {
        "openverse_api": {"api.openverse.org"},
        "openverse_files": {"api.openverse.org", "live.staticflickr.com", "cdn.stocksnap.io"},
        "commons_api": {"commons.wikimedia.org"},
        "commons_files": {"upload.wikimedia.org"},
    }
    assert openverse.API.startswith("https://api.openverse.org/")
    assert commons.API.startswith("https://commons.wikimedia.org/")


@pytest.mark.parametrize(
    ("use", "licences"),
    [
        ("any", ["CC BY-NC 4.0", "CC BY-ND 4.0", "CC BY 4.0", "unknown", "yours"]),
        ("commercial", ["CC BY-ND 4.0", "CC BY 4.0", "yours"]),
        ("modify", ["CC BY-NC 4.0", "CC BY 4.0", "yours"]),
        ("both", ["CC BY 4.0", "yours"]),
    ],
)
def test_a_library_offers_what_the_use_permits(library: Library, use: IntendedUse, licences: list[str]) -> None:
    from dataclasses import replace

    every = ["CC BY-NC 4.0", "CC BY-ND 4.0", "CC BY 4.0", "unknown", "yours"]
    for number, licence in enumerate(every):
        made = row(number, f"red fox {number}")
        credit = replace(made.picture.attribution, licence=licence)
        library.add([replace(made, picture=replace(made.picture, attribution=credit))])
    source = PermittedSource(LibrarySource(library), use)
    found = source.find("red fox", 5)
    assert sorted(c.picture.attribution.licence for c in found) == sorted(licences)
    assert [c.source for c in found] == ["library"] * len(licences)
    assert len(source.find("red fox", 1)) == 1
