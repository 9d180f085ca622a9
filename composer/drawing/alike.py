"""One look for an article's drawn pictures: all follow the first that was drawn, where the model can do that.

Knows drawings and recipes; how a model follows another picture is its backend's business.
"""

from collections.abc import Sequence
from dataclasses import replace

from composer.article import Article
from composer.drawing.ask import Wanted
from composer.drawing.request import Drawing
from composer.toolkit import Toolkit
from retrieval.picture import Recipe


def alike(toolkit: Toolkit, article: Article, wanted: Sequence[Wanted]) -> list[Wanted]:
    """The wishes, each led by the article's first drawn picture of this model and size, or by the first of them."""
    generator = toolkit.generator
    if not toolkit.settings.draw_alike or generator is None or not generator.abilities.shared:
        return list(wanted)
    return [w if w.drawing.start else replace(w, drawing=led(w.drawing, _leader(article, wanted, w))) for w in wanted]


def led(drawing: Drawing, leader: Drawing) -> Drawing:
    """The drawing, led by another one that has its form, steps and guidance."""
    same = replace(drawing, prompt=leader.prompt, context=leader.context, style=leader.style, lead=None)
    return replace(drawing, lead=replace(same, negative=leader.negative, seed=leader.seed))


def from_recipe(recipe: Recipe) -> Drawing:
    """The leader that a recipe names: words as the model was given them."""
    return Drawing(prompt=recipe.lead_prompt, negative=recipe.lead_negative, seed=recipe.lead_seed)


def _leader(article: Article, wanted: Sequence[Wanted], one: Wanted) -> Drawing:
    drawn = (c.picture.recipe for s in article.slots() for c in s.candidates)
    size = (one.drawing.width, one.drawing.height)
    for recipe in drawn:
        if recipe and recipe.lead_prompt and (recipe.width, recipe.height) == size:
            return from_recipe(recipe)
    return next(w.drawing for w in wanted if (w.drawing.width, w.drawing.height) == size and not w.drawing.start)
