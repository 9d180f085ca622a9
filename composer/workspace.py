"""All articles of one installation, and the runs that work on them in the background.

Knows folders, runs and threads; does not know what a stage does or how a page looks.
"""

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from composer.article import Article, Brief, TextBlock
from composer.brief import detect_language
from composer.bring import bring
from composer.compose import Driver
from composer.edits import Edit, SetBrief
from composer.errors import InterleaveError, UsageError
from composer.events import Event, Progress, Stage
from composer.markdown import count_words, plain_text
from composer.propose import Proposal, Wish, proposal
from composer.restore import restoring
from composer.store import ArticleLog, create, explained, reopen
from composer.toolkit import Toolkit


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the list of articles."""

    id: str
    title: str
    words: int
    pictures: int
    changed: float  # seconds since 1970


class Run:
    """A stage at work on an article in a thread of its own; it goes on when the page is closed."""

    def __init__(self, driver: Driver, stage: Stage, name: str) -> None:
        self.name = name
        self.progress: Progress | None = None
        self.ok = True
        self._driver = driver
        self._stage = stage
        self._thread = threading.Thread(target=self._work, name=f"run-{name}", daemon=True)

    @property
    def active(self) -> bool:
        """Whether it still works."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to stop at the next edit; what was shown stays."""
        self._driver.stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end; False when it still works after `timeout` seconds."""
        self._thread.join(timeout)
        return not self.active

    def _work(self) -> None:
        self.ok = self._driver.run(self._stage, self._listen)
        if self._driver.stop.is_set() and self._driver.step:
            self._driver.log.take_back(self._driver.step)

    def _listen(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.progress = event


class Workspace:
    """Articles under one folder, each opened once and shared by all who look at it."""

    def __init__(self, root: Path, toolkit: Callable[[ArticleLog], Toolkit]) -> None:
        self.root = root
        self._toolkit = toolkit
        self._open: dict[str, ArticleLog] = {}
        self._runs: dict[str, Run] = {}
        self._proposals: dict[str, dict[str, Proposal]] = {}
        self._lock = threading.RLock()

    def create(self, brief: Brief) -> ArticleLog:
        """A new article with this brief. Pictures of the brief must be put into its folder by the caller."""
        article_id = f"{time.strftime('%Y%m%d')}-{secrets.token_hex(5)}"
        log = create(self.root / article_id, article_id)
        log.commit(SetBrief(brief=brief), by="person")
        with self._lock:
            self._open[article_id] = log
        return log

    def open(self, article_id: str) -> ArticleLog:
        """The article of this id. Raises UsageError when there is none or its log is damaged."""
        with self._lock:
            if article_id not in self._open:
                folder = self._folder(article_id)
                if folder is None:
                    raise UsageError("This article is not here any more. Choose another one from the list.")
                self._open[article_id] = reopen(folder)
            return self._open[article_id]

    def entries(self) -> list[Entry]:
        """All articles, the newest change first; one that cannot be read is listed as damaged."""
        folders = self.root.iterdir() if self.root.is_dir() else []
        logs = [f / "events.jsonl" for f in folders if (f / "events.jsonl").is_file()]
        return [self._entry(log) for log in sorted(logs, key=lambda p: p.stat().st_mtime, reverse=True)]

    def delete(self, article_id: str) -> None:
        """Stop its run and move the article into the trash folder beside the others."""
        self.stop(article_id)
        with self._lock:
            self._open.pop(article_id, None)
            folder = self._folder(article_id)
            if folder is None:
                return
            trash = self.root / ".trash"
            with explained(trash):
                trash.mkdir(parents=True, exist_ok=True)
                shutil.move(folder, trash / f"{folder.name}-{int(time.time())}")

    def trashed(self) -> list[Entry]:
        """What was deleted, the newest first; `id` is the name under which `untrash` takes it."""
        trash = self.root / ".trash"
        folders = [f for f in trash.iterdir() if (f / "events.jsonl").is_file()] if trash.is_dir() else []
        entries = []
        for folder in sorted(folders, key=lambda f: f.name.rsplit("-", 1)[-1], reverse=True):
            try:
                entries.append(_entry_of(folder.name, reopen(folder).article, folder.stat().st_mtime))
            except InterleaveError as error:
                entries.append(_damaged(folder.name, error, folder.stat().st_mtime))
        return entries

    def untrash(self, name: str) -> str:
        """Bring a deleted article back; its id. Raises UsageError when it is not in the trash."""
        folder = self.root / ".trash" / name
        if "/" in name or name.startswith(".") or not (folder / "events.jsonl").is_file():
            raise UsageError("This article is not in the trash any more.")
        article_id = name.rsplit("-", 1)[0]
        with self._lock, explained(folder):
            if (self.root / article_id).exists():
                raise UsageError("An article with this id is there already.")
            shutil.move(folder, self.root / article_id)
        return article_id

    def duplicate(self, article_id: str) -> str:
        """A copy of an article as it stands, with its pictures and without its past; its id."""
        log = self.open(article_id)
        copy = self.create(log.article.brief)
        with explained(copy.folder):
            if log.pictures.folder.is_dir():
                shutil.copytree(log.pictures.folder, copy.pictures.folder, dirs_exist_ok=True)
        wanted = replace(log.article, title=f"{log.article.title} (2)" if log.article.title else "")
        copy.commit_all(restoring(copy.article, wanted), step=0)
        return copy.article.id

    def take_in(self, name: str, data: bytes) -> tuple[str, list[str]]:
        """An article from a Markdown, HTML or zip file: its id, and what could not be taken. Raises UsageError."""
        brought = bring(name, data)
        text = "\n\n".join(b.markdown for b in brought.blocks if isinstance(b, TextBlock))
        title = brought.title or name.rsplit(".", 1)[0]
        log = self.create(Brief(instruction=title, language=detect_language(text or title)))
        for picture, kept in brought.files.values():
            log.pictures.put(picture.digest, picture.media_type, kept)
        wanted = replace(log.article, title=title, summary=brought.summary, blocks=tuple(brought.blocks))
        log.commit_all(restoring(log.article, wanted), step=0)
        return log.article.id, brought.warnings

    def toolkit(self, log: ArticleLog) -> Toolkit:
        """The engines for one article."""
        return self._toolkit(log)

    def start(
        self,
        article_id: str,
        name: str,
        stage: Callable[[Toolkit, Article], Stage],
        *,
        scope: Sequence[str] | None = None,
    ) -> Run:
        """Run a stage in the background. With `scope`, the ids of the blocks that the person puts into the model's
        hands, it is a step of undo, and stopping it takes it back. Raises UsageError while another run works on it."""
        log = self.open(article_id)
        with self._lock:
            if (running := self.running(article_id)) is not None:
                raise UsageError(f"The model is still at work on this article ({running.name}). Stop it or wait.")
            step = log.next_step() if scope is not None else 0
            driver = Driver(log, step=step, scope=frozenset(scope or ()))
            run = Run(driver, stage(self._toolkit(log), log.article), name)
            self._runs[article_id] = run
            run.start()
            return run

    def propose(self, article_id: str, wish: Wish) -> Proposal:
        """Let the model word something anew without changing the article. Raises UsageError while a run is at work."""
        log = self.open(article_id)
        with self._lock:
            if (running := self.running(article_id)) is not None:
                raise UsageError(f"The model is still at work on this article ({running.name}). Stop it or wait.")
            made, thread = proposal(self._toolkit(log), log.article, wish)
            for other in self.proposals(article_id):
                self.dismiss(article_id, other.id)
            self._proposals.setdefault(article_id, {})[made.id] = made
            thread.start()
            return made

    def proposals(self, article_id: str) -> list[Proposal]:
        """What the model proposes for an article at the moment."""
        return list(self._proposals.get(article_id, {}).values())

    def dismiss(self, article_id: str, proposal_id: str) -> None:
        """Stop and forget a proposal."""
        found = self._proposals.get(article_id, {}).pop(proposal_id, None)
        if found:
            found.stop.set()

    def running(self, article_id: str) -> Run | None:
        """The run at work on an article."""
        run = self._runs.get(article_id)
        return run if run is not None and run.active else None

    def stop(self, article_id: str) -> None:
        """Stop its run and wait for that, at most five seconds."""
        run = self.running(article_id)
        if run is not None:
            run.stop()
            run.wait(5.0)

    def edit(self, article_id: str, edits: Sequence[Edit]) -> Article:
        """The person's edits, as one step of undo."""
        log = self.open(article_id)
        step = log.next_step()
        for edit in edits:
            log.commit(edit, by="person", step=step)
        return log.article

    def _folder(self, article_id: str) -> Path | None:
        if not article_id or not all(c.isalnum() or c == "-" for c in article_id):
            return None
        folder = self.root / article_id
        return folder if (folder / "events.jsonl").is_file() else None

    def _entry(self, path: Path) -> Entry:
        article_id, changed = path.parent.name, path.stat().st_mtime
        try:
            return _entry_of(article_id, self.open(article_id).article, changed)
        except InterleaveError as error:
            return _damaged(article_id, error, changed)


def _damaged(name: str, error: InterleaveError, changed: float) -> Entry:
    return Entry(id=name, title=f"(damaged: {error})", words=0, pictures=0, changed=changed)


def _entry_of(name: str, article: Article, changed: float) -> Entry:
    texts = [b.markdown for b in article.blocks if isinstance(b, TextBlock)]
    return Entry(
        id=name,
        title=article.title or article.brief.instruction[:60] or name,
        words=sum(count_words(plain_text(text)) for text in texts),
        pictures=sum(s.picture is not None for s in article.slots()),
        changed=changed,
    )
