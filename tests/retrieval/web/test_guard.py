"""Requests go where they may and nowhere else, whatever a server or a name says."""

import socket
import time

import pytest

from retrieval.errors import SourceError
from retrieval.web.client import Client, Limits, is_contact, user_agent
from retrieval.web.guard import Rules, checked, connect, is_public
from retrieval.web.sources import FILE_LIMITS, SEARCH_LIMITS
from tests.retrieval.web.stub import AGENT, Reply, Stub, rules

PRIVATE = [
    "10.0.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.3.4",
    "192.168.1.1",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "nonsense",
]
HOSTS = frozenset(["pictures.example"])


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_none(address: str) -> None:
    assert not is_public(address, 443)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(address, 443)


@pytest.mark.parametrize(
    "url",
    [
        "http://pictures.example/a.jpg",
        "https://other.example/a.jpg",
        "https://pictures.example.evil.example/a.jpg",
        "https://evil.example#pictures.example",
        "https://pictures.example@10.0.0.1/",
        "https://ada:secret@pictures.example/a.jpg",
        "https://pictures.example:8443/a.jpg",
        "https://pictures.example\\@evil.example/",
        "https://pictures.example/a b",
        "https://pictures.example:port/",
        "https://[::1",
        "file:///etc/passwd",
        "ftp://pictures.example/a.jpg",
        "//pictures.example/a.jpg",
        "",
    ],
)
def test_addresses_that_are_not_asked(url: str) -> None:
    with pytest.raises(SourceError):
        checked(url, Rules(hosts=HOSTS))


