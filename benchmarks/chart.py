"""A chart of one quantity over another, from zero up: what stays flat is seen to."""

from collections.abc import Sequence
from math import ceil, floor, log10

from PIL import Image, ImageDraw, ImageFont

SIZE, LEFT, TOP, RIGHT, BOTTOM = (480, 280), 60, 36, 28, 44  # pixels
BOLD, INK, PALE = (20, 70, 170), (60, 60, 60), (225, 225, 225)
RADIUS = 3


def draw_chart(points: Sequence[tuple[float, float]], across: str, up: str, *, decades: bool = False) -> Image.Image:
    """Draw points, joined.

    Args:
        points: In ascending order of what is drawn to the right; what is drawn up is positive.
        across: What is drawn to the right.
        up: What is drawn up.
        decades: Whether every factor of ten to the right is equally wide, and every point has a dot.
    """
    scale = log10 if decades else float
    first, last = scale(points[0][0]), scale(points[-1][0])
    step = tick_step(max(value for _, value in points))
    highest = step * ceil(max(value for _, value in points) / step)
    width, height = SIZE[0] - LEFT - RIGHT, SIZE[1] - TOP - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + width * (scale(x) - first) / (last - first), TOP + height * (1 - y / highest)

    image = Image.new("RGB", SIZE, "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for n in range(round(highest / step) + 1):
        y = place(points[0][0], n * step)[1]
        draw.line([(LEFT, y), (LEFT + width, y)], PALE)
        draw.text((LEFT - 6, y), f"{n * step:g}", INK, font, "rm")
    marks = [10**n for n in range(ceil(first), floor(last) + 1)] if decades else [points[0][0], points[-1][0]]
    for mark in marks:
        draw.text((place(mark, 0)[0], TOP + height + 6), f"{mark:,g}", INK, font, "mt")
    places = [place(*point) for point in points]
    draw.line(places, BOLD, 2)
    for x, y in places if decades else ():
        draw.ellipse([x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS], BOLD)
    draw.rectangle([LEFT, TOP, LEFT + width, TOP + height], outline=INK)
    draw.text((LEFT, TOP - 22), up, INK, font)
    draw.text((LEFT + width, SIZE[1] - 6), across, INK, font, "rb")
    return image


def tick_step(highest: float) -> float:
    """Return 1, 2 or 5 times a power of ten, of which at most five reach a value."""
    power = 10.0 ** floor(log10(highest / 5))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit * 5 >= highest)
