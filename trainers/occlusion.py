"""Synthetic occlusions for stage 2: hands, glasses, ... pasted over faces (arXiv 1912.13457, section 3.2).

As in the paper they are rotated, rescaled and matched in colour; no mask of them is ever a supervision signal.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from faceshifter_hub.errors import DataError, MediaError
from faceshifter_hub.faces.colour import to_lab, to_rgb, transfer_statistics
from faceshifter_hub.media.images import read_rgba
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.datasets.samples import decode_map, decode_picture

OCCLUDERS = ("hand", "glasses", "hat", "object")
SUFFIXES = (".png", ".tif", ".tiff", ".webp")  # of pictures that can have an alpha channel
MIN_SHARE = 0.01  # of the picture: smaller pieces are slivers
MAX_SIDE = 256  # pixels; a cut-out covers at most 0.7 of a face's side


def load_cutouts(triplets: Iterable[Mapping[str, bytes]], limit: int = 400) -> list[np.ndarray]:
    """Cut occluders out of the targets, by their label maps.

    Args:
        triplets: the fields of each.
        limit: after so many cut-outs no more triplets are read.

    Returns:
        Arrays (H, W, 4) float32 RGBA in [0, 255].
    """
    cutouts: list[np.ndarray] = []
    for fields, labels in distinct_targets(triplets):
        for name in OCCLUDERS:
            alpha = labels == LABELS[name]
            if alpha.mean() > MIN_SHARE:
                rows, columns = np.nonzero(alpha.any(1))[0], np.nonzero(alpha.any(0))[0]
                box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                picture = decode_picture(fields["target.webp"])
                cutouts.append(np.dstack([picture, alpha * np.uint8(255)])[box].astype(np.float32))
        if len(cutouts) >= limit:
            break
    return cutouts


def distinct_targets(
    triplets: Iterable[Mapping[str, bytes]],
) -> Iterator[tuple[Mapping[str, bytes], np.ndarray]]:
    """Yield the fields and the label map (S, S) uint8 of each target once; three triplets of a group share one."""
    seen = set()
    for fields in triplets:
        if fields["target_labels.png"] not in seen:
            seen.add(fields["target_labels.png"])
            yield fields, decode_map(fields["target_labels.png"])


def read_cutouts(folder: Path) -> list[np.ndarray]:
    """Read a folder of cut-outs, pictures with an alpha channel, at any depth.

    Returns:
        Arrays (H, W, 4) float32 RGBA in [0, 255], each the box of what is not transparent.

    Raises:
        DataError: No picture of the folder has anything to paste: none can be read, or all are opaque or empty.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    cutouts, left_out = [], []
    for path in paths:
        try:
            picture = read_rgba(path)
        except MediaError:
            left_out.append(path)
            continue
        alpha = picture[..., 3] > 127
        if alpha.all() or not alpha.any():
            left_out.append(path)
            continue
        rows, columns = np.nonzero(alpha.any(1))[0], np.nonzero(alpha.any(0))[0]
        picture = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        scale = min(MAX_SIDE / max(picture.shape[:2]), 1.0)
        cutouts.append(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32))
    if not cutouts:
        raise DataError(
            f"{folder} holds no cut-out, a picture ({', '.join(SUFFIXES)}) whose surroundings are transparent; of "
            f"{len(left_out)} pictures each is damaged, opaque or empty."
        )
    if left_out:
        print(f"{folder}: {len(cutouts)} cut-outs; {len(left_out)} pictures are damaged, opaque or empty")
    return cutouts


def occlude(faces: Sequence[np.ndarray], cutout: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Paste one cut-out over aligned faces (R, R, 3) in [0, 255], at the same random place in all of them.

    It is rotated, rescaled, and matched to the first face's colours by a random amount, from not at all to wholly.
    """
    side = faces[0].shape[0]
    h, w = cutout.shape[:2]
    scale = side * rng.uniform(0.3, 0.7) / max(h, w)
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), rng.uniform(-180, 180), scale)
    matrix[:, 2] += side * rng.uniform(0.25, 0.75, 2) - (w / 2, h / 2)
    return paste(faces, match_colours(cutout, faces[0], rng.random()), matrix)


def paste(faces: Sequence[np.ndarray], cutout: np.ndarray, matrix: np.ndarray) -> list[np.ndarray]:
    """Warp a cut-out (H, W, 4) RGBA in [0, 255] by a matrix (2, 3) and lay it over faces (R, R, 3) in [0, 255]."""
    side = faces[0].shape[0]
    placed = cv2.warpAffine(cutout, matrix, (side, side), flags=cv2.INTER_LINEAR)  # (R, R, 4)
    alpha = cv2.GaussianBlur(placed[..., 3:], (3, 3), 0)[..., None] / 255
    return [(face * (1 - alpha) + placed[..., :3] * alpha).astype(np.float32) for face in faces]


def match_colours(cutout: np.ndarray, face: np.ndarray, amount: float) -> np.ndarray:
    """Give a cut-out the colours of a face: mean and spread of L, a and b (Reinhard et al., 2001).

    Args:
        cutout: (H, W, 4) float32 RGBA in [0, 255].
        face: (R, R, 3) in [0, 255].
        amount: 0 leaves the colours as they are, 1 matches them wholly.

    Returns:
        (H, W, 4) float32 RGBA in [0, 255].
    """
    colours, wanted = to_lab(cutout[..., :3]), to_lab(face)
    matched = transfer_statistics(colours, colours[cutout[..., 3] > 127], wanted.reshape(-1, 3))
    return np.dstack([to_rgb(colours + amount * (matched - colours)), cutout[..., 3]])
