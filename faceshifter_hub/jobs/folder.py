"""Which pictures a folder holds, at any depth, and what the results are called."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceshifter_hub.errors import SettingsError, UnwritableOutputError
from faceshifter_hub.media.images import WRITE_OPTIONS

PICTURES = (
    ".apng",
    ".avif",
    ".bmp",
    ".gif",
    ".heic",
    ".heif",
    ".jfif",
    ".jpe",
    ".jpeg",
    ".jpg",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
)
VIDEOS = (
    ".3g2",
    ".3gp",
    ".asf",
    ".avi",
    ".divx",
    ".dv",
    ".f4v",
    ".flv",
    ".m2t",
    ".m2ts",
    ".m2v",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpeg",
    ".mpg",
    ".mts",
    ".mxf",
    ".nut",
    ".ogm",
    ".ogv",
    ".qt",
    ".rm",
    ".rmvb",
    ".ts",
    ".vob",
    ".webm",
    ".wmv",
    ".y4m",
)
WRITABLE = (*WRITE_OPTIONS, ".gif")


@dataclass(frozen=True)
class Listing:
    """What is in a folder.

    Attributes:
        pictures: below the folder, in the order of their names.
        passed_by: number of other files: no pictures by their names, hidden, or links that lead out of the folder.
        videos: number of those that are videos by their names.
        unreadable: folder below it -> why its files are missing here.
    """

    pictures: list[Path]
    passed_by: int
    videos: int
    unreadable: dict[Path, str]


def check_folders(folder: Path, output: Path) -> None:
    """Refuse a folder that is none, and results among the pictures or above them, where they could replace them.

    Raises:
        SettingsError: There is no such folder.
        UnwritableOutputError: The results would lie there.
    """
    if not os.path.isdir(folder):
        raise SettingsError(f"There is no folder '{folder}'; name one that holds pictures.")
    if folder.resolve().is_relative_to(output.resolve()):
        raise UnwritableOutputError(
            f"Results in '{output}' could replace pictures of '{folder}'; choose another folder."
        )


def list_pictures(folder: Path, output: Path) -> Listing:
    """Return the pictures of a folder, less the results of a batch, which may lie below it.

    Args:
        folder: Links to folders are not followed.
        output: Folder of the results.
    """
    root, results = folder.resolve(), output.resolve()
    pictures, passed_by, videos, unreadable = [], 0, 0, {}

    def note(error: OSError) -> None:
        unreadable[Path(error.filename)] = f"'{error.filename}' cannot be read ({error.strerror}); check its rights."

    for parent, folders, names in os.walk(folder, onerror=note):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and Path(parent, name).resolve() != results
        )
        for name in names:
            path = Path(parent, name)
            is_picture = path.suffix.lower() in PICTURES and not name.startswith(".")
            if is_picture and path.is_file() and path.resolve().is_relative_to(root):
                pictures.append(path.relative_to(folder))
            else:
                passed_by += 1
                videos += path.suffix.lower() in VIDEOS
    return Listing(sorted(pictures), passed_by, videos, unreadable)


def name_results(pictures: Sequence[Path]) -> dict[Path, Path]:
    """Return what the result of each picture is called: as the picture, and .png behind it where that is not written.

    No two are called the same.
    """
    names = {picture: picture for picture in pictures if picture.suffix.lower() in WRITABLE}
    taken = set(names)
    for picture in pictures:
        if picture not in names:
            name = picture
            while name == picture or name in taken:
                name = name.with_name(f"{name.name}.png")
            names[picture] = name
            taken.add(name)
    return names


def make_folder(folder: Path) -> None:
    """Make a folder for results, its parents too.

    Raises:
        UnwritableOutputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableOutputError(
            f"The folder '{folder}' cannot be made ({error.strerror}); choose another."
        ) from None
