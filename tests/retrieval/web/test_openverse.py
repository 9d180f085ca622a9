"""Openverse as it answers, and as it may."""

from typing import Any

import pytest

from retrieval.errors import SourceError
from retrieval.images import digest_of
from retrieval.web.client import Limits
from retrieval.web.openverse import DIRECT, SEARCH_QUOTAS
from retrieval.web.source import WebSource
from tests.retrieval.fakes import WordEncoder
from tests.retrieval.web.stub import AGENT, Reply, Web, as_json, openverse_page, openverse_result, photo, thumb

SEARCH = "/v1/images/"


def put(web: Web, *results: object) -> None:
    web.stub.put(SEARCH, as_json(openverse_page(*results)))


def test_a_picture_with_all_that_is_known_of_it(web: Web) -> None:
    put(web, openverse_result())
    web.stub.put(thumb(), photo(1, (400, 300)))
    source = WebSource(web.openverse())
    (found,) = source.find("a photo of tree bark", 3)
    picture, credit = found.picture, found.picture.attribution
    assert (picture.width, picture.height, picture.media_type) == (400, 300, "image/png")
    assert (picture.caption, picture.keywords) == ("Tree Bark Photo", ("tree", "bark"))
    assert (credit.title, credit.author, credit.source) == (
        "Tree Bark Photo",
        "Tim Sullivan",
        "stocksnap via Openverse",
    )
    assert (credit.licence, credit.licence_url) == ("CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/")
    assert (credit.url, credit.author_url) == (
        "https://stocksnap.io/photo/XNVBVXO3B1",
        "https://www.freestock.example/tim",
    )
    assert (credit.changes, credit.retrieved) == ("resized to 400 px", "2023-11-14")
    assert found.source == "openverse"
    assert found.relevance > 0.5
    assert digest_of(source.read(picture.digest)) == picture.digest
    path, asked, headers = web.stub.asked[0]
    assert path == SEARCH
    assert asked == {"q": ["photo tree bark"], "page_size": ["20"], "mature": ["false"]}
    assert headers["User-Agent"] == AGENT


def test_a_small_picture_is_fetched_whole(web: Web) -> None:
    put(web, openverse_result(width=1200, height=900))
    web.stub.put(thumb(), photo(1, (1200, 900)))
    (found,) = WebSource(web.openverse()).find("tree bark", 1)
    assert found.picture.attribution.changes == ""
    assert web.stub.asked[1][1] == {"full_size": ["true"]}


def test_handy_hosts_are_asked_first_and_no_other(web: Web) -> None:
    api = web.openverse()
    flickr = openverse_result(url="https://live.staticflickr.com/1/2_b.jpg")
    assert "live.staticflickr.com" in DIRECT
    assert [a.split("/")[2] for a in api._record(flickr).addresses] == [
        "live.staticflickr.com",
        f"127.0.0.1:{web.stub.port}",
    ]
    for url in (
        "http://live.staticflickr.com/1.jpg",
        "https://evil.example/1.jpg",
        "https://live.staticflickr.com.evil.example/",
        None,
    ):
        (only,) = api._record(openverse_result(url=url)).addresses
        assert only.endswith(thumb())


def test_the_use_is_asked_for_and_checked_again(web: Web) -> None:
    kinds = ["by-nc", "by-nd", "by", "by-nc-nd", "sampling+", None]
    put(web, *(openverse_result(n, license=k, license_url=None) for n, k in enumerate(kinds)))
    for number in range(len(kinds)):
        web.stub.put(thumb(number), photo(number))
    offered: dict[str, set[str]] = {}
    for use in ("any", "commercial", "modify", "both"):
        found = WebSource(web.openverse(), use=use).find("tree bark", 9)
        offered[use] = {c.picture.attribution.licence for c in found}
    assert offered == {
        "any": {"CC BY-NC 1.0", "CC BY-ND 1.0", "CC BY 1.0", "CC BY-NC-ND 1.0"},
        "commercial": {"CC BY-ND 1.0", "CC BY 1.0"},
        "modify": {"CC BY-NC 1.0", "CC BY 1.0"},
        "both": {"CC BY 1.0"},
    }
    types = [asked.get("license_type") for path, asked, _ in web.stub.asked if path == SEARCH]
    assert types == [None, ["commercial"], ["modification"], ["commercial,modification"]]


def test_nothing_found_is_asked_once_more_for_the_main_thing(web: Web) -> None:
    web.stub.put(SEARCH, as_json(openverse_page()), as_json(openverse_page(openverse_result())))
    web.stub.put(thumb(), photo())
    assert len(WebSource(web.openverse()).find("a violin resting on sheet music", 3)) == 1
    assert [asked["q"] for path, asked, _ in web.stub.asked if path == SEARCH] == [
        ["violin resting sheet music"],
        ["violin"],
    ]


