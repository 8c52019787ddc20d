"""Blurred procedural scenes to stand behind a face."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 128


def draw_background(seed: int) -> np.ndarray:
    """Return colour noise, boxes and lights out of focus, (SIDE, SIDE, 3) uint8, first row at the bottom."""
    rng = np.random.default_rng(seed)
    field, gain = np.zeros((SIDE, SIDE), np.float32), 1.0
    for octave in range(int(rng.integers(1, 7))):
        cells = (rng.random((2 ** (octave + 1) + 1,) * 2) * 255).astype(np.uint8)
        field += gain * np.asarray(Image.fromarray(cells).resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32)
        gain *= 0.55
    field = ((field - field.min()) / (np.ptp(field) + 1e-6))[..., None]
    a, b = (grey * 0.75 + 0.25 * rng.random(3) for grey in rng.random(2))
    image = Image.fromarray((np.clip(a * field + b * (1 - field), 0, 1) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image, "RGBA")
    for _ in range(int(rng.integers(0, 7))):
        x, y, w, h = (int(q) for q in rng.integers(-20, SIDE, 4))
        r, g, b = (int(q) for q in 255 * (0.7 * rng.random() + 0.3 * rng.random(3)))
        fill = (r, g, b, int(rng.integers(60, 200)))
        shape = draw.ellipse if rng.random() < 0.3 else draw.rectangle
        shape([x, y, x + 4 + abs(w) // 2, y + 4 + abs(h) // 2], fill=fill)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.8, 7)))))[::-1].copy()
