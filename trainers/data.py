"""Training pairs: photographs without a true swap, rendered triplets whose true swap is known.

Both lie in shards: `photos-*.tar` as `faceshifter prepare` writes them, `triplets-*.tar` as `faceshifter synthesize`
does: source, target and true swap.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset

from faceshifter_hub.datasets.shards import read_sample, scan_field, scan_shard
from faceshifter_hub.errors import DataError
from faceshifter_hub.faces.alignment import similarity, template
from faceshifter_hub.synthesis.datasets.plan import RANGES
from faceshifter_hub.synthesis.datasets.samples import decode_picture
from faceshifter_hub.synthesis.datasets.stream import TripletStream
from trainers.occlusion import occlude

OCCLUDED = 0.5  # share of targets under an occluder, where there are occluders
JITTER_SHIFT, JITTER_ZOOM, JITTER_ROTATION = 0.015, 0.03, 2.0  # of the side, of the scale, degrees: detectors differ


@dataclass
class Photo:
    """A picture (H, W, 3) uint8 RGB and its five landmarks (5, 2).

    Attributes:
        person: who it shows; None where no other picture shows them.
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


class Photos(Sequence[Photo]):
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
                    people.add(facts["person"] or (path.parent, facts["file"]))
        self.spans = np.array(spans, np.int64).reshape(-1, 3)  # a photo's shard, where its bytes begin and end
        self.people = len(people)

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, n: int) -> Photo:  # type: ignore[override]  # no slices
        shard, begin, end = self.spans[n].tolist()
        fields = read_sample(self.paths[shard], (begin, end))
        facts = json.loads(fields["json"])
        points = np.array(facts["landmarks"], np.float32)
        return shrink(Photo(decode_picture(fields["jpg"]), points, facts["person"]), self.resolution)


def load_photos(folder: Path, resolution: int, *, validation: bool) -> Photos:
    """Return the photographs of one side of the split: training, or the validation tenth.

    Args:
        folder: prepared, or one of several prepared folders.
        resolution: that faces will be aligned to.
        validation: which side of the split.

    Raises:
        DataError: The folder holds no photographs, fewer than two people of that side, or a damaged shard.
    """
    paths = sorted(folder.rglob("photos-*.tar"))
    if not paths:
        raise DataError(f"{folder} has no photos-*.tar; make them with: faceshifter prepare PHOTOGRAPHS {folder}")
    side = "validation" if validation else "training"
    photos = Photos(paths, side, resolution)
    if photos.people < 2:
        count = "1 person" if photos.people else "nobody"
        raise DataError(f"{folder} holds {count} of the {side} split; pairs of different people need two or more.")
    return photos


@dataclass
class Swap:
    """Who is put where, and the true swap; None where nobody knows it."""

    source: Photo
    target: Photo
    truth: Photo | None


class Triplets(Sequence[Swap]):
    """Triplets that are read when they are asked for: memory does not grow with their number.

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

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, n: int) -> Swap:  # type: ignore[override]  # no slices
        return Swap(*self.photos(n, "source", "target", "truth"))

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


def to_tensor(image: np.ndarray) -> torch.Tensor:
    """Turn (R, R, 3) uint8 or float in [0, 255] into (3, R, R) float in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)) / 127.5 - 1


