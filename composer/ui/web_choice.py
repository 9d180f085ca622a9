"""The form's field for web sources: off until the author ticks one, and it says so."""

import gradio as gr

from composer.settings import Settings
from composer.ui.interface import words
from composer.ui.words import tr
from retrieval.web.client import is_contact
from retrieval.web.sources import TITLES, read_names


def web_choice(settings: Settings) -> gr.CheckboxGroup:
    """One box a source, ticked as the settings say; none can be ticked before there is a contact."""
    may = is_contact(settings.web_contact)
    return gr.CheckboxGroup(
        [(title, name) for name, title in TITLES.items()],
        value=list(read_names(settings.web_sources)) if may else [],
        label=tr("form.web"),
        info=tr("form.web.off" if may else "form.web.closed"),
        interactive=may,
    )


def web_state(settings: Settings, code: str = "en") -> str:
    """One line on whether the web is asked."""
    if not is_contact(settings.web_contact):
        return words(code)["installed.web.closed"]
    chosen = [TITLES[name] for name in read_names(settings.web_sources)]
    if not chosen:
        return words(code)["installed.web.none"]
    return words(code)["installed.web.some"].format(sources=", ".join(chosen))
