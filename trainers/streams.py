"""Photographs that are streamed, by the library `datasets`: from the Hugging Face Hub, or from a local folder.

A row is a face of `faceshifter prepare` (fields `jpg` and `json`), or any photograph, whose face is looked for then.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import islice
from typing import Any

import numpy as np
from accelerate import Accelerator
from PIL import Image

from faceshifter_hub.errors import DataError, MediaError, first_line
from faceshifter_hub.media.images import READ_FORMATS, read_image
from faceshifter_hub.preparation.examine import judge
from faceshifter_hub.preparation.photographs import Photograph
from faceshifter_hub.synthesis.datasets.samples import decode_picture
from trainers.photos import Photo, read_place, shrink

BLOCK = 512  # rows that are drawn from at a time; they are kept as files, not as pixels
Row = dict[str, Any]


class PhotoStream:
    """Photographs that come one after the other, from the beginning again after the last.

    Rows come in blocks. Each row of a block is a target once, in random order; one that is of no use, or of the other
    side of the split, lends its turn to the next. Sources are drawn from the block. So the n-th target depends on the
    seed and n alone, and a resumed run finds its block by counting rows.

    Args:
        name: of a data set on the Hub, or a folder.
        resolution: that faces will be aligned to.
        seed: of the order.
        process: this one's number: each reads rows of its own.
        processes: how many there are.
        person_column: the column that says who a photograph shows; without one, everybody is somebody else.

    Raises:
        DataError: There is no such data set, or no column of it is a picture.
    """

    def __init__(
        self,
        name: str,
        resolution: int,
        seed: int,
        process: int = 0,
        processes: int = 1,
        person_column: str | None = None,
    ):
        self.name, self.resolution, self.seed, self.person_column = name, resolution, seed, person_column
        self.rows, self.picture = open_rows(name, process, processes)
        self.begin(0)

    def begin(self, taken: int) -> None:
        """Go to where `taken` targets have been drawn. No row is read before the next draw."""
        self.taken, self.number = taken, -1  # of the block that is there
        self.rest: Iterator[Row] | None = None

    def repeat(self) -> Iterator[Row]:
        """Yield the rows without end.

        Raises:
            DataError: There are none, or they cannot be read.
        """
        while True:
            found = False
            try:
                for row in self.rows:
                    found = True
                    yield row
            except Exception as error:  # many libraries lie below
                raise DataError(f"{self.name} cannot be streamed any further: {first_line(error)}.") from error
            if not found:
                raise DataError(f"{self.name} has no rows for this process; give data with as many shards or rows.")

    def advance(self) -> None:
        """Make sure that the block of the next target is there."""
        number = self.taken // BLOCK
        if self.number == number:
            return
        if self.rest is None:
            self.rest = islice(self.repeat(), number * BLOCK, None)
        self.block: list[Row | None] = list(islice(self.rest, BLOCK))
        self.order = np.random.default_rng([self.seed, number]).permutation(BLOCK)
        self.number = number

    def draw_target(self, rng: np.random.Generator) -> Photo:
        """Take the next target."""
        self.advance()
        position = self.taken % BLOCK
        self.taken += 1
        return self.first_photo(np.roll(self.order, -position))

    def draw_source(self, rng: np.random.Generator) -> Photo:
        """Draw a picture of the block."""
        self.advance()
        return self.first_photo((rng.integers(BLOCK) + np.arange(BLOCK)) % BLOCK)

    def first_photo(self, numbers: np.ndarray) -> Photo:
        """Return the first of some rows of the block to be one for training.

        Raises:
            DataError: None is.
        """
        for number in numbers:
            found = self.read(number)
            if found is not None and found[1] == "training":
                return found[0]
        raise DataError(f"Of {BLOCK} rows of {self.name} none shows a face to train on; is it a set of faces?")

    def held_out(self, count: int) -> list[Photo]:
        """Return the first `count` photographs of the validation split, or as many as are in the first block."""
        self.advance()
        found = (read[0] for n in range(BLOCK) if (read := self.read(n)) is not None and read[1] == "validation")
        photos = list(islice(found, count))
        self.begin(0)
        return photos

    def read(self, number: int) -> tuple[Photo, str] | None:
        """Return the photograph of a row of the block and its side of the split; None where it is of no use."""
        row = self.block[number]
        if row is not None and "landmarks" not in (row.get("json") or {}):
            row = self.block[number] = self.prepare(row)  # from now on as if it had come prepared
        if row is None:
            return None
        facts = row["json"]
        person = f"{self.name}/{facts['person'] or facts['file']}"
        try:
            image = decode_picture(read_file(row[self.picture]))
        except (OSError, DataError):
            self.block[number] = None
            return None
        return shrink(Photo(image, np.array(facts["landmarks"], np.float32), person), self.resolution), facts["split"]

    def prepare(self, row: Row) -> Row | None:
        """Look for a face to learn from, as `faceshifter prepare` does."""
        try:
            content = read_file(row[self.picture])
            image = read_image(Image.open(io.BytesIO(content), formats=READ_FORMATS))
        except (OSError, MediaError, Image.DecompressionBombError):
            return None
        person = None if self.person_column is None else str(row[self.person_column])
        photograph = Photograph(0, hashlib.sha1(content).hexdigest(), person)  # a row need not have a name
        fields = judge(image, photograph, self.resolution, self.resolution // 2).fields
        return {self.picture: {"bytes": fields["jpg"]}, "json": json.loads(fields["json"])} if fields else None


def open_streams(
    places: Sequence[str], person_column: str | None, resolution: int, seed: int, accelerator: Accelerator
) -> list[tuple[PhotoStream, float]]:
    """Open the streams that options name, `NAME` or `NAME=WEIGHT`, for this process; returns them with their weights.

    Raises:
        DataError: There is no such data set, or a weight is not above 0.
    """
    opened = []
    for name, weight in map(read_place, places):
        process, processes = accelerator.process_index, accelerator.num_processes
        opened.append((PhotoStream(name, resolution, seed, process, processes, person_column), weight))
    return opened


def open_rows(name: str, process: int, processes: int) -> tuple[Iterable[Row], str]:
    """Return this process's part of the rows of a data set, and the name of the column that holds pictures, encoded.

    Raises:
        DataError: The library is missing, there is no such data set, or no column is a picture.
    """
    if find_spec("datasets") is None:
        raise DataError("Streamed data need a package: pip install 'faceshifter-hub[train]'.")
    import datasets
    from datasets.distributed import split_dataset_by_node

    try:
        rows = datasets.load_dataset(name, split="train", streaming=True)
        kinds = rows.features or {column: kind_of(value) for row in rows.take(1) for column, value in row.items()}
    except Exception as error:  # many libraries lie below
        raise DataError(f"{name} cannot be streamed: {first_line(error)}.") from error
    pictures = [column for column, kind in kinds.items() if isinstance(kind, datasets.Image)]
    if not pictures:
        raise DataError(f"{name} has no column of pictures, only {', '.join(kinds) or 'an empty one'}.")
    rows = rows.cast_column(pictures[0], datasets.Image(decode=False))
    return split_dataset_by_node(rows, process, processes), pictures[0]


def kind_of(value: Any) -> Any:
    """Return the feature of a column that does not say what it is: a picture is a structure of bytes and path."""
    import datasets

    return datasets.Image() if isinstance(value, Mapping) and {"bytes", "path"} <= value.keys() else None


def read_file(picture: Mapping[str, Any]) -> bytes:
    """Return the file of a picture: it is in the row, or the row says where it is."""
    if picture.get("bytes"):
        return picture["bytes"]
    import fsspec

    with fsspec.open(picture["path"], "rb") as file:
        return file.read()