def warp(photo: Photo, matrix: np.ndarray, resolution: int) -> np.ndarray:
    """Warp a picture by a matrix (2, 3): (R, R, 3) uint8."""
    size = (resolution, resolution)
    return cv2.warpAffine(photo.image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


@dataclass(frozen=True)
class Targets:
    """Which pictures serve as targets, by their numbers.

    Attributes:
        photos: photographs.
        rendered: triplets.
    """

    photos: Sequence[int]
    rendered: Sequence[int]


class SwapPairs(Dataset):
    """Pairs (X_s, X_t), the true swap with them where it is known. Sample n depends on `seed` and n alone.

    Each item: `source`, `target`, `truth` (3, R, R) in [-1, 1]; `known`, whether the truth is known (else it holds the
    target); `same`, whether source and target are the same picture.

    Args:
        photos: of two people at least.
        triplets: rendered ones; may be empty.
        resolution: R.
        length: number of samples.
        seed: of all draws.
        different: share of pairs of different people (the paper: 0.8 for AEI-Net, 0.5 for HEAR-Net).
        rendered: share of rendered samples, with a known truth, where there are triplets.
        targets: if given, the only pictures that serve as targets.
        occluders: cut-outs pasted over half of the targets and their truths, alike.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        triplets: Sequence[Swap],
        resolution: int,
        length: int,
        seed: int,
        different: float,
        rendered: float,
        targets: Targets | None = None,
        occluders: Sequence[np.ndarray] = (),
    ):
        self.photos, self.triplets = photos, triplets
        self.resolution, self.length, self.seed = resolution, length, seed
        self.different, self.rendered = different, rendered if triplets else 0.0
        self.targets = targets or Targets(range(len(photos)), range(len(triplets)))
        self.occluders = occluders

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, n: int) -> dict[str, torch.Tensor]:
        rng, same, draw = self.begin(n)
        if draw < self.rendered:
            swap = self.triplets[self.targets.rendered[int(rng.integers(len(self.targets.rendered)))]]
        else:
            swap = self.photographs(rng)
        return self.finished(swap, same, rng)

    def begin(self, n: int) -> tuple[np.random.Generator, bool, float]:
        """Return the generator of sample n, whether its pictures are the same, and a number below the share of
        rendered samples if it is rendered.
        """
        rng = np.random.default_rng([self.seed, n])
        return rng, bool(rng.random() >= self.different), rng.random()

    def photographs(self, rng: np.random.Generator) -> Swap:
        """Draw two photographs of different people."""
        t = self.targets.photos[int(rng.integers(len(self.targets.photos)))]
        target = self.photos[t]
        while True:
            source = self.photos[(t + int(rng.integers(1, len(self.photos)))) % len(self.photos)]
            if source.person is None or source.person != target.person:
                return Swap(source, target, None)

    def finished(self, swap: Swap, same: bool, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Align, occlude and light a pair; `same` leaves its target alone."""
        if same:
            swap = Swap(swap.target, swap.target, swap.target)
        matrix = self.jittered(swap.target, rng)
        truths = [] if swap.truth is None or swap.truth is swap.target else [swap.truth]
        faces = [warp(photo, matrix, self.resolution) for photo in (swap.target, *truths)]
        if self.occluders and rng.random() < OCCLUDED:
            occluded = occlude(faces, self.occluders[int(rng.integers(len(self.occluders)))], rng)
            faces = [np.rint(face).astype(np.uint8) for face in occluded]
        flip, light = rng.random() < 0.5, random_light(rng)
        finished = [finish(face, flip, light) for face in faces]
        x_t, x_truth = finished[0], finished[-1]
        if same:
            x_s = x_t
        else:
            face = warp(swap.source, self.jittered(swap.source, rng), self.resolution)
            x_s = finish(face, rng.random() < 0.5, random_light(rng))
        return {
            "source": x_s,
            "target": x_t,
            "truth": x_truth,
            "known": torch.tensor(swap.truth is not None),
            "same": torch.tensor(same),
        }

    def jittered(self, photo: Photo, rng: np.random.Generator) -> np.ndarray:
        """Return the matrix (2, 3) that aligns a picture, but for a small error such as detectors make."""
        half = (self.resolution - 1) / 2
        error: np.ndarray = cv2.getRotationMatrix2D(
            (half, half), rng.normal(0, JITTER_ROTATION), float(np.exp(rng.normal(0, JITTER_ZOOM)))
        )
        error[:, 2] += rng.normal(0, JITTER_SHIFT * self.resolution, 2)
        align = np.vstack([similarity(photo.points, template(self.resolution)), [0, 0, 1]])
        return error @ align


class LivePairs(IterableDataset):
    """Pairs whose rendered share is of triplets that nobody saw before, rendered meanwhile.

    Sample n is the same wherever a run begins. To be iterated in the main process, not in a loader's worker.

    Args:
        pairs: what else there is to know of the pairs; it has no triplets.
        rendered: share of rendered samples.
        first: number of the first sample.
        workers: number of rendering processes.
    """

    def __init__(self, pairs: SwapPairs, rendered: float, first: int, workers: int):
        self.pairs, self.rendered, self.first, self.workers = pairs, rendered, first, workers

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        pairs = self.pairs
        rendered_before = sum(pairs.begin(n)[2] < self.rendered for n in range(self.first))
        stream = TripletStream(
            max(pairs.resolution, RANGES["size"][0]), pairs.seed, start=rendered_before, workers=self.workers
        )
        for n in range(self.first, len(pairs)):
            rng, same, draw = pairs.begin(n)
            if draw < self.rendered:
                triplet = next(stream)
                pictures = (triplet.source, triplet.target, triplet.truth)
                swap = Swap(*(Photo(picture.image, picture.landmarks) for picture in pictures))
            else:
                swap = pairs.photographs(rng)
            yield pairs.finished(swap, same, rng)
        stream.close()


def random_light(rng: np.random.Generator) -> tuple[np.ndarray, float, bool]:
    """Draw a colour gain a channel, a gamma, and whether the picture loses its colours."""
    gain = np.exp(rng.normal(0, 0.12) + rng.normal(0, 0.05, 3)).astype(np.float32)
    return gain, float(np.exp(rng.normal(0, 0.15))), bool(rng.random() < 0.05)


def finish(image: np.ndarray, flip: bool, light: tuple[np.ndarray, float, bool]) -> torch.Tensor:
    """Mirror and light an aligned face (R, R, 3) uint8; returns (3, R, R) in [-1, 1]."""
    gain, gamma, grey = light
    values = np.arange(256, dtype=np.float32)[:, None] / 255  # (256, 1): all that a pixel can be
    table = 2 * np.clip(values * gain, 0, 1) ** gamma - 1  # (256, 3)
    lit = np.empty((3, *image.shape[:2]), np.float32)
    for channel, colour in enumerate(cv2.split(image[:, ::-1] if flip else image)):
        lit[channel] = cv2.LUT(colour, np.ascontiguousarray(table[:, channel]))
    if grey:
        lit[:] = np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), lit, 1)
    return torch.from_numpy(lit)
