"""How fast the editor is with a long article: ready, from key to paint, bytes of a patch, memory over a time of editing.

`python -m benchmarks.editor --write` starts the real application with a scripted model and a headless Chromium, brings
in an article of 500 blocks with 60 pictures and types in it at 12 keys a second, alone and while a second tab writes
elsewhere. `--memory MINUTES` types at the same pace all over the article for so long and watches the memory instead.
"Key to paint" is the time from the key's own time stamp to the task after the next animation frame; Event Timing is
what the browser itself reports, in steps of 8 ms and not below 16. Software rendering; no screen is involved.
"""

import argparse
import json
import os
import platform
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, WebSocket, expect, sync_playwright

from tests.browser.kit import bring, caret, long_article, saved

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results" / "editor.md"
MEMORY = RESULTS.with_name("editor_memory.md")
BLOCKS, PICTURES, PICTURE_PX, KEYS, KEYS_A_SECOND = 500, 60, 1600, 240, 12
LOOKS = 12  # times that the memory is looked at
AIM_MS, READY_MS = 32, 2000
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info", "--disable-background-networking"]
WATCH = """() => {
    window.paints = [], window.timed = [];
    document.addEventListener("keydown", (event) => {
        const began = event.timeStamp;
        requestAnimationFrame(() => setTimeout(() => window.paints.push(performance.now() - began), 0));
    }, true);
    new PerformanceObserver((list) => {
        for (const e of list.getEntries()) if (e.name === "keydown") window.timed.push(e.duration);
    }).observe({ type: "event", durationThreshold: 16, buffered: false });
}"""


