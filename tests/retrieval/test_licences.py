"""What licences allow; what is not known allows nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.licences import IntendedUse, Terms, address_of, allows, terms_of

CC = "https://creativecommons.org/"


@pytest.mark.parametrize(
    ("said", "name", "url"),
    [
        ("CC BY-SA 4.0", "CC BY-SA 4.0", f"{CC}licenses/by-sa/4.0/"),
        ("cc-by-sa-4.0", "CC BY-SA 4.0", f"{CC}licenses/by-sa/4.0/"),
        ("by 2.0", "CC BY 2.0", f"{CC}licenses/by/2.0/"),
        ("by-nc-nd", "CC BY-NC-ND", ""),
        ("CC BY-SA 3.0 de", "CC BY-SA 3.0 DE", f"{CC}licenses/by-sa/3.0/de/"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 3.0", "CC BY-NC-SA 3.0", f"{CC}licenses/by-nc-sa/3.0/"),
        ("cc0 1.0", "CC0 1.0", f"{CC}publicdomain/zero/1.0/"),
        ("CC-Zero", "CC0 1.0", f"{CC}publicdomain/zero/1.0/"),
        ("pdm 1.0", "Public domain", f"{CC}publicdomain/mark/1.0/"),
        ("pd-old-100", "Public domain", ""),
        ("public domain", "Public domain", ""),
        ("yours", "yours", ""),
        ("GPL-2.0", "GPL-2.0", ""),
        ("MIT", "MIT", ""),
    ],
)
def test_licences_by_many_names(said: str, name: str, url: str) -> None:
    assert (terms_of(said).name, terms_of(said).url) == (name, url)
    assert terms_of(said).known
    assert address_of(said) == url
    assert terms_of(name).known


@pytest.mark.parametrize(
    "said",
    [
        "", "unknown", "GFDL", "sampling+", "nc-sampling+", "Attribution", "CC SA 1.0", "fair use", "pdf",
        "all rights reserved", "mit Namensnennung", "CC BY 4.0, CC BY-NC 4.0", "by-nc-sa-nd 4.0", "publicity",
    ],
)  # fmt: skip
def test_what_is_not_known_allows_nothing_but_looking(said: str) -> None:
    assert not terms_of(said).known
    assert allows(said, "any")
    assert not allows(said, "commercial")
    assert not allows(said, "modify")
    assert not allows(said, "both")


def test_an_address_says_what_a_name_does_not() -> None:
    assert terms_of("", f"{CC}licenses/by-nc/2.5/") == Terms(
        name="CC BY-NC 2.5", url=f"{CC}licenses/by-nc/2.5/", commercial=False
    )
    assert terms_of("x", f"{CC}publicdomain/zero/1.0/deed.en").name == "CC0 1.0"
    assert terms_of("x", f"{CC}publicdomain/mark/1.0/").name == "Public domain"
    assert not terms_of("x", f"{CC}licenses/sampling/1.0/").known
    assert not terms_of("x", "https://evil.example/creativecommons.org/licenses/by/4.0/").known


@pytest.mark.parametrize(
    ("licence", "uses"),
    [
        ("CC BY 4.0", {"any", "commercial", "modify", "both"}),
        ("CC BY-SA 4.0", {"any", "commercial", "modify", "both"}),
        ("CC BY-NC 4.0", {"any", "modify"}),
        ("CC BY-ND 4.0", {"any", "commercial"}),
        ("CC BY-NC-ND 4.0", {"any"}),
        ("CC BY-NC-SA 4.0", {"any", "modify"}),
        ("Public domain", {"any", "commercial", "modify", "both"}),
        ("yours", {"any", "commercial", "modify", "both"}),
        ("GPL-2.0", {"any", "commercial", "modify", "both"}),
    ],
)
def test_what_the_author_may_do(licence: str, uses: set[IntendedUse]) -> None:
    every: tuple[IntendedUse, ...] = ("any", "commercial", "modify", "both")
    assert {use for use in every if allows(licence, use)} == uses


@given(st.text(max_size=40) | st.text("cby-nad0134. ", max_size=20))
def test_any_name_has_terms_and_both_is_the_narrowest(name: str) -> None:
    terms = terms_of(name)
    assert terms.name
    assert allows(name, "both") == (allows(name, "commercial") and allows(name, "modify"))
    assert terms.known or not (terms.commercial or terms.modification)
