"""A part of a picture drawn anew: what is outside it stays as it was, bit for bit."""

from PIL import Image, ImageChops, ImageFilter

from composer.drawing.request import Drawing

FEATHER = 4  # px; the soft edge, inside the mask


def pasted(drawing: Drawing, image: Image.Image) -> Image.Image:
    """What was drawn within the mask, and the start bit for bit outside; without a mask all that was drawn."""
    if drawing.mask is None or drawing.start is None:
        return image
    start = drawing.start.convert("RGB")
    mask = drawing.mask.convert("L").resize(start.size)
    soft = ImageChops.darker(mask.filter(ImageFilter.GaussianBlur(FEATHER)), mask)
    return Image.composite(image.resize(start.size, Image.Resampling.LANCZOS), start, soft)
