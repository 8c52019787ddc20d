"""Looks for the face in a photograph and decides whether it is one to learn from; in a worker."""

import functools
import io
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from faceshifter_hub.component import load_component
from faceshifter_hub.datasets.workers import heed_stop
from faceshifter_hub.errors import (
    DataError,
    FaceError,
    ImageTooLargeError,
    InaccessibleImageError,
    UnreadableImageError,
)
from faceshifter_hub.faces.alignment import align, similarity, template, warp
from faceshifter_hub.faces.detection import FaceDetector
from faceshifter_hub.media.images import read_image
from faceshifter_hub.preparation.duplicates import difference_hash
from faceshifter_hub.preparation.photographs import Photograph

MARGIN = 0.15  # of the aligned face's side, kept on each side of it: trainers jitter the alignment
SMALL_SIDE = 512  # smaller photographs are doubled before detection: their faces are too small for sure landmarks
JUDGED_SIZE = 256  # most pixels a side at which sharpness is measured, so that it does not depend on what is kept
MIN_SHARPNESS = 20.0  # see docs/training.md


@dataclass(frozen=True)
class Task:
    """Photographs to be examined.

    Attributes:
        folder: of the collection.
        photographs: some of it.
        size: side of the aligned faces in pixels.
        min_face: least side in pixels that the aligned square may have in the photograph.
    """

    folder: Path
    photographs: Sequence[Photograph]
    size: int
    min_face: int


@dataclass(frozen=True)
class Examined:
    """What became of a photograph.

    Attributes:
        photograph: which.
        reason: why it is left out, with what was measured; None where it is kept.
        fields: contents of its sample by field, where it is kept.
        hash: of its face, for finding duplicates, where it is kept.
    """

    photograph: Photograph
    reason: dict[str, Any] | None
    fields: dict[str, bytes]
    hash: int


def examine_all(task: Task) -> list[Examined]:
    """Examine photographs one after the other, on one thread: there is a process a core.

    Raises:
        DataError: One cannot be read here, which says nothing about the photograph.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    examined = []
    for photograph in task.photographs:
        heed_stop()
        examined.append(examine(photograph, task))
    return examined


def examine(photograph: Photograph, task: Task) -> Examined:
    """Read a photograph and judge it."""
    try:
        image = read_image(task.folder / photograph.file)
    except InaccessibleImageError as error:
        raise DataError(
            f"On {platform.node()}, {error} Put it, or an empty file, where every machine at work sees it there, and "
            "give the same command again."
        ) from error
    except ImageTooLargeError:
        return Examined(photograph, {"reason": "too large"}, {}, 0)
    except UnreadableImageError:
        return Examined(photograph, {"reason": "corrupt"}, {}, 0)
    return judge(image, photograph, task.size, task.min_face)


def judge(image: np.ndarray, photograph: Photograph, size: int, min_face: int) -> Examined:
    """Find, align and judge the largest face of a photograph (H, W, 3) uint8 RGB; see `Task` for the sizes."""

    def left_out(reason: str, **measured: float) -> Examined:
        return Examined(photograph, {"reason": reason, **measured}, {}, 0)

    landmarks = find_landmarks(image)
    if landmarks is None:
        return left_out("no face")
    try:
        matrix = similarity(landmarks, template(size))  # (2, 3), photograph -> aligned face
    except FaceError:
        return left_out("no face")
    side = round(float(size / np.sqrt(np.linalg.det(matrix[:, :2]))), 1)
    if side < min_face:
        return left_out("small", side=side)
    face, _ = align(image, landmarks, min(round(side), JUDGED_SIZE))  # enlarged, it would seem blurred
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    sharpness = measure_sharpness(grey)
    if sharpness < MIN_SHARPNESS:
        return left_out("blurred", sharpness=sharpness)
    matrix[:, 2] += round(MARGIN * size)
    width = size + 2 * round(MARGIN * size)
    facts = {
        "file": photograph.file,
        "person": photograph.person,
        "split": photograph.split,
        "landmarks": (landmarks @ matrix[:, :2].T + matrix[:, 2]).round(3).tolist(),
        "size": size,
        "side": side,
        "sharpness": sharpness,
    }
    fields = {"json": json.dumps(facts).encode(), "jpg": encode_jpeg(warp(image, matrix, (width, width)))}
    return Examined(photograph, None, fields, difference_hash(grey))


def find_landmarks(image: np.ndarray) -> np.ndarray | None:
    """Return the five landmarks (5, 2) of the largest face of a photograph, None if there is no face."""
    factor = 2 if max(image.shape[:2]) < SMALL_SIDE else 1
    faces = get_detector().detect(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC))
    return (faces[0].landmarks + 0.5) / factor - 0.5 if faces else None


@functools.cache
def get_detector() -> FaceDetector:
    """Return this process's detector."""
    return load_component("mtcnn", "face_detector")


def measure_sharpness(grey: np.ndarray) -> float:
    """Return the variance of the Laplacian of an aligned face (H, W) uint8: little where nothing has an edge."""
    return round(float(cv2.Laplacian(grey, cv2.CV_64F).var()), 1)


def encode_jpeg(image: np.ndarray) -> bytes:
    """Return a picture (H, W, 3) uint8 RGB as a JPEG without visible loss."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "jpeg", quality=95, subsampling="4:4:4")
    return file.getvalue()
