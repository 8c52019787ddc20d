"""Triplets without end, rendered while somebody takes them: training data that never stand on a disk.

The renderers run under a process of their own, which is this module: so neither torch nor the caller's main module is
loaded beside them, and a daemonic process can have a stream, too.
"""

import argparse
import os
import pickle
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from functools import partial
from itertools import count, islice
from typing import TYPE_CHECKING

from faceshifter_hub.errors import FaceShifterError, RenderError
from faceshifter_hub.synthesis.datasets.plan import TRIPLETS_A_GROUP, Truth, check_range

if TYPE_CHECKING:
    from faceshifter_hub.synthesis.triplets import Triplet


class TripletStream(Iterator["Triplet"]):
    """Yields the triplets of a seed in their order, the very ones that `faceshifter synthesize` writes.

    A few groups are rendered ahead, no more. Closed or forgotten, it ends its processes; so does the end of this one.

    Args:
        size: side of the pictures in pixels.
        seed: of all draws.
        start: number of the first triplet; any position is reached at once.
        workers: number of rendering processes.
        truth: which true swap.

    Raises:
        RenderError: A number is out of its range; while iterating, the renderer cannot start or was ended.
    """

    def __init__(self, size: int, seed: int, *, start: int = 0, workers: int = 1, truth: Truth = "face"):
        for name, value in {"size": size, "seed": seed, "workers": workers}.items():
            check_range(name, value)
        group, skip = divmod(start, TRIPLETS_A_GROUP)
        words = [f"--{name}={value}" for name, value in zip(OPTIONS, (size, seed, group, workers, truth), strict=True)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *words],
            stdin=subprocess.PIPE,  # never written: its end is how the process learns that this one has ended
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is this process's to handle
        )
        self.close = weakref.finalize(self, end, self._process)
        self._triplets = islice(receive(self._process), skip, None)

    def __next__(self) -> "Triplet":
        return next(self._triplets)


def receive(process: subprocess.Popen) -> Iterator["Triplet"]:
    """Yield what the process of a stream sends.

    Raises:
        RenderError: It was ended from outside, or sent an error of ours.
    """
    assert process.stdout is not None
    while True:
        try:
            received = pickle.load(process.stdout)
        except (EOFError, pickle.UnpicklingError) as error:
            raise RenderError(
                "The process that renders triplets has ended; what it said stands above. If that is nothing, memory "
                "may have run out: start again with fewer rendering processes."
            ) from error
        if isinstance(received, FaceShifterError):
            raise received
        yield from received


def end(process: subprocess.Popen) -> None:
    """End the process of a stream; its own end with it."""
    process.terminate()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()


# ---- in the process of a stream

OPTIONS = ("size", "seed", "group", "workers", "truth")


def main() -> None:
    """Write groups of triplets to standard output, pickled, until nobody reads."""
    from faceshifter_hub.datasets.workers import map_in_processes

    parser = argparse.ArgumentParser()
    for name in OPTIONS:
        parser.add_argument(f"--{name}", type=str if name == "truth" else int)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, leave)
    threading.Thread(target=end_with_reader, daemon=True).start()
    draw = partial(draw_group, options.size, options.seed, options.truth)
    pipe = sys.stdout.buffer
    try:
        for triplets in map_in_processes(draw, count(options.group), options.workers):
            pickle.dump(triplets, pipe, pickle.HIGHEST_PROTOCOL)
            pipe.flush()
    except FaceShifterError as error:
        pickle.dump(error, pipe)
        pipe.flush()
    except BrokenPipeError:
        pass
    finally:
        os.dup2(os.open(os.devnull, os.O_WRONLY), pipe.fileno())  # nobody reads what may be left


def draw_group(size: int, seed: int, truth: Truth, group: int) -> "list[Triplet]":
    """Render one group, in a worker."""
    from faceshifter_hub.datasets.workers import heed_stop
    from faceshifter_hub.synthesis.renderer import get_renderer
    from faceshifter_hub.synthesis.triplets import render_group

    triplets = []
    for triplet in render_group(get_renderer(size), seed, group, truth=truth):
        heed_stop()
        triplets.append(triplet)
    return triplets


def leave(*_: object) -> None:
    """Stop rendering, once: a second signal must not disturb the first one's clearing up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit()


def end_with_reader() -> None:
    """Wait until standard input ends, as it does when the reading process has, then end this one."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
