"""Pictures drawn by any diffusion model of diffusers, from a folder or the Hub.

The work is done in a thread of its own, so that whoever listens hears of every step and can go at any moment. Knows
batches, retries with less memory, and when to let the model go; calls and loading are its neighbours' business.
"""

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from composer.backends import diffusion_call, diffusion_models
from composer.backends.at_work import Ear, Stopped, listened
from composer.backends.diffusion_call import began_from, is_shown, previews, sized, words_of
from composer.backends.diffusion_models import DO, Loaded, Profile, abilities_of, able, folder_of, profile_of, software
from composer.backends.shared_attention import can_share
from composer.drawing.request import Abilities, Drawing, Drawn, Step
from composer.drawing.words import in_named_look
from composer.errors import InterleaveError, ReplyError, SetupError

SMALLER = 0.75  # of a side, where memory was short
SMALLEST = 128  # px; below it a picture is not tried
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request on its way through the thread."""

    drawings: list[Drawing]
    every: int  # steps between two previews; 0: none
    ear: Ear


class DiffusersGenerator:
    """A diffusion model in this process, loaded when it is first used and let go when it was long idle."""

    def __init__(
        self,
        where: str,
        *,
        profile: Profile | None = None,
        together: int = 1,
        idle: float = 0.0,
        adapter: str = "",
    ) -> None:
        """`together`: most pictures in a batch; `idle`: seconds unused after which memory is freed, 0: never."""
        self.name = f"diffusers:{where}"
        self._where = folder_of(where)
        self._profile = profile or profile_of(where)
        self.licence = self._profile.licence
        self._together = max(1, together)
        self._idle = idle
        self._adapter = adapter
        self._lock = threading.Lock()
        self._model: Loaded | None = None
        self._abilities: Abilities | None = None
        self._timer: threading.Timer | None = None

    @property
    def abilities(self) -> Abilities:
        """See `ImageGenerator.abilities`."""
        if self._abilities is None or not self._abilities.known:
            self._abilities = abilities_of(self._where, self._profile, adapter=bool(self._adapter))
        return self._abilities

    @property
    def references_do(self) -> str:
        """See `ImageGenerator.references_do`."""
        return self._profile.references_do or DO[self.abilities.references]

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._model is not None

    def draw_all(self, drawings: Sequence[Drawing], *, step: int = 1) -> Iterator[Step | Drawn]:
        """See `ImageGenerator.draw_all`."""
        if not drawings:
            return
        first = Step(doing="draw" if self.loaded else "load", done=0, total=0)
        yield from listened(lambda ear: self._work(Job(drawings=list(drawings), every=step, ear=ear)), first)

    def unload(self) -> None:
        """Free the model's memory, unless it is drawing."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._model = None
            gc.collect()
            with suppress(ImportError):
                import torch

                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
        finally:
            self._lock.release()

    def _work(self, job: Job) -> None:
        try:
            with self._lock:
                self._rest(start=False)
                if not job.ear.gone.is_set():
                    self._draw(job, self._ready())
        except (InterleaveError, Stopped):
            raise
        except Exception as error:
            reason = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise ReplyError(f"{self.name} broke off: {reason}") from error
        finally:
            self._rest(start=True)

    def _rest(self, *, start: bool) -> None:
        """Let the model go when nothing more is asked for a while."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if start and self._idle > 0:
            self._timer = threading.Timer(self._idle, self.unload)
            self._timer.daemon = True
            self._timer.start()

    def _ready(self) -> Loaded:
        if self._model is None:
            self._model = diffusion_models.load(self._where, self._profile, adapter=self._adapter)
            known = replace(self._profile, side=self.abilities.side)
            self._abilities = able(type(self._model.text).__name__, known, adapter=self._model.adapter)
        return self._model

    def _draw(self, job: Job, model: Loaded) -> None:
        meant = [self._meant(d) for d in job.drawings]
        for numbers in batches(meant, self._together):
            self._batch(job, model, numbers, [meant[n] for n in numbers])

    def _meant(self, drawing: Drawing) -> Drawing:
        """With the steps and guidance that the model is meant to have, and without what it cannot be given."""
        looks, usual = self._profile.looks, self._profile.style
        drawing = in_named_look(drawing, looks, usual) if looks else replace(drawing, style=drawing.style or usual)
        drawing = replace(
            drawing,
            references=drawing.references if self.abilities.references != "none" else (),
            steps=drawing.steps or self._profile.steps,
            guidance=self._profile.guidance if drawing.guidance is None else drawing.guidance,
        )
        return drawing if self.abilities.negative else replace(drawing, negative="")

    def _batch(self, job: Job, model: Loaded, numbers: Sequence[int], drawings: Sequence[Drawing]) -> None:
        """One batch, in halves and then smaller where memory is short."""
        row, worded, at = self._lined_up(model, drawings)
        scale, warnings = 1.0, [w for _, w in worded if w]
        while True:
            size = sized(drawings[0].width, drawings[0].height, scale)
            try:
                images = diffusion_call.draw_batch(
                    model, row, [p for p, _ in worded], size, self._watch(job, model, numbers[0])
                )
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            self._forget()
            if len(numbers) > 1:
                half = len(numbers) // 2
                self._batch(job, model, numbers[:half], drawings[:half])
                self._batch(job, model, numbers[half:], drawings[half:])
                return
            scale *= SMALLER
            if max(size) * SMALLER < SMALLEST:
                raise SetupError(f"{self.name} needs more memory than there is, even for {size[0]} x {size[1]} px.")
            smaller = sized(drawings[0].width, drawings[0].height, scale)
            warnings.append(f"Memory was short, so this picture was drawn at {smaller[0]} x {smaller[1]} px.")
        lead = (worded[0][0], row[0].negative, row[0].seed) if is_led(model, drawings[0]) else None
        for number, drawing, place in zip(numbers, drawings, at, strict=True):
            said = [*warnings, *unheard(job.drawings[number], drawing, model)]
            more = {"size": size, "together": len(row), "lead": lead, "warnings": said}
            job.ear.tell(self._drawn(number, drawing, images[place], worded[place][0], model, **more))

    def _lined_up(
        self, model: Loaded, drawings: Sequence[Drawing]
    ) -> tuple[list[Drawing], list[tuple[str, str]], list[int]]:
        """A batch with its leader, if it has one, first: the drawings, their words and warnings, and where each of
        `drawings` stands. The leader is one of them, or is drawn beside them."""
        worded = [words_of(model, d, self._profile) for d in drawings]
        if not is_led(model, drawings[0]) or drawings[0].lead is None:
            return list(drawings), worded, list(range(len(drawings)))
        lead = self._meant(drawings[0].lead)
        words = words_of(model, lead, self._profile)
        own = next((n for n, d in enumerate(drawings) if (worded[n][0], d.seed) == (words[0], lead.seed)), None)
        others = [n for n in range(len(drawings)) if n != own]
        at = [0 if n == own else 1 + others.index(n) for n in range(len(drawings))]
        return [lead, *(drawings[n] for n in others)], [words, *(worded[n] for n in others)], at

    def _drawn(
        self,
        number: int,
        drawing: Drawing,
        image: Image.Image,
        prompt: str,
        model: Loaded,
        **more: Any,  # noqa: ANN401 - fields of Drawn
    ) -> Drawn:
        began = began_from(model, drawing)
        return Drawn(
            number=number,
            image=image,
            prompt=prompt,
            negative=drawing.negative,
            steps=drawing.steps or 0,
            guidance=drawing.guidance,
            began_from="start" if began == "start" else "reference" if began else "",
            shown=is_shown(model, drawing),
            software=software(),
            **{**more, "warnings": tuple(more["warnings"])},
        )

    def _watch(self, job: Job, model: Loaded, first: int) -> Callable[[int, int, Any], None]:
        def watch(done: int, total: int, latents: Any) -> None:  # noqa: ANN401
            if job.ear.gone.is_set():
                raise Stopped
            seen: tuple[Image.Image, ...] = ()
            if job.every and done % job.every == 0 and done < total:
                with suppress(Exception):  # a preview is worth no failure
                    seen = previews(model, latents)
            job.ear.tell(Step(doing="draw", done=done, total=total, first=first, previews=seen))

        return watch

    def _forget(self) -> None:
        """Give back what a failed call held."""
        import torch

        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def batches(drawings: Sequence[Drawing], most: int) -> list[list[int]]:
    """Positions of drawings that can be drawn at once: alike in everything but words and seed."""
    groups: dict[tuple[object, ...], list[int]] = {}
    most = max(1, most - any(d.lead for d in drawings))  # the leader may come on top
    for number, d in enumerate(drawings):
        pictures = (*map(id, d.references), id(d.start), id(d.mask))
        lead = (d.lead.prompt, d.lead.negative, d.lead.seed) if d.lead else None
        key = (d.width, d.height, d.steps, d.guidance, d.strength, bool(d.negative), lead, *pictures)
        groups.setdefault(key, []).append(number)
    return [group[i : i + most] for group in groups.values() for i in range(0, len(group), most)]


def is_led(model: Loaded, drawing: Drawing) -> bool:
    """Whether a drawing follows a leader, and this model can."""
    return drawing.lead is not None and can_share(getattr(model.text, "unet", None))


def unheard(asked: Drawing, done: Drawing, model: Loaded) -> list[str]:
    """What a model could not be told."""
    said = []
    if asked.start is not None and began_from(model, asked) != "start":
        said.append("This model cannot begin from a picture: the new one has only the words in common.")
    if asked.negative and not done.negative and asked.guidance is not None:
        said.append("This model takes no negative prompt.")
    return said


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it was memory that a call failed for, on any device."""
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in OUT_OF_MEMORY)
