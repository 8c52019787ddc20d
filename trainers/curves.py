"""Curves of a run: every loss over the steps, drawn without a plotting library."""

import json
from array import array
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PANEL, MARGIN, COLUMNS = (420, 220), 40, 3  # pixels, pixels, panels in a row
POINTS = 300  # more steps than these are averaged in groups
SMOOTHING = 0.9  # share of the bold line that stays from point to point
PALE, BOLD, INK = (190, 205, 230), (20, 70, 170), (60, 60, 60)


def read_metrics(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the steps (N,) and values (N,) of each loss of a metrics.jsonl."""
    curves: dict[str, tuple[array, array]] = {}
    with path.open() as lines:
        for line in lines:
            values = json.loads(line)
            step = values.pop("step")
            for name, value in values.items():
                steps, found = curves.setdefault(name, (array("d"), array("d")))
                steps.append(step)
                found.append(value)
    return {name: (np.array(steps), np.array(found)) for name, (steps, found) in curves.items()}


def smooth(values: np.ndarray) -> np.ndarray:
    """Return the running average of (N,), unbiased at its beginning."""
    averages, average, weight = [], 0.0, 0.0
    for value in values:
        average = SMOOTHING * average + (1 - SMOOTHING) * value
        weight = SMOOTHING * weight + 1 - SMOOTHING
        averages.append(average / weight)
    return np.array(averages)


def draw_curves(metrics: Path, picture: Path) -> None:
    """Draw a panel for each loss: its values pale, their running average bold, its last value in the title."""
    curves = read_metrics(metrics)
    rows = -(-len(curves) // COLUMNS)
    image = Image.new("RGB", (PANEL[0] * min(len(curves), COLUMNS), PANEL[1] * rows), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for n, (name, (steps, values)) in enumerate(curves.items()):
        groups = min(len(steps), POINTS)
        x, y = (np.array([part.mean() for part in np.array_split(a, groups)]) for a in (steps, values))
        bold = smooth(y)
        left, top = PANEL[0] * (n % COLUMNS) + MARGIN + 10, PANEL[1] * (n // COLUMNS) + MARGIN
        width, height = PANEL[0] - MARGIN - 30, PANEL[1] - 2 * MARGIN
        low, high = float(y.min()), float(y.max())
        across = (x - x[0]) / max(x[-1] - x[0], 1)  # 0 to 1
        for line, colour, thickness in ((y, PALE, 1), (bold, BOLD, 2)):
            down = (high - line) / max(high - low, 1e-12)  # 0 to 1
            points = zip(left + across * width, top + down * height, strict=True)
            draw.line([(float(a), float(b)) for a, b in points], colour, thickness)
        draw.rectangle([left, top, left + width, top + height], outline=INK)
        draw.text((left, top - 20), f"{name}  {bold[-1]:.4g}", INK, font)
        for value, at, anchor in ((high, top, "rt"), (low, top + height, "rb")):
            draw.text((left - 4, at), f"{value:.3g}", INK, font, anchor)
        for step, at, anchor in ((steps[0], left, "lt"), (steps[-1], left + width, "rt")):
            draw.text((at, top + height + 4), f"{step:.0f}", INK, font, anchor)
    image.save(picture)
