"""The article's plain routes: its pictures, its downloads, its tray and checks, and what is done to it by buttons.

Gradio's own file route shows every file to every visitor, so pictures are served from here, by article id, which nobody
can guess. Requests from other sites are refused by their Origin, other host names by their Host.
"""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

from composer.errors import ConflictError, InterleaveError, UsageError
from composer.export import ExportOptions, bundle, zip_bundle
from composer.ui.actions import act
from composer.ui.credit_actions import credit_shown
from composer.ui.desk import checks, compared, versions
from composer.ui.document import to_nodes
from composer.ui.interface import language_of, said, words
from composer.ui.picture_actions import suggest_words, take_new_upload, take_upload
from composer.ui.proposals import proposed
from composer.ui.requests import text
from composer.ui.style_actions import style_shown, take_reference
from composer.ui.tray import tray
from composer.workspace import Workspace
from retrieval.images import MAX_BYTES, thumbnail

EDITOR = Path(__file__).resolve().parent.parent.parent / "assets" / "editor" / "dist"
log_of_program = logging.getLogger("interleave")


def add_http_routes(app: FastAPI, workspace: Workspace) -> None:  # noqa: C901 - one small function a route
    """Put the routes on an application."""
    app.mount("/editor", StaticFiles(directory=EDITOR))

    @app.post("/articles/{article_id}/do")
    async def do(article_id: str, request: Request) -> Response:
        async def work() -> None:
            await run_in_threadpool(act, workspace, article_id, _object(await _body(request, 400_000)))

        return await _answer(request, work)

    @app.post("/articles/{article_id}/slots/{slot_id}/picture")
    async def upload(article_id: str, slot_id: str, request: Request, name: str = "picture") -> Response:
        async def work() -> None:
            data = await _body(request, MAX_BYTES)
            await run_in_threadpool(take_upload, workspace, article_id, slot_id, name[:200], data)

        return await _answer(request, work)

    @app.post("/articles/{article_id}/pictures")
    async def new_picture(article_id: str, request: Request, after: str = "", name: str = "picture") -> Response:
        async def work() -> None:
            data = await _body(request, MAX_BYTES)
            await run_in_threadpool(take_new_upload, workspace, article_id, after[:40], name[:200], data)

        return await _answer(request, work)

    @app.post("/articles/{article_id}/references")
    async def new_reference(article_id: str, request: Request, name: str = "picture") -> Response:
        async def work() -> None:
            data = await _body(request, MAX_BYTES)
            await run_in_threadpool(take_reference, workspace, article_id, name[:200], data)

        return await _answer(request, work)

    @app.get("/articles/{article_id}/style")
    def article_style(request: Request, article_id: str) -> Response:
        return _json(request, lambda: style_shown(workspace, workspace.open(article_id)))

    @app.post("/articles/{article_id}/slots/{slot_id}/words")
    async def slot_words(article_id: str, slot_id: str, request: Request) -> Response:
        return await _answer(request, lambda: run_in_threadpool(suggest_words, workspace, article_id, slot_id))

    @app.post("/articles/{article_id}/read")
    async def read(article_id: str, request: Request) -> Response:
        async def work() -> dict[str, Any]:
            return {"nodes": to_nodes(text(_object(await _body(request, 400_000)), "markdown"))}

        return await _answer(request, work)

    @app.post("/articles/{article_id}/proposals")
    async def propose(article_id: str, request: Request) -> Response:
        async def work() -> dict[str, Any]:
            asked = _object(await _body(request, 400_000))
            return {"id": await run_in_threadpool(proposed, workspace, article_id, asked)}

        return await _answer(request, work)

    @app.post("/articles/{article_id}/proposals/{proposal_id}/dismiss")
    async def dismiss(article_id: str, proposal_id: str, request: Request) -> Response:
        return await _answer(request, lambda: run_in_threadpool(workspace.dismiss, article_id, proposal_id))

    @app.get("/articles/{article_id}/checks")
    def article_checks(request: Request, article_id: str, use: str = "any") -> Response:
        return _json(request, lambda: checks(workspace.open(article_id).article, use))

    @app.get("/articles/{article_id}/versions")
    def article_versions(request: Request, article_id: str) -> Response:
        return _json(request, lambda: versions(workspace.open(article_id)))

    @app.get("/articles/{article_id}/versions/{seq}")
    def article_version(request: Request, article_id: str, seq: int) -> Response:
        return _json(request, lambda: compared(workspace.open(article_id), seq))

    @app.get("/interface/{code}")
    def interface(code: str) -> Response:
        return JSONResponse(dict(words(code)))

    @app.get("/articles/{article_id}/slots/{slot_id}/tray")
    def slot_tray(request: Request, article_id: str, slot_id: str) -> Response:
        return _json(request, lambda: tray(workspace, article_id, slot_id, _language(request)))

    @app.get("/articles/{article_id}/slots/{slot_id}/credit")
    def slot_credit(request: Request, article_id: str, slot_id: str) -> Response:
        return _json(request, lambda: credit_shown(workspace.open(article_id), slot_id))

    @app.get("/articles/{article_id}/pictures/{digest}")
    def picture(article_id: str, digest: str, px: int = 0) -> Response:
        return _picture(workspace, article_id, digest, px)

    @app.get("/articles/{article_id}/download/{form}")
    def download(article_id: str, form: str) -> Response:
        return _download(workspace, article_id, form)


def same_site(origin: str | None, host: str | None) -> bool:
    """Whether a request comes from this site's own page, or from no page at all."""
    return origin is None or urlsplit(origin).netloc == host


def _object(body: bytes) -> dict[str, Any]:
    """A request's JSON object. Raises UsageError for anything else."""
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise UsageError("The page sent something unreadable. Reload it.") from error
    return asked if isinstance(asked, dict) else {}


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
        return _refused(request, "This request came from another site.", 403)
    try:
        made = await work()
    except ConflictError as error:
        return _refused(request, str(error), 409)
    except InterleaveError as error:
        return _refused(request, str(error), 400)
    except Exception as error:
        log_of_program.exception("A request of the page failed")
        return _refused(request, f"The program failed: {type(error).__name__}. The article is kept.", 500)
    return JSONResponse(made if made is not None else {"ok": True})


def _refused(request: Request, why: str, status: int) -> Response:
    """Why not, in the words of who asks."""
    return JSONResponse({"error": said(why, _language(request))}, status)


def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language"))


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
        options = ExportOptions.of(workspace.toolkit(log).settings, self_contained=form == "html")
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


def _json(request: Request, work: Callable[[], object]) -> Response:
    """What a question of the page is answered."""
    try:
        return JSONResponse(work())
    except InterleaveError as error:
        return _refused(request, str(error), 400)
