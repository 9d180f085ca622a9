"""What a web catalogue says of one picture, before its file is fetched; and what a catalogue is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from retrieval.licences import IntendedUse, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One picture of a catalogue, its fields cleaned; what the catalogue does not say is empty."""

    addresses: tuple[str, ...]  # of the file, the best first
    terms: Terms
    title: str = ""
    author: str = ""
    author_url: str = ""
    source: str = ""  # for readers
    page: str = ""
    about: str = ""  # a description
    keywords: tuple[str, ...] = ()
    width: int = 0  # px of the original, 0 when unknown
    height: int = 0


class Catalogue(Protocol):
    """A search for openly licensed pictures on the web."""

    name: str  # of the source

    def search(self, words: str, use: IntendedUse) -> Sequence[Record]:
        """What it has for these words, best first, licences not yet checked. Raises SourceError."""
        ...

    def file(self, address: str) -> tuple[bytes, float]:
        """A record's file and when it was fetched, seconds since 1970. Raises SourceError."""
        ...
