"""The page: a form for the brief, the saved articles, and the article itself in one HTML component.

Layout and handlers only. `gr.State` holds no article: a tab knows an id, the workspace has the rest.
"""

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
from composer.prompts import kinds, languages
from composer.workspace import Workspace

ASSETS = Path(__file__).resolve().parent.parent.parent / "assets" / "page"
CSS = ".gradio-container{max-width:84rem!important} footer{display:none!important}"


def build(workspace: Workspace, engines: Engines) -> gr.Blocks:
    """The page of a workspace. Loads no model."""
    with gr.Blocks(title="Interleave", analytics_enabled=False, fill_width=True) as page, gr.Row():
        with gr.Column(scale=2, min_width=320):
            gr.Markdown("# Interleave\nFrom a brief to an illustrated article.")
            form = _form()
            with gr.Row():
                write_now = gr.Button("Write at once", variant="primary")
                plan_first = gr.Button("Plan first")
            saved = _saved(workspace)
            with gr.Accordion("What is installed", open=False):
                gr.Markdown(installed(engines))
        with gr.Column(scale=5, min_width=360):
            welcome = gr.Markdown(WELCOME, elem_id="welcome")
            article = _article()

        def begin(stage: str, *values: Any) -> tuple[str, Any, Any]:  # noqa: ANN401 - what the form's fields give
            article_id = start(workspace, dict(zip(form, values, strict=True)), stage)
            return article_id, gr.update(choices=choices(workspace), value=article_id), gr.update(visible=False)

        shown = [article, saved["list"], welcome]
        fields = list(form.values())
        write_now.click(lambda *v: begin("write", *v), fields, shown, api_visibility="private", show_progress="hidden")
        plan_first.click(lambda *v: begin("plan", *v), fields, shown, api_visibility="private", show_progress="hidden")
        _wire_saved(workspace, saved, article, welcome)
        page.load(_arrival(workspace), None, shown, api_visibility="private", show_progress="hidden")
    return page


WELCOME = """
### Nothing is open yet
Write on the left what the article is about, then press **Write at once**, or **Plan first** to change the outline
before it is written. Everything is saved while it happens; close the page and come back any time.
"""


def start(workspace: Workspace, given: dict[str, Any], stage: str) -> str:
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
        )
        brief = make_brief(given["brief"] or "", wishes)
        log = workspace.create(brief)
        references = tuple(take_picture(Path(f), log.pictures) for f in given["references"] or ())
        uploads = tuple(take_picture(Path(f), log.pictures) for f in given["uploads"] or ())
        if references or uploads:
            log.commit(SetBrief(brief=replace(brief, references=references, uploads=uploads)), by="person")
        workspace.start(log.article.id, stage, compose if stage == "write" else plan)
    except InterleaveError as error:
        raise gr.Error(str(error), duration=None, print_exception=False) from error
    return log.article.id


def choices(workspace: Workspace) -> list[tuple[str, str]]:
    """The saved articles as a list shows them."""
    return [(f"{e.title} · {e.words} words, {e.pictures} pictures", e.id) for e in workspace.entries()]


def installed(engines: Engines) -> str:
    """What writes, looks, draws and finds here, and what it would take to have the rest."""
    settings = engines.settings
    vision = "none: scores choose pictures, and captions come from what is written about them"
    draws = "none: a slot that no picture fits stays open"
    pixels = "none: pictures are found by their captions"
    more = (
        "A vision model or a generator needs weights from Hugging Face and 6 GB of memory or more: see docs/engines.md."
    )
    rows = [
        ("Writes", settings.text_model),
        ("Looks at pictures", vision if engines.vision is None else settings.vision_model),
        ("Draws", draws if engines.generator is None else f"{settings.generator}. {engines.generator.references_do}"),
        ("Finds by pixels", pixels if engines.pixels is None else settings.image_encoder),
    ]
    return "\n".join(f"- **{name}**: {value}" for name, value in rows) + f"\n\nPreset: {settings.preset}. {more}"