def test_nothing_at_all(web: Web) -> None:
    put(web)
    source = WebSource(web.openverse())
    assert source.find("tree bark", 3) == []
    assert source.find("  ", 3) == source.find("the of", 3) == source.find("x", 0) == []


def test_fields_may_be_nothing(web: Web) -> None:
    known = {"id", "license", "license_version"}
    bare: dict[str, Any] = {name: None for name in openverse_result() if name not in known}
    put(web, openverse_result(**bare), None, "x", {}, openverse_result(2, license=None, license_url=None))
    web.stub.put(thumb(), photo())
    (found,) = WebSource(web.openverse()).find("tree bark", 3)
    credit = found.picture.attribution
    assert (credit.title, credit.author, credit.source, credit.url) == ("", "", "Openverse", "")
    assert credit.licence == "CC0 1.0"


def test_html_in_fields_is_cleaned(web: Web) -> None:
    put(
        web,
        openverse_result(title="<b>Tree</b> <script>alert(1)</script>&amp; bark", creator_url="javascript:alert(1)"),
    )
    web.stub.put(thumb(), photo())
    (found,) = WebSource(web.openverse()).find("tree bark", 3)
    assert found.picture.attribution.title == "Tree & bark"
    assert found.picture.attribution.author_url == ""


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            as_json({"error": "InputError", "detail": "Invalid input for 'license'.", "fields": ["license"]}, 400),
            r"\(400: Invalid input",
        ),
        (as_json({"detail": "page_size may not exceed 20 for anonymous requests"}, 401), r"sign-in.*\(401: page_size"),
        (as_json({"detail": "Not found."}, 404), r"\(404: Not found"),
        (Reply(status=403, body=b"<html>"), "INTERLEAVE_WEB_CONTACT"),
        (Reply(body=b'{"result_count": 1, "results": [{"id": '), "no JSON"),
        (Reply(body=b"[1]"), "something else"),
        (as_json({"results": None}), "without results"),
        (as_json({"detail": "x"}, 418), r"\(418: x\)"),
    ],
)
def test_a_refusal_is_said_and_not_asked_again(web: Web, reply: Reply, said: str) -> None:
    web.stub.put(SEARCH, reply)
    with pytest.raises(SourceError, match=said):
        WebSource(web.openverse()).find("tree", 3)
    assert web.stub.paths() == [SEARCH]


@pytest.mark.parametrize(
    ("first", "slept"),
    [
        (as_json({"detail": "Request was throttled."}, 429, Retry_After="7"), 7),
        (as_json({"detail": "Request was throttled. Expected available in 9 seconds."}, 429), 9),
        (Reply(status=500, body=b"<html>oops"), 1),
        (Reply(status=502), 1),
        (Reply(status=503, headers={"Retry-After": "3"}), 3),
    ],
)
def test_a_short_wait_is_waited(web: Web, first: Reply, slept: int) -> None:
    web.stub.put(SEARCH, first, as_json(openverse_page(openverse_result())))
    web.stub.put(thumb(), photo())
    assert len(WebSource(web.openverse()).find("tree bark", 3)) == 1
    assert web.clock.slept == [pytest.approx(slept)]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (as_json({}, 429, Retry_After="600"), r"too many questions \(429\).*600 s"),
        (as_json({}, 429), r"too many questions \(429\).*60 s"),
        (as_json({}, 429, Retry_After="Fri, 01 Jan 2100 00:00:00 GMT"), "86400 s"),
        (as_json({}, 429, Retry_After="soon"), "60 s"),
    ],
)
def test_a_long_wait_is_gone_without_and_remembered(web: Web, reply: Reply, said: str) -> None:
    web.stub.put(SEARCH, reply)
    for _ in range(2):
        with pytest.raises(SourceError, match=said):
            WebSource(web.openverse()).find("tree", 3)
    assert web.stub.paths() == [SEARCH]
    assert web.clock.slept == []


def test_a_server_out_of_order_is_tried_twice(web: Web) -> None:
    web.stub.put(SEARCH, Reply(status=500))
    with pytest.raises(SourceError, match=r"out of order \(500\)"):
        WebSource(web.openverse()).find("tree", 3)
    assert len(web.stub.asked) == 2


def test_a_server_that_cannot_be_reached_is_left_alone_for_a_while(web: Web) -> None:
    web.limits = Limits(seconds=1.0, silence=0.1)
    web.stub.put(SEARCH, Reply(body=b"xx", drip=3.0))
    source = WebSource(web.openverse(rest=60.0))
    for said in ("cannot be read|broke off", "could not be reached"):
        with pytest.raises(SourceError, match=said):
            source.find("tree", 3)
    assert len(web.stub.asked) == 1


