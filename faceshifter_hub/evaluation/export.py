"""The pictures of a protocol as files, for another program to swap: its results are then a baseline."""

import csv
import io
from pathlib import Path

from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.evaluation.cases import CaseList, Photo
from faceshifter_hub.evaluation.protocols.files import fit_name
from faceshifter_hub.media.images import write_image

COLUMNS = ("name", "source", "target", "source_person", "target_person", "sequence")


def export(listed: CaseList, folder: Path) -> int:
    """Write every photograph once, and `pairs.csv`, which the protocol `pairs` reads as well.

    It names sequences only where frames follow each other: `pairs` measures how they tremble.

    Args:
        listed: the cases.
        folder: made by `prepare_folder`.

    Returns:
        The number of cases.

    Raises:
        UnwritableOutputError: The folder cannot be written.
        MediaError, DataError: A photograph cannot be read.
    """
    names: dict[str, str] = {}

    def write(photo: Photo) -> str:
        if photo.name not in names:
            names[photo.name] = f"{len(names):05}-{fit_name(Path(photo.name).stem)}.png"
            write_image(photo.read(), folder / names[photo.name])
        return names[photo.name]

    rows = [
        (
            case.name,
            write(case.source),
            write(case.target),
            case.source.person,
            case.target.person,
            case.sequence if case.sequence and listed.consecutive else "",
        )
        for case in listed.cases
    ]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    with written_whole(folder / "pairs.csv") as file:
        file.write(text.getvalue().encode())
    return len(rows)
