"""What takes long to compute of every picture: done by all processes together, and only what is not kept yet."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from accelerate import Accelerator

from faceshifter_hub.datasets.progress import tell
from faceshifter_hub.datasets.whole import written_whole

PIECE = 256  # pictures whose results are computed and kept together


def cache_key(*facts: object) -> str:
    """Return a short name for everything that results depend on."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def compute_in_pieces(
    name: str,
    count: int,
    compute: Callable[[range], np.ndarray],
    cache: Path,
    accelerator: Accelerator,
) -> np.ndarray:
    """Return something of each picture, (N, ...) float32.

    Args:
        name: of what is computed, in the plural, to be told.
        count: N.
        compute: gives it of some pictures, by their numbers.
        cache: folder in which it is kept; its name stands for all that the results depend on.
        accelerator: of the run.

    Raises:
        UnwritableOutputError: The cache cannot be written.
    """
    if accelerator.is_main_process:
        cache.mkdir(parents=True, exist_ok=True)
    accelerator.wait_for_everyone()
    paths = [cache / f"{start:08}.npy" for start in range(0, count, PIECE)]
    for number in range(accelerator.process_index, len(paths), accelerator.num_processes):
        if paths[number].is_file():
            continue
        end = min((number + 1) * PIECE, count)
        found = compute(range(number * PIECE, end))
        with written_whole(paths[number]) as file:
            np.save(file, found.astype(np.float32))
        if accelerator.is_main_process:
            tell(f"{name} of {end} of {count} pictures")
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        tell("", "\n")
    return np.concatenate([np.load(path) for path in paths]) if paths else np.zeros(0, np.float32)
