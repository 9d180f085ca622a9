"""What the tests of exports share: a page as a browser sees it, and an article with two pictures."""

from dataclasses import replace
from html.parser import HTMLParser

from composer.article import Article, Brief, ImageSlot, TextBlock
from retrieval.picture import Attribution, Candidate
from tests.composer.kit import picture


class Page(HTMLParser):
    """What a browser would see: tags with attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br", "hr", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def illustrated(
    word: str = "lamp", *, language: str = "en", credit: Attribution | None = None
) -> tuple[Article, dict[str, bytes]]:
    """An article with two pictures, in which every field says `word`."""
    credit = credit or Attribution(
        title=word, author=word, source=word, licence=word, licence_url="https://example.org/l", url=word
    )
    row: list[TextBlock | ImageSlot] = [
        TextBlock(id="b1", markdown=f"## {word}"),
        TextBlock(id="b2", markdown=f"Text {word}"),
    ]
    files = {}
    for number in (3, 4):
        found, data = picture(f"{number} thing {number}")
        found = replace(found, attribution=credit, caption=word)
        files[found.digest] = data
        candidate = Candidate(picture=found, source="s", score=1, relevance=1)
        row.append(
            ImageSlot(
                id=f"b{number}",
                purpose=word,
                query=word,
                caption=f"caption {number} {word}",
                alt=f"alt {number} {word}",
                candidates=(candidate,),
                chosen=found.digest,
            )
        )
    brief = Brief(instruction=word, language=language)
    return Article(id="a", brief=brief, title=word, summary=word, blocks=tuple(row), next_id=5), files
