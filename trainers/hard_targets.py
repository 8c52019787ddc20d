"""The pictures that stage 1 reconstructs worst, which stage 2 learns on (arXiv 1912.13457, section 3.2)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image, ImageDraw, ImageFont

from faceshifter_hub.faces.alignment import align
from trainers.frozen_aei import FrozenAEI
from trainers.pairs import to_tensor
from trainers.photos import Photo
from trainers.pieces import compute_in_pieces

BINS, PANEL, MARGIN = 60, (420, 220), 40  # of the histogram: bars, pixels, pixels
PALE, BOLD, INK = (190, 205, 230), (20, 70, 170), (60, 60, 60)


def heuristic_errors(
    aei: FrozenAEI, photos: Sequence[Photo], resolution: int, batch: int, cache: Path, accelerator: Accelerator
) -> np.ndarray:
    """Return mean |dY_t| of each picture, (N,): computed by all processes together, and only what `cache` lacks.

    Raises:
        UnwritableOutputError: The cache cannot be written.
    """

    def compute(numbers: range) -> np.ndarray:
        errors: list[float] = []
        for start in range(numbers.start, numbers.stop, batch):
            faces = [photos[n] for n in range(start, min(start + batch, numbers.stop))]
            aligned = [to_tensor(align(face.image, face.points, resolution)[0]) for face in faces]
            x = torch.stack(aligned).to(accelerator.device)  # (B, 3, R, R)
            with accelerator.autocast():
                errors += aei.error(x).abs().flatten(1).mean(1).tolist()
        return np.array(errors)

    return compute_in_pieces("heuristic errors", len(photos), compute, cache, accelerator)


def hardest(errors: np.ndarray, share: float) -> np.ndarray:
    """Return the numbers of the `share` of pictures with the largest errors, the largest first; at least one."""
    return np.argsort(-errors, kind="stable")[: max(int(len(errors) * share), 1)]


def draw_histogram(errors: Mapping[str, np.ndarray], share: float, path: Path) -> None:
    """Draw a panel for each data set: how large its errors are, the pictures that are kept in a bold colour."""
    image = Image.new("RGB", (PANEL[0], PANEL[1] * len(errors)), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for row, (name, values) in enumerate(errors.items()):
        bound = values[hardest(values, share)[-1]]
        counts, edges = np.histogram(values, BINS)
        left, top = MARGIN, PANEL[1] * row + MARGIN
        width, height = PANEL[0] - 2 * MARGIN, PANEL[1] - 2 * MARGIN
        for n, count in enumerate(counts):
            colour = BOLD if edges[n + 1] > bound else PALE
            x = [left + width * side / BINS for side in (n, n + 1)]
            draw.rectangle([x[0], top + height * (1 - count / counts.max()), x[1] - 1, top + height], fill=colour)
        draw.line([left, top + height, left + width, top + height], INK)
        draw.text((left, top - 22), f"{name}: {len(values)} pictures, kept from |dY| {bound:.3f} on", INK, font)
        for value, at, anchor in ((edges[0], left, "lt"), (edges[-1], left + width, "rt")):
            draw.text((at, top + height + 4), f"{value:.3f}", INK, font, anchor)
    image.save(path)
