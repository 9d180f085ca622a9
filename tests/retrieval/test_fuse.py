from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fuse import distinct, fuse, reciprocal_ranks, same_picture
from retrieval.picture import Candidate, Picture


def candidate(name: int, relevance: float = 0.9, *, source: str = "s", phash: int | None = None) -> Candidate:
    """A candidate whose picture looks like no other's, unless `phash` says so."""
    bits = (name + 1) * 0x9E3779B97F4A7C15 % 2**64 if phash is None else phash
    picture = Picture(digest=f"{name:064x}", media_type="image/png", width=9, height=9, phash=f"{bits:016x}")
    return Candidate(picture=picture, source=source, score=0.0, relevance=relevance)


def test_fused_scores_are_sums_of_reciprocal_ranks() -> None:
    scores = reciprocal_ranks([["a", "b"], ["b", "c"]], [1.0, 2.0])
    assert scores == pytest.approx({"a": 1 / 61, "b": 1 / 62 + 2 / 61, "c": 2 / 62})


@given(st.lists(st.lists(st.text(max_size=2), unique=True, max_size=6), max_size=4))
def test_fusing_knows_every_item_and_does_not_care_for_the_order_of_rankings(rankings: list[list[str]]) -> None:
    scores = reciprocal_ranks(rankings)
    assert scores.keys() == {item for ranking in rankings for item in ranking}
    assert reciprocal_ranks(rankings[::-1]) == pytest.approx(scores)


def test_what_two_sources_offer_comes_first_and_once() -> None:
    found = fuse([[candidate(1), candidate(2, 0.4)], [candidate(3), candidate(2, 0.8, source="t")]])
    assert found[0].picture == candidate(2).picture
    assert len(found) == 3
    assert found[0].relevance == 0.8


def test_versions_of_a_picture_are_one() -> None:
    one, version, other = candidate(1, phash=0), candidate(2, phash=0b111), candidate(3, phash=2**64 - 1)
    assert same_picture(one.picture, version.picture)
    assert distinct([one, version, other]) == [one, other]
    unknown = replace(one.picture, digest="x", phash="")
    assert not same_picture(unknown, one.picture)
