"""How long drawing takes: seconds a picture, alone and in batches, memory, beside writing, with and without references.

    python -m benchmarks.generate --model diffusers:FOLDER_OR_NAME [--px 512] [--runs 3] [--write]

Without `--model` it measures tiny random pipelines of every class that the presets name: that tells what this program
adds to a model, and nothing of any model. Every model is measured in a process of its own, so that memory is its own.
"""

import argparse
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from composer.article import Block, ImageSlot, TextBlock, with_id
from composer.backends.load import Options, image_generator
from composer.brief import Wishes, make_brief
from composer.compose import Driver, compose
from composer.drawing.gate import judge_of, recognisable
from composer.drawing.request import Drawing, Drawn, Step
from composer.drawing.stage import draw_open
from composer.edits import AddBlock, SetBrief
from composer.models import ImageGenerator
from composer.settings import load_settings
from composer.store import create
from composer.toolkit import Toolkit
from retrieval.style_card import card_of, closeness, see

RESULTS = Path(__file__).parent / "results" / "generate.md"
SUBJECTS = ("a red apple", "a small house", "a sailing boat", "a cat", "a tree in autumn", "a steam train")
TINY = "tiny:"
KNOWN_AS = {  # so that a tiny pipeline of a class takes the steps that the preset of that class names
    "StableDiffusionPipeline": "sd-turbo",
    "StableDiffusionXLPipeline": "sdxl-turbo",
    "FluxPipeline": "flux.1-schnell",
    "Flux2KleinPipeline": "flux.2-klein",
    "ZImagePipeline": "z-image-turbo",
    "SanaSprintPipeline": "sana-sprint",
}
NOTE = """Models called "tiny" have random weights: their rows show what this program adds to a model and how batches and stopping
behave, and nothing of any model's speed, memory or pictures. No GPU was at hand. On a busy machine (see its load) seconds
differ by half from run to run; drawing behind the text is not told apart from noise here."""
PAUSE = 0.2  # s; of the scripted writer


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and with --write put the table into the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", action="append", default=[], help="a generator as the settings name it")
    parser.add_argument("--px", type=int, default=0, help="side of a picture; 0: what the model draws best")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--reference", type=Path, action="append", default=[], help="pictures whose look is wanted")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    if given.one:
        print(json.dumps(measured(given.one, given.px, given.runs, given.reference)))
        return
    found = [_in_own_process(m, given) for m in given.model] if given.model else _tiny(given)
    text = report(found)
    print(text)
    if given.write:
        RESULTS.write_text(text, encoding="utf-8")


def measured(spec: str, px: int, runs: int, references: Sequence[Path]) -> dict[str, Any]:
    """Everything about one generator, in this process."""
    began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    generator = image_generator(spec, Options(draw_together=6))
    if generator is None:
        raise SystemExit("Give a generator.")
    side = px or generator.abilities.side or 512
    one = Drawing(prompt=SUBJECTS[0], style="flat", width=side, height=side, seed=1)
    first = _seconds(generator, [one])
    singles = [_seconds(generator, [replace(one, seed=s)]) for s in range(2, 2 + runs)]
    six = [replace(one, prompt=p, seed=n) for n, p in enumerate(SUBJECTS)]
    together = [_seconds(generator, six) for _ in range(runs)]
    in_turn = [_seconds(generator, [d]) for d in six]
    return {
        "model": spec,
        "side": side,
        "load": first - median(singles),
        "single": median(singles),
        "in_turn": sum(in_turn) / len(six),
        "together": median(together) / len(six),
        "memory": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - began) / 1e3,
        "accelerator": _accelerator_mb(),
        "stop": _stopped_after(generator, replace(one, steps=50)),
        "bit": _same_again(generator, one),
        **_article(generator, side),
        **_judged(generator, six, references),
    }


