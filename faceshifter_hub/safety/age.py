"""The age gate: whoever seems younger than the settings allow is not swapped; by default nobody is looked at.

FaceRes estimates the age. It is fetched with npm once `FACESHIFTER_MINIMUM_AGE` is set, and runs here. An estimate of
how old somebody looks errs by years: docs/guides/provenance.md tells what this gate can do and what it cannot.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from faceshifter_hub.errors import ContentError
from faceshifter_hub.settings import get_settings

if TYPE_CHECKING:
    from faceshifter_hub.packaged.faceres import FaceRes


def open_age_gate() -> None:
    """Load what the gate needs, if the settings ask for one.

    Raises:
        CheckpointError: It cannot be fetched, or is damaged.
        UnwritableOutputError: The cache cannot be written.
    """
    if get_settings().minimum_age:
        _judge()


def check_age(face: np.ndarray, name: str) -> None:
    """Refuse a face that seems younger than the settings allow.

    Args:
        face: (R, R, 3) uint8 RGB, aligned by `arcface-wide`.
        name: What messages call the picture that it is of: "target picture".

    Raises:
        ContentError: It seems to be.
    """
    minimum = get_settings().minimum_age
    if minimum and estimate_age(face) < minimum:
        raise ContentError(
            f"A person in the {name} seems younger than {minimum}, and such people are not swapped here; use another "
            "picture."
        )


@torch.inference_mode()
def estimate_age(face: np.ndarray) -> float:
    """Return how old an aligned face (R, R, 3) uint8 RGB looks, in years."""
    pixels = torch.from_numpy(np.array(face)).permute(2, 0, 1)[None]  # (1, 3, R, R)
    judge = _judge()
    return float(judge.attributes(judge(pixels / 127.5 - 1))[0])


@cache
def _judge() -> "FaceRes":
    from faceshifter_hub.packaged.faceres import FaceRes

    return FaceRes.from_package()
