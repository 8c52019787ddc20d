"""Photographs to train on: prepared folders, read at random, and their mixture by weight.

A folder holds shards, `photos-*.tar`, as `faceshifter prepare` writes them.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from faceshifter_hub.datasets.shards import read_sample, scan_field
from faceshifter_hub.errors import DataError
from faceshifter_hub.faces.alignment import similarity, template
from faceshifter_hub.synthesis.datasets.samples import decode_picture

MOST_DRAWS = 1000  # in vain, before two people are said not to be there


@dataclass
class Photo:
    """A picture (H, W, 3) uint8 RGB and its five landmarks (5, 2).

    Attributes:
        person: who it shows: no two pictures of one make a pair of different people. None for rendered people.
    """

    image: np.ndarray
    points: np.ndarray
    person: str | None = None


def shrink(photo: Photo, resolution: int) -> Photo:
    """Shrink a picture by a whole factor while its face stays larger than `resolution`, so that warps do not alias."""
    scale = np.sqrt(np.linalg.det(similarity(photo.points, template(resolution))[:, :2]))
    factor = int(np.floor(1 / scale + 0.35))
    if factor < 2:
        return photo
    h, w = (side // factor for side in photo.image.shape[:2])
    image = cv2.resize(photo.image[: h * factor, : w * factor], (w, h), interpolation=cv2.INTER_AREA)
    return Photo(image, (photo.points + 0.5) / factor - 0.5, photo.person)


class PhotoSource(Protocol):
    """Where photographs come from."""

    def draw_target(self, rng: np.random.Generator) -> Photo:
        """Draw the next target."""

    def draw_source(self, rng: np.random.Generator) -> Photo:
        """Draw a picture that may become a source."""


class AtRandom(Sequence[Photo]):
    """Photographs any of which is at hand at any time.

    Attributes:
        people: how many they show.
        targets: numbers of the pictures that serve as targets: all, unless somebody chooses.
    """

    people: int
    targets: Sequence[int]

    def draw_target(self, rng: np.random.Generator) -> Photo:
        """Draw one of the targets."""
        return self[self.targets[int(rng.integers(len(self.targets)))]]

    def draw_source(self, rng: np.random.Generator) -> Photo:
        """Draw any picture."""
        return self[int(rng.integers(len(self)))]


class PhotoList(AtRandom):
    """Photographs in memory."""

    def __init__(self, photos: Sequence[Photo]):
        self.photos, self.targets = photos, range(len(photos))
        self.people = len({photo.person for photo in photos})

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, n: int) -> Photo:  # type: ignore[override]  # no slices
        return self.photos[n]


class PhotoFolder(AtRandom):
    """Photographs that are read when they are asked for: memory does not grow with their size.

    Args:
        paths: of the shards.
        split: `training` or `validation`; the others are left out.
        resolution: that faces will be aligned to; larger pictures are shrunk.

    Raises:
        DataError: A shard is damaged.
    """

    def __init__(self, paths: Sequence[Path], split: str, resolution: int):
        self.paths, self.resolution = paths, resolution
        spans, people = [], set()
        for shard, path in enumerate(paths):
            for span, content in scan_field(path, "json"):
                facts = json.loads(content)
                if facts["split"] == split:
                    spans.append((shard, *span))
                    people.add(name_person(path, facts))
        self.spans = np.array(spans, np.int64).reshape(-1, 3)  # a photo's shard, where its bytes begin and end
        self.people = len(people)
        self.targets = range(len(spans))

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, n: int) -> Photo:  # type: ignore[override]  # no slices
        shard, begin, end = self.spans[n].tolist()
        path = self.paths[shard]
        fields = read_sample(path, (begin, end))
        facts = json.loads(fields["json"])
        photo = Photo(
            decode_picture(fields["jpg"]), np.array(facts["landmarks"], np.float32), name_person(path, facts)
        )
        return shrink(photo, self.resolution)


def name_person(shard: Path, facts: dict) -> str:
    """Return who a photograph of a shard shows: its person or, where nobody else's picture is one's own, its file.

    Folders name people as they like, so a name counts within its folder.
    """
    return f"{shard.parent}/{facts['person'] or facts['file']}"


class Mixture:
    """Pairs of different people out of several origins, by weight.

    Args:
        sources: where photographs come from.
        weights: how often each is chosen, in proportion; for the target and, anew, for the source.
    """

    def __init__(self, sources: Sequence[PhotoSource], weights: Sequence[float]):
        self.sources = sources
        self.bounds = np.cumsum(weights) / np.sum(weights)  # (N,), the last is 1

    def choose(self, rng: np.random.Generator) -> PhotoSource:
        """Choose where the next picture comes from."""
        return self.sources[int(np.searchsorted(self.bounds, rng.random(), side="right"))]

    def draw(self, rng: np.random.Generator) -> tuple[Photo, Photo]:
        """Draw a source and a target, of different people.

        Raises:
            DataError: There seems to be one person only.
        """
        target = self.choose(rng).draw_target(rng)
        for _ in range(MOST_DRAWS):
            source = self.choose(rng).draw_source(rng)
            if source.person != target.person:
                return source, target
        raise DataError(
            f"{MOST_DRAWS} photographs in a row show the person of the target; pairs of different people need others: "
            "mix in other data, or shuffle those that are streamed."
        )


def read_place(place: str) -> tuple[str, float]:
    """Split `ADDRESS=WEIGHT`; the weight is 1 where none is given.

    Raises:
        DataError: The weight is not above 0.
    """
    address, equals, text = place.rpartition("=")
    try:
        weight = float(text) if equals else None
    except ValueError:  # the equals sign belongs to the name
        weight = None
    if weight is None:
        return place, 1.0
    if not 0 < weight < math.inf:
        raise DataError(f"{place}: the weight of data is above 0, not {text}; leave out what is not wanted.")
    return address, weight


def find_shards(folder: Path, *, required: bool = False) -> list[Path]:
    """Return the shards of a prepared folder, or of several in a folder.

    Raises:
        DataError: `required`, and there is none.
    """
    paths = sorted(folder.rglob("photos-*.tar"))
    if required and not paths:
        raise DataError(f"{folder} has no photos-*.tar; make them with: faceshifter prepare PHOTOGRAPHS {folder}")
    return paths