@dataclass(slots=True)
class Line:
    """What went over a tab's WebSocket, in bytes a message."""

    sent: list[int] = field(default_factory=list)
    heard: list[int] = field(default_factory=list)

    def watch(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda data: self.sent.append(len(data)))
        socket.on("framereceived", lambda data: self.heard.append(len(data)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing:
    """One time of typing: milliseconds from key to paint, what the browser timed, bytes of the patches."""

    name: str
    paints: list[float]
    timed: list[float]
    sent: list[int]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"keep the numbers in {RESULTS.parent.relative_to(ROOT)}")
    parser.add_argument("--pace", type=int, default=KEYS_A_SECOND, metavar="KEYS", help="a second, with --memory")
    parser.add_argument("--memory", type=float, default=0.0, metavar="MINUTES", help="watch the memory for so long")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("No Chromium on this machine; Debian's package is called chromium.")
    expect.set_options(timeout=60_000)  # a busy machine is slow, not wrong
    with serving() as (address, server), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        bring(page, address, "long.zip", long_article(BLOCKS, PICTURES, px=PICTURE_PX))
        text = watched(page, server, options.memory, options.pace) if options.memory else measured(browser, page)
        browser.close()
    print(text)
    if options.write:
        (MEMORY if options.memory else RESULTS).write_text(text, encoding="utf-8")
    return 0


def measured(browser: Browser, page: Page) -> str:
    """The times as Markdown."""
    ready = [opened(page) for _ in range(5)]
    line = Line()
    page.on("websocket", lambda socket: line.watch(socket))
    opened(page)
    page.evaluate(WATCH)
    typings = [typed(page, line, "alone")]
    other = browser.new_context().new_page()
    other.goto(page.url)
    expect(other.locator(".il-text > [data-block]")).to_have_count(BLOCKS)
    typings.append(typed(page, line, "while another tab writes 10 times a second", other))
    other.context.close()
    return report(ready, typings, line)


def opened(page: Page) -> float:
    """Milliseconds from asking for the page to the whole article in it."""
    began = time.monotonic()
    page.goto(page.url, wait_until="commit")
    page.wait_for_function(f"document.querySelectorAll('.il-text > [data-block]').length === {BLOCKS}", polling="raf")
    return (time.monotonic() - began) * 1000


def typed(page: Page, line: Line, name: str, other: Page | None = None) -> Typing:
    """Type in the middle of the article."""
    caret(page, "Paragraph 251:")
    page.evaluate("window.paints = [], window.timed = []")
    line.sent.clear()
    if other:
        caret(other, "Paragraph 121:")
        other.evaluate(
            "window.writing = setInterval(() => window.interleaveEditor.commands.insertContent('word '), 100)"
        )
    for number in range(KEYS):
        began = time.monotonic()
        page.keyboard.press("Space" if number % 6 == 5 else random.choice("etaoinshr"))
        time.sleep(max(0.0, 1 / KEYS_A_SECOND - (time.monotonic() - began)))
    if other:
        other.evaluate("clearInterval(window.writing)")
        saved(other)
    saved(page)
    return Typing(name=name, paints=page.evaluate("paints"), timed=page.evaluate("timed"), sent=list(line.sent))


def watched(page: Page, server: int, minutes: float, pace: int) -> str:
    """The memory over a time of editing, as Markdown."""
    lines = [
        "# Memory of the editor over a time of writing",
        "",
        f"`python -m benchmarks.editor --memory {minutes:g} --pace {pace} --write`, {machine()}",
        f"{BLOCKS} blocks, {PICTURES} of them pictures of {PICTURE_PX} px; at most {pace} keys a second, in paragraphs "
        "drawn by chance, half of them taken back.",
        "",
        "| minutes | keys so far | page's heap, MB | server, MB |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {m:.1f} | {keys} | {heap:.1f} | {rss:.0f} |" for m, keys, heap, rss in memory(page, server, minutes, pace)
    ]
    return "\n".join(lines) + "\n"


def memory(page: Page, server: int, minutes: float, pace: int) -> Iterator[tuple[float, int, float, float]]:
    """Minutes, keys so far, MB of the page's heap after a collection, MB of the server's process."""
    client, keys, began = page.context.new_cdp_session(page), 0, time.monotonic()
    for look in range(LOOKS + 1):
        while (gone := time.monotonic() - began) < look * minutes * 60 / LOOKS:
            number = random.randrange(1, BLOCKS)
            if number % 20 and number % 8 != 7 and keys <= gone * pace:
                caret(page, f"Paragraph {number}:")
                page.keyboard.type("word ")
                for _ in range(5):
                    page.keyboard.press("Backspace")
                keys += 10
            else:
                time.sleep(0.02)
        saved(page)
        client.send("HeapProfiler.collectGarbage")
        heap = page.evaluate("performance.memory.usedJSHeapSize / 1e6")
        yield (time.monotonic() - began) / 60, keys, heap, resident(server)


def resident(pid: int) -> float:
    """MB of a process in memory; 0 where the system does not say."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return next((int(x.split()[1]) / 1000 for x in lines if x.startswith("VmRSS")), 0.0)


def machine() -> str:
    """When and on what, and whether it was idle."""
    load = os.getloadavg()[0]
    busy = "the machine was busy with other work, so times are too long" if load > 1.5 else "little else ran"
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}, "
        f"headless Chromium with software rendering. Load average at the end {load:.1f}: {busy}."
    )


def report(ready: list[float], typings: list[Typing], line: Line) -> str:
    """The numbers as a page."""
    lines = [
        "# The editor with a long article",
        "",
        f"`python -m benchmarks.editor --write`, {machine()}",
        f"{BLOCKS} blocks, {PICTURES} of them pictures of {PICTURE_PX} px; {KEYS} keys at {KEYS_A_SECOND} a second.",
        "",
        "| what | measured | aim |",
        "|---|---|---|",
        f"| page asked for until all {BLOCKS} blocks stand | median {statistics.median(ready):.0f} ms, "
        f"worst of {len(ready)} {max(ready):.0f} ms | {READY_MS} ms |",
    ]
    for t in typings:
        lines.append(
            f"| key to paint, {t.name} | p50 {share(t.paints, 50):.1f} ms, p95 {share(t.paints, 95):.1f} ms | "
            f"p95 {AIM_MS} ms |"
        )
        lines.append(
            f"| Event Timing, {t.name} | {len(t.timed)} of {KEYS} keys at 16 ms or more, p95 of these "
            f"{share(t.timed, 95):.0f} ms | |"
        )
        lines.append(f"| bytes of a patch, {t.name} | median {statistics.median(t.sent):.0f}, most {max(t.sent)} | |")
    lines.append(f"| bytes of the first message with the whole article | {max(line.heard):,} | |")
    return "\n".join(lines) + "\n"


def share(values: list[float], percent: int) -> float:
    """The value that so many percent do not exceed; 0 where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """The application on a free port with an empty home and a model that is never asked: its address and process."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        script = Path(folder) / "script.json"
        script.write_text(json.dumps({"replies": [{"contains": "", "reply": "Nothing."}]}), encoding="utf-8")
        wanted = {"HOME": folder, "PORT": str(port), "TEXT_MODEL": f"scripted:{script}", "SENTENCE_ENCODER": "none"}
        environment = os.environ | {f"INTERLEAVE_{name}": value for name, value in wanted.items()}
        server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        try:
            yield waited_for(f"http://127.0.0.1:{port}/"), server.pid
        finally:
            server.terminate()
            server.wait(timeout=10)


def waited_for(url: str) -> str:
    """The address, once something answers there."""
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return url
    raise SystemExit("The application did not start within a minute.")


if __name__ == "__main__":
    sys.exit(main())
