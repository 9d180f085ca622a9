"""The page: a form for the brief, the saved articles, and the article itself in one HTML component.

Layout and handlers only. `gr.State` holds no article: a tab knows an id, the workspace has the rest.
"""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from composer.article import Material
from composer.brief import Wishes, decode_text, make_brief
from composer.commands import take_picture
from composer.compose import compose
from composer.edits import SetBrief
from composer.engines import Engines
from composer.errors import InterleaveError, UsageError
from composer.plan import plan
from composer.settings import Settings
from composer.ui.illustrate import illustrate_form, wire_illustrate
from composer.ui.interface import said, words
from composer.ui.routes import EDITOR
from composer.ui.shelf import choices, shelf, wire_shelf
from composer.ui.web_choice import web_choice, web_state
from composer.ui.words import code_of, complaint, kind_choices, language_choices, tr
from composer.workspace import Workspace

ASSETS = Path(__file__).resolve().parent.parent.parent / "assets" / "page"
CSS = (ASSETS / "form.css").read_text(encoding="utf-8")


def build(workspace: Workspace, engines: Engines) -> gr.Blocks:
    """The page of a workspace. Loads no model."""
    with gr.Blocks(title="Interleave", analytics_enabled=False, fill_width=True) as page, gr.Row():
        with gr.Column(scale=2, min_width=320, elem_id="form-side"):
            gr.Markdown("# Interleave")
            gr.Markdown(tr("page.lead"))
            form = _form(engines.settings)
            with gr.Row():
                write_now = gr.Button(tr("form.write"), variant="primary", elem_id="write-now")
                plan_first = gr.Button(tr("form.plan"), elem_id="plan-first")
            written = illustrate_form(engines.settings)
            saved = shelf(workspace)
            gr.Button(tr("page.search"), link="search", elem_id="search-pictures")
            with gr.Accordion(tr("installed"), open=False):
                inside = gr.Markdown(installed(engines), elem_id="installed")
        with gr.Column(scale=5, min_width=360):
            with gr.Column(elem_id="welcome", visible=False) as welcome:  # until it is known that no article is wanted
                gr.Markdown(tr("page.welcome"))
                example = gr.Button(tr("page.example"), elem_id="welcome-example")
            article = _article()

        def begin(stage: str) -> Any:  # noqa: ANN401 - a handler
            def handler(request: gr.Request, *values: Any) -> tuple[str, Any, Any]:  # noqa: ANN401 - the form's fields
                article_id = start(workspace, dict(zip(form, values, strict=True)), stage, request)
                here = choices(workspace, code_of(request))
                return article_id, gr.update(choices=here, value=article_id), gr.update(visible=False)

            return handler

        shown = [article, saved["list"], welcome]
        fields = list(form.values())
        write_now.click(begin("write"), fields, shown, api_visibility="private", show_progress="hidden")
        plan_first.click(begin("plan"), fields, shown, api_visibility="private", show_progress="hidden")
        wire_illustrate(written, workspace, engines, shown, choices)
        wire_shelf(workspace, saved | {"welcome_example": example}, article, welcome)
        page.load(
            _arrival(workspace, engines), None, [*shown, inside], api_visibility="private", show_progress="hidden"
        )
    return page


def start(workspace: Workspace, given: dict[str, Any], stage: str, request: gr.Request | None = None) -> str:
    """A new article from the form's values, at work. Shows the person what is wrong with them."""
    try:
        wishes = Wishes(
            outline=given["outline"] or "",
            material=tuple(_material(f) for f in given["material"] or ()),
            language=given["language"],
            words=int(given["words"] or 0),
            images=None if given["automatic"] else int(given["images"] or 0),
            kind=given["kind"],
            tone=given["tone"] or "",
            audience=given["audience"] or "",
            must_mention=_lines(given["must_mention"]),
            avoid=_lines(given["avoid"]),
            seed=int(given["seed"] or 0),
            web=tuple(given["web"] or ()),
        )
        brief = make_brief(given["brief"] or "", wishes)
        log = workspace.create(brief)
        references = tuple(take_picture(Path(f), log.pictures) for f in given["references"] or ())
        uploads = tuple(take_picture(Path(f), log.pictures) for f in given["uploads"] or ())
        if references or uploads:
            log.commit(SetBrief(brief=replace(brief, references=references, uploads=uploads)), by="person")
        workspace.start(log.article.id, stage, compose if stage == "write" else plan)
    except InterleaveError as error:
        raise complaint(error, request) from error
    return log.article.id


