"""Times of calls that take turns, so that what else the machine does falls on all of them alike."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles

import torch

Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}
PEAK_SIDES = (512, 1024)  # of square matrices
COPIED = 2**25  # numbers, more than caches hold


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one call, over all rounds: the median and the quartiles."""

    median: float
    low: float
    high: float


def take_turns(calls: Mapping[str, Callable[[], object]], rounds: int, clock: Clock) -> dict[str, Timing]:
    """Time calls one after the other, `rounds` times, after a round that does not count.

    Args:
        calls: By name.
        rounds: At least 2.
        clock: Seconds; that of the process counts the time of all its threads.
    """
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for counts in [False] + [True] * rounds:
        for name, call in calls.items():
            started = clock()
            call()
            if counts:
                spent[name].append(1000 * (clock() - started))
    timings = {}
    for name, times in spent.items():
        low, _, high = quantiles(times, n=4, method="inclusive")
        timings[name] = Timing(median(times), low, high)
    return timings


def products() -> tuple[dict[str, Callable[[], object]], dict[str, float]]:
    """Return products of float32 matrices of several sizes to time, and the GFLOP of each, by the same names."""
    calls: dict[str, Callable[[], object]] = {}
    for side in PEAK_SIDES:
        a, b = torch.rand(side, side), torch.rand(side, side)
        calls[f"product {side}"] = lambda a=a, b=b: a @ b  # type: ignore[misc]
    return calls, {f"product {side}": 2e-9 * side**3 for side in PEAK_SIDES}


def copy() -> tuple[Callable[[], object], float]:
    """Return a copy of float32 numbers from memory to memory, to time, and the GB that it reads and writes."""
    a = torch.rand(COPIED)
    b = torch.empty_like(a)
    return lambda: b.copy_(a), 2e-9 * a.nbytes
