"""The WebSocket beside Gradio: an article as it changes goes out, the person's patches come in.

One message answers each patch; what others do goes out at most twelve times a second. Connections from other sites are
refused by their Origin. What a message holds is `composer.ui.viewer`'s and `composer.ui.patches`' business.
"""

import asyncio
import logging
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from composer.errors import InterleaveError
from composer.store import ArticleLog
from composer.ui.interface import language_of, said
from composer.ui.patches import parsed, take
from composer.ui.proposals import shown
from composer.ui.routes import add_http_routes, same_site
from composer.ui.viewer import Viewer, Work
from composer.workspace import Workspace

MESSAGES_A_SECOND = 12
WAIT = 0.4  # seconds between two looks at a quiet article
log_of_program = logging.getLogger("interleave")


def add_routes(app: FastAPI, workspace: Workspace) -> None:
    """Put the article's routes on an application, before Gradio is mounted at "/"."""
    add_http_routes(app, workspace)

    @app.websocket("/live/{article_id}")
    async def live(socket: WebSocket, article_id: str) -> None:
        if not same_site(socket.headers.get("origin"), socket.headers.get("host")):
            await socket.close(1008)
            return
        await socket.accept()
        code = language_of(socket.headers.get("accept-language"))
        try:
            log = await run_in_threadpool(workspace.open, article_id)
            await Conversation(socket, workspace, log, code).hold()
        except WebSocketDisconnect:
            pass
        except InterleaveError as error:
            await socket.send_json({"gone": said(str(error), code)})
            await socket.close()


class Conversation:
    """One tab's connection, from its first patch to its end."""

    def __init__(self, socket: WebSocket, workspace: Workspace, log: ArticleLog, code: str) -> None:
        self._socket = socket
        self._workspace = workspace
        self._log = log
        self._code = code  # the interface's language
        self._viewer = Viewer(code=code)
        self._turn = asyncio.Lock()  # an answer and the news are computed and sent one after the other
        self._step = 0  # of the last patch: typing on is one step with it

    async def hold(self) -> None:
        """Answer patches and tell news until the tab goes. The first message says what the tab could not send before."""
        hello = await self._socket.receive_json()
        for patch in hello.get("patches") or [] if isinstance(hello, dict) else []:
            await self._take(patch)
        telling = asyncio.create_task(self._tell())
        hearing = asyncio.create_task(self._hear())
        try:
            await asyncio.wait({telling, hearing}, return_when=asyncio.FIRST_COMPLETED)
            for task in (telling, hearing):
                if task.done():
                    task.result()
        finally:
            telling.cancel()
            hearing.cancel()

    async def _hear(self) -> None:
        while True:
            message = await self._socket.receive_json()
            if isinstance(message, dict) and "patch" in message:
                await self._take(message["patch"])

    async def _tell(self) -> None:
        """Send what is new, then leave the line quiet for a moment; or wait for something new."""
        while True:
            async with self._turn:
                work = self._work()
                message = await run_in_threadpool(self._viewer.news, self._log, work)
                if message is not None:
                    await self._socket.send_json(message)
            if message is not None or work.running or work.proposals:
                await asyncio.sleep(1 / MESSAGES_A_SECOND)
            else:
                await run_in_threadpool(self._log.wait, self._viewer.seq, WAIT)

    def _work(self) -> Work:
        name = self._log.article.id
        run = self._workspace.running(name)
        progress = f"{run.progress.stage} {run.progress.done}/{run.progress.total}" if run and run.progress else ""
        proposals = tuple(shown(p, self._code) for p in self._workspace.proposals(name))
        return Work(running=run.name if run else "", progress=progress, proposals=proposals)

    async def _take(self, value: object) -> None:
        name = value.get("id") if isinstance(value, dict) else None
        try:
            async with self._turn:
                await self._socket.send_json(await run_in_threadpool(self._taken, value))
        except InterleaveError as error:
            await self._socket.send_json({"refused": name, "error": said(str(error), self._code)})
        except (WebSocketDisconnect, RuntimeError):
            raise
        except Exception as error:
            log_of_program.exception("A patch of the page failed")
            told = said(f"The program failed: {type(error).__name__}.", self._code)
            await self._socket.send_json({"refused": name, "error": told})

    def _taken(self, value: object) -> dict[str, Any]:
        patch = parsed(value)
        with self._log.held():
            taken = take(self._log, patch, last_step=self._step)
            self._step = taken.step or self._step
            self._viewer.took(self._log.article, taken)
            return {
                "ack": patch.id,
                "seq": self._log.seq,
                "ids": taken.ids,
                "own": taken.own,
                "notes": taken.notes,
            }
