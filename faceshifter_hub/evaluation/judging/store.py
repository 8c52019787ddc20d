"""Measurements by a key of everything that decides them, a file each: what is known is not measured again."""

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.errors import UnwritableOutputError


class Store:
    """A folder of measurements, which several processes may fill.

    Args:
        folder: made if missing; deleting it only costs time.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def get(self, key: str) -> dict[str, np.ndarray] | None:
        """Return what was measured, None if nothing was, or if the file is damaged."""
        try:
            return load(self._path(key).read_bytes())
        except (OSError, SafetensorError):
            return None

    def put(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        """Keep what was measured.

        Raises:
            UnwritableOutputError: The folder cannot be written.
        """
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnwritableOutputError(
                f"{path.parent} cannot be made ({error.strerror}); choose another folder."
            ) from error
        with written_whole(path) as file:
            file.write(save({name: np.array(values, order="C") for name, values in arrays.items()}))

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"


def key_of(*parts: object) -> str:
    """Return a SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def hash_array(values: np.ndarray) -> str:
    """Return the SHA-256 of an array's shape, type and contents."""
    header = f"{values.dtype} {values.shape} ".encode()
    return hashlib.sha256(header + np.ascontiguousarray(values).tobytes()).hexdigest()
