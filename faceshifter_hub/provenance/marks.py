"""The marks of a swap's pixels, and a word in the log where somebody does without."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from faceshifter_hub.options import SwapOptions
from faceshifter_hub.provenance.label import draw_label
from faceshifter_hub.provenance.payload import new_id
from faceshifter_hub.provenance.watermark import embed

OF_A_SWAP = ("swapped", "refined")  # the stages whose pictures show one
LOG = logging.getLogger(__name__)
UNMARKED = (
    "This swap is not marked, as mark=False asks for: no watermark, no content credentials. Whoever shows it must "
    "say that it is synthetic."
)


def draw_id(options: SwapOptions) -> str | None:
    """Return an id for the marks of a swap; None, which the log says, where the options do without."""
    if options.mark:
        return new_id()
    LOG.warning(UNMARKED)
    return None


def mark_pixels(
    photo: np.ndarray, boxes: Sequence[np.ndarray], options: SwapOptions, mark_id: str | None
) -> np.ndarray:
    """Return a swapped picture (H, W, 3) uint8 RGB with what the options say: a label, a watermark.

    Args:
        photo: (H, W, 3) uint8 RGB.
        boxes: Of the faces, (4,) each.
        options: Of the swap.
        mark_id: What `draw_id` gave.
    """
    if options.label:
        photo = draw_label(photo, boxes)
    return photo if mark_id is None else embed(photo, mark_id)


def mark_stages(pictures: Mapping[str, Image.Image], mark_id: str | None) -> dict[str, Image.Image]:
    """Return the pictures of the stages, those that show a swap with a watermark."""
    if mark_id is None:
        return dict(pictures)
    return {
        name: Image.fromarray(embed(np.asarray(picture), mark_id)) if name in OF_A_SWAP else picture
        for name, picture in pictures.items()
    }
