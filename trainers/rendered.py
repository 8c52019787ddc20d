"""Rendered triplets to train on: source, target and true swap, from folders of `faceshifter synthesize`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from faceshifter_hub.datasets.shards import read_sample, scan_shard
from faceshifter_hub.errors import DataError
from faceshifter_hub.synthesis.datasets.plan import RANGES
from faceshifter_hub.synthesis.datasets.samples import decode_picture
from faceshifter_hub.synthesis.datasets.stream import TripletStream
from trainers.photos import Photo, shrink


@dataclass
class Swap:
    """Who is put where, and the true swap; None where nobody knows it."""

    source: Photo
    target: Photo
    truth: Photo | None


class TripletSource(Protocol):
    """Where triplets come from."""

    def draw(self, rng: np.random.Generator) -> Swap:
        """Draw the next triplet."""


class Triplets(Sequence[Swap]):
    """Triplets that are read when they are asked for: memory does not grow with their number.

    Attributes:
        targets: numbers of the triplets that are drawn: all, unless somebody chooses.

    Args:
        paths: of the shards.
        resolution: that faces will be aligned to; larger pictures are shrunk.

    Raises:
        DataError: A shard is damaged.
    """

    def __init__(self, paths: Sequence[Path], resolution: int):
        self.paths, self.resolution = paths, resolution
        spans = [(shard, *span) for shard, path in enumerate(paths) for span in scan_shard(path)]
        self.spans = np.array(spans, np.int64).reshape(-1, 3)  # a triplet's shard, where its bytes begin and end
        self.targets: Sequence[int] = range(len(spans))

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, n: int) -> Swap:  # type: ignore[override]  # no slices
        return Swap(*self.photos(n, "source", "target", "truth"))

    def draw(self, rng: np.random.Generator) -> Swap:
        """Draw a triplet."""
        return self[self.targets[int(rng.integers(len(self.targets)))]]

    def photos(self, n: int, *names: str) -> list[Photo]:
        """Read some pictures of triplet number `n`."""
        fields = self.fields(n)
        known = json.loads(fields["json"])
        return [
            shrink(
                Photo(decode_picture(fields[f"{name}.webp"]), np.array(known[name]["landmarks"], np.float32)),
                self.resolution,
            )
            for name in names
        ]

    def fields(self, n: int) -> dict[str, bytes]:
        """Read all fields of triplet number `n`."""
        shard, begin, end = self.spans[n].tolist()
        return read_sample(self.paths[shard], (begin, end))


class TargetsOf(Sequence[Photo]):
    """The targets of some triplets, by their numbers."""

    def __init__(self, triplets: Triplets, numbers: Sequence[int]):
        self.triplets, self.numbers = triplets, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, n: int) -> Photo:  # type: ignore[override]  # no slices
        return self.triplets.photos(self.numbers[n], "target")[0]


class LiveTriplets:
    """Triplets that nobody saw before, rendered meanwhile.

    Args:
        resolution: that faces will be aligned to; the renderer draws no smaller than it can.
        seed: of all of them.
        workers: number of rendering processes.
    """

    def __init__(self, resolution: int, seed: int, workers: int):
        self.size, self.seed, self.workers = max(resolution, RANGES["size"][0]), seed, workers

    def begin(self, start: int) -> None:
        """Start rendering with triplet number `start`."""
        self.stream = TripletStream(self.size, self.seed, start=start, workers=self.workers)

    def draw(self, rng: np.random.Generator) -> Swap:
        """Take the next triplet, which nobody drew."""
        triplet = next(self.stream)
        pictures = (triplet.source, triplet.target, triplet.truth)
        return Swap(*(Photo(picture.image, picture.landmarks) for picture in pictures))

    def close(self) -> None:
        """Stop rendering."""
        self.stream.close()


def load_triplets(folder: Path | None, resolution: int) -> Triplets:
    """Return the triplets of a folder, none where there is no folder.

    Raises:
        DataError: The folder holds no triplets, or a damaged shard.
    """
    paths = sorted(folder.glob("triplets-*.tar")) if folder else []
    if folder and not paths:
        raise DataError(
            f"{folder} has no triplets-*.tar; make them with: faceshifter synthesize {folder} --triplets 12000"
        )
    return Triplets(paths, resolution)
