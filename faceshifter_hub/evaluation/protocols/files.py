"""What the protocols share that read pairs of files: photographs, names, and what to say where no pair is left."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.cases import Photo
from faceshifter_hub.media.images import read_image

LONGEST_NAME = 100  # bytes; file systems end at 255, and names get suffixes


def photo_file(path: Path, name: str, person: str, points: np.ndarray | None = None) -> Photo:
    """Return the photograph in a file, which is not opened before the photograph is read."""
    return Photo(name, person, partial(read_image, path), points)


def fit_name(text: str) -> str:
    """Return a text as a name that is fit for a file: letters, digits and `._-`, at most 100 bytes, in no folder."""
    name = re.sub(r"[^\w.-]+", "_", text).encode()[:LONGEST_NAME].decode(errors="ignore")
    return name.strip(".-") or "unnamed"  # with a dot a file hides or leaves its folder; a dash starts an option


def refuse_nothing(left_out: Mapping[str, str], place: Path) -> None:
    """Refuse data of which all pairs are left out.

    Args:
        left_out: name of a pair -> why.
        place: where the data are.

    Raises:
        DataError: Always.
    """
    name, why = next(iter(left_out.items()))
    raise DataError(f"Of '{place}' no pair can be swapped, the first, {name}, because {why}; complete the data.")
