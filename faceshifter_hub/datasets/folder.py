"""The folder of a data set while it is being filled: by one run at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceshifter_hub.datasets.whole import PARTIAL
from faceshifter_hub.errors import UnwritableOutputError


@contextmanager
def filling(folder: Path) -> Iterator[None]:
    """Make a folder, or go on with one; nobody else fills it meanwhile.

    Raises:
        UnwritableOutputError: The folder cannot be written, or is being filled by another run.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UnwritableOutputError(f"{folder} cannot be written: {error.strerror}. Name another folder.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # goes with this process, however it ends
        for partial in folder.glob(PARTIAL):
            partial.unlink()
        yield
    except BlockingIOError:
        raise UnwritableOutputError(f"Another run is filling {folder}; wait for it, or name another folder.") from None
    finally:
        os.close(descriptor)
