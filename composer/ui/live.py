"""The routes beside Gradio: the article as it changes (a WebSocket), its pictures, its downloads, and what is done to it.

Gradio's own file route shows every file to every visitor, so pictures are served from here, by article id, which nobody
can guess. Requests from other sites are refused by their Origin, other host names by their Host.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from composer.article import Article, Block
from composer.errors import ConflictError, InterleaveError, UsageError
from composer.events import Failed, Finished, StageStarted, Warned
from composer.export import ExportOptions, bundle, zip_bundle
from composer.store import ArticleLog, Record
from composer.ui.actions import act, take_upload
from composer.ui.view import block_classes, block_html, candidates_html, source_of
from composer.workspace import Workspace
from retrieval.images import MAX_BYTES, thumbnail

MESSAGES_A_SECOND = 12
WAIT = 0.4  # seconds between two looks at a quiet article
log_of_program = logging.getLogger("interleave")


@dataclass(slots=True)
class Viewer:
    """What one browser tab has been sent."""

    base: str
    seq: int = 0
    shown: dict[str, Block] = field(default_factory=dict)
    state: str = ""

    def news(self, log: ArticleLog, running: str, progress: str) -> dict[str, Any] | None:
        """What the tab does not know yet; None when there is nothing."""
        seq, records = log.seq, log.since(self.seq)
        article = log.article
        state = json.dumps([article.title, article.summary, running, progress, log.can_undo, log.can_redo])
        if seq == self.seq and state == self.state and self.shown:
            return None
        changed = [b for b in article.blocks if self.shown.get(b.id) != b]
        first = not self.shown
        self.seq, self.state = seq, state
        self.shown = {b.id: b for b in article.blocks}
        return {
            "title": article.title,
            "summary": article.summary,
            "lang": article.brief.language,
            "order": [b.id for b in article.blocks],
            "blocks": {b.id: self._block(article, b) for b in changed},
            "running": running,
            "progress": progress,
            "undo": log.can_undo,
            "redo": log.can_redo,
            "written": any(p.written for p in article.plans) or not article.plans,
            "notes": [] if first else _notes(records),
        }

    def _block(self, article: Article, block: Block) -> dict[str, Any]:
        tray = candidates_html(block, self.base) if block.kind == "image" else ""
        return {
            "html": block_html(article, block, self.base),
            "classes": block_classes(block),
            "source": source_of(block) | _plan_of(article, block),
            "tray": tray,
        }


def add_routes(app: FastAPI, workspace: Workspace) -> None:  # noqa: C901 - one small function a route
    """Put the article's routes on an application, before Gradio is mounted at "/"."""

    @app.websocket("/live/{article_id}")
    async def live(socket: WebSocket, article_id: str) -> None:
        if not same_site(socket.headers.get("origin"), socket.headers.get("host")):
            await socket.close(1008)
            return
        await socket.accept()
        try:
            await _follow(socket, workspace, article_id)
        except WebSocketDisconnect:
            pass
        except InterleaveError as error:
            await socket.send_json({"gone": str(error)})
            await socket.close()

    @app.post("/articles/{article_id}/do")
    async def do(article_id: str, request: Request) -> Response:
        async def work() -> None:
            body = await _body(request, 400_000)
            try:
                asked = json.loads(body)
            except ValueError as error:
                raise UsageError("The page sent something unreadable. Reload it.") from error
            await run_in_threadpool(act, workspace, article_id, asked if isinstance(asked, dict) else {})

        return await _answer(request, work)

    @app.post("/articles/{article_id}/slots/{slot_id}/picture")
    async def upload(article_id: str, slot_id: str, request: Request, name: str = "picture") -> Response:
        async def work() -> None:
            data = await _body(request, MAX_BYTES)
            await run_in_threadpool(take_upload, workspace, article_id, slot_id, name[:200], data)

        return await _answer(request, work)

    @app.get("/articles/{article_id}/pictures/{digest}")
    def picture(article_id: str, digest: str, px: int = 0) -> Response:
        return _picture(workspace, article_id, digest, px)

    @app.get("/articles/{article_id}/download/{form}")
    def download(article_id: str, form: str) -> Response:
        return _download(workspace, article_id, form)


