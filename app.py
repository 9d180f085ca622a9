"""Interleave in the browser: reads the settings, puts the page together, serves it on this machine."""

import logging
import os
import socket
import sys
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from composer.engines import Engines
from composer.errors import InterleaveError, SetupError
from composer.settings import load_settings
from composer.ui.live import add_routes
from composer.ui.page import ASSETS, CSS, build
from composer.ui.search import add_search_routes
from composer.ui.words import i18n
from composer.workspace import Workspace
from retrieval.home import home


def make_app(root: Path | None = None) -> FastAPI:
    """The whole application: the article's routes, then Gradio's page at "/". Loads no model."""
    settings = load_settings()
    engines = Engines(settings, warn=logging.getLogger("interleave").warning)
    workspace = Workspace(root or home() / "articles", engines.toolkit)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    if settings.host in ("127.0.0.1", "localhost"):  # another site's name that resolves to this machine is refused
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "testserver"])
    add_routes(app, workspace)
    add_search_routes(app, engines)
    app.mount("/page", StaticFiles(directory=ASSETS))
    page = build(workspace, engines)
    gr.mount_gradio_app(
        app, page, path="/", css=CSS, show_error=True, enable_monitoring=False, ssr_mode=False, i18n=i18n()
    )
    return app


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or the next of twenty that nobody listens on. Raises SetupError when all are taken."""
    for port in range(wanted, wanted + 20):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SetupError(f"Ports {wanted} to {wanted + 19} of {host} are taken. Set INTERLEAVE_PORT to another one.")


def main() -> int:
    """Serve until interrupted."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        settings = load_settings()
        app, port = make_app(), free_port(settings.host, settings.port)
    except InterleaveError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"Interleave is at http://{settings.host}:{port}  (Ctrl+C stops it)\n")
    sys.stdout.flush()
    uvicorn.run(app, host=settings.host, port=port, log_level="warning", ws="websockets-sansio")
    return 0


if __name__ == "__main__":
    sys.exit(main())
