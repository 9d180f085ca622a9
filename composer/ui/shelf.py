"""The shelf of the page: saved articles, bringing one in, copies, the trash, and an example to look at.

Layout and handlers only; what happens to files is the workspace's business.
"""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from composer.brief import Wishes, make_brief
from composer.errors import InterleaveError, UsageError
from composer.ui.interface import said, words
from composer.ui.words import code_of, complaint, tr
from composer.workspace import Entry, Workspace

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "docs" / "examples"
EXAMPLE = {"en": "lighthouses", "zh": "west-lake"}  # by the interface's language
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
ENDINGS = [".md", ".markdown", ".txt", ".html", ".htm", ".zip"]


def choices(workspace: Workspace, code: str = "en") -> list[tuple[str, str]]:
    """The saved articles as a list shows them in a language of the interface."""
    return _listed(workspace.entries(), code)


def trash_choices(workspace: Workspace, code: str = "en") -> list[tuple[str, str]]:
    """The deleted articles as a list shows them."""
    return _listed(workspace.trashed(), code)


def _listed(entries: list[Entry], code: str) -> list[tuple[str, str]]:
    line = words(code)["shelf.entry"]
    return [(line.format(title=e.title, words=e.words, pictures=e.pictures), e.id) for e in entries]


def shelf(workspace: Workspace) -> dict[str, Any]:
    """The parts of the shelf by name."""
    with gr.Accordion(tr("shelf.saved"), open=True):
        parts: dict[str, Any] = {
            "list": gr.Dropdown(choices(workspace), value=None, label=tr("shelf.open"), filterable=True)
        }
        with gr.Row():
            parts["refresh"] = gr.Button(tr("shelf.refresh"), size="sm", min_width=80)
            parts["copy"] = gr.Button(tr("shelf.copy"), size="sm", min_width=80)
            parts["delete"] = gr.Button(tr("shelf.delete"), size="sm", variant="stop", min_width=80)
        with gr.Row(visible=False) as parts["sure"]:
            parts["yes"] = gr.Button(tr("shelf.yes"), size="sm", variant="stop")
            parts["no"] = gr.Button(tr("shelf.no"), size="sm")
    with gr.Accordion(tr("shelf.new"), open=False, elem_id="begin"):
        with gr.Row():
            parts["empty"] = gr.Button(tr("shelf.empty"), size="sm", min_width=100)
            parts["example"] = gr.Button(tr("shelf.example"), size="sm", min_width=100)
        parts["file"] = gr.File(
            label=tr("shelf.file"), file_types=ENDINGS, type="filepath", height=120, elem_id="bring"
        )
    with gr.Accordion(tr("shelf.trash"), open=False):
        parts["trash"] = gr.Dropdown(trash_choices(workspace), value=None, label=tr("shelf.deleted"))
        parts["untrash"] = gr.Button(tr("shelf.untrash"), size="sm")
    return parts


def wire_shelf(workspace: Workspace, parts: dict[str, Any], article: gr.HTML, welcome: gr.Column) -> None:
    """Join the shelf's buttons to the workspace and the article shown."""
    shown = [article, parts["list"], welcome, parts["trash"]]

    def showing(article_id: str, request: gr.Request) -> tuple[Any, ...]:
        code = code_of(request)
        return (
            article_id,
            gr.update(choices=choices(workspace, code), value=article_id or None),
            gr.update(visible=not article_id),
            gr.update(choices=trash_choices(workspace, code), value=None),
        )

    def made(make: Callable[..., str]) -> Callable[..., tuple[Any, ...]]:
        """A handler that shows what `make` made, or why it could not."""

        def handler(request: gr.Request, *values: Any) -> tuple[Any, ...]:  # noqa: ANN401 - what the component gives
            try:
                return showing(make(request, *values), request)
            except InterleaveError as error:
                raise complaint(error, request) from error

        return handler

    def delete(request: gr.Request, article_id: str | None) -> tuple[Any, ...]:
        if article_id:
            workspace.delete(article_id)
        return (*showing("", request), gr.update(visible=False))

    def listed(request: gr.Request) -> Any:  # noqa: ANN401 - an update of the list
        return gr.update(choices=choices(workspace, code_of(request)))

    parts["list"].input(lambda i: (i or "", gr.update(visible=not i)), parts["list"], [article, welcome], **QUIET)
    parts["refresh"].click(listed, None, parts["list"], **QUIET)
    parts["copy"].click(made(lambda _, i: _copied(workspace, i)), parts["list"], shown, **QUIET)
    parts["delete"].click(lambda chosen: gr.update(visible=bool(chosen)), parts["list"], parts["sure"], **QUIET)
    parts["yes"].click(delete, parts["list"], [*shown, parts["sure"]], **QUIET)
    parts["no"].click(lambda: gr.update(visible=False), None, parts["sure"], **QUIET)
    parts["empty"].click(made(lambda _: _empty(workspace)), None, shown, **QUIET)
    for name in ("example", "welcome_example"):
        parts[name].click(made(lambda request: _example(workspace, code_of(request))), None, shown, **QUIET)
    parts["file"].upload(made(lambda request, path: _brought(workspace, path, request)), parts["file"], shown, **QUIET)
    parts["untrash"].click(made(lambda _, name: _untrashed(workspace, name)), parts["trash"], shown, **QUIET)


def _copied(workspace: Workspace, article_id: str | None) -> str:
    if not article_id:
        raise UsageError("Open the article first that is to be copied.")
    return workspace.duplicate(article_id)


def _empty(workspace: Workspace) -> str:
    return workspace.create(make_brief("Untitled", Wishes())).article.id


def _example(workspace: Workspace, code: str) -> str:
    """An example of the program's own, with its pictures and credits."""
    folder, buffer = EXAMPLES / EXAMPLE[code], io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in (folder / "article.md", folder / "credits.json", *sorted((folder / "images").iterdir())):
            archive.write(path, path.relative_to(folder).as_posix())
    return workspace.take_in(f"{folder.name}.zip", buffer.getvalue())[0]


def _brought(workspace: Workspace, path: str, request: gr.Request) -> str:
    file = Path(path)
    try:
        article_id, warnings = workspace.take_in(file.name, file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file.name} did not arrive whole. Try it again.") from error
    for warning in warnings:
        gr.Warning(said(warning, code_of(request)))
    return article_id


def _untrashed(workspace: Workspace, name: str | None) -> str:
    if not name:
        raise UsageError("Choose an article from the trash.")
    return workspace.untrash(name)
