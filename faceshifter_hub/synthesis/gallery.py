"""Draw what docs/synthesis.md shows, faces and triplets: `python -m faceshifter_hub.synthesis.gallery docs/images`."""

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from faceshifter_hub.synthesis.renderer import FaceRenderer
from faceshifter_hub.synthesis.triplets import render_group, sample_people

FACES, TRIPLETS, COLUMNS = 100, 20, 10
TILE = 128
QUALITY = 85


def tiles(images: list[np.ndarray], columns: int) -> Image.Image:
    """Return pictures of one size side by side, row by row."""
    rows = [np.concatenate(images[start : start + columns], 1) for start in range(0, len(images), columns)]
    return Image.fromarray(np.concatenate(rows))


def main() -> None:
    """Draw and write both pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    renderer = FaceRenderer(TILE, supersampling=2.0)
    people = sample_people(renderer.catalogue.of_split("train"), (args.seed,), FACES)
    faces = [renderer.render(person.identity, person.attributes).image for person in people]
    tiles(faces, COLUMNS).save(args.folder / "faces.webp", quality=QUALITY)
    triplets = []
    for group in range(TRIPLETS // 2):
        for triplet in islice(render_group(renderer, args.seed, group, people=2), 2):
            triplets += [triplet.source.image, triplet.target.image, triplet.truth.image]
    tiles(triplets, 6).save(args.folder / "triplets.webp", quality=QUALITY)


if __name__ == "__main__":
    main()
