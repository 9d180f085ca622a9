"""Quotas are kept over restarts and processes; what is asked for is waited for or said."""

import json
import multiprocessing
from pathlib import Path

import pytest

from retrieval.errors import SourceError
from retrieval.web.cache import Cache
from retrieval.web.gate import Gate, Quota
from retrieval.web.openverse import FILE_QUOTAS, SEARCH_QUOTAS
from tests.retrieval.web.stub import Clock

QUOTAS = (Quota(3, 60.0), Quota(5, 86_400.0))


def gate(path: Path, clock: Clock, quotas: tuple[Quota, ...] = QUOTAS, patience: float = 15.0) -> Gate:
    return Gate(path, quotas, clock=clock, sleep=clock.sleep, patience=patience)


def test_the_quotas_are_those_of_an_anonymous_user() -> None:
    assert [(q.requests, q.seconds) for q in SEARCH_QUOTAS] == [(20, 60), (200, 86_400)]
    assert [(q.requests, q.seconds) for q in FILE_QUOTAS] == [(150, 60)]


def test_never_more_than_the_quota(tmp_path: Path) -> None:
    clock, asked = Clock(), []
    waiting = gate(tmp_path / "q.json", clock, patience=1e9)
    for _ in range(12):
        waiting.enter()
        asked.append(clock.now)
        clock.now += 1
    for quota in QUOTAS:
        for time in asked:
            assert sum(time - quota.seconds < t <= time for t in asked) <= quota.requests
    assert clock.slept[0] == pytest.approx(57.0)


def test_a_quota_outlives_the_program(tmp_path: Path) -> None:
    clock = Clock()
    for _ in range(3):
        gate(tmp_path / "web" / "q.json", clock).enter()
    assert gate(tmp_path / "web" / "q.json", clock).left() == [0, 2]
    with pytest.raises(
        SourceError, match=r"^q: its 3 requests in 60 s are used up. It is asked again from .* on \(60 s\)"
    ):
        gate(tmp_path / "web" / "q.json", clock).enter()
    assert clock.slept == []
    clock.now += 50
    gate(tmp_path / "web" / "q.json", clock).enter()
    assert clock.slept == [pytest.approx(10.0)]


def test_a_day_is_a_day(tmp_path: Path) -> None:
    clock = Clock()
    for _ in range(5):
        gate(tmp_path / "q.json", clock).enter()
        clock.now += 100
    with pytest.raises(SourceError, match="5 requests in 86400 s"):
        gate(tmp_path / "q.json", clock).enter()
    clock.now += 86_400
    gate(tmp_path / "q.json", clock).enter()


def test_closed_is_closed_for_all(tmp_path: Path) -> None:
    clock = Clock()
    gate(tmp_path / "q.json", clock, ()).close(40, "it has too many questions")
    gate(tmp_path / "q.json", clock, ()).close(5, "a shorter wait does not open it")
    with pytest.raises(SourceError, match=r"too many questions.*40 s"):
        gate(tmp_path / "q.json", clock, ()).enter()
    clock.now += 30
    gate(tmp_path / "q.json", clock, ()).enter()
    assert clock.slept == [pytest.approx(10.0)]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"asked": 3, "closed": 0, "reason": ""}', '{"asked": ["x"]}', "null"])
def test_a_damaged_count_begins_anew(tmp_path: Path, text: str) -> None:
    path = tmp_path / "q.json"
    path.write_text(text)
    gate(path, Clock()).enter()
    assert len(json.loads(path.read_text())["asked"]) == 1


def test_a_clock_that_was_set_back_forgets_nothing_and_locks_nobody_out(tmp_path: Path) -> None:
    clock = Clock()
    for _ in range(3):
        gate(tmp_path / "q.json", clock).enter()
    gate(tmp_path / "q.json", clock).close(1e9)
    clock.now -= 1e6
    with pytest.raises(SourceError, match=r"\(86400 s\)"):
        gate(tmp_path / "q.json", clock).enter()
    assert gate(tmp_path / "q.json", clock).left() == [0, 2]


def test_a_count_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SourceError, match="cannot be kept"):
        gate(tmp_path / "file" / "q.json", Clock()).enter()


def _enter(path: Path) -> bool:
    try:
        Gate(path, (Quota(10, 3600.0),), patience=0.0).enter()
    except SourceError:
        return False
    return True


def test_processes_share_a_quota(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        entered = pool.map(_enter, [tmp_path / "q.json"] * 40, chunksize=1)
    assert sum(entered) == 10


def test_the_cache_forgets_what_is_old_and_what_is_too_much(tmp_path: Path) -> None:
    clock = Clock()
    cache = Cache(tmp_path / "cache", max_bytes=1000, clock=clock)
    assert cache.get("a", 10) is None
    cache.put("a", b"x")
    kept = cache.get("a", 10)
    assert kept is not None
    assert (kept.data, kept.time) == (b"x", clock.now)
    clock.now += 11
    assert cache.get("a", 10) is None
    for number in range(60):
        clock.now += 1
        cache.put(f"k{number}", b"x" * 100)
    kept_keys = [n for n in range(60) if cache.get(f"k{n}", 1e9)]
    assert kept_keys == list(range(40, 60))  # 10 were left at the 51st look, and 10 came since
    assert not list(tmp_path.rglob("*.part"))


def test_a_disk_that_refuses_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    cache = Cache(tmp_path / "file")
    assert cache.put("a", b"x").data == b"x"
    assert cache.get("a", 10) is None
