"""The real application on a free port with a scripted text model and a small library, and a headless Chromium."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.composer.kit import LAMP, LENS, picture, plan_reply

expect.set_options(timeout=45_000)  # a loaded machine is slow, not wrong
ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUM = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that drives a browser may fail once where the machine is loaded; a second try is counted in the last line."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


EVIL = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
HOSTILE = "Hostile lighthouses"  # a brief that the script answers with harm in every field


def hostile() -> list[dict[str, object]]:
    """Replies that would run in a page that took them for HTML."""
    plan = json.loads(plan_reply(sections=(f"Bad part {EVIL}",), pictures=((1, "brass lamp"),)))
    plan |= {"title": f"Bad title {EVIL}", "summary": f"Bad summary {EVIL}"}
    link = "[x](javascript:window.hacked=1)"
    return [
        {
            "contains": "Write section 1 of 1",
            "reply": f"Bad text {EVIL} with a link {link} goes on and on for a while.",
        },
        {"contains": f"{HOSTILE}, for", "reply": plan},
        {"contains": "Bad text", "reply": f"Worse text {EVIL} and {link}."},
        {"contains": "Bad part", "reply": {"alt": f"A lamp {EVIL}", "caption": f"Brass lamp {EVIL}"}},
    ]


def script(folder: Path) -> Path:
    """Replies to every prompt of the English protocol."""
    words = {"alt": "A lamp of brass", "caption": "Such lamps burned all night."}
    replies = [
        {"contains": "Write the whole text", "reply": ""},  # so that it is written section by section
        {"contains": "part of about", "reply": ""},
        *hostile(),
        {
            "contains": "Plan an article",
            "reply": json.loads(plan_reply(pictures=((1, "brass lamp"), (2, "glass lens")))),
        },
        {"contains": "Write section 1", "reply": LAMP},
        {"contains": "Write section 2", "reply": LENS},
        {"contains": "Go on with the same section", "reply": "Night after night the beam swept over the water."},
        {"contains": '"alt":', "reply": words},
        {"contains": "is about: fog horns", "reply": "Fog horns sound where no light reaches."},
        {
            "contains": "These are the numbered paragraphs",
            "reply": {"paragraph": 1, "what_is_visible": "glass lens", "why_here": "It shows the lens."},
        },
        {"contains": "请换一种说法改写", "reply": "一盏灯亮到天明，守塔人不睡。"},
        {"contains": "Rewrite the text", "reply": "A new text stands here now. It says the same in other words."},
    ]
    path = folder / "script.json"
    path.write_text(json.dumps({"pause": 0.01, "replies": replies}), encoding="utf-8")
    return path


def fill_library(home: Path) -> None:
    """A folder of little pictures, indexed by words."""
    folder = home / "pictures"
    folder.mkdir(parents=True)
    for name in ("brass lamp", "old brass lamp with a chimney", "glass lens", "round glass lens of a lighthouse"):
        (folder / f"{name.replace(' ', '-')}.png").write_bytes(picture(name)[1])
    index(home, folder)


def index(home: Path, folder: Path) -> None:
    """Index a folder of pictures for a program at home there."""
    subprocess.run(
        [sys.executable, "-m", "retrieval", "index", str(folder), "--yes-mine", "--author", "Ann"],
        cwd=ROOT,
        env=os.environ | {"INTERLEAVE_HOME": str(home)},
        check=True,
        stdout=subprocess.DEVNULL,
    )


@contextmanager
def application(home: Path, *, fill: Callable[[Path], None] = fill_library, **settings: str) -> Iterator[str]:
    """Where the application listens for the time of a block, with a scripted writer and these settings besides."""
    fill(home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "INTERLEAVE_HOME": str(home),
        "INTERLEAVE_PORT": str(port),
        "INTERLEAVE_TEXT_MODEL": f"scripted:{script(home)}",
        "INTERLEAVE_SENTENCE_ENCODER": "none",
        **settings,
    }
    server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except OSError:
                assert server.poll() is None, server.stderr.read().decode() if server.stderr else ""
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.communicate(timeout=10)


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the application listens."""
    with application(tmp_path_factory.mktemp("home")) as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; Debian's package is called chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh tab that fails the test when the page throws or asks another host for anything."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    tab = context.new_page()
    tab.set_default_timeout(45_000)
    problems: list[str] = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on(
        "request",
        lambda r: (
            None
            if r.url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:"))
            else problems.append(r.url)
        ),
    )
    yield tab
    context.close()
    assert not problems
