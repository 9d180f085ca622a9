"""How fast an article is composed: seconds to the first word, words a minute, tokens, cache hits, memory.

    python -m benchmarks.compose [--preset starter] [--brief FILE] [--runs 1]

`beyond decoding` is the whole time of the run divided by the time the engine spent decoding the same tokens in the same
run; `beyond the engine` divides by decoding plus reading the prompt. Loading the model is timed by itself.
"""

import argparse
import platform
import resource
import shutil
import tempfile
import time
from pathlib import Path

from composer.article import Brief
from composer.brief import Wishes, make_brief, read_text
from composer.compose import Driver, compose
from composer.edits import SetBrief
from composer.engines import Engines
from composer.events import Edited
from composer.markdown import count_words, plain_text
from composer.models import Message
from composer.settings import load_settings
from composer.store import create

BRIEFS = Path(__file__).resolve().parent.parent / "docs" / "examples" / "briefs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--preset", default="starter")
    parser.add_argument("--brief", type=Path, default=BRIEFS / "lighthouses.md")
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    engines = Engines(load_settings(options.preset))
    begin = time.monotonic()
    for _ in engines.text.stream((Message(role="user", content="Hi"),), max_tokens=1):
        pass
    print(f"- machine: {platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(f"- text model: {engines.settings.text_model}; loaded in {time.monotonic() - begin:.1f} s")
    print(
        "\n| run | first word s | total s | words | words/min | tokens read | of these cached | tokens written"
        " | decoding s | reading s | beyond decoding | beyond the engine | peak MB |"
    )
    print("| --- " * 13 + "|")
    for number in range(options.runs):
        print(measure(engines, make_brief(read_text(options.brief), Wishes(seed=number)), number + 1), flush=True)


def measure(engines: Engines, brief: Brief, number: int) -> str:
    """One composition as a row of the table."""
    folder = Path(tempfile.mkdtemp())
    log = create(folder / "article", "benchmark")
    log.commit(SetBrief(brief=brief), by="person")
    before = [getattr(engines.text.usage, name) for name in engines.text.usage.__slots__]
    begin, started = time.monotonic(), time.time()

    assert Driver(log).run(compose(engines.toolkit(log), log.article))
    total = time.monotonic() - begin
    texts = [r.time for r in log.since(0) if isinstance(r.event, Edited) and r.event.edit.kind == "append_text"]
    usage = engines.text.usage
    _, read, cached, written, reading, decoding = (
        getattr(usage, name) - old for name, old in zip(usage.__slots__, before, strict=True)
    )
    words = sum(count_words(plain_text(s.text)) for s in log.article.sections())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    shutil.rmtree(folder)
    cells = [
        number,
        f"{texts[0] - started:.1f}",
        f"{total:.1f}",
        words,
        f"{60 * words / total:.0f}",
        read,
        cached,
        written,
    ]
    cells += [
        f"{decoding:.1f}",
        f"{reading:.1f}",
        f"{total / decoding:.2f}",
        f"{total / (decoding + reading):.2f}",
        f"{peak:.0f}",
    ]
    return "| " + " | ".join(str(c) for c in cells) + " |"


if __name__ == "__main__":
    main()
