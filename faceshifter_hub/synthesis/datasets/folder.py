"""The folder of a data set while it is being filled: by one run at a time, along one plan."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.datasets.plan import Plan, remember
from faceshifter_hub.synthesis.datasets.whole import PARTIAL


@contextmanager
def filling(folder: Path, plan: Plan) -> Iterator[None]:
    """Make a folder, or go on with one of the same plan; nobody else fills it meanwhile.

    Raises:
        RenderError: The folder cannot be written, was begun along another plan, or is being filled by another run.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise RenderError(f"{folder} cannot be written: {error.strerror}. Name another folder.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # goes with this process, however it ends
        remember(folder, plan)
        for partial in folder.glob(PARTIAL):
            partial.unlink()
        yield
    except BlockingIOError:
        raise RenderError(f"Another run is filling {folder}; wait for it, or name another folder.") from None
    finally:
        os.close(descriptor)
