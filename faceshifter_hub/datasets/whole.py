"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from faceshifter_hub.errors import UnwritableOutputError

PARTIAL = ".*.partial"  # what a killed process may leave behind


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name, and any other's of that name, once all of it is on the disk.

    Raises:
        UnwritableOutputError: It cannot be written; nothing of it stays.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise UnwritableOutputError(
            f"{path} cannot be written: {error.strerror}. What was finished before is kept: make room, then give the "
            "same command again."
        ) from error
    finally:
        with suppress(OSError):  # where nothing can be written, there is nothing to remove
            partial.unlink()


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk: without it a power cut may forget a rename."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
