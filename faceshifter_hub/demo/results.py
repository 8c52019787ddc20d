"""What the page hands out: folders of a visitor's results, and small pictures of them that are quick to write."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from faceshifter_hub.errors import UnwritableOutputError
from faceshifter_hub.media.images import write_image
from faceshifter_hub.provenance.credentials import Credentials

NO_SPACE = "This server's disk is full or cannot be written to: the result was not kept. Try again later."
PREVIEW_SIDE = 1280  # pixels; the file to download has its own size


@contextmanager
def new_folder(root: str) -> Iterator[Path]:
    """Make a folder whose name nobody can guess, and which stays only if all goes well.

    Raises:
        UnwritableOutputError: It cannot be made or written to; the message does not say where it is.
    """
    folder = Path(root, secrets.token_hex(16))
    try:
        folder.mkdir(parents=True)
        yield folder
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) or (isinstance(error, UnwritableOutputError) and error.__cause__):
            raise UnwritableOutputError(NO_SPACE) from error
        raise


def write_preview(picture: Image.Image, folder: Path, name: str, credentials: Credentials | None = None) -> str:
    """Write a picture, no larger than the page shows it, and return the file's path.

    It is a JPEG: left to Gradio, a swap's pictures take as long to encode as a good part of the swap.
    """
    smaller = picture.convert("RGB")
    smaller.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    path = folder / f"{name}.jpg"
    write_image(np.asarray(smaller), path, credentials)
    return str(path)
