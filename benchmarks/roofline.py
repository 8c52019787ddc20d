"""Draw a roofline: `faceshifter benchmark --json > here.json`, `python benchmarks/roofline.py here.json roofline.png`.

What each stage reaches by each runtime, over its floating point operations a byte, beneath what this machine can: a
matrix product's GFLOP/s, or what a copy's GB/s feed. S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful
visual performance model for multicore architectures", CACM 2009.

Bytes are those of the stage's operations as they were trained, one after the other: a runtime that fuses them moves
fewer, and its points may lie above the slope.
"""

import argparse
from math import log10
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from faceshifter_hub.benchmarking.command import read_measurements

SIZE, LEFT, TOP, WIDTH, HEIGHT = (960, 560), 80, 40, 620, 440  # pixels
COLOURS = {
    "eager": (120, 120, 120),
    "torch": (20, 70, 170),
    "inductor": (120, 40, 160),
    "inductor-bf16": (200, 30, 110),
    "onnxruntime": (200, 80, 20),
    "openvino": (20, 130, 60),
}
INK, PALE = (60, 60, 60), (225, 225, 225)
RADIUS = 5


def draw_roofline(measured: dict[str, Any], batch: int) -> Image.Image:
    """Draw a point a stage and runtime, for batches of `batch` faces."""
    rows = [row for row in measured["rows"] if row["batch"] == batch]
    peak, bandwidth = measured["peak_gflops"], measured["bandwidth_gbs"]
    intensities = [row["gflop"] / row["gigabytes"] for row in rows]
    ridge = peak / bandwidth
    low_x, high_x = min(*intensities, ridge) / 2, max(*intensities, ridge) * 2
    low_y, high_y = min(row["gflops"] for row in rows) / 2, peak * 2

    def place(x: float, y: float) -> tuple[float, float]:
        across = log10(x / low_x) / log10(high_x / low_x)
        up = log10(y / low_y) / log10(high_y / low_y)
        return LEFT + across * WIDTH, TOP + (1 - up) * HEIGHT

    image = Image.new("RGB", SIZE, "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for exponent in range(-1, 5):
        for digit in (1, 2, 5):
            value = digit * 10.0**exponent
            if low_x < value < high_x:
                draw.line([place(value, low_y), place(value, high_y)], PALE)
                draw.text((place(value, low_y)[0], TOP + HEIGHT + 6), f"{value:g}", INK, font, "mt")
            if low_y < value < high_y:
                draw.line([place(low_x, value), place(high_x, value)], PALE)
                draw.text((LEFT - 6, place(low_x, value)[1]), f"{value:g}", INK, font, "rm")
    foot = max(low_x, low_y / bandwidth)
    draw.line([place(foot, foot * bandwidth), place(ridge, peak), place(high_x, peak)], INK, 2)
    draw.rectangle([LEFT, TOP, LEFT + WIDTH, TOP + HEIGHT], outline=INK)
    draw.text((LEFT, TOP - 24), "GFLOP/s", INK, font)
    draw.text((LEFT + WIDTH, TOP + HEIGHT + 26), "operations a byte", INK, font, "rt")
    roof = f"matrix product {peak:.0f} GFLOP/s, copy {bandwidth:.1f} GB/s"
    draw.text((LEFT + WIDTH, TOP - 24), roof, INK, font, "rt")

    stages = list(dict.fromkeys(row["stage"] for row in rows))
    runtimes = list(dict.fromkeys(row["runtime"] for row in rows))
    for row, intensity in zip(rows, intensities, strict=True):
        x, y = place(intensity, row["gflops"])
        draw.ellipse([x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS], COLOURS[row["runtime"]], "white")
        draw.text((x + 8, y), str(stages.index(row["stage"]) + 1), INK, font, "lm")
    beside = LEFT + WIDTH + 24
    for n, runtime in enumerate(runtimes):
        y = TOP + 20 * n
        draw.ellipse([beside, y, beside + 2 * RADIUS, y + 2 * RADIUS], COLOURS[runtime])
        draw.text((beside + 18, y + RADIUS), runtime, INK, font, "lm")
    for n, stage in enumerate(stages, 1):
        draw.text((beside, TOP + 20 * (len(runtimes) + n)), f"{n}  {stage}", INK, font)
    machine = measured["machine"]
    told = f"{machine['processor']}, {machine['threads']} threads, batch {batch}, {measured['clock']} clock"
    draw.text((LEFT, SIZE[1] - 24), told, INK, font)
    return image


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measured", type=Path, metavar="MEASURED.json")
    parser.add_argument("picture", type=Path, metavar="OUT.png")
    parser.add_argument("--batch", type=int, default=1, help="faces at a time (%(default)s)")
    arguments = parser.parse_args()
    draw_roofline(read_measurements(arguments.measured), arguments.batch).save(arguments.picture, optimize=True)


if __name__ == "__main__":
    main()
