"""Photographs as they are needed, several times each: read, and told apart by their content."""

from collections import OrderedDict

import numpy as np

from faceshifter_hub.errors import DataError, MediaError
from faceshifter_hub.evaluation.cases import Photo
from faceshifter_hub.evaluation.judging.store import hash_array

KEPT = 64  # photographs in memory


class Album:
    """Reads photographs, keeps the last ones and every one's hash."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._hashes: dict[str, str] = {}
        self.faults: dict[str, str] = {}  # by name: why a photograph cannot be read

    def read(self, photo: Photo) -> np.ndarray:
        """Return the picture, (H, W, 3) uint8.

        Raises:
            MediaError, DataError: It cannot be read.
        """
        if photo.name not in self._kept:
            self._kept[photo.name] = photo.read()
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(photo.name)
        return self._kept[photo.name]

    def digest(self, photo: Photo) -> str:
        """Return a SHA-256 of a photograph's content and of its landmarks, if they are known.

        Raises:
            MediaError, DataError: It cannot be read; `faults` keeps why.
        """
        if photo.name not in self._hashes:
            try:
                content = photo.digest() if photo.digest else hash_array(self.read(photo))
            except (MediaError, DataError) as error:
                self.faults[photo.name] = str(error)
                raise
            points = "" if photo.points is None else hash_array(photo.points.astype(np.float32))
            self._hashes[photo.name] = content + points
        return self._hashes[photo.name]
