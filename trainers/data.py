"""Training pairs: photographs without a true swap, rendered groups whose true swap is known.

A folder of photographs holds one picture a person and `landmarks.json`, as `trainers/prepare.py` writes it. A folder
of rendered groups holds `group_*.npz`, as `python -m faceshifter_hub.synthesis` writes them: each has the pictures of
all pairs of four identities and four attributes, so (identity i, attributes b) is the true swap of i onto (j, b).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.split import is_validation
from faceshifter_hub.faces.alignment import similarity, template
from faceshifter_hub.media.images import read_image
from trainers.occlusion import occlude

LANDMARKS_FILE = "landmarks.json"
OCCLUDED = 0.5  # share of targets under an occluder, where there are occluders
JITTER_SHIFT, JITTER_ZOOM, JITTER_ROTATION = 0.015, 0.03, 2.0  # of the side, of the scale, degrees: detectors differ


@dataclass
class Photo:
    """A picture (H, W, 3) uint8 RGB and its five landmarks (5, 2)."""

    image: np.ndarray
    points: np.ndarray


def load_photos(folder: Path, resolution: int, *, validation: bool) -> list[Photo]:
    """Read the photographs of one side of the split: training, or the validation tenth.

    Args:
        folder: with pictures and `landmarks.json`.
        resolution: that faces will be aligned to; larger pictures are shrunk once, here.
        validation: which side of the split.

    Raises:
        DataError: The folder has no landmarks, or fewer than two pictures of that side.
    """
    index = folder / LANDMARKS_FILE
    if not index.is_file():
        raise DataError(f"{folder} has no {LANDMARKS_FILE}; make it with: python trainers/prepare.py {folder}")
    names = {
        name: points for name, points in json.loads(index.read_text()).items() if is_validation(name) == validation
    }
    if len(names) < 2:
        count, side = "1 picture" if names else "0 pictures", "validation" if validation else "training"
        raise DataError(f"{folder} holds {count} of the {side} split; pairs of different people need two or more.")
    return [shrink(Photo(read_image(folder / name), np.array(p, np.float32)), resolution) for name, p in names.items()]


def shrink(photo: Photo, resolution: int) -> Photo:
    """Shrink a picture by a whole factor while its face stays larger than `resolution`, so that warps do not alias."""
    scale = np.sqrt(np.linalg.det(similarity(photo.points, template(resolution))[:, :2]))
    factor = int(np.floor(1 / scale + 0.35))
    if factor < 2:
        return photo
    h, w = (side // factor for side in photo.image.shape[:2])
    image = cv2.resize(photo.image[: h * factor, : w * factor], (w, h), interpolation=cv2.INTER_AREA)
    return Photo(image, (photo.points + 0.5) / factor - 0.5)


def load_groups(folder: Path, resolution: int) -> list[list[list[Photo]]]:
    """Read rendered groups: for each, pictures by [identity][attributes].

    Raises:
        DataError: The folder holds no group.
    """
    paths = sorted(folder.glob("group_*[0-9].npz"))
    if not paths:
        raise DataError(f"{folder} has no group_*.npz; make them with: python -m faceshifter_hub.synthesis {folder}")
    groups = []
    for path in paths:
        with np.load(path) as group:
            rows = zip(group["images"], group["points"], strict=True)
            groups.append([[shrink(Photo(i, p), resolution) for i, p in zip(*row, strict=True)] for row in rows])
    return groups


def to_tensor(image: np.ndarray) -> torch.Tensor:
    """Turn (R, R, 3) uint8 or float in [0, 255] into (3, R, R) float in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)) / 127.5 - 1


def warp(photo: Photo, matrix: np.ndarray, resolution: int) -> np.ndarray:
    """Warp a picture by a matrix (2, 3): (R, R, 3) float32 in [0, 255]."""
    size = (resolution, resolution)
    return cv2.warpAffine(photo.image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101).astype(
        np.float32
    )


