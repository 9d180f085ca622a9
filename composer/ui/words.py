"""The words of Gradio's own parts, in the browser's language: `gr.I18n` over templates/interface/."""

from functools import cache
from typing import Any

import gradio as gr

from composer.prompts import kinds, languages
from composer.ui.interface import LANGUAGES, language_of, said, words


@cache
def i18n() -> gr.I18n:
    """What `mount_gradio_app` needs to word the form."""
    tables: dict[str, Any] = {code: dict(words(code)) for code in LANGUAGES}
    for code, language in languages().items():
        tables["en"][f"language.{code}"], tables["zh"][f"language.{code}"] = language.name, language.name_zh
    tables["zh-CN"] = tables["zh"]
    return gr.I18n(**tables)


def tr(key: str) -> Any:  # noqa: ANN401 - a string that Gradio words in the browser
    """A label by its key."""
    return i18n()(key)


def kind_choices() -> list[tuple[Any, str]]:
    """The kinds of article as a list shows them; one that the interface has no word for goes by its name."""
    return [(tr(f"kind.{name}") if f"kind.{name}" in words("en") else name, name) for name in kinds()]


def language_choices() -> list[tuple[Any, str]]:
    """The languages of an article as a list shows them."""
    return [(tr("form.language.auto"), "auto"), *((tr(f"language.{code}"), code) for code in languages())]


def code_of(request: gr.Request | None) -> str:
    """The interface's language for who asks."""
    return language_of(request.headers.get("accept-language")) if request else "en"


def complaint(error: Exception, request: gr.Request | None) -> gr.Error:
    """What the person is shown of a failure, to be raised."""
    return gr.Error(said(str(error), code_of(request)), duration=None, print_exception=False)
