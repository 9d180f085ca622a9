"""Which pictures of a library a filter takes: all of them and no other, by its tables alone."""

import json

from retrieval.errors import UsageError
from retrieval.library import Library
from retrieval.licences import allows
from retrieval.looks import COLOURS, GREYS
from retrieval.picture import Attribution
from retrieval.query import EVERYTHING, Filters, Orientation

SQUARE = 1.1  # sides that differ by less make a square
STANDS = {
    "square": f"max(width, height) < {SQUARE} * min(width, height)",
    "landscape": f"width >= {SQUARE} * height",
    "portrait": f"height >= {SQUARE} * width",
}


def orientation_of(width: int, height: int) -> Orientation:
    """As the filter tells it."""
    if max(width, height) < SQUARE * min(width, height):
        return "square"
    return "landscape" if width > height else "portrait"


def matching(library: Library, filters: Filters) -> frozenset[int] | None:
    """The ids of the pictures that the filter takes; None for all. Raises UsageError for a colour it has no name for."""
    if filters == EVERYTHING:
        return None
    conditions, values = ["1"], list[object]()
    if filters.orientation:
        conditions.append(STANDS[filters.orientation])
    if filters.min_px:
        conditions.append("min(width, height) >= ?")
        values.append(filters.min_px)
    if filters.sources or filters.use != "any":
        conditions.append(f"attribution IN ({_credits(library, filters, values)})")
    for tag in sorted(filters.tags):
        conditions.append("id IN (SELECT rowid FROM words WHERE words MATCH ?)")
        values.append('{caption keywords} : "' + tag.replace('"', "") + '"')
    if filters.look or filters.colour:
        conditions.append("id IN (SELECT picture FROM look WHERE kind LIKE ? AND colours LIKE ?)")
        values += [filters.look or "%", f"% {_colour(filters.colour)} %" if filters.colour else "%"]
    rows = library.ask(f"SELECT id FROM picture WHERE {' AND '.join(conditions)}", values)
    return frozenset(int(row[0]) for row in rows)


def _credits(library: Library, filters: Filters, values: list[object]) -> str:
    """A list for SQL of the credits that fit."""
    texts = [str(row[0]) for row in library.ask("SELECT DISTINCT attribution FROM picture")]
    credits = ((text, Attribution(**json.loads(text))) for text in texts)
    fitting = [
        text
        for text, credit in credits
        if (not filters.sources or credit.source in filters.sources)
        and allows(credit.licence, filters.use, credit.licence_url)
    ]
    values.append(json.dumps(fitting))
    return "SELECT value FROM json_each(?)"


def _colour(name: str) -> str:
    if name not in (*COLOURS, *GREYS):
        raise UsageError(f"There is no colour {name!r} to filter by. Choose among: {', '.join((*COLOURS, *GREYS))}.")
    return name