@dataclass(frozen=True)
class Targets:
    """Which pictures serve as targets.

    Attributes:
        photos: numbers of photographs.
        rendered: (group, identity, attributes) of rendered pictures.
    """

    photos: Sequence[int]
    rendered: Sequence[tuple[int, int, int]]

    @classmethod
    def all_of(cls, photos: Sequence[Photo], groups: Sequence[Sequence[Sequence[Photo]]]) -> "Targets":
        """Every picture there is."""
        rendered = [
            (g, j, b) for g, group in enumerate(groups) for j, row in enumerate(group) for b in range(len(row))
        ]
        return cls(range(len(photos)), rendered)


class SwapPairs(Dataset):
    """Pairs (X_s, X_t), the true swap with them where it is known. Sample n depends on `seed` and n alone.

    Each item: `source`, `target`, `truth` (3, R, R) in [-1, 1]; `known`, whether the truth is known (else it holds the
    target); `same`, whether source and target are the same picture.

    Args:
        photos: one person each.
        groups: rendered groups; may be empty.
        resolution: R.
        length: number of samples.
        seed: of all draws.
        different: share of pairs of different people (the paper: 0.8 for AEI-Net, 0.5 for HEAR-Net).
        rendered: share of samples out of rendered groups, with a known truth.
        targets: if given, the only pictures that serve as targets.
        occluders: cut-outs pasted over half of the targets and their truths, alike.
    """

    def __init__(
        self,
        photos: list[Photo],
        groups: list[list[list[Photo]]],
        resolution: int,
        length: int,
        seed: int,
        different: float,
        rendered: float,
        targets: Targets | None = None,
        occluders: Sequence[np.ndarray] = (),
    ):
        self.photos, self.groups = photos, groups
        self.resolution, self.length, self.seed = resolution, length, seed
        self.different, self.rendered = different, rendered if groups else 0.0
        self.targets = targets or Targets.all_of(photos, groups)
        self.occluders = occluders

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, n: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng([self.seed, n])
        same = bool(rng.random() >= self.different)
        truth = None
        if rng.random() < self.rendered:
            g, j, b = self.targets.rendered[int(rng.integers(len(self.targets.rendered)))]
            group = self.groups[g]
            i, a = (j + rng.integers(1, len(group))) % len(group), rng.integers(len(group[0]))
            source, target, truth = group[i][a], group[j][b], group[i][b]
        else:
            t = self.targets.photos[int(rng.integers(len(self.targets.photos)))]
            target = self.photos[t]
            source = self.photos[(t + rng.integers(1, len(self.photos))) % len(self.photos)]
        if same:
            source = truth = target
        matrix = self.jittered(target, rng)
        faces = [warp(photo, matrix, self.resolution) for photo in (target, truth or target)]
        if self.occluders and rng.random() < OCCLUDED:
            faces = occlude(faces, self.occluders[int(rng.integers(len(self.occluders)))], rng)
        flip, light = rng.random() < 0.5, random_light(rng)
        x_t, x_truth = (finish(face, flip, light) for face in faces)
        if same:
            x_s = x_t
        else:
            face = warp(source, self.jittered(source, rng), self.resolution)
            x_s = finish(face, rng.random() < 0.5, random_light(rng))
        return {
            "source": x_s,
            "target": x_t,
            "truth": x_truth,
            "known": torch.tensor(truth is not None),
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


def random_light(rng: np.random.Generator) -> tuple[np.ndarray, float, bool]:
    """Draw a colour gain a channel, a gamma, and whether the picture loses its colours."""
    gain = np.exp(rng.normal(0, 0.12) + rng.normal(0, 0.05, 3)).astype(np.float32)
    return gain, float(np.exp(rng.normal(0, 0.15))), bool(rng.random() < 0.05)


def finish(image: np.ndarray, flip: bool, light: tuple[np.ndarray, float, bool]) -> torch.Tensor:
    """Mirror and light an aligned face (R, R, 3) in [0, 255]; returns (3, R, R) in [-1, 1]."""
    gain, gamma, grey = light
    image = 255 * np.clip(image / 255 * gain, 0, 1) ** gamma
    if grey:
        image = np.repeat(image @ np.array([[0.299], [0.587], [0.114]], np.float32), 3, axis=2)
    return to_tensor(image[:, ::-1] if flip else image)
