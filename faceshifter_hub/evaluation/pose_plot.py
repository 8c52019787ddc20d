"""A picture of true against estimated angles."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from faceshifter_hub.errors import UnwritableOutputError
from faceshifter_hub.evaluation.renders import ANGLES, JudgedPictures

SIDE, MARGIN = 420, 48  # pixels of a panel, of the space around it
LIMIT, STEP = 75, 25  # degrees that the axes reach, between their marks
INK, GRID, UNOCCLUDED, OCCLUDED = "#222222", "#dddddd", "#1f5fa8", "#d9822b"


def write_pose_plot(path: Path, judged: JudgedPictures) -> None:
    """Draw a panel an angle, a dot a picture: to the right the true angle, up the estimated one.

    Raises:
        UnwritableOutputError: The file cannot be written.
    """
    true, clear = judged.pose[judged.found], judged.unoccluded[judged.found]
    panels = [draw_panel(name, true[:, k], judged.estimated[:, k], clear) for k, name in enumerate(ANGLES)]
    try:
        Image.fromarray(np.concatenate(panels, axis=1)).save(path)
    except OSError as error:
        raise UnwritableOutputError(f"{path} cannot be written ({error.strerror}); choose another folder.") from error


def draw_panel(name: str, true: np.ndarray, estimated: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """Draw one angle; `clear` (F,) bool are the unoccluded pictures."""
    side = SIDE + 2 * MARGIN
    image = Image.new("RGB", (side, side), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(14)

    def place(x: float, y: float) -> tuple[float, float]:
        x, y = (min(max(value, -LIMIT), LIMIT) / LIMIT for value in (x, y))
        return MARGIN + (1 + x) * SIDE / 2, MARGIN + (1 - y) * SIDE / 2

    for mark in range(-LIMIT, LIMIT + 1, STEP):
        draw.line([place(mark, -LIMIT), place(mark, LIMIT)], GRID)
        draw.line([place(-LIMIT, mark), place(LIMIT, mark)], GRID)
        x, y = place(mark, -LIMIT)
        draw.text((x, y + 4), f"{mark}°", INK, font, anchor="ma")
        x, y = place(-LIMIT, mark)
        draw.text((x - 4, y), f"{mark}°", INK, font, anchor="rm")
    draw.line([place(-LIMIT, -LIMIT), place(LIMIT, LIMIT)], INK)
    for x, y, unoccluded in zip(true, estimated, clear, strict=True):
        draw.circle(place(x, y), 2, UNOCCLUDED if unoccluded else OCCLUDED)
    draw.text((side / 2, 8), f"{name}: estimated (up) against true", INK, font, anchor="ma")
    draw.text((side / 2, 28), "unoccluded", UNOCCLUDED, font, anchor="ra")
    draw.text((side / 2 + 12, 28), "occluded", OCCLUDED, font, anchor="la")
    return np.asarray(image)
