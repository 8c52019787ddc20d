"""A picture of a data set at a glance: a hundred faces, then rows of source, target, truth."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from faceshifter_hub.datasets.shards import read_sample, scan_shard
from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.synthesis.datasets.plan import Plan, Shard
from faceshifter_hub.synthesis.datasets.samples import decode_picture

SIDE, COLUMNS, GAP = 96, 10, 32  # pixels, pictures, pixels
MOST_FACES, MOST_TRIPLETS, TRIPLETS_A_ROW = 100, 24, 3


def write_contact_sheet(folder: Path, plan: Plan) -> None:
    """Write `contact_sheet.webp`: samples spread evenly over the data set.

    Raises:
        DataError: A shard is damaged.
        UnwritableOutputError: The picture cannot be written.
    """
    faces = [shrink(sample["webp"]) for sample in spread(folder, plan, "faces", MOST_FACES)]
    triplets = [
        np.hstack([shrink(sample[f"{name}.webp"]) for name in ("source", "target", "truth")])
        for sample in spread(folder, plan, "triplets", MOST_TRIPLETS)
    ]
    rows = [*lay_out(faces, COLUMNS, 0), *lay_out(triplets, TRIPLETS_A_ROW, GAP)]
    with written_whole(folder / "contact_sheet.webp") as file:
        Image.fromarray(np.vstack(rows)).save(file, "webp", quality=85)


def spread(folder: Path, plan: Plan, kind: str, most: int) -> list[dict[str, bytes]]:
    """Read at most so many samples of a kind, at even distances."""
    shards = [shard for shard in plan.shards() if shard.kind == kind]
    total = shards[-1].last if shards else 0
    numbers = np.unique(np.linspace(0, total - 1, min(most, total)).round().astype(int))
    return [sample for shard in shards for sample in read_numbers(folder, shard, numbers)]


def read_numbers(folder: Path, shard: Shard, numbers: np.ndarray) -> list[dict[str, bytes]]:
    """Read those samples that a shard holds."""
    own = numbers[(numbers >= shard.first) & (numbers < shard.last)]
    path = folder / shard.name
    spans = scan_shard(path) if len(own) else []
    return [read_sample(path, spans[n - shard.first]) for n in own]


def shrink(content: bytes) -> np.ndarray:
    """Decode a picture as a thumbnail."""
    return cv2.resize(decode_picture(content), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def lay_out(tiles: Sequence[np.ndarray], columns: int, gap: int) -> list[np.ndarray]:
    """Return rows as wide as the sheet, white where there is no tile."""
    rows = []
    for first in range(0, len(tiles), columns):
        row = np.full((SIDE, COLUMNS * SIDE, 3), 255, np.uint8)
        for k, tile in enumerate(tiles[first : first + columns]):
            left = k * (tile.shape[1] + gap)
            row[:, left : left + tile.shape[1]] = tile
        rows.append(row)
    return rows
