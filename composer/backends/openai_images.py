"""Pictures drawn by a server that speaks OpenAI's /v1/images: vLLM-Omni, SGLang, LocalAI, Aquiles-Image and others.

Knows requests, answers and which server takes which field (`assets/image_servers.toml`); `server.py` knows how to talk.
"""

import base64
import binascii
import io
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from PIL import Image

from composer.backends.at_work import Ear, listened
from composer.backends.server import Files, Refused, Server, answer, fetched, listing
from composer.drawing.masks import pasted
from composer.drawing.request import Abilities, Drawing, Drawn, Step
from composer.drawing.words import fitted
from composer.errors import ReplyError, SourceError, UsageError
from retrieval.images import decode_rgb, encode
from retrieval.web.client import VERSION, Client
from retrieval.web.guard import Rules

TABLE = Path(__file__).parents[2] / "assets" / "image_servers.toml"
ANY = "default"  # as a model's name: the first that the server lists
MULTIPLE = 16  # px
AGENT = f"Interleave/{VERSION}"
UNEQUAL = 0.25  # of the asked ratio of sides, by which a picture's may differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a kind of server is known to take."""

    known_by: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    response_format: str = ""
    edits: bool = False
    image_field: str = "image"
    mask: bool = False


class OpenAIImages:
    """A model that draws on a server. Requests of one batch go out together; the server puts them in order."""

    references_do = "Reference pictures are sent along where the server takes pictures; else their look goes in words."
    licence = "as the server's model has it"

    def __init__(self, model: str, server: Server, *, kind: str = "auto", together: int = 1) -> None:
        self.name = f"openai-images:{model}"
        self._model = model
        self._server = server
        self._kind_name = kind
        self._kind: Kind | None = None if kind == "auto" else kinds()[kind]
        self._refused: set[str] = set()
        self._together = max(1, together)
        self._lock = threading.Lock()

    @property
    def abilities(self) -> Abilities:
        """See `ImageGenerator.abilities`; of a server that has not been asked yet the least is said."""
        kind = self._kind or Kind()
        return Abilities(
            references="shown" if kind.edits else "none",
            start=kind.edits,
            mask=kind.edits,  # a server without masks is not shown it, and only the part inside is kept
            negative="negative" in kind.fields,
            known=self._kind is not None,
        )

    def draw_all(self, drawings: Sequence[Drawing], *, step: int = 1) -> Iterator[Step | Drawn]:
        """See `ImageGenerator.draw_all`; there are no previews, and a picture begun is drawn to its end there."""
        if drawings:
            yield from listened(lambda ear: self._work(list(drawings), ear), Step(doing="draw", done=0, total=0))

    def _work(self, drawings: list[Drawing], ear: Ear) -> None:
        kind = self._known_kind()
        with ThreadPoolExecutor(self._together, thread_name_prefix="image") as pool:
            asked = {pool.submit(self._unless_gone, d, kind, ear): n for n, d in enumerate(drawings)}
            try:
                for done, future in enumerate(as_completed(asked), start=1):
                    drawn = future.result()
                    ear.tell(Step(doing="draw", done=done, total=len(drawings), first=asked[future]))
                    if drawn:
                        ear.tell(replace(drawn, number=asked[future]))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _unless_gone(self, drawing: Drawing, kind: Kind, ear: Ear) -> Drawn | None:
        return None if ear.gone.is_set() else self._drawn(drawing, kind)

    def _known_kind(self) -> Kind:
        """By what the settings say, else by what the server says of its models; the least where neither tells."""
        with self._lock:
            if self._kind is None or self._model == ANY:
                entries = listing(self._server)
                if self._model == ANY and entries:
                    self._model = str(entries[0].get("id", ANY))
                owners = " ".join(str(entry.get("owned_by", "")) for entry in entries).lower()
                found = (k for k in kinds().values() if any(word in owners for word in k.known_by))
                self._kind = self._kind or next(found, Kind(response_format="b64_json"))
            return self._kind

    def _drawn(self, drawing: Drawing, kind: Kind) -> Drawn:
        prompt, _ = fitted(drawing, len, 4000)
        width, height = (max(MULTIPLE, side // MULTIPLE * MULTIPLE) for side in (drawing.width, drawing.height))
        body: dict[str, Any] = {"model": self._model, "prompt": prompt, "n": 1, "size": f"{width}x{height}"}
        files = _files(drawing, kind)
        optional = self._optional(drawing, kind)
        path = "/images/edits" if files else "/images/generations"
        try:
            reply = answer(self._server, path, body | optional, files)
        except Refused:
            if not optional:
                raise
            reply = answer(self._server, path, body, files)  # a second refusal is about something else
            self._refused |= set(optional)
            optional = {}
        image, warnings = self._picture(reply, (width, height))
        return Drawn(
            number=0,
            image=pasted(drawing, image) if files else image,
            prompt=prompt,
            negative=drawing.negative if kind.fields.get("negative", "-") in optional else "",
            steps=drawing.steps or 0 if kind.fields.get("steps", "-") in optional else 0,
            guidance=drawing.guidance if kind.fields.get("guidance", "-") in optional else None,
            size=(width, height),
            began_from="start" if files and drawing.start is not None else "",
            shown=bool(files) and bool(drawing.references),
            software=self._server.base_url,
            warnings=(*warnings, *_unheard(drawing, kind, optional, sent=bool(files))),
        )

    def _optional(self, drawing: Drawing, kind: Kind) -> dict[str, Any]:
        values = {
            "negative": drawing.negative or None,
            "steps": drawing.steps,
            "guidance": drawing.guidance,
            "seed": drawing.seed,
        }
        named = {
            kind.fields[name]: value for name, value in values.items() if name in kind.fields and value is not None
        }
        if kind.response_format:
            named["response_format"] = kind.response_format
        return {name: value for name, value in named.items() if name not in self._refused}

    def _picture(self, reply: dict[str, Any], size: tuple[int, int]) -> tuple[Image.Image, list[str]]:
        """The picture in an answer, and a warning where it is of another size. Raises ReplyError."""
        try:
            entry = reply["data"][0]
            inside, url = entry.get("b64_json"), entry.get("url")
            data = base64.b64decode(inside, validate=True) if inside else self._fetched(str(url)) if url else b""
            image = decode_rgb(data)
        except (KeyError, IndexError, TypeError, AttributeError, binascii.Error, ValueError) as error:
            raise ReplyError(f"{self._server.base_url} answered with no picture: {str(reply)[:120]!r}") from error
        except UsageError as error:
            raise ReplyError(f"{self._server.base_url} sent what is no picture: {error}") from error
        if image.size == size:
            return image, []
        ratio, asked = image.width / image.height, size[0] / size[1]
        if abs(ratio / asked - 1) > UNEQUAL:
            return image, [f"The server drew {image.width} x {image.height} px where {size[0]} x {size[1]} were asked."]
        return image, []

    def _fetched(self, url: str) -> bytes:
        """The file behind an address: on the server itself, or on a public host under https. Raises ReplyError."""
        if url.startswith("data:"):
            return base64.b64decode(url.partition(",")[2], validate=True)
        base = self._server.base_url.rstrip("/") + "/"
        whole = urljoin(base, url)
        if urlsplit(whole).netloc == urlsplit(base).netloc:
            root = f"{urlsplit(base).scheme}://{urlsplit(base).netloc}"
            return fetched(replace(self._server, base_url=root), whole.removeprefix(root))
        try:
            host = frozenset([(urlsplit(whole).hostname or "").lower()])
            return Client(Rules(hosts=host), AGENT).get(whole, accept="image/*").body
        except SourceError as error:
            raise ReplyError(f"The picture that {self._server.base_url} names cannot be fetched: {error}") from error


@cache
def kinds() -> Mapping[str, Kind]:
    """The kinds of server that are known."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: Kind(**{**entry, "known_by": tuple(entry["known_by"])}) for name, entry in table.items()}


def _files(drawing: Drawing, kind: Kind) -> Files:
    """The pictures that go along in a form."""
    pictures = [*([drawing.start] if drawing.start is not None else []), *drawing.references]
    if not pictures or not kind.edits:
        return ()
    files = [
        (kind.image_field, (f"{n}.png", encode(p.convert("RGB"), "PNG"), "image/png")) for n, p in enumerate(pictures)
    ]
    if drawing.mask is not None and kind.mask:
        files.append(("mask", ("mask.png", _hole(drawing.mask), "image/png")))
    return files


def _hole(mask: Image.Image) -> bytes:
    """A mask as these servers read it: transparent where the picture is to change."""
    picture = Image.new("RGBA", mask.size, "black")
    picture.putalpha(mask.convert("L").point(lambda value: 255 - value))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _unheard(drawing: Drawing, kind: Kind, optional: dict[str, Any], *, sent: bool) -> list[str]:
    said = []
    if kind.fields.get("seed", "-") not in optional:
        said.append("This server takes no seed: the picture cannot be drawn again exactly.")
    if drawing.start is not None and not sent:
        said.append("This server takes no picture to begin from: the new one has only the words in common.")
    if drawing.references and not sent:
        said.append("This server takes no reference pictures: their look went along in words.")
    return said
