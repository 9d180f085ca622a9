"""From settings to a Toolkit: which models and sources an installation works with.

Everything is made when it is first needed and kept for all articles; nothing is loaded here. Knows names and folders;
the adapters know the engines.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from composer.backends.load import Options, image_generator, text_model, vision_model
from composer.models import ImageGenerator, ImageSource, TextModel, VisionModel
from composer.settings import Settings
from composer.store import ArticleLog
from composer.toolkit import Toolkit
from retrieval.encoder import Encoder, OpenClipEncoder, SentenceEncoder
from retrieval.home import home
from retrieval.library import Library
from retrieval.packs import packs
from retrieval.source import LibrarySource, UploadSource


class Engines:
    """The engines that the settings name. Safe to use from several threads."""

    def __init__(self, settings: Settings, *, warn: Callable[[str], None] = lambda message: None) -> None:
        self.settings = settings
        self._warn = warn
        self._lock = threading.RLock()
        options = Options(
            base_url=settings.base_url,
            api_key_env=settings.api_key_env,
            timeout=settings.timeout,
            context=settings.context,
            threads=settings.threads,
        )
        self.text: TextModel = text_model(settings.text_model, options)
        self.vision: VisionModel | None = vision_model(settings.vision_model, options)
        self.generator: ImageGenerator | None = image_generator(settings.generator, options)
        self.sentences: Encoder | None = _sentence_encoder(settings.sentence_encoder)
        self.pixels: Encoder | None = _image_encoder(settings.image_encoder)
        self._library: Library | None = None

    def library(self) -> Library:
        """The index of pictures on this machine, opened once."""
        with self._lock:
            if self._library is None:
                self._library = Library(home() / "library.sqlite")
            return self._library

    def toolkit(self, log: ArticleLog, folders: Sequence[Path] = ()) -> Toolkit:
        """What one article is worked on with. With `folders` (indexed before) the library is these and the packs."""
        origins = [*packs(), *(str(f.expanduser().resolve()) for f in folders)] if folders else []
        sources: list[ImageSource] = []
        if uploads := log.article.brief.uploads:
            sources.append(UploadSource(uploads, log.pictures.read, self.sentences))
        library = self.library()
        if library.count():
            sources.append(
                LibrarySource(
                    library, sentence=self.sentences, pixels=self.pixels, origins=lambda: origins, warn=self._warn
                )
            )
        else:
            self._warn("The library is empty: no picture will be found. Run: python -m retrieval packs install")
        return Toolkit(
            settings=self.settings,
            text=self.text,
            vision=self.vision,
            generator=self.generator,
            sources=tuple(sources),
            pictures=log.pictures,
        )


def _sentence_encoder(name: str) -> Encoder | None:
    if name == "none":
        return None
    folder = Path(name)
    return SentenceEncoder(folder if folder.is_dir() else home() / "models" / name)


def _image_encoder(name: str) -> Encoder | None:
    return None if name == "none" else OpenClipEncoder(name.removeprefix("open_clip:"))
