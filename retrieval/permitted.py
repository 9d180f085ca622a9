"""A source narrowed to what an author may do with its pictures."""

from typing import Protocol

from retrieval.licences import IntendedUse, allows
from retrieval.picture import Candidate, Digest

MORE = 4  # times as many asked for as wanted, since some may fall away


class Source(Protocol):
    """What offers pictures; see composer.models.ImageSource."""

    name: str

    def find(self, query: str, k: int) -> list[Candidate]: ...

    def read(self, digest: Digest) -> bytes: ...


class PermittedSource:
    """Offers of another source those pictures whose licence allows the use; a picture of unknown licence is not one."""

    def __init__(self, source: Source, use: IntendedUse) -> None:
        self.name = source.name
        self._source = source
        self._use = use

    def find(self, query: str, k: int) -> list[Candidate]:
        """The best `k` that are permitted, best first; fewer where most of the library is not. Raises SourceError."""
        if self._use == "any":
            return self._source.find(query, k)
        found = self._source.find(query, MORE * k)
        credits = ((c, c.picture.attribution) for c in found)
        return [c for c, credit in credits if allows(credit.licence, self._use, credit.licence_url)][:k]

    def read(self, digest: Digest) -> bytes:
        """The bytes, from the source. Raises SourceError."""
        return self._source.read(digest)
