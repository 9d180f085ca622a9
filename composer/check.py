"""The last stage: what fell short of the brief, said plainly. Changes nothing."""

from composer.article import Article
from composer.events import Stage, StageStarted, Warned
from composer.facts import mentions, missing
from composer.markdown import count_words, plain_text

TOLERANCE = 0.25  # of the asked length


def check(article: Article) -> Stage:
    """Warn of missing facts, forbidden topics, wrong length, repeated headings and open slots."""
    yield StageStarted(stage="check")
    for message, block in shortcomings(article):
        article = yield Warned(message=message, block=block)
    return article


def shortcomings(article: Article) -> list[tuple[str, str]]:
    """What fell short, each with the id of the block it is about or ""."""
    sections = [s for s in article.sections() if s.heading]
    text = plain_text("\n\n".join(f"{s.title}\n\n{s.text}" for s in article.sections()))
    found = [(f"The article does not state: {fact}", "") for fact in missing(text, article.brief.must_mention)]
    found += [(f"The article mentions: {topic}", "") for topic in article.brief.avoid if mentions(text, topic)]
    words = sum(count_words(plain_text(s.text)) for s in article.sections())
    if abs(words - article.brief.words) > TOLERANCE * article.brief.words:
        found.append((f"The text has {words} words; {article.brief.words} were asked for.", ""))
    seen: set[str] = set()
    for section in sections:
        if section.heading and section.title.lower() in seen:
            found.append((f"The heading {section.title!r} stands twice.", section.heading.id))
        seen.add(section.title.lower())
        if section.heading and not section.text:
            found.append((f"The section {section.title!r} has no text.", section.heading.id))
    found += [
        (f"No picture was found for: {slot.query}. The slot stays open and is left out of exports.", slot.id)
        for slot in article.slots()
        if slot.picture is None
    ]
    return found
