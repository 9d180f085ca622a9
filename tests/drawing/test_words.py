"""Prompts: what they hold, what goes first when they are too long, and which are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.article import Article, ImageSlot, TextBlock, Way
from composer.drawing.choice import way_of
from composer.drawing.request import Drawing
from composer.drawing.safety import refused, rules
from composer.drawing.words import as_tags, fitted, joined
from composer.settings import load_settings

FOX = Drawing(prompt="A red fox.", context="An illustration for a text about winter", style="ink, warm paper")


def count(text: str) -> int:
    return len(text.split())


def test_sentences_and_tags_are_joined_each_in_its_way() -> None:
    assert fitted(FOX, count, 99)[0] == "A red fox. An illustration for a text about winter. ink, warm paper"
    assert fitted(FOX, count, 99, tags=True)[0] == "red fox, ink, warm paper"
    assert joined("a fox", "", "ink", tags=False) == "a fox, ink"
    assert as_tags("A fox and the moon, some snow") == ["fox", "moon", "snow"]


@pytest.mark.parametrize(
    ("limit", "prompt", "left"),
    [
        (7, "A red fox, ink, warm paper", "An illustration for a text about winter"),
        (4, "A red fox, ink", "An illustration for a text about winter ink, warm paper"),
        (3, "A red fox", "An illustration for a text about winter ink, warm paper"),
        (2, "A red", "A red fox An illustration for a text about winter ink, warm paper"),
    ],
)
def test_context_goes_first_then_style_and_what_must_be_seen_last(limit: int, prompt: str, left: str) -> None:
    assert fitted(FOX, count, limit) == (prompt, left)


texts = st.text("abc ,.。漢字\n", max_size=60)


@given(texts, texts, texts, st.integers(1, 40), st.booleans())
def test_a_prompt_is_never_longer_than_the_model_reads(a: str, b: str, c: str, limit: int, tags: bool) -> None:
    prompt, _ = fitted(Drawing(prompt=a, context=b, style=c), len, limit, tags=tags)
    assert len(prompt) <= limit


@pytest.mark.parametrize(
    "words",
    [
        "a nude on a sofa",
        "NUDES",
        "n u d e portrait",
        "a p0rn star",
        "Pörn",
        "a beheaded knight",
        "a swastika",
        "裸体的女人",
        "a sexy schoolgirl",
        "a girl in lingerie",
        "deepfake of the president",
    ],
)
def test_plain_cases_are_refused(words: str) -> None:
    assert refused(words, Drawing(prompt=words), load_settings())
    assert refused("fox", Drawing(prompt="fox", style=words), load_settings())
    assert refused(words, Drawing(prompt=words), load_settings(safety_filter=False)) == ""


@pytest.mark.parametrize(
    "words",
    [
        "a girl with a kite",
        "Essex in summer",
        "a therapist at her desk",
        "the president in his office",
        "children on a beach",
        "a bikini shop",
        "Middlesex hospital",
        "a tortoise",
        "gorge with a river",
        "cockerel on a fence",
        "breast cancer screening in a clinic",
        "a classic analysis",
        "seven sunken ships, 17th century",
    ],
)
def test_harmless_words_are_not(words: str) -> None:
    assert refused(words, Drawing(prompt=words), load_settings()) == ""


def test_the_rules_are_whole() -> None:
    assert len(rules().seen) < len(rules().plain)
    assert all(word == word.lower() for words in rules().words.values() for word in words)


@pytest.mark.parametrize(
    ("query", "way"),
    [
        ("a brass lamp", Way.EITHER),
        ("portrait of Augustin Fresnel", Way.FOUND),
        ("the harbour of Genoa at night", Way.FOUND),
        ("Fresnel lens", Way.FOUND),
        ("Tomatoes on a vine", Way.EITHER),
        ("map of the coast", Way.FOUND),
        ("loneliness, a dreamlike sea", Way.DRAWN),
        ("a futuristic lighthouse on the moon", Way.DRAWN),
        ("bar chart of ship losses", Way.CHART),
        ("船只损失统计", Way.CHART),
        ("孤独的氛围", Way.DRAWN),
    ],
)
def test_how_a_slot_is_filled_is_proposed(query: str, way: Way) -> None:
    text = TextBlock(id="b1", markdown="It was there that Fresnel built it. The tomatoes were red, said Fresnel.")
    article = Article(id="a", blocks=(text,))
    assert way_of(article, ImageSlot(id="b2", purpose="", query=query)) == way