def installed(engines: Engines, code: str = "en") -> str:
    """What writes, looks, draws and finds here, and what it would take to have the rest."""
    settings, say = engines.settings, words(code)
    draws = f"{settings.generator}. {said(engines.generator.references_do, code)}" if engines.generator else ""
    rows = {
        "text": settings.text_model,
        "vision": settings.vision_model if engines.vision else say["installed.vision.none"],
        "generator": draws or say["installed.generator.none"],
        "pixels": settings.image_encoder if engines.pixels else say["installed.pixels.none"],
        "web": web_state(settings, code),
    }
    lines = [f"- **{say[f'installed.{name}']}**: {value}" for name, value in rows.items()]
    preset = say["installed.preset"].format(preset=settings.preset)
    return "\n".join([*lines, "", f"{preset} {say['installed.more']}"])


def _form(settings: Settings) -> dict[str, Any]:
    form: dict[str, Any] = {
        "brief": gr.Textbox(
            label=tr("form.brief"), lines=6, max_lines=20, placeholder=tr("form.brief.hint"), elem_id="brief"
        )
    }
    with gr.Row():
        form["kind"] = gr.Dropdown(kind_choices(), value="explainer", label=tr("form.kind"), min_width=120)
        form["language"] = gr.Dropdown(language_choices(), value="auto", label=tr("form.language"), min_width=120)
    with gr.Row():
        form["words"] = gr.Number(0, label=tr("form.words"), precision=0, minimum=0, maximum=20000, min_width=120)
        form["images"] = gr.Number(3, label=tr("form.images"), precision=0, minimum=0, maximum=40, min_width=100)
        form["automatic"] = gr.Checkbox(True, label=tr("form.automatic"), min_width=100)
    with gr.Accordion(tr("form.specification"), open=False):
        form["outline"] = gr.Textbox(label=tr("form.outline"), lines=4)
        form["tone"] = gr.Textbox(label=tr("form.tone"))
        form["audience"] = gr.Textbox(label=tr("form.audience"))
        form["must_mention"] = gr.Textbox(label=tr("form.must_mention"), lines=3)
        form["avoid"] = gr.Textbox(label=tr("form.avoid"), lines=2)
        form["seed"] = gr.Number(0, label=tr("form.seed"), precision=0, minimum=0)
    with gr.Accordion(tr("form.given"), open=False):
        form["material"] = gr.File(label=tr("form.material"), file_count="multiple", type="filepath")
        form["references"] = gr.File(label=tr("form.references"), file_count="multiple", type="filepath")
        form["uploads"] = gr.File(label=tr("form.uploads"), file_count="multiple", type="filepath")
        form["web"] = web_choice(settings)
    return form


def _article() -> gr.HTML:
    version = hashlib.sha256((EDITOR / "editor.js").read_bytes() + (ASSETS / "article.css").read_bytes()).hexdigest()[
        :12
    ]
    return gr.HTML(
        "",
        html_template=(ASSETS / "article.html").read_text(encoding="utf-8"),
        css_template="",
        js_on_load="window.mountArticle(element, props, watch);",
        head=f'<link rel="stylesheet" href="page/article.css?v={version}"><script src="editor/editor.js?v={version}"></script>',
        apply_default_css=False,
        elem_id="article",
    )


def _arrival(workspace: Workspace, engines: Engines) -> Any:  # noqa: ANN401
    def arrive(request: gr.Request) -> tuple[str, Any, Any, str]:
        """Back to the article that the address names, so that a reload loses nothing."""
        wanted, code = str(dict(request.query_params).get("article", "")), code_of(request)
        here = choices(workspace, code)
        article_id = wanted if any(wanted == i for _, i in here) else ""
        found = gr.update(choices=here, value=article_id or None)
        return article_id, found, gr.update(visible=not article_id), installed(engines, code)

    return arrive


def _material(path: str) -> Material:
    file = Path(path)
    try:
        return Material(name=file.name, text=decode_text(file.read_bytes(), file.name))
    except OSError as error:
        raise UsageError(f"{file.name} did not arrive whole. Upload it again.") from error


def _lines(text: str | None) -> tuple[str, ...]:
    return tuple(line.strip(" -•*") for line in (text or "").splitlines() if line.strip(" -•*"))
