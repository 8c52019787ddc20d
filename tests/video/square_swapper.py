"""A swapper as small as one can be: faces are bright squares, and a swap inverts them."""

import time

import numpy as np


class SquareSwapper:
    """Counts its calls; `seconds` is what a swap of one frame takes."""

    def __init__(self, name: str = "square", seconds: float = 0, stop_at: int | None = None):
        self.name, self.seconds, self.stop_at = name, seconds, stop_at
        self.seen, self.swapped, self.resets = [], 0, 0

    def assign(self, frame):
        self.seen.append(int(frame[0, 0, 0]))
        rows, columns = np.nonzero(frame[..., 0] > 180)
        return [(rows.min(), rows.max() + 1, columns.min(), columns.max() + 1)] if len(rows) else []

    def swap(self, frames, assigned):
        assert len(frames) == len(assigned) and all(assigned)
        results = []
        for frame, ((top, bottom, left, right),) in zip(frames, assigned, strict=True):
            if self.swapped == self.stop_at:
                raise KeyboardInterrupt
            time.sleep(self.seconds)
            result = frame.copy()
            result[top:bottom, left:right] = 255 - frame[top:bottom, left:right]
            results.append(result)
            self.swapped += 1
        return results

    def reset(self):
        self.resets += 1

    def fingerprint(self):
        return self.name