def test_answers_and_files_are_not_asked_for_twice(web: Web) -> None:
    put(web, openverse_result())
    web.stub.put(thumb(), photo())
    first = WebSource(web.openverse()).find("tree bark", 3)
    assert WebSource(web.openverse()).find("tree bark", 3) == first
    assert len(web.stub.asked) == 2
    web.clock.now += 25 * 3600
    assert WebSource(web.openverse()).find("tree bark", 3) == first
    assert web.stub.paths().count(SEARCH) == 2
    assert web.stub.paths().count(thumb()) == 1


def test_the_quota_holds_over_all_searches(web: Web) -> None:
    put(web)
    source = WebSource(web.openverse(SEARCH_QUOTAS))
    for number in range(20):
        assert source.find(f"tree{number}", 3) == []
    with pytest.raises(SourceError, match="20 requests in 60 s"):
        source.find("tree20", 3)
    assert len(web.stub.asked) == 20


@pytest.mark.parametrize(("scope", "seconds"), [("anon_burst", 60), ("anon_sustained", 3600)])
def test_what_the_headers_say_is_believed_more_than_our_own_count(web: Web, scope: str, seconds: int) -> None:
    web.stub.put(SEARCH, Reply(body=as_json(openverse_page()).body, headers={f"X-RateLimit-Available-{scope}": "0"}))
    source = WebSource(web.openverse())
    with pytest.raises(SourceError, match=f"{seconds} s"):
        source.find("tall tree", 3)  # nothing is found, and nothing more may be asked
    assert len(web.stub.asked) == 1


BAD: dict[str, Any] = {
    "not a picture": Reply(body=b"<html>no</html>", headers={"Content-Type": "image/jpeg"}),
    "a drawing": Reply(body=b"<svg xmlns='http://www.w3.org/2000/svg' width='900' height='900'/>"),
    "a drawing dressed up": Reply(body=b"\xff\xd8\xff<svg onload='alert(1)'>"),
    "torn": Reply(body=photo().body[:300]),
    "tiny": photo(1, (40, 30)),
    "too large": Reply(body=b"\xff\xd8\xff" + b"x" * 300_000),
    "gone": Reply(status=404),
    "a bitmap": photo(1, (300, 300), "BMP"),
    "slow": Reply(body=photo().body, drip=0.05),
    "elsewhere": Reply(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data"}),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_file_costs_only_itself(web: Web, bad: str) -> None:
    put(web, openverse_result(1), openverse_result(2, title="Bark of a tree"))
    web.stub.put(thumb(1), BAD[bad])
    web.stub.put(thumb(2), photo(2))
    web.limits = Limits(seconds=0.3, silence=0.3, bytes=200_000)
    (found,) = WebSource(web.openverse()).find("tree bark", 3)
    assert found.picture.attribution.title == "Bark of a tree"


def test_a_pixel_bomb_is_not_decoded(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )
    monkeypatch.setattr("retrieval.web.source.as_picture", lambda *a, **k: pytest.fail("it was decoded"))
    put(web, openverse_result())
    web.stub.put(thumb(), Reply(body=bomb))
    with pytest.raises(SourceError, match="million pixels"):
        WebSource(web.openverse()).find("tree bark", 3)


def test_when_no_file_can_be_had_it_is_said(web: Web) -> None:
    put(web, openverse_result())
    web.stub.put(thumb(), Reply(status=404))
    with pytest.raises(SourceError, match=r"None of 1 pictures could be fetched: .*404"):
        WebSource(web.openverse()).find("tree bark", 3)


def test_files_that_take_long_are_done_without(web: Web) -> None:
    put(web, openverse_result(1), openverse_result(2))
    web.stub.put(thumb(1), Reply(body=photo().body, drip=0.01))
    web.stub.put(thumb(2), photo(2))
    found = WebSource(web.openverse(), budget=0.5).find("tree bark", 3)
    assert [c.picture.attribution.url[-1] for c in found] == ["2"]


def test_the_titles_that_fit_stand_first(web: Web) -> None:
    put(web, openverse_result(1, title="Grass", tags=[]), openverse_result(2, title="Puppy asleep", tags=[]))
    for number in (1, 2):
        web.stub.put(thumb(number), photo(number))
    found = WebSource(web.openverse(), sentence=WordEncoder()).find("dog asleep", 3)
    assert [c.picture.caption for c in found] == ["Puppy asleep", "Grass"]
    assert found[0].relevance > 0.5 > found[1].relevance


def test_a_picture_it_never_offered_or_that_changed_is_not_read(web: Web) -> None:
    source = WebSource(web.openverse())
    with pytest.raises(SourceError, match="has not offered"):
        source.read("0" * 64)
    put(web, openverse_result())
    web.stub.put(thumb(), photo(1), photo(2))
    (found,) = source.find("tree bark", 1)
    assert source.read(found.picture.digest) == photo(1).body
    web.clock.now += 31 * 86_400
    with pytest.raises(SourceError, match="another one by now"):
        source.read(found.picture.digest)