def same_site(origin: str | None, host: str | None) -> bool:
    """Whether a request comes from this site's own page, or from no page at all."""
    return origin is None or urlsplit(origin).netloc == host


async def _follow(socket: WebSocket, workspace: Workspace, article_id: str) -> None:
    log = await run_in_threadpool(workspace.open, article_id)
    viewer = Viewer(base=f"articles/{article_id}")
    gone = asyncio.create_task(_until_closed(socket))
    while not gone.done():
        run = workspace.running(article_id)
        progress = f"{run.progress.stage} {run.progress.done}/{run.progress.total}" if run and run.progress else ""
        message = await run_in_threadpool(viewer.news, log, run.name if run else "", progress)
        if message is not None:
            await socket.send_json(message)
            await asyncio.sleep(1 / MESSAGES_A_SECOND)
        else:
            await run_in_threadpool(log.wait, viewer.seq, WAIT)
    await gone


async def _until_closed(socket: WebSocket) -> None:
    while True:
        await socket.receive_text()


async def _body(request: Request, limit: int) -> bytes:
    """The request's body. Raises UsageError above `limit` bytes, before it is read to its end."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise UsageError(f"That is too large: at most {limit / 1e6:.1f} MB can be taken.")
    return bytes(data)


async def _answer(request: Request, work: Callable[[], Any]) -> Response:
    """Do the work and say how it went; the page shows `error` to the person."""
    if not same_site(request.headers.get("origin"), request.headers.get("host")):
        return JSONResponse({"error": "This request came from another site."}, 403)
    try:
        await work()
    except ConflictError as error:
        return JSONResponse({"error": str(error)}, 409)
    except InterleaveError as error:
        return JSONResponse({"error": str(error)}, 400)
    except Exception as error:
        log_of_program.exception("A request of the page failed")
        return JSONResponse({"error": f"The program failed: {type(error).__name__}. The article is kept."}, 500)
    return JSONResponse({"ok": True})


def _picture(workspace: Workspace, article_id: str, digest: str, px: int) -> Response:
    try:
        path = workspace.open(article_id).pictures.path(digest)
        if path is None:
            return Response(status_code=404)
        data, kind = path.read_bytes(), f"image/{path.suffix[1:].replace('jpg', 'jpeg').replace('svg', 'svg+xml')}"
        if 16 <= px <= 1024:
            data, kind = thumbnail(data, px), "image/webp"
    except (InterleaveError, OSError):
        return Response(status_code=404)
    headers = {
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(data, media_type=kind, headers=headers)


def _download(workspace: Workspace, article_id: str, form: str) -> Response:
    try:
        log = workspace.open(article_id)
        options = ExportOptions(self_contained=form == "html")
        made = bundle(log.article, log.pictures.read, options=options)
    except InterleaveError as error:
        return Response(str(error), 404)
    forms = {
        "markdown": (made.markdown.encode(), "text/markdown; charset=utf-8", "md"),
        "html": (made.html.encode(), "text/html; charset=utf-8", "html"),
        "zip": (b"", "application/zip", "zip"),
    }
    if form not in forms:
        return Response("Choose markdown, html or zip.", 404)
    data, kind, ending = forms[form]
    if form == "zip":
        data = zip_bundle(made)
    name = quote(f"{log.article.title or 'article'}.{ending}".replace("/", "-"))
    return Response(data, media_type=kind, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"})


def _notes(records: list[Record]) -> list[dict[str, str]]:
    """What the person is told of, out of new records."""
    notes = []
    for record in records:
        match record.event:
            case Warned(message=message):
                notes.append({"kind": "warning", "text": message})
            case Failed(message=message):
                notes.append({"kind": "error", "text": message})
            case StageStarted(stage=stage):
                notes.append({"kind": "stage", "text": stage})
            case Finished(stopped=stopped):
                notes.append({"kind": "done", "text": "Stopped" if stopped else "Done"})
            case _:
                pass
    return notes


def _plan_of(article: Article, block: Block) -> dict[str, object]:
    plan = article.plan(block.id)
    return {"purpose": plan.purpose, "words": plan.words, "written": plan.written} if plan else {}
