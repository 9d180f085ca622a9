from hypothesis import given
from hypothesis import strategies as st

from composer.backends.stops import until_stop, without_thoughts

letters = st.text("ab", max_size=12)


def test_a_stop_string_in_two_pieces_is_found() -> None:
    assert "".join(until_stop(["Hello EN", "D more"], ["END"])) == "Hello "


def test_what_only_looked_like_a_stop_string_is_given_out() -> None:
    assert list(until_stop(["a EN", "TER"], ["END"])) == ["a ", "ENTER"]


@given(pieces=st.lists(letters), stop=st.lists(st.text("ab", min_size=1, max_size=3), max_size=3))
def test_the_reply_is_the_text_before_the_first_stop_string(pieces: list[str], stop: list[str]) -> None:
    whole = "".join(pieces)
    ends = [at for at in (whole.find(s) for s in stop) if at >= 0]
    reply = list(until_stop(pieces, stop))
    assert all(reply)
    # where two stop strings overlap, the one that is complete first decides
    complete = [(at + len(s), at) for s in stop if (at := whole.find(s)) >= 0]
    assert whole.startswith("".join(reply))
    assert not any(s in "".join(reply) for s in stop)
    assert len("".join(reply)) == len(whole) if not ends else len("".join(reply)) <= min(complete)[0]


@given(thoughts=st.text("ab <", max_size=8), answer=st.text("ab \n", max_size=8), size=st.integers(1, 5))
def test_thoughts_are_left_out_however_they_are_cut(thoughts: str, answer: str, size: int) -> None:
    whole = f"\n<think>{thoughts}</think>\n\n{answer}"
    pieces = [whole[i : i + size] for i in range(0, len(whole), size)]
    assert "".join(without_thoughts(pieces)) == answer.lstrip()


@given(pieces=st.lists(st.text("<thinkab> ", max_size=4)))
def test_a_reply_without_thoughts_stays_as_it_is(pieces: list[str]) -> None:
    whole = "".join(pieces)
    if not whole.lstrip().startswith("<think>"):
        assert "".join(without_thoughts(pieces)) == whole


def test_thoughts_that_never_end_are_no_reply() -> None:
    assert list(without_thoughts(["<think>on and", " on"])) == []
