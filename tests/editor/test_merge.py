"""Laws of merging: nothing of either side is lost, and what one side leaves alone is the other's."""

from hypothesis import given
from hypothesis import strategies as st

from composer.merge import differences, merge, words

text = st.text("ab cd你好.1\n", max_size=30)


@given(text, text)
def test_differences_hold_both_texts(old: str, new: str) -> None:
    pieces = differences(old, new)
    assert "".join(p.text for p in pieces if p.kind != "new") == old
    assert "".join(p.text for p in pieces if p.kind != "gone") == new


@given(text, text)
def test_a_side_that_changed_nothing_gives_way(base: str, other: str) -> None:
    assert merge(base, base, other) == other
    assert merge(base, other, base) == other
    assert merge(base, other, other) == other


@given(text, text, text, text)
def test_changes_in_different_places_are_both_made(a: str, b: str, x: str, y: str) -> None:
    middle = " between the two "
    merged = merge(f"one{middle}two", f"one{middle}two {x}x", f"{y}y one{middle}two")
    assert merged is not None
    assert merged.endswith(f"{x}x")
    assert merged.startswith(f"{y}y")
    assert "".join(words(merged)) == merged


def test_the_same_word_changed_twice_is_for_the_person_to_decide() -> None:
    assert merge("the old lamp", "the new lamp", "the red lamp") is None
    assert merge("the lamp", "the old lamp", "the lamp burns") == "the old lamp burns"
    assert merge("a", "a more", "a model") == "a more model"
