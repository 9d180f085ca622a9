"""What a drawn picture's file says of itself, and the record that draws it again.

The mark is IPTC's DigitalSourceType in XMP, with model, prompt, seed and the hashes of the pictures that went in. It is
written behind the last encoding and before the file's hash is taken, so that picture, mark and identity belong together.
"""

from dataclasses import replace
from typing import Literal

from PIL import Image

from composer.drawing.ask import Wanted
from composer.drawing.request import Drawn
from composer.errors import UsageError
from composer.export.containers import bare
from composer.export.metadata import ARRANGED, DRAWN, EDITED, SOURCE_TYPE
from composer.export.xmp import Value, packet
from retrieval.images import digest_of, encode, perceptual_hash
from retrieval.picture import Attribution, Picture, Recipe

PROGRAM = "Interleave 0.1"
CREDIT = "AI-generated"
LONGEST = 8000  # characters of a prompt in a file; a JPEG holds no more than 65 kB of XMP
Form = Literal["PNG", "WEBP", "JPEG"]


def recipe_of(wanted: Wanted, drawn: Drawn, model: str) -> Recipe:
    """How a picture was made, as it really was: what the model could not be given is not in it."""
    asked, begins = wanted.drawing, drawn.began_from == "reference"
    given = wanted.references if drawn.shown else wanted.references[:1] if begins else ()
    started = bool(drawn.began_from)
    return Recipe(
        model=model,
        prompt=drawn.prompt,
        query=wanted.query,
        negative=drawn.negative,
        seed=asked.seed,
        width=drawn.size[0] or drawn.image.width,
        height=drawn.size[1] or drawn.image.height,
        steps=drawn.steps,
        guidance=drawn.guidance,
        strength=asked.strength if started else None,
        references=given,
        start=wanted.start if drawn.began_from == "start" else "",
        mask=wanted.mask if drawn.began_from == "start" else "",
        lead_prompt=drawn.lead[0] if drawn.lead else "",
        lead_negative=drawn.lead[1] if drawn.lead else "",
        lead_seed=drawn.lead[2] if drawn.lead else 0,
        together=drawn.together,
        software=drawn.software,
        parts=drawn.parts,
    )


def finished(image: Image.Image, recipe: Recipe, credit: Attribution, form: Form = "PNG") -> tuple[Picture, bytes]:
    """The picture with its mark inside, and its file."""
    data = bare(encode(image, form), xmp=packet(said_of(recipe, credit.licence)))
    picture = Picture(
        digest=digest_of(data),
        media_type=f"image/{form.lower()}",
        width=image.width,
        height=image.height,
        caption=", ".join(recipe.parts) or recipe.query or recipe.prompt,
        attribution=credit,
        phash=perceptual_hash(image),
        recipe=recipe,
    )
    return picture, data


def credit_of(recipe: Recipe, licence: str, origin: Picture | None = None) -> Attribution:
    """Who made a drawn picture. `origin` is the picture whose pixels it began with: its maker and terms stay in force.

    Raises UsageError where these forbid a changed picture.
    """
    plain = Attribution(
        title=recipe.query or recipe.prompt, author=recipe.model, source=CREDIT, licence=licence, generated=True
    )
    if origin is None:
        return plain
    theirs = origin.attribution
    if "ND" in theirs.licence.upper().replace("-", " ").split():
        raise UsageError(f"The licence {theirs.licence} does not allow changed pictures. Begin with another one.")
    redrawn = replace(plain, changes="redrawn from another picture", original=origin.digest)
    if theirs.generated or theirs.licence == "yours":
        return redrawn
    whose = f"after “{theirs.title}”" if theirs.title else "after a picture"
    after = f"{whose} by {theirs.author}" if theirs.author else whose
    return replace(
        redrawn,
        author=f"{recipe.model}, {after}",
        licence=theirs.licence or "unknown",
        licence_url=theirs.licence_url,
        url=theirs.url,
    )


def is_edit(recipe: Recipe) -> bool:
    """Whether pixels of another picture are in it: then it is a composite, not the model's alone."""
    return bool(recipe.start or (recipe.strength is not None and recipe.references))


def said_of(recipe: Recipe, licence: str) -> dict[str, Value]:
    """The XMP properties of a drawn picture."""
    numbers = {
        "seed": str(recipe.seed),
        "steps": str(recipe.steps or ""),
        "guidance": "" if recipe.guidance is None else f"{recipe.guidance:g}",
        "strength": "" if recipe.strength is None else f"{recipe.strength:g}",
        "width": str(recipe.width),
        "height": str(recipe.height),
        "together": str(recipe.together),
    }
    own: dict[str, Value] = {
        "model": recipe.model,
        "prompt": recipe.prompt[:LONGEST],
        "negativePrompt": recipe.negative[:LONGEST],
        **numbers,
        "parts": list(recipe.parts),
        "references": list(recipe.references),
        "start": recipe.start,
        "mask": recipe.mask,
        "software": recipe.software,
    }
    common: dict[str, Value] = {
        "xmp:CreatorTool": PROGRAM,
        "xmpRights:UsageTerms": licence,
        **{f"interleave:{name}": value for name, value in own.items()},
    }
    if recipe.parts:
        return {SOURCE_TYPE: ARRANGED, **common}
    return {
        SOURCE_TYPE: EDITED if is_edit(recipe) else DRAWN,
        "Iptc4xmpExt:AISystemUsed": recipe.model,
        "Iptc4xmpExt:AIPromptInformation": recipe.prompt[:LONGEST],
        "photoshop:Credit": CREDIT,
        **common,
    }


def marked(picture: Picture, data: bytes) -> bytes:
    """A new file of a picture, such as a part of it, with the mark that its picture has."""
    if picture.recipe:
        return bare(data, xmp=packet(said_of(picture.recipe, picture.attribution.licence)))
    if picture.attribution.generated:
        return bare(data, xmp=packet({SOURCE_TYPE: DRAWN, "photoshop:Credit": CREDIT}))
    return data
