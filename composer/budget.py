"""How many pictures a section was given: places too many go, places too few are found once its text stands.

A section without a number of its own keeps what the plan gave it. What a person touched, filled or locked stays.
"""

from composer.article import Article, ImageSlot, Section
from composer.edits import RemoveBlock
from composer.errors import UsageError
from composer.events import Stage, Warned
from composer.more_pictures import picture_for
from composer.toolkit import Toolkit


def trim(article: Article) -> Stage:
    """Take out empty places of the model's beyond each section's number, the last ones first."""
    for heading, images in budgets(article):
        slots = slots_of(article.section_of(heading))
        spare = [s for s in slots if s.chosen is None and s.author == "model" and not s.locked]
        for slot in list(reversed(spare))[: max(0, len(slots) - images)]:
            article = yield RemoveBlock(id=slot.id)
    return article


def top_up(toolkit: Toolkit, article: Article) -> Stage:
    """Find a place and a picture until each section has its number, or no paragraph is left to stand beside."""
    for heading, images in budgets(article):
        for _ in range(images - len(slots_of(article.section_of(heading)))):
            try:
                article = yield from picture_for(toolkit, article, heading)
            except UsageError as error:
                article = yield Warned(message=str(error), block=heading)
                break
    return article


def budgets(article: Article) -> list[tuple[str, int]]:
    """The headings whose sections have a number of pictures, with it."""
    return [
        (s.heading.id, s.plan.images) for s in article.sections() if s.heading and s.plan and s.plan.images is not None
    ]


def slots_of(section: Section | None) -> list[ImageSlot]:
    """The places for pictures in a section."""
    return [b for b in section.blocks if isinstance(b, ImageSlot)] if section else []
