"""What a terminal shows of a run: the article's paragraphs on stdout as they stand, or every event as a line of JSON."""

import sys
import time
from dataclasses import replace

from composer.edits import AddBlock, AppendText, RemoveBlock, ReplaceText, SetTitle
from composer.events import EVENT, Edited, Event, Progress, StageStarted, Warned
from composer.store import ArticleLog


class TextPrinter:
    """Shows each paragraph on stdout once it stands, under its heading and without what was dropped again; stages and
    warnings on stderr."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._block = self._text = ""  # the paragraph that grows
        self._section: dict[str, str] = {}  # of each block, the id of its heading
        self._headings: dict[str, str] = {}
        self._shown = ""  # the heading that was printed last

    def past(self, event: Event) -> None:
        """An event from before this run: nothing is shown."""
        if isinstance(event, Edited):
            self._place(event.edit)

    def show(self, event: Event) -> None:
        """One event."""
        match event:
            case StageStarted(stage=stage, detail=detail):
                self._stands()
                self._say(f"{stage} {detail}".rstrip())
            case Progress(stage=stage, done=done, total=total, unit=unit):
                if done:
                    self._say(f"{stage} {done}/{total} {unit}" if total else f"{stage} {done} {unit}")
            case Warned(message=message):
                self._say(f"warning: {message}")
            case Edited(edit=edit):
                self._place(edit)
                self._take(edit)
            case _:
                pass

    def end(self) -> None:
        """The last paragraph."""
        self._stands()

    def _place(self, edit: object) -> None:
        """Know the section of every block."""
        match edit:
            case AddBlock(block=block, after=after):
                self._section[block.id] = self._section.get(after or "", "")
                if block.kind == "text" and block.markdown.startswith("#"):
                    self._section[block.id], self._headings[block.id] = block.id, block.markdown
            case ReplaceText(id=id, markdown=markdown) if id in self._headings:
                self._headings[id] = markdown
            case _:
                pass

    def _take(self, edit: object) -> None:
        match edit:
            case SetTitle(title=title):
                print(f"# {title}\n", flush=True)
            case AddBlock(block=block) if block.kind == "text" and block.id not in self._headings:
                self._stands()
                self._block, self._text = block.id, block.markdown
            case AppendText(id=id, text=text) if id == self._block:
                self._text += text
            case ReplaceText(id=id, markdown=markdown) if id not in self._headings:
                if id != self._block:
                    self._stands()
                self._block, self._text = id, markdown
            case RemoveBlock(id=id) if id == self._block:
                self._text = ""
            case _:
                pass

    def _stands(self) -> None:
        if self._text.strip():
            heading = self._section.get(self._block, "")
            if heading != self._shown and heading in self._headings:
                print(f"{self._headings[heading]}\n", flush=True)
            self._shown = heading
            print(f"{self._text.strip()}\n", flush=True)
        self._block = self._text = ""

    def _say(self, line: str) -> None:
        print(f"[{time.monotonic() - self._begin:6.1f} s] {line}", file=sys.stderr, flush=True)


class JsonPrinter:
    """Prints every event as a JSON line."""

    def past(self, event: Event) -> None:
        """An event from before this run is printed too, so that the lines always are the whole log."""
        self.show(event)

    def show(self, event: Event) -> None:
        """One event."""
        print(EVENT.dump_json(event).decode(), flush=True)

    def end(self) -> None:
        """Nothing."""


class Follower:
    """Shows what the log takes in and what is only heard, in order."""

    def __init__(self, log: ArticleLog, printer: TextPrinter | JsonPrinter) -> None:
        self._log = log
        self._printer = printer
        self._seen = log.seq
        self._last = Progress(stage="", done=0, total=0)

    def hear(self, event: Event | None) -> None:
        """Catch up with the log; then show `event` if it is one that is not logged."""
        for record in self._log.since(self._seen):
            self._printer.show(record.event)
        self._seen = self._log.seq
        if isinstance(event, Progress) and (bare := replace(event, preview="")) != self._last:
            self._last = bare  # drawing repeats itself while a step takes long
            self._printer.show(bare)
