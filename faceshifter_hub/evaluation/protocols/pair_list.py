"""The protocol `pairs`: anyone's photographs, and a CSV file that says whose face goes where."""

import csv
import hashlib
import io
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from faceshifter_hub.errors import DataError, first_line
from faceshifter_hub.evaluation.cases import Case, CaseList, Photo
from faceshifter_hub.evaluation.protocols.files import fit_name, photo_file, refuse_nothing

SIDES = ("source", "target")
COLUMNS = {*SIDES, "name", "sequence", "source_person", "target_person"}

Row = dict[str, str]  # column -> cell


def list_pairs(path: Path, limit: int) -> CaseList:
    """List the swaps that a CSV file names.

    Its columns `source` and `target` name photographs, seen from the file's folder. It may have more: `name` of the
    pair, else made of the two files' names; `sequence`, a video of which the rows are the frames, in order;
    `source_person` and `target_person`, else every photograph shows a person of its own, called by its path. A person
    said once is that photograph's in all rows. Any further column sorts the pairs into groups.

    Photographs of the same content (SHA-256) are one, the first named, under whatever names the file has them. The
    gallery is all photographs that are there, those beyond `limit` too, so that `limit` makes no retrieval easier.

    Args:
        path: the CSV file, UTF-8, with a header.
        limit: most cases, the first ones.

    Raises:
        DataError: The file cannot be read, is no CSV or lacks a column or rows; a name is taken or unfit for a file; a
            photograph is said to show two people; or no pair is left.
    """
    content = _read_bytes(path)
    rows = _parse(content, path)
    photos, faults = _photographs(rows, path)
    cases: list[Case] = []
    left_out: dict[str, str] = {}
    first: dict[tuple[str, str], str] = {}  # source and target -> the pair that has them
    for name, row in zip(_pair_names(rows, path), rows, strict=True):
        fault = next((f"its {side} {faults[row[side]]}" for side in SIDES if row[side] in faults), None)
        if fault:
            left_out[name] = fault
            continue
        source, target = (photos[row[side]] for side in SIDES)
        sequence = row.get("sequence") or None
        same = first.setdefault((source.name, target.name), name)
        if source is target:
            left_out[name] = "its source and its target are the same photograph"
        elif same != name and not sequence:  # in a video, a picture may stand still
            left_out[name] = f"it is the pair {same} again"
        else:
            groups = {column: value for column, value in row.items() if column not in COLUMNS and value}
            cases.append(Case(name, source, target, groups=groups, sequence=sequence))
    if not cases:
        refuse_nothing(left_out, path)

    gallery = {photo.name: photo for photo in photos.values()}
    twins = {written: photo.name for written, photo in photos.items() if photo.name != written}
    return CaseList(
        protocol="pairs",
        rule="the pairs that a CSV file names, in its order; the gallery is all its photographs, each content once",
        cases=cases[:limit],
        gallery=list(gallery.values()),
        left_out={written: f"it is the photograph {name} again" for written, name in twins.items()} | left_out,
        facts={"rows": len(rows), "photographs": len(gallery), "sha256": hashlib.sha256(content).hexdigest()},
        consecutive=True,
    )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"'{path}' cannot be read ({error.strerror}); give a CSV file with the columns source and target."
        ) from error


def _parse(content: bytes, path: Path) -> list[Row]:
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), skipinitialspace=True, strict=True)
        numbered = [(lines.line_num, [cell.strip() for cell in line]) for line in lines if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"'{path}' is no CSV file in UTF-8 ({first_line(error)}); save it as one.") from error
    header = numbered[0][1] if numbered else []
    lacking = [side for side in SIDES if side not in header]
    if lacking:
        raise DataError(
            f"'{path}' has no column {' and no column '.join(lacking)}; begin it with a line such as: source,target"
        )
    twice = next((column for column in header if column and header.count(column) > 1), None)
    if twice:
        raise DataError(f"'{path}' has two columns {twice}; rename one.")
    if len(numbered) == 1:
        raise DataError(f"'{path}' names no pair; write a line for each, its source and its target.")
    for number, cells in numbered[1:]:
        if len(cells) > len(header):
            raise DataError(
                f"Line {number} of '{path}' has {len(cells)} cells under {len(header)} columns; quote cells that hold "
                "a comma."
            )
    empty = dict.fromkeys(filter(None, header), "")  # a column without a name numbers the rows of some programs
    return [
        empty | {column: cell for column, cell in zip(header, cells, strict=False) if column}
        for _, cells in numbered[1:]
    ]


def _pair_names(rows: Sequence[Row], path: Path) -> list[str]:
    given = [row.get("name", "") for row in rows]
    taken = set()  # in small letters: there are file systems that take those for capitals
    for name in filter(None, given):
        if name != fit_name(name):
            raise DataError(
                f"The name '{name[:200]}' in '{path}' is unfit for a file; use at most 100 letters, digits, '.', '_' "
                "and '-', none of the last two kinds at its ends."
            )
        if name.casefold() in taken:
            raise DataError(f"'{path}' has two pairs of the name '{name}'; rename one.")
        taken.add(name.casefold())

    names = []
    for row, name in zip(rows, given, strict=True):
        made = fit_name("-".join(Path(row[side]).stem for side in SIDES))
        numbered = (made if number == 1 else f"{made}-{number}" for number in count(1))
        names.append(name or next(unique for unique in numbered if unique.casefold() not in taken))
        taken.add(names[-1].casefold())
    return names


def _photographs(rows: Sequence[Row], path: Path) -> tuple[dict[str, Photo], dict[str, str]]:
    """Return the photographs by their paths as written, and for paths without one what is wrong, in words."""
    digests: dict[str, str] = {}
    faults = {"": "is not named"}
    for written in dict.fromkeys(row[side] for row in rows for side in SIDES):
        try:
            if written:
                with open(path.parent / written, "rb") as file:
                    digests[written] = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            faults[written] = f"'{written}' is missing"
        except (OSError, ValueError) as error:
            faults[written] = f"'{written}' cannot be read ({getattr(error, 'strerror', None) or error})"

    people: dict[str, str] = {}  # by the photograph's digest
    for row in rows:
        for side in SIDES:
            person, digest = row.get(f"{side}_person"), digests.get(row[side])
            if person and digest and people.setdefault(digest, person) != person:
                raise DataError(
                    f"'{path}' says that '{row[side]}' shows {people[digest]} and that it shows {person}; name one "
                    "person."
                )

    photos: dict[str, Photo] = {}  # by digest
    for written, digest in digests.items():
        photos.setdefault(digest, photo_file(path.parent / written, written, people.get(digest, written)))
    return {written: photos[digest] for written, digest in digests.items()}, faults
