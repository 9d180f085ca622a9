import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.picture import Picture
from retrieval.relevance import Evidence, coverage, evidence, rarity, relevance
from retrieval.words import cjk_names, cjk_thing, head_of, match_expression, pairs, searchable, stem, telling, terms_of

shares = st.floats(0, 1)


@pytest.mark.parametrize(
    ("query", "head"),
    [
        ("a red fox in the snow", "fox"),
        ("steaming cup of coffee on a wooden table", "coffee"),
        ("violin resting on sheet music", "violin"),
        ("a pair of hiking boots", "boot"),
        ("bowl of fresh strawberries, seen from above", "strawberry"),
        ("the gardener's watering can", "can"),
        ("Glasses", "glass"),
        ("a bee hive full of honey", "hive"),
        ("loaf of bread fresh from the oven", "bread"),
        ("an old wooden sailing ship", "ship"),
        ("a cow grazing", "cow"),
        ("", ""),
        ("the of", ""),
        ("红狐狸", ""),
    ],
)
def test_what_a_query_is_about(query: str, head: str) -> None:
    assert head_of(query) == head


def test_words_are_taken_apart() -> None:
    assert telling("The foxes' den, and THE foxes") == ["foxes", "den"]
    assert [stem(w) for w in ("foxes", "berries", "cats", "glass", "bus", "is")] == [
        "fox",
        "berry",
        "cat",
        "glass",
        "bus",
        "is",
    ]
    assert pairs("红狐狸 and 茶") == ["红狐", "狐狸", "茶"]
    assert searchable("红fox狐") == "红 fox 狐"
    assert terms_of("red 狐狸") == ['"red"', '"狐 狸"']


@given(st.text())
def test_any_text_is_a_query(text: str) -> None:
    head_of(text)
    assert match_expression(text).count('"') % 2 == 0


@given(shares, shares, shares, shares, st.booleans())
def test_relevance_is_a_share_and_grows_with_every_evidence(a: float, b: float, c: float, d: float, both: bool) -> None:
    base = Evidence(cosine=a, held=b, head=c, said=d)
    sure = relevance(base, with_meaning=both)
    assert 0 <= sure <= 1
    for more in (
        Evidence(cosine=1, held=b, head=c, said=d),
        Evidence(cosine=a, held=1, head=c, said=d),
        Evidence(cosine=a, held=b, head=1, said=d),
        Evidence(cosine=a, held=b, head=c, said=1),
    ):
        assert relevance(more, with_meaning=both) >= sure


def test_the_threshold_parts_the_sure_from_the_unsure() -> None:
    fox = Evidence(cosine=0.6, held=0.5, head=1, said=1)
    unrelated = Evidence(cosine=0.3, held=0.2, head=0, said=0)
    assert relevance(fox, with_meaning=True) > 0.8
    assert relevance(unrelated, with_meaning=True) < 0.1
    assert relevance(Evidence(held=1, head=1, said=1), with_meaning=False) > 0.9
    assert relevance(Evidence(held=0.3), with_meaning=False) < 0.1


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 10)), min_size=1))
def test_coverage_is_the_weighted_share(held: list[tuple[bool, float]]) -> None:
    share = coverage([h for h, _ in held], [w for _, w in held])
    assert share == pytest.approx(sum(w for h, w in held if h) / sum(w for _, w in held))


def test_rare_words_weigh_more_and_words_nobody_has_weigh_most() -> None:
    assert rarity(0, 100) > rarity(1, 100) > rarity(50, 100) > 0
    assert coverage([], []) == 0


def speaks(query: str, caption: str, *others: str) -> Evidence:
    picture = Picture(digest="0", media_type="image/png", width=1, height=1, caption=caption)
    return evidence(query, picture, cosine=0.0, held=0.0, texts=(caption, *others))


def test_shares_of_query_and_caption() -> None:
    assert speaks("a red fox in the snow", "fox") == Evidence(head=1, said=1)
    assert speaks("a red fox in the snow", "snow leopard") == Evidence(head=0, said=0.5)
    assert speaks("a red fox in the snow", "red hair") == Evidence(head=0, said=0.5)
    assert speaks("", "fox") == speaks("fox", "") == Evidence()


@pytest.mark.parametrize(
    ("query", "thing"),
    [
        ("雪地里的狐狸", "狐狸"),
        ("狐狸在雪地里", "狐狸"),
        ("一杯放在木桌上的咖啡，热气腾腾", "咖啡"),
        ("一只红狐狸", "红狐狸"),
        ("雪の中のキツネ", "キツネ"),
        ("的", "的"),
    ],
)
def test_what_a_chinese_or_japanese_query_is_about(query: str, thing: str) -> None:
    assert cjk_thing(query) == thing


def test_names_in_chinese_captions_speak_for_a_picture() -> None:
    assert cjk_names("一只狐狸。") == ["狐狸"]
    assert cjk_names("狐狸, 动物, 脸") == ["狐狸", "动物"]
    assert speaks("雪地里的狐狸", "fox", "一只狐狸。") == Evidence(held=1, head=1, said=1)
    assert speaks("雪地里的狐狸", "snow", "雪地") == Evidence(held=0, head=0, said=1)
    assert speaks("量子电路", "bank", "银行") == Evidence()
    assert relevance(speaks("一只红狐狸", "fox", "狐狸, 脸"), with_meaning=False) > 0.5
    assert relevance(speaks("中央银行的利率曲线", "bank", "银行"), with_meaning=False) < 0.2