def _form() -> dict[str, Any]:
    names = [("Automatic", "auto"), *((language.name, code) for code, language in languages().items())]
    form: dict[str, Any] = {
        "brief": gr.Textbox(
            label="Brief", lines=6, max_lines=20, placeholder="What is the article about? For whom? What must be in it?"
        )
    }
    with gr.Row():
        form["kind"] = gr.Dropdown(list(kinds()), value="explainer", label="Kind", min_width=120)
        form["language"] = gr.Dropdown(names, value="auto", label="Language", min_width=120)
    with gr.Row():
        form["words"] = gr.Number(
            0, label="Words (0: by the brief)", precision=0, minimum=0, maximum=20000, min_width=120
        )
        form["images"] = gr.Number(3, label="Pictures", precision=0, minimum=0, maximum=40, min_width=100)
        form["automatic"] = gr.Checkbox(True, label="Automatic count", min_width=100)
    with gr.Accordion("Outline and specification", open=False):
        form["outline"] = gr.Textbox(label="Outline, one section a line; kept word for word", lines=4)
        form["tone"] = gr.Textbox(label="Tone")
        form["audience"] = gr.Textbox(label="Readers")
        form["must_mention"] = gr.Textbox(label="Must mention, one fact a line", lines=3)
        form["avoid"] = gr.Textbox(label="Never mention, one topic a line", lines=2)
        form["seed"] = gr.Number(0, label="Seed", precision=0, minimum=0)
    with gr.Accordion("Material and pictures", open=False):
        form["material"] = gr.File(label="Source texts (.txt, .md)", file_count="multiple", type="filepath")
        form["references"] = gr.File(
            label="Reference pictures: the look wanted", file_count="multiple", type="filepath"
        )
        form["uploads"] = gr.File(label="Pictures for this article", file_count="multiple", type="filepath")
    return form


def _saved(workspace: Workspace) -> dict[str, Any]:
    with gr.Accordion("Saved articles", open=True):
        saved: dict[str, Any] = {
            "list": gr.Dropdown(choices(workspace), value=None, label="Open an article", filterable=True)
        }
        with gr.Row():
            saved["refresh"] = gr.Button("Refresh", size="sm")
            saved["delete"] = gr.Button("Delete …", size="sm", variant="stop")
        with gr.Row(visible=False) as saved["sure"]:
            saved["yes"] = gr.Button("Move it to the trash", size="sm", variant="stop")
            saved["no"] = gr.Button("Keep it", size="sm")
    return saved


def _article() -> gr.HTML:
    version = int((ASSETS / "article.js").stat().st_mtime)
    return gr.HTML(
        "",
        html_template=(ASSETS / "article.html").read_text(encoding="utf-8"),
        css_template="",
        js_on_load="window.mountArticle(element, props, watch);",
        head=f'<link rel="stylesheet" href="page/article.css?v={version}"><script src="page/article.js?v={version}"></script>',
        apply_default_css=False,
        elem_id="article",
    )


def _wire_saved(workspace: Workspace, saved: dict[str, Any], article: gr.HTML, welcome: gr.Markdown) -> None:
    def opened(article_id: str | None) -> tuple[str, Any]:
        return article_id or "", gr.update(visible=not article_id)

    def delete(article_id: str | None) -> tuple[str, Any, Any, Any]:
        if article_id:
            workspace.delete(article_id)
        return "", gr.update(choices=choices(workspace), value=None), gr.update(visible=True), gr.update(visible=False)

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    saved["list"].input(opened, saved["list"], [article, welcome], **quiet)
    saved["refresh"].click(lambda: gr.update(choices=choices(workspace)), None, saved["list"], **quiet)
    saved["delete"].click(lambda chosen: gr.update(visible=bool(chosen)), saved["list"], saved["sure"], **quiet)
    saved["yes"].click(delete, saved["list"], [article, saved["list"], welcome, saved["sure"]], **quiet)
    saved["no"].click(lambda: gr.update(visible=False), None, saved["sure"], **quiet)


def _arrival(workspace: Workspace) -> Any:  # noqa: ANN401
    def arrive(request: gr.Request) -> tuple[str, Any, Any]:
        """Back to the article that the address names, so that a reload loses nothing."""
        wanted = str(dict(request.query_params).get("article", ""))
        here = choices(workspace)
        article_id = wanted if any(wanted == i for _, i in here) else ""
        return article_id, gr.update(choices=here, value=article_id or None), gr.update(visible=not article_id)

    return arrive


def _material(path: str) -> Material:
    file = Path(path)
    try:
        return Material(name=file.name, text=decode_text(file.read_bytes(), file.name))
    except OSError as error:
        raise UsageError(f"{file.name} did not arrive whole. Upload it again.") from error


def _lines(text: str | None) -> tuple[str, ...]:
    return tuple(line.strip(" -•*") for line in (text or "").splitlines() if line.strip(" -•*"))
