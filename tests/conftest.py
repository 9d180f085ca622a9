"""Rules for all tests: no request leaves this machine, laws take the time they take on a busy one, and the same commit
tries the same cases everywhere. `make search` tries others: what it finds becomes an example in the law's test."""

import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

HOUSE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
settings.register_profile("house", HOUSE, derandomize=True)
settings.register_profile("search", HOUSE, derandomize=False)  # `make search`: cases that no run has tried before
settings.load_profile("house")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that connects to another machine fails."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:  # noqa: ANN401 - as socket has it
        host = address[0] if isinstance(address, tuple) else ""
        if host not in ("", "127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"A test tried to reach {host}.")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
