"""What the options of pasting do, as a picture: `python benchmarks/paste_options.py docs/images/paste-options.webp`.

A row a rendered target, a column an option: the target, the swap as it is by default, then by each. The second is
given the colours and the grain of a dim room, so that there is something to match.
"""

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceshifter_hub.media.images import read_image, write_image
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.registry import DATA_ROOT

SIDE, CROP = 512, 0.7  # pixels of a target; the share of its side that is shown, around the middle
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"colour": "lab"},
    {"colour": "poisson"},
    {"grain": True},
    {"keep": ["mouth"]},
    {"boost": 2},
)


def dim(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a photograph (H, W, 3) uint8 as a camera takes it in a warm, dim room."""
    noise = cv2.GaussianBlur(rng.normal(0, 12, photo.shape), (0, 0), 0.8)
    return (photo * (0.75, 0.6, 0.45) + noise).clip(0, 255).astype(np.uint8)


def main() -> None:
    """Swap, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="to write")
    picture = parser.parse_args().picture
    pipeline, examples = FaceShifterPipeline.from_pretrained(), DATA_ROOT / "examples"
    source = pipeline.identity(examples / "face_11.webp")
    photos = [cv2.resize(read_image(examples / name), (SIDE, SIDE)) for name in ("face_03.webp", "face_05.webp")]
    margin = round(SIDE * (1 - CROP) / 2)
    rows = []
    for target in (photos[0], dim(photos[1], np.random.default_rng(0))):
        swaps = [np.asarray(pipeline(source, target, **options).images[0]) for options in OPTIONS]
        rows.append(np.hstack([shown[margin:-margin, margin:-margin] for shown in (target, *swaps)]))
    write_image(cv2.resize(np.vstack(rows), None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA), picture)


if __name__ == "__main__":
    main()
