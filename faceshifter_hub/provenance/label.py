"""A label that people see: "AI modified", in a corner where there is no face."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

TEXT = "AI modified"
OF_SIDE = 0.035  # height of the letters, of the picture's shorter side
SMALLEST = 10  # pixels
MARGIN = 0.5  # of the letters' height
BACKGROUND, FOREGROUND = (0, 0, 0, 150), (255, 255, 255, 255)


def draw_label(photo: np.ndarray, boxes: Sequence[np.ndarray]) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 RGB with the label in the first corner, from below left, without a face.

    Where every corner has one, it covers the least of them. A picture too small for letters that can be read stays
    without.

    Args:
        photo: (H, W, 3) uint8 RGB.
        boxes: Of faces, (4,) each: left, top, right, bottom.
    """
    height, width = photo.shape[:2]
    size = max(SMALLEST, round(OF_SIDE * min(height, width)))
    font = ImageFont.load_default(size)
    margin = round(MARGIN * size)
    left, top, right, bottom = font.getbbox(TEXT)
    label = Image.new("RGBA", (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin), BACKGROUND)
    if label.width > width or label.height > height:
        return photo
    ImageDraw.Draw(label).text((margin - left, margin - top), TEXT, FOREGROUND, font)
    corners = [(x, y) for y in (height - label.height, 0) for x in (0, width - label.width)]
    corner = min(corners, key=lambda place: sum(_overlap(place, label.size, box) for box in boxes))
    drawn = Image.fromarray(photo)
    drawn.paste(label, corner, label)
    return np.asarray(drawn)


def _overlap(place: tuple[int, int], size: tuple[int, int], box: np.ndarray) -> float:
    wide = min(place[0] + size[0], box[2]) - max(place[0], box[0])
    high = min(place[1] + size[1], box[3]) - max(place[1], box[1])
    return float(max(wide, 0) * max(high, 0))
