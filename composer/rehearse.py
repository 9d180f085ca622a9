"""A stage tried on a copy: what it would make of an article, without a word in the log."""

from contextlib import suppress

from composer.apply import admit, apply
from composer.article import Article
from composer.errors import ConflictError
from composer.events import Progress, Stage, StageStarted, Warned


def rehearse(stage: Stage, article: Article, *, scope: frozenset[str] = frozenset()) -> tuple[Article, list[str]]:
    """The article as the stage would leave it, and what it warned of. Raises what the stage raises."""
    warnings: list[str] = []
    try:
        item = next(stage)
        while True:
            if isinstance(item, Warned):
                warnings.append(item.message)
            elif not isinstance(item, StageStarted | Progress) and admit(article, item, by="model", scope=scope):
                with suppress(ConflictError):
                    article = apply(article, item)
            item = stage.send(article)
    except StopIteration:
        return article, warnings
