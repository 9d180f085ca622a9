"""The same picture once more: from the recipe that was kept with it to the request that draws it."""

from PIL import Image

from composer.article import ImageSlot
from composer.drawing.alike import from_recipe, led
from composer.drawing.ask import Wanted
from composer.drawing.request import Drawing
from composer.errors import UsageError
from composer.toolkit import Toolkit
from retrieval.images import decode_rgb
from retrieval.picture import Digest, Recipe


def again(toolkit: Toolkit, slot: ImageSlot, recipe: Recipe) -> list[Wanted]:
    """The request: as many copies as its batch had pictures, for another number rounds sums in another order.

    Raises UsageError where what it was made from, such as its mask, is gone, or another generator is configured now.
    """
    if toolkit.generator is None or toolkit.generator.name != recipe.model:
        now = toolkit.generator.name if toolkit.generator else "none"
        raise UsageError(f"It was drawn by {recipe.model}; now the generator is {now}. Set INTERLEAVE_GENERATOR back.")
    drawing = Drawing(
        prompt=recipe.prompt,
        negative=recipe.negative,
        width=recipe.width,
        height=recipe.height,
        seed=recipe.seed,
        steps=recipe.steps or None,
        guidance=recipe.guidance,
        strength=0.6 if recipe.strength is None else recipe.strength,
        references=tuple(_read(toolkit, digest) for digest in recipe.references),
        start=_read(toolkit, recipe.start) if recipe.start else None,
        mask=_read(toolkit, recipe.mask).convert("L") if recipe.mask else None,
    )
    follows = recipe.lead_prompt != ""
    if follows:
        drawing = led(drawing, from_recipe(recipe))
    leads = (recipe.lead_prompt, recipe.lead_seed) == (recipe.prompt, recipe.seed)
    one = Wanted(
        slot=slot.id,
        query=recipe.query,
        drawing=drawing,
        references=recipe.references,
        start=recipe.start,
        mask=recipe.mask,
    )
    return [one] * max(1, recipe.together - (follows and not leads))


def _read(toolkit: Toolkit, digest: Digest) -> Image.Image:
    data = toolkit.pictures.read(digest) if toolkit.pictures else None
    if data is None:
        raise UsageError("A picture or a brushed part that it was made from is gone, so that it cannot be drawn again.")
    return decode_rgb(data)
