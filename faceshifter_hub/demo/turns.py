"""Whose turn it is at the networks: all runs share them piece by piece, so that a long one keeps nobody waiting."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Condition

import numpy as np

from faceshifter_hub.cast import Assignment
from faceshifter_hub.frames import FrameSwapper
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.pipeline import FaceShifterPipeline, Source


class Turns:
    """A lock that goes round in the order in which it was asked for; one of `threading` may go to the same again."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._asked = self._served = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn, and have it."""
        with self._changed:
            ticket, self._asked = self._asked, self._asked + 1
            self._changed.wait_for(lambda: self._served == ticket)
        try:
            yield
        finally:
            with self._changed:
                self._served += 1
                self._changed.notify_all()


NETWORKS = Turns()  # whoever runs a network of any pipeline takes a turn: for a photo, or a few frames


class FrameSwapperInTurns(FrameSwapper):
    """A `FrameSwapper` that leaves the networks to others between its calls."""

    def __init__(self, pipeline: FaceShifterPipeline, source: Source, options: SwapOptions):
        with NETWORKS.take():
            super().__init__(pipeline, source, options)

    def assign(self, frame: np.ndarray) -> list[Assignment]:
        """See `FrameSwapper`."""
        with NETWORKS.take():
            return super().assign(frame)

    def swap(self, frames: Sequence[np.ndarray], assigned: Sequence[Sequence[Assignment]]) -> list[np.ndarray]:
        """See `FrameSwapper`."""
        with NETWORKS.take():
            return super().swap(frames, assigned)
