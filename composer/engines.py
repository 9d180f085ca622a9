"""From settings to a Toolkit: which models and sources an installation works with.

Everything is made when it is first needed and kept for all articles; nothing is loaded here. Knows names and folders;
the adapters know the engines.
"""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from composer.backends.load import Options, image_generator, text_model, vision_model
from composer.errors import SourceError
from composer.models import ImageGenerator, ImageSource, TextModel, VisionModel
from composer.settings import Settings
from composer.store import ArticleLog
from composer.toolkit import Toolkit
from retrieval.encoder import Encoder, sentence_encoder
from retrieval.home import home
from retrieval.image_models import image_encoder, restriction
from retrieval.lettering import LetterReader
from retrieval.library import Library
from retrieval.packs import packs
from retrieval.permitted import PermittedSource
from retrieval.source import Channels, LibrarySource, UploadSource
from retrieval.stores.served import served
from retrieval.web.source import WebSource
from retrieval.web.sources import web_sources


class Engines:
    """The engines that the settings name. Safe to use from several threads."""

    def __init__(self, settings: Settings, *, warn: Callable[[str], None] = lambda message: None) -> None:
        self.settings = settings
        self.warn = warn
        self._lock = threading.RLock()
        options = Options(
            base_url=settings.base_url,
            api_key_env=settings.api_key_env,
            timeout=settings.timeout,
            context=settings.context,
            threads=settings.threads,
            image_base_url=settings.image_base_url,
            image_server=settings.image_server,
            sentence_encoder=settings.sentence_encoder,
            style_adapter=settings.style_adapter,
            draw_together=settings.draw_together,
            draw_idle=settings.draw_idle,
        )
        self.text: TextModel = text_model(settings.text_model, options)
        self.vision: VisionModel | None = vision_model(settings.vision_model, options)
        self.generator: ImageGenerator | None = image_generator(settings.generator, options)
        self.sentences: Encoder | None = sentence_encoder(settings.sentence_encoder)
        self.pixels: Encoder | None = image_encoder(settings.image_encoder)
        self.letters: LetterReader | None = _letter_reader(settings.letter_reader)
        if why := restriction(settings.image_encoder):
            warn(why)
        self.channels = Channels(
            words=settings.words_weight, meaning=settings.meaning_weight, pixels=settings.pixels_weight
        )
        self.served = served(settings.vector_store, api_key=os.environ.get("QDRANT_API_KEY", ""))
        self._library: Library | None = None
        self._web: dict[str, WebSource] = {}

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
            source = self.library_source(origins)
            sources.append(PermittedSource(source, self.settings.intended_use))
        else:
            self.warn("The library is empty: nothing will be found in it. Run: python -m retrieval packs install")
        sources += self.web(log.article.brief.web)
        return Toolkit(
            settings=self.settings,
            text=self.text,
            vision=self.vision,
            generator=self.generator,
            pixels=self.pixels,
            sources=tuple(sources),
            pictures=log.pictures,
        )

    def library_source(self, origins: Sequence[str] = ()) -> LibrarySource:
        """The library as it is searched here, or some origins of it."""
        return LibrarySource(
            self.library(),
            sentence=self.sentences,
            pixels=self.pixels,
            origins=lambda: origins,
            channels=self.channels,
            served=self.served,
            warn=self.warn,
        )

    def web(self, names: Sequence[str]) -> list[WebSource]:
        """The web sources of these names, made once; none, with a warning, where the author has given no contact."""
        contact, use = self.settings.web_contact, self.settings.intended_use
        with self._lock:
            try:
                for name in (n for n in names if n not in self._web):
                    made = web_sources([name], home() / "web", contact=contact, use=use, sentence=self.sentences)
                    self._web |= {source.name: source for source in made}
            except SourceError as error:
                self.warn(f"The web is not searched: {error}")
            return [self._web[name] for name in names if name in self._web]


def _letter_reader(name: str) -> LetterReader | None:
    """None, too, where it was not fetched: what stands in pictures is a help and no need."""
    folder = Path(name) if Path(name).is_dir() else home() / "models" / name
    reader = LetterReader(folder)
    return reader if name != "none" and reader.installed else None