@pytest.mark.parametrize("url", ["https://pictures.example/a.jpg", "https://PICTURES.example:443/?q=1"])
def test_addresses_that_are_asked(url: str) -> None:
    assert checked(url, Rules(hosts=HOSTS)) == url


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1"])
def test_a_name_that_leads_into_this_network_is_refused(address: str) -> None:
    with pytest.raises(SourceError, match=f"{address}, which is no public address"):
        connect("pictures.example", 443, 1.0, Rules(hosts=HOSTS, resolve=lambda host, port: [address]))


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    mixed = Rules(hosts=HOSTS, resolve=lambda host, port: ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(SourceError, match="no public address"):
        connect("pictures.example", 443, 1.0, mixed)


def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers differently the second time (DNS rebinding) is asked once only."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    reached: list[object] = []

    def create(address: object, timeout: float) -> socket.socket:
        reached.append(address)
        raise OSError("nobody is there")

    monkeypatch.setattr(socket, "create_connection", create)
    with pytest.raises(OSError, match="nobody"):
        connect("pictures.example", 443, 1.0, Rules(hosts=HOSTS, resolve=lambda host, port: next(answers)))
    assert reached == [("93.184.216.34", 443)]
    assert next(answers) == ["127.0.0.1"]


def test_the_rules_of_a_program_at_work_reach_no_private_address(stub: Stub) -> None:
    made = Rules(hosts=frozenset(["127.0.0.1"]))
    assert (made.scheme, made.port, made.may_reach) == ("https", 443, is_public)
    stub.put("/", Reply(body=b"x"))
    with pytest.raises(SourceError, match="not https"):
        Client(made, AGENT).get(stub.url)
    with pytest.raises(SourceError, match="no public address"):
        Client(Rules(hosts=made.hosts, scheme="http", port=stub.port), AGENT).get(stub.url)
    assert stub.asked == []


def client(stub: Stub, *hosts: str, **limits: float) -> Client:
    return Client(rules(stub, *hosts), AGENT, Limits(**{"seconds": 2.0, "silence": 1.0, "bytes": 5000, **limits}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://10.0.0.1/x", "not on the list"),
        ("http://localhost/x", "not on the list"),
        ("https://127.0.0.1/x", "is not http,"),
        ("file:///etc/passwd", "is not http,"),
        ("//169.254.169.254/latest/meta-data", "not on the list"),
        ("http://rebound.example:{port}/x", "leads to 10.1.2.3"),
        ("", "leads on and on"),
        ("/moved", "leads on and on"),
    ],
)
def test_redirects_are_checked_hop_by_hop(stub: Stub, target: str, said: str) -> None:
    stub.put("/moved", Reply(status=302, headers={"Location": target.format(port=stub.port)}))
    allowed = rules(stub, "rebound.example")
    known = {"127.0.0.1": ["127.0.0.1"], "rebound.example": ["10.1.2.3"]}
    asking = Client(
        Rules(
            hosts=allowed.hosts,
            scheme="http",
            port=stub.port,
            may_reach=allowed.may_reach,
            resolve=lambda host, port: known[host],
        ),
        AGENT,
    )
    with pytest.raises(SourceError, match=said):
        asking.get(f"{stub.url}/moved")
    assert set(stub.paths()) == {"/moved"}


def test_an_honest_redirect_is_followed(stub: Stub) -> None:
    stub.put("/moved", Reply(status=301, headers={"Location": "/here"}))
    stub.put("/here", Reply(body=b"found"))
    answer = client(stub).get(f"{stub.url}/moved")
    assert (answer.status, answer.body, answer.url) == (200, b"found", f"{stub.url}/here")


def test_what_is_too_large_is_given_up(stub: Stub) -> None:
    stub.put("/", Reply(body=b"x" * 9000))
    with pytest.raises(SourceError, match="more than 5 kB"):
        client(stub).get(stub.url + "/")


def test_a_packed_answer_counts_unpacked(stub: Stub) -> None:
    import gzip

    stub.put("/", Reply(body=gzip.compress(b"x" * 1_000_000), headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SourceError, match="more than 5 kB"):
        client(stub).get(stub.url + "/")


def test_a_slow_body_is_given_up(stub: Stub) -> None:
    stub.put("/", Reply(body=b"x" * 500, drip=0.02))
    begin = time.monotonic()
    with pytest.raises(SourceError, match="took more than"):
        client(stub, seconds=0.2).get(stub.url + "/")
    assert time.monotonic() - begin < 1.0


def test_a_server_that_falls_silent_is_given_up(stub: Stub) -> None:
    stub.put("/", Reply(body=b"xx", drip=5.0))
    begin = time.monotonic()
    with pytest.raises(SourceError, match="Try again later"):
        client(stub, silence=0.1).get(stub.url + "/")
    assert time.monotonic() - begin < 1.0


def test_a_server_that_drips_its_headers_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr("retrieval.web.guard.HEADERS_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            other, _ = listening.accept()
            with other:
                for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000:
                    try:
                        other.sendall(bytes([byte]))
                    except OSError:
                        return
                    time.sleep(0.02)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        near = Rules(hosts=frozenset(["127.0.0.1"]), scheme="http", port=port, may_reach=lambda address, port: True)
        begin = time.monotonic()
        with pytest.raises(SourceError, match="Try again later"):
            Client(near, AGENT, Limits(seconds=5.0, silence=5.0)).get(f"http://127.0.0.1:{port}/")
        assert time.monotonic() - begin < 2.0
        thread.join(2.0)


def test_what_breaks_off_is_no_answer(stub: Stub) -> None:
    stub.put("/", Reply(body=b"half", says=100))
    with pytest.raises(SourceError, match=r"broke off|cannot be read"):
        client(stub).get(stub.url + "/")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    near = Rules(hosts=frozenset(["127.0.0.1"]), scheme="http", port=port, may_reach=lambda address, port: True)
    with pytest.raises(SourceError, match=r"cannot be read: .*refused.* Try again later"):
        Client(near, AGENT).get(f"http://127.0.0.1:{port}/")


def test_no_cookie_and_no_password_is_sent(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://10.9.9.9:1")
    stub.put("/", Reply(body=b"x", headers={"Set-Cookie": "id=1; Path=/"}))
    asking = client(stub)
    for _ in range(2):
        asking.get(stub.url + "/")
    for _, _, headers in stub.asked:
        assert headers["User-Agent"] == AGENT
        assert not {"Cookie", "Authorization", "Referer"} & headers.keys()


@pytest.mark.parametrize("contact", ["ada@example.org", "https://example.org/ada"])
def test_the_user_agent_says_whom_to_write_to(contact: str) -> None:
    assert user_agent(contact).startswith(f"Interleave/0.1 ({contact}) python-requests/2.")


@pytest.mark.parametrize(
    "contact", ["", "ada", "a@b\r\nX: y", "a@b (c)", "ada @example.org", "ädä@example.org", "@", "x" * 300 + "@y"]
)
def test_without_a_contact_nothing_is_asked(contact: str) -> None:
    assert not is_contact(contact)
    with pytest.raises(SourceError, match="INTERLEAVE_WEB_CONTACT"):
        user_agent(contact)


def test_limits_at_work_are_bounded() -> None:
    assert max(SEARCH_LIMITS.seconds, FILE_LIMITS.seconds) <= 30
    assert max(SEARCH_LIMITS.bytes, FILE_LIMITS.bytes) <= 20_000_000
