"""Wikimedia Commons as it answers, and as it may."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from retrieval.errors import SourceError
from retrieval.web.commons import AT_ONCE, WIDTH, WIDTHS
from retrieval.web.source import WebSource
from tests.retrieval.web.stub import AGENT, Reply, Web, as_json, commons_answer, commons_page, photo

SEARCH = "/w/api.php"
THUMB = "/commons/thumb/{0}.jpg/960px-{0}.jpg"


def test_a_picture_with_all_that_is_known_of_it(web: Web) -> None:
    web.stub.put(SEARCH, as_json(commons_answer(commons_page(web.stub))))
    web.stub.put(THUMB.format(1), photo(1, (960, 540)))
    (found,) = WebSource(web.commons()).find("a lighthouse at night", 3)
    credit = found.picture.attribution
    assert (credit.title, credit.author, credit.source) == ("Lighthouse of Hörnum", "PtrQs", "Wikimedia Commons")
    assert credit.author_url == "https://commons.wikimedia.org/wiki/User:PtrQs"
    assert (credit.licence, credit.licence_url) == ("CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0/")
    assert credit.url == "https://commons.wikimedia.org/wiki/File:Lighthouse_1.jpg"
    assert (credit.changes, credit.retrieved) == ("resized to 960 px", "2023-11-14")
    path, asked, headers = web.stub.asked[0]
    assert path == SEARCH
    assert asked["gsrsearch"] == ["lighthouse night filetype:bitmap"]
    assert (asked["iiurlwidth"], asked["maxlag"], asked["gsrnamespace"]) == (["960"], ["5"], ["6"])
    assert headers["User-Agent"] == AGENT
    assert WIDTH in WIDTHS


def test_a_picture_no_wider_than_the_thumbnail_is_fetched_itself(web: Web) -> None:
    page = commons_page(web.stub, width=800, height=600, thumbwidth=800)
    web.stub.put(SEARCH, as_json(commons_answer(page)))
    web.stub.put("/commons/1.jpg", photo(1, (800, 600)))
    (found,) = WebSource(web.commons()).find("lighthouse", 3)
    assert found.picture.attribution.changes == ""


def test_an_odd_thumbnail_width_is_not_asked_for(web: Web) -> None:
    web.stub.put(SEARCH, as_json(commons_answer(commons_page(web.stub, thumbwidth=961))))
    assert WebSource(web.commons()).find("lighthouse", 3) == []


def test_results_stand_in_the_order_of_the_search(web: Web) -> None:
    pages = [commons_page(web.stub, n, fields={"ObjectName": "Light"}) for n in (3, 1, 2)]
    for number in (1, 2, 3):
        web.stub.put(THUMB.format(number), photo(number, (960, 540)))
    keyed = {str(p["pageid"]): p for p in pages}  # formatversion=1
    for answer in (commons_answer(*pages), {"query": {"pages": keyed}, "batchcomplete": ""}):
        web.stub.put(SEARCH, as_json(answer))
        web.clock.now += 2 * 86_400
        found = WebSource(web.commons()).find("tower", 3)
        assert [c.picture.attribution.url[-5] for c in found] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"LicenseShortName": "CC BY 2.0", "License": "cc-by-2.0"}, "CC BY 2.0"),
        ({"LicenseShortName": "Public domain", "License": "pd"}, "Public domain"),
        ({"LicenseShortName": "CC0", "License": "cc0"}, "CC0 1.0"),
        ({"LicenseShortName": "CC BY-SA 3.0 de", "License": "cc-by-sa-3.0-de"}, "CC BY-SA 3.0 DE"),
        ({"LicenseShortName": None, "License": "cc-by-sa-4.0"}, "CC BY-SA 4.0"),
        ({"LicenseShortName": None, "License": None}, "CC BY-SA 4.0"),  # by its address
        ({"LicenseShortName": "<i>CC BY 4.0</i>"}, "CC BY 4.0"),
        ({"LicenseShortName": "GFDL", "License": "gfdl", "LicenseUrl": "http://www.gnu.org/copyleft/fdl.html"}, ""),
        ({"LicenseShortName": "Fair use", "License": None, "LicenseUrl": None}, ""),
        ({"LicenseShortName": None, "License": None, "LicenseUrl": None}, ""),
        ({"LicenseShortName": "CC BY-SA 4.0", "NonFree": "true"}, ""),
        ({"LicenseShortName": 4.0, "License": ["cc0"], "LicenseUrl": {}}, ""),
    ],
)
def test_a_picture_without_a_known_licence_is_not_used(web: Web, fields: dict[str, object], licence: str) -> None:
    web.stub.put(SEARCH, as_json(commons_answer(commons_page(web.stub, fields=fields))))
    web.stub.put(THUMB.format(1), photo(1, (960, 540)))
    found = WebSource(web.commons()).find("lighthouse", 3)
    assert [c.picture.attribution.licence for c in found] == ([licence] if licence else [])


@pytest.mark.parametrize(
    ("fields", "author"),
    [
        ({"Attribution": 'Photo by <a href="https://ada.example/">Ada</a>'}, "Ada"),
        ({"Artist": None}, "PtrQs"),
        ({"Artist": "<span><bdi>Ada &amp; Bob</bdi></span>"}, "Ada & Bob"),
        ({"Artist": 1838}, "1838"),
    ],
)
def test_who_made_it(web: Web, fields: dict[str, object], author: str) -> None:
    web.stub.put(SEARCH, as_json(commons_answer(commons_page(web.stub, fields=fields))))
    web.stub.put(THUMB.format(1), photo(1, (960, 540)))
    (found,) = WebSource(web.commons()).find("lighthouse", 3)
    assert found.picture.attribution.author == author


@pytest.mark.parametrize(
    "answer",
    [
        {"batchcomplete": True},
        {"query": None},
        {"query": {"pages": []}},
        {"query": {"pages": [None, {}, {"title": "File:X.jpg"}, {"imageinfo": []}, {"imageinfo": [None]}]}},
        {"query": {"pages": [{"title": "File:X.ogg", "imageinfo": [{"mime": "application/ogg", "url": "x"}]}]}},
        {"query": {"pages": [{"title": None, "imageinfo": [{"mime": "image/jpeg", "extmetadata": None}]}]}},
    ],
)
def test_nothing_and_nulls(web: Web, answer: object) -> None:
    web.stub.put(SEARCH, as_json(answer))
    assert WebSource(web.commons()).find("lighthouse", 3) == []


def test_words_are_words_and_no_orders(web: Web) -> None:
    web.stub.put(SEARCH, as_json(commons_answer()))
    WebSource(web.commons()).find('灯塔 -incategory:"X" | insource:/a/', 3)
    assert web.stub.asked[0][1]["gsrsearch"] == ["灯塔 incategory X insource a filetype:bitmap"]


def test_a_busy_server_is_waited_for(web: Web) -> None:
    lagged = as_json({"error": {"code": "maxlag", "info": "Waiting for db: 6 seconds lagged."}}, Retry_After="5")
    web.stub.put(SEARCH, lagged, as_json(commons_answer(commons_page(web.stub))))
    web.stub.put(THUMB.format(1), photo(1, (960, 540)))
    assert len(WebSource(web.commons()).find("lighthouse", 3)) == 1
    assert web.clock.slept == [pytest.approx(5)]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (as_json({"error": {"code": "badvalue", "info": "Unrecognized <b>value</b>"}}), "badvalue: Unrecognized value"),
        (as_json({}, 429, Retry_After="600"), r"\(429\).*600 s"),
        (Reply(status=403, body=b"Please set a user-agent"), "INTERLEAVE_WEB_CONTACT"),
        (Reply(body=b"{"), "no JSON"),
    ],
)
def test_a_refusal_is_said(web: Web, reply: Reply, said: str) -> None:
    web.stub.put(SEARCH, reply)
    with pytest.raises(SourceError, match=said):
        WebSource(web.commons()).find("lighthouse", 3)
    assert len(web.stub.asked) == 1


def test_files_are_left_alone_when_their_server_asks_for_that(web: Web) -> None:
    web.stub.put(SEARCH, as_json(commons_answer(*(commons_page(web.stub, n) for n in range(1, 6)))))
    for number in range(1, 6):
        web.stub.put(THUMB.format(number), Reply(status=429, headers={"Retry-After": "600"}))
    with pytest.raises(SourceError, match="600 s"):
        WebSource(web.commons()).find("lighthouse", 5)
    assert len(web.stub.asked) <= 1 + AT_ONCE


def test_never_more_than_three_at_once(web: Web) -> None:
    web.stub.put(SEARCH, as_json(commons_answer(*(commons_page(web.stub, n) for n in range(1, 9)))))
    for number in range(1, 9):
        web.stub.put(THUMB.format(number), Reply(body=photo(number, (960, 540)).body[:40], drip=0.001))
    source = WebSource(web.commons())

    def ask(query: str) -> None:
        with pytest.raises(SourceError):
            source.find(query, 8)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, ["light", "house", "tower", "sea"]))
    assert 2 <= web.stub.most_at_once <= AT_ONCE == 3
