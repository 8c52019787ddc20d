"""Pictures within HTML that the page shows: each carries its own data, since no file of it is kept."""

import base64
from io import BytesIO

from markupsafe import Markup
from PIL import Image

FIGURE_SIDE = 256  # pixels


def picture(image: Image.Image, alt: str) -> Markup:
    """Return an `img` of a picture, no larger than FIGURE_SIDE, which is read out as `alt`."""
    smaller = image.convert("RGB")
    smaller.thumbnail((FIGURE_SIDE, FIGURE_SIDE))
    with BytesIO() as written:
        smaller.save(written, "webp", quality=90)
        data = base64.b64encode(written.getvalue()).decode()
    return Markup('<img src="data:image/webp;base64,{}" alt="{}" width="{}" height="{}">').format(
        data, alt, *smaller.size
    )


def figure(image: Image.Image, title: str, explanation: str) -> Markup:
    """Return a `figure`: the picture, its title and what it means."""
    return Markup("<figure>{}<figcaption><strong>{}</strong> {}</figcaption></figure>").format(
        picture(image, title), title, explanation
    )
