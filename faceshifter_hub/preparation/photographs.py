"""Which photographs a collection holds, and whom they show, in the layouts that collections are distributed in."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.split import is_validation

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
FOLDER_OF = 1000  # FFHQ keeps 12345.png in 12000/


@dataclass(frozen=True, slots=True)  # a collection may hold millions
class Photograph:
    """One of a collection.

    Attributes:
        number: among the collection's, in the order of their names.
        file: name below the collection's folder, with slashes.
        person: who it shows; None where only this photograph shows them.
    """

    number: int
    file: str
    person: str | None

    @property
    def split(self) -> str:
        """`training` or `validation`: nobody is in both."""
        return "validation" if is_validation(self.person or PurePosixPath(self.file).name) else "training"


def list_photographs(folder: Path) -> list[Photograph]:
    """Return all photographs of a folder, at any depth, in the order of their names.

    Where they lie in several folders, a folder is a person (VGGFace, VGGFace2, CASIA-WebFace), unless it only counts,
    as FFHQ's do. In a single folder (CelebA-HQ, FFHQ) each shows somebody else.

    Raises:
        DataError: There is no such folder, it cannot be read, or it holds no photograph.
    """
    files = sorted(walk(folder))
    if not files:
        raise DataError(f"{folder} holds no photograph ({', '.join(SUFFIXES)}); name a folder that does.")
    parents = {file.rpartition("/")[0] for file in files}
    return [
        Photograph(number, file, person_of(PurePosixPath(file)) if len(parents) > 1 else None)
        for number, file in enumerate(files)
    ]


def holds_photographs(folder: Path) -> bool:
    """Tell whether there is a photograph below a folder.

    Raises:
        DataError: There is no such folder, or it cannot be read.
    """
    return any(True for _ in walk(folder))


def walk(folder: Path) -> Iterator[str]:
    """Yield the names of all photographs below a folder."""

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename} cannot be read ({error.strerror}); name a folder of photographs.")

    for parent, _, names in os.walk(folder, onerror=refuse):
        for name in names:
            if name.lower().endswith(SUFFIXES):
                yield Path(parent, name).relative_to(folder).as_posix()


def person_of(file: PurePosixPath) -> str | None:
    """Return the name of the folder that a photograph lies in, if the folder is a person."""
    folder, stem = file.parent.name, file.stem
    counts = folder.isdecimal() and stem.isdecimal() and int(folder) == int(stem) // FOLDER_OF * FOLDER_OF
    return None if counts or not folder else folder