def report(found: Sequence[dict[str, Any]]) -> str:
    """The results as Markdown."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    lines = [
        "# Drawing, measured",
        "",
        f"`python -m benchmarks.generate`, {time.strftime('%Y-%m-%d')}, {platform.machine()}, {cores} cores, "
        f"load of the machine {os.getloadavg()[0]:.1f}, {_versions()}.",
        "",
        NOTE,
        "",
        "| model | px | loading, s | alone, s a picture | six in turn | six as one batch | memory MB | on the GPU MB |"
        " stopped after s | same again |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for f in found:
        numbers = f"{f['load']:.2f} | {f['single']:.3f} | {f['in_turn']:.3f} | {f['together']:.3f} | {f['memory']:.0f}"
        end = f"{f['accelerator']:.0f} | {f['stop']:.2f} | {'to the bit' if f['bit'] else 'no'}"
        lines.append(f"| {f['model']} | {f['side']} | {numbers} | {end} |")
    lines += [
        "",
        f"An article of six sections by a scripted writer of {PAUSE:g} s a call, without and with six drawn pictures:",
        "",
        "| model | text alone, s | with six pictures, s | drawing alone, s |",
        "| --- | --- | --- | --- |",
        *(f"| {f['model']} | {f['text']:.2f} | {f['both']:.2f} | {f['drawn']:.2f} |" for f in found),
        "",
        "How the six pictures were judged: recognised (share of a hundred names they resemble less than their own, by "
        "starter-clip; 0.5 is chance), and their likeness to the look of the references (style card, 0 to 1):",
        "",
        "| model | recognised, median | likeness without references | with |",
        "| --- | --- | --- | --- |",
        *(f"| {f['model']} | {f['seen']:.2f} | {f['plain']:.2f} | {f['styled']:.2f} |" for f in found),
        "",
        "The same six with the first as their leader (INTERLEAVE_DRAW_ALIKE; nothing where the model cannot share "
        "attention): how near the other five come to its look, and how well all are recognised:",
        "",
        "| model | likeness to the first, each alone | led | recognised, each alone | led |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {f['model']} | {f['alike']:.2f} | {f['alike_led']:.2f} | {f['seen']:.2f} | {f['seen_led']:.2f} |"
            for f in found
        ),
        "",
    ]
    return "\n".join(lines)


def _drawn(generator: ImageGenerator, drawings: Sequence[Drawing]) -> list[Drawn]:
    answers = [a for a in generator.draw_all(drawings, step=0) if isinstance(a, Drawn)]
    return sorted(answers, key=lambda a: a.number)


def _seconds(generator: ImageGenerator, drawings: Sequence[Drawing]) -> float:
    began = time.perf_counter()
    assert len(_drawn(generator, drawings)) == len(drawings)
    return time.perf_counter() - began


def _stopped_after(generator: ImageGenerator, drawing: Drawing) -> float:
    """Seconds from going away in the middle of a picture until the next one can begin."""
    answers = generator.draw_all([drawing], step=0)
    for said in answers:
        if isinstance(said, Step) and said.doing == "draw" and said.done:
            break
    began = time.perf_counter()
    getattr(answers, "close", lambda: None)()
    next(iter(generator.draw_all([replace(drawing, steps=1)], step=0)), None)
    return time.perf_counter() - began


def _same_again(generator: ImageGenerator, drawing: Drawing) -> bool:
    first, second = (_drawn(generator, [drawing])[0].image.tobytes() for _ in range(2))
    return first == second


class _Writer:
    """A text model that takes its time, and a plan of six sections with a picture each."""

    name = "scripted"

    def __init__(self) -> None:
        from composer.backends.scripted import ScriptedTextModel

        plan = {
            "title": "Six things",
            "summary": "",
            "sections": [{"title": f"On {s}", "purpose": s, "words": 60} for s in SUBJECTS],
            "pictures": [
                {"section": n, "position": "middle", "main_thing": s, "what_is_visible": s, "why_here": s, "caption": s}
                for n, s in enumerate(SUBJECTS, start=1)
            ],
        }

        def reply(prompt: Any) -> str:  # noqa: ANN401
            asked = prompt[-1].content
            if "Plan an article" in asked:
                return json.dumps(plan)
            if '"alt":' in asked:
                return json.dumps({"alt": "A thing", "caption": "A thing is here."})
            time.sleep(PAUSE)
            mark = hashlib.sha256(asked.encode()).hexdigest()
            return f"The {mark[:5]} stands there. It {mark[5:9]} all day long. Nobody knows why {mark[9:14]} came."

        self._model = ScriptedTextModel(reply, name="scripted")

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._model, name)


def _article(generator: ImageGenerator, px: int) -> dict[str, float]:
    """Seconds for the same article without and with drawn pictures, and for drawing its slots alone."""
    seconds = {}
    for name, drawing in (("text", None), ("both", generator)):
        with tempfile.TemporaryDirectory() as folder:
            log = create(Path(folder) / "a", "a")
            brief = make_brief("Six things", Wishes(words=360, images=6))
            log.commit(SetBrief(brief=brief), by="person")
            settings = load_settings(draw_gate=0, picture_px=px)
            toolkit = Toolkit(settings=settings, text=_Writer(), generator=drawing, pictures=log.pictures)
            began = time.perf_counter()
            assert Driver(log).run(compose(toolkit, log.article))
            seconds[name] = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        log = create(Path(folder) / "a", "a")
        log.commit(SetBrief(brief=make_brief("Six things", Wishes())), by="person")
        slots = (ImageSlot(id="", purpose="", query=s) for s in SUBJECTS)
        blocks: list[Block] = [TextBlock(id="", markdown="## Things"), *slots]
        for block in blocks:
            after = log.article.blocks[-1].id if log.article.blocks else None
            log.commit(AddBlock(block=with_id(log.article, block), after=after), by="model")
        toolkit = Toolkit(
            settings=load_settings(draw_gate=0, picture_px=px),
            text=_Writer(),
            generator=generator,
            pictures=log.pictures,
        )
        began = time.perf_counter()
        assert Driver(log).run(draw_open(toolkit, log.article, [s.id for s in log.article.slots()]))
        seconds["drawn"] = time.perf_counter() - began
    return seconds


def _judged(generator: ImageGenerator, six: Sequence[Drawing], given: Sequence[Path]) -> dict[str, float]:
    """How well the pictures are recognised, and how near they come to the look of references."""
    looks = [Image.open(p).convert("RGB") for p in given] or [_stripes(n) for n in range(2)]
    card = card_of([see(look) for look in looks])
    plain = [a.image for a in _drawn(generator, six)]
    styled = [a.image for a in _drawn(generator, [replace(d, references=tuple(looks)) for d in six])]
    led = [a.image for a in _drawn(generator, [replace(d, lead=six[0]) for d in six])]
    return {
        "seen": _recognised(six, plain),
        "seen_led": _recognised(six, led),
        "alike": _alike(plain),
        "alike_led": _alike(led),
        "plain": float(np.mean([closeness(card, see(p)) for p in plain])),
        "styled": float(np.mean([closeness(card, see(p)) for p in styled])),
    }


def _recognised(six: Sequence[Drawing], images: Sequence[Image.Image]) -> float:
    with suppress(Exception):
        if judge := judge_of("starter-clip"):
            return median([recognisable(d.prompt, image, judge) for d, image in zip(six, images, strict=True)])
    return 0.0


def _alike(images: Sequence[Image.Image]) -> float:
    """How near the others come to the look of the first, 0 to 1."""
    card = card_of([see(images[0])])
    return float(np.mean([closeness(card, see(image)) for image in images[1:]]))


def _stripes(number: int) -> Image.Image:
    rows = np.arange(256) // (12 + 6 * number) % 2
    pixels = np.where(rows[:, None, None] == 0, (20, 60, 120), (240, 190, 60)).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(pixels, (256, 256, 3)).copy())


def _accelerator_mb() -> float:
    import torch

    return torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else 0.0


def _in_own_process(spec: str, given: argparse.Namespace) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.generate",
        "--one",
        spec,
        "--px",
        str(given.px),
        "--runs",
        str(given.runs),
    ]
    for path in given.reference:
        command += ["--reference", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{spec}: {done.stderr.strip().splitlines()[-1]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _tiny(given: argparse.Namespace) -> list[dict[str, Any]]:
    from composer.backends.hf_load import loaded
    from tests.backends.tiny_pipelines import WRITERS, write_pipeline

    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in WRITERS:
            where = str(Path(folder) / KNOWN_AS[name])
            loaded(lambda path, name=name: write_pipeline(name, Path(path)), where)  # type: ignore[misc]
            answer = _in_own_process(f"diffusers:{where}", argparse.Namespace(**{**vars(given), "px": given.px or 64}))
            found.append({**answer, "model": f"{TINY}{name}"})
            print(f"{name}: {answer}", file=sys.stderr, flush=True)
    return found


def _versions() -> str:
    import diffusers
    import torch

    return f"torch {torch.__version__}, diffusers {diffusers.__version__}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    main()
