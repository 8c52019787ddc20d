"""Pipelines that stay loaded between swaps."""

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from threading import RLock, Thread

from faceshifter_hub.errors import FaceShifterError
from faceshifter_hub.jobs.told_runtime import tell_runtime
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.registry import Kind

KEPT = 2

_loading = RLock()
if hasattr(os, "register_at_fork"):
    # what is forked while something loads (see `zero_gpu.py`) would wait for ever for a thread that it does not have
    os.register_at_fork(before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release)


@lru_cache(KEPT)
def _load(addresses: tuple[tuple[Kind, str], ...]) -> FaceShifterPipeline:
    pipeline = FaceShifterPipeline.from_components(dict(addresses))
    tell_runtime(pipeline)
    return pipeline


def load_pipeline(addresses: Mapping[Kind, str]) -> FaceShifterPipeline:
    """Return the pipeline of these components; the last few stay loaded, and none is loaded twice at a time.

    Raises:
        ComponentError: A component cannot be found, trusted, loaded or combined.
    """
    with _loading:
        return _load(tuple(sorted(addresses.items())))


def load_in_background(addresses: Mapping[Kind, str]) -> None:
    """Begin to load a pipeline, so that the first swap finds it ready; what fails is said by that swap."""

    def load() -> None:
        with suppress(FaceShifterError):
            load_pipeline(addresses)

    Thread(target=load, daemon=True).start()
