"""A swapper as small as one can be: faces are bright squares, inverted by a swap, frame by frame darker."""

import time

import numpy as np


class SquareSwapper:
    """Counts its calls; `seconds` is what a swap of one frame takes."""

    def __init__(self, name: str = "square", seconds: float = 0, stop_at: int | None = None):
        self.name, self.seconds, self.stop_at = name, seconds, stop_at
        self.seen, self.swapped = 0, 0

    def assign(self, frame):
        self.seen += 1
        rows, columns = np.nonzero(frame[..., 0] > 180)
        return [(rows.min(), rows.max() + 1, columns.min(), columns.max() + 1, self.seen % 9)] if len(rows) else []

    def swap(self, frames, assigned):
        assert len(frames) == len(assigned) and all(assigned)
        results = []
        for frame, ((top, bottom, left, right, shade),) in zip(frames, assigned, strict=True):
            if self.swapped == self.stop_at:
                raise KeyboardInterrupt
            time.sleep(self.seconds)
            result = frame.copy()
            result[top:bottom, left:right] = 255 - frame[top:bottom, left:right] - shade
            results.append(result)
            self.swapped += 1
        return results

    def reset(self):
        self.seen = 0

    def state(self):
        return {"seen": self.seen}

    def restore(self, state):
        self.seen = state["seen"]

    def fingerprint(self):
        return self.name

    def credentials(self, target):
        return None
