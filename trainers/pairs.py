"""Training pairs: photographs without a true swap, rendered triplets whose true swap is known."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset

from faceshifter_hub.faces.alignment import similarity, template
from trainers.occlusion import occlude
from trainers.photos import Mixture, Photo
from trainers.rendered import LiveTriplets, Swap, TripletSource
from trainers.streams import PhotoStream
from trainers.worn_glasses import wear

OCCLUDED = 0.5  # share of targets under an occluder, where there are occluders
BESPECTACLED = 0.3  # share of targets, and of sources, that are given glasses, where there are glasses
JITTER_SHIFT, JITTER_ZOOM, JITTER_ROTATION = 0.015, 0.03, 2.0  # of the side, of the scale, degrees: detectors differ


def to_tensor(image: np.ndarray) -> torch.Tensor:
    """Turn (R, R, 3) uint8 or float in [0, 255] into (3, R, R) float in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)) / 127.5 - 1


def warp(photo: Photo, matrix: np.ndarray, resolution: int) -> np.ndarray:
    """Warp a picture by a matrix (2, 3): (R, R, 3) uint8."""
    size = (resolution, resolution)
    return cv2.warpAffine(photo.image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


class SwapPairs(Dataset):
    """Pairs (X_s, X_t), the true swap with them where it is known. Sample n depends on `seed` and n alone.

    Each item: `source`, `bare_source`, `target`, `truth` (3, R, R) in [-1, 1]; `known`, whether the truth is known
    (else it holds the target); `same`, whether source and target are the same picture. The bare source is the source
    before glasses were put on it: who somebody is, and what a result is to show, glasses do not change.

    Args:
        photos: of two people at least.
        triplets: rendered ones, if there are any.
        resolution: R.
        length: number of samples.
        seed: of all draws.
        different: share of pairs of different people (the paper: 0.8 for AEI-Net, 0.5 for HEAR-Net).
        rendered: share of rendered samples, with a known truth, where there are triplets.
        occluders: cut-outs pasted over half of the targets and their truths, alike.
        glasses: aligned ones, put on some of the targets and their truths, alike, and on some of the sources, whose
            they are to stay.
        exchanged: what draws photographs whose swap is known, if anything does.
        exchanged_share: of the samples of photographs.
    """

    def __init__(
        self,
        photos: Mixture,
        triplets: TripletSource | None,
        resolution: int,
        length: int,
        seed: int,
        different: float,
        rendered: float,
        occluders: Sequence[np.ndarray] = (),
        glasses: Sequence[np.ndarray] = (),
        exchanged: TripletSource | None = None,
        exchanged_share: float = 0.0,
    ):
        self.photos, self.triplets = photos, triplets
        self.resolution, self.length, self.seed = resolution, length, seed
        self.different, self.rendered = different, rendered if triplets else 0.0
        self.occluders, self.glasses = occluders, glasses
        self.exchanged, self.exchanged_share = exchanged, exchanged_share

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, n: int) -> dict[str, torch.Tensor]:
        rng, same, rendered = self.begin(n)
        if rendered:
            assert self.triplets is not None
            return self.finished(self.triplets.draw(rng), same, rng)
        if self.exchanged is not None and rng.random() < self.exchanged_share:
            return self.finished(self.exchanged.draw(rng), same, rng)
        return self.finished(Swap(*self.photos.draw(rng), None), same, rng)

    def begin(self, n: int) -> tuple[np.random.Generator, bool, bool]:
        """Return the generator of sample n, whether its pictures are the same, and whether it is rendered."""
        rng = np.random.default_rng([self.seed, n])
        return rng, bool(rng.random() >= self.different), bool(rng.random() < self.rendered)

    def finished(self, swap: Swap, same: bool, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Align, occlude and light a pair; `same` leaves its target alone."""
        if same:
            swap = Swap(swap.target, swap.target, swap.target)
        matrix = self.jittered(swap.target, rng)
        truths = [] if swap.truth is None or swap.truth is swap.target else [swap.truth]
        faces = [warp(photo, matrix, self.resolution) for photo in (swap.target, *truths)]
        for cutouts, share, put in ((self.glasses, BESPECTACLED, wear), (self.occluders, OCCLUDED, occlude)):
            faces = sometimes(put, share, faces, cutouts, rng)
        flip, light = rng.random() < 0.5, random_light(rng)
        finished = [finish(face, flip, light) for face in faces]
        x_t, x_truth = finished[0], finished[-1]
        if same:
            x_s = x_bare = x_t
        else:
            bare = warp(swap.source, self.jittered(swap.source, rng), self.resolution)
            (worn,) = sometimes(wear, BESPECTACLED, [bare], self.glasses, rng)
            flip, light = rng.random() < 0.5, random_light(rng)
            x_bare = finish(bare, flip, light)
            x_s = x_bare if worn is bare else finish(worn, flip, light)
        return {
            "source": x_s,
            "bare_source": x_bare,
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


class PairStream(IterableDataset):
    """The pairs of a run whose data come one after the other: streamed photographs, triplets rendered meanwhile.

    Process r of N takes the samples r, r + N, ... A sample is the same wherever a run begins, not with another N.

    Args:
        pairs: out of such data, of this process.
        first: number of the first sample of all processes.
        process: r.
        processes: N.
    """

    def __init__(self, pairs: SwapPairs, first: int, process: int = 0, processes: int = 1):
        self.pairs, self.first, self.process, self.processes = pairs, first, process, processes

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        pairs, live = self.pairs, self.pairs.triplets
        streams = [source for source in pairs.photos.sources if isinstance(source, PhotoStream)]
        taken = self.count_taken()
        for stream in streams:
            stream.begin(taken[stream])
        if isinstance(live, LiveTriplets):
            live.begin(taken[live])
        for n in range(self.first + self.process, len(pairs), self.processes):
            yield pairs[n]
        if isinstance(live, LiveTriplets):
            live.close()

    def count_taken(self) -> Counter:
        """Return how many targets each origin gave before the first sample."""
        taken: Counter = Counter()
        for n in range(self.process, self.first, self.processes):
            rng, _, rendered = self.pairs.begin(n)
            taken[self.pairs.triplets if rendered else self.pairs.photos.choose(rng)] += 1
        return taken


Put = Callable[[Sequence[np.ndarray], np.ndarray, np.random.Generator], list[np.ndarray]]


def sometimes(
    put: Put, share: float, faces: list[np.ndarray], cutouts: Sequence[np.ndarray], rng: np.random.Generator
) -> list[np.ndarray]:
    """Put one of the cut-outs, if there are any, on all faces (R, R, 3) uint8 alike, in that share of cases."""
    if not cutouts or rng.random() >= share:
        return faces
    covered = put(faces, cutouts[int(rng.integers(len(cutouts)))], rng)
    return [np.rint(face).astype(np.uint8) for face in covered]


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
