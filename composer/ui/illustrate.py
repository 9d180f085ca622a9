"""The page's form "Illustrate my article": a text that is written goes in, and comes out with pictures, unchanged.

The article opens in the editor, where any choice can be changed; the file with the author's own characters and the
pictures is made at the end of the run and fetched here.
"""

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from composer.article import Article, Brief
from composer.commands import take_picture
from composer.engines import Engines
from composer.errors import InterleaveError, UsageError
from composer.export import ExportOptions
from composer.illustrate_article import run
from composer.illustrate_command import as_document
from composer.placement.deliver import illustrated, write_files
from composer.placement.job import Job, Order, take_in
from composer.settings import Settings
from composer.store import ArticleLog
from composer.ui.web_choice import web_choice
from composer.ui.words import code_of, complaint, tr
from composer.workspace import Workspace

RESULTS = "illustrated"  # folder inside the article's own
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
Choices = Callable[[Workspace, str], list[tuple[str, str]]]


def illustrate_form(settings: Settings) -> dict[str, Any]:
    """The form's fields."""
    with gr.Accordion(tr("illustrate"), open=False, elem_id="illustrate"):
        gr.Markdown(tr("illustrate.lead"))
        form: dict[str, Any] = {
            "text": gr.Textbox(label=tr("illustrate.text"), lines=5, max_lines=14),
            "file": gr.File(label=tr("illustrate.file"), type="filepath", height=96),
        }
        with gr.Row():
            form["images"] = gr.Number(
                3, label=tr("illustrate.images"), precision=0, minimum=0, maximum=200, min_width=100
            )
            form["automatic"] = gr.Checkbox(True, label=tr("illustrate.automatic"), min_width=100)
        form["pool"] = gr.File(label=tr("illustrate.pool"), file_count="multiple", type="filepath", height=96)
        form["style"] = gr.File(label=tr("illustrate.style"), file_count="multiple", type="filepath", height=96)
        form["web"] = web_choice(settings)
        with gr.Row():
            form["go"] = gr.Button(tr("illustrate.go"), variant="primary", elem_id="illustrate-go")
            form["fetch"] = gr.Button(tr("illustrate.fetch"), size="sm")
        form["result"] = gr.File(label=tr("illustrate.result"), visible=False, interactive=False)
    return form


def wire_illustrate(
    form: dict[str, Any], workspace: Workspace, engines: Engines, shown: list[Any], listed: Choices
) -> None:
    """Connect the form; `shown` are the article's component, the list of saved ones and the welcome."""
    names = ("text", "file", "images", "automatic", "pool", "style", "web")

    def begin(request: gr.Request, *values: Any) -> tuple[str, Any, Any]:  # noqa: ANN401 - what the fields give
        article_id = start(workspace, engines, dict(zip(names, values, strict=True)), request)
        here = listed(workspace, code_of(request))
        return article_id, gr.update(choices=here, value=article_id), gr.update(visible=False)

    def fetch(request: gr.Request, article_id: str | None) -> Any:  # noqa: ANN401
        return gr.update(value=str(packed(workspace, article_id or "", request)), visible=True)

    form["go"].click(begin, [form[n] for n in names], shown, **QUIET)
    form["fetch"].click(fetch, shown[1], form["result"], **QUIET)


def start(workspace: Workspace, engines: Engines, given: dict[str, Any], request: gr.Request | None = None) -> str:
    """A new article from the form's values, at work. Shows the person what is wrong with them."""
    try:
        name, data = _text(given)
        document = as_document(data, name)
        if not document.blocks:
            raise UsageError("There is no text yet. Paste it, or upload a Markdown or HTML file.")
        log = workspace.create(Brief(instruction=f"Illustrate {name}"))
        pool = tuple(take_picture(Path(f), log.pictures) for f in given["pool"] or ())
        references = tuple(take_picture(Path(f), log.pictures) for f in given["style"] or ())
        images = None if given["automatic"] else int(given["images"] or 0)
        order = Order(images=images, pool=pool, web=tuple(given["web"] or ()))
        job = take_in(log, document, order, Path(name).stem, references)
        job.encoder, job.pixels, job.letters = engines.sentences, engines.pixels, engines.letters
        deliver = _deliver(log, name, engines.settings)
        workspace.start(log.article.id, "illustrate", lambda toolkit, article: run(toolkit, article, job, deliver))
    except InterleaveError as error:
        raise complaint(error, request) from error
    return log.article.id


def packed(workspace: Workspace, article_id: str, request: gr.Request | None = None) -> Path:
    """The illustrated text and its pictures as a zip. Shows the person why there is none."""
    try:
        folder = workspace.open(article_id).folder / RESULTS
        if not (folder / "credits.json").is_file():
            raise UsageError("This article has no illustrated file: it is still at work, or was written here.")
    except InterleaveError as error:
        raise complaint(error, request) from error
    target = Path(tempfile.mkdtemp()) / f"illustrated-{article_id}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(folder).as_posix())
    return target


def _deliver(log: ArticleLog, name: str, wanted: Settings) -> Callable[[Article, Job], None]:
    options = ExportOptions.of(wanted)

    def deliver(article: Article, job: Job) -> None:
        made = illustrated(job.document, article, job.gaps, log.pictures.read, options=options)
        write_files(made, log.folder / RESULTS, name, job.decisions(article))

    return deliver


def _text(given: dict[str, Any]) -> tuple[str, bytes]:
    if given["file"]:
        path = Path(given["file"])
        try:
            return path.name, path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path.name} did not arrive whole. Upload it again.") from error
    text = given["text"] or ""
    return ("article.html" if text.lstrip()[:1] == "<" else "article.md"), text.encode()
