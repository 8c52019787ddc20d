"""WebDataset shards: tar files in which consecutive members with one key make a sample, `KEY.FIELD`."""

import io
import mmap
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.errors import DataError

BLOCK = 512  # of a tar file, bytes
Span = tuple[int, int]


def write_shard(path: Path, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> None:
    """Write samples, a key without a dot and the contents by field; the same samples make the same bytes.

    Raises:
        UnwritableOutputError: The shard cannot be written; nothing of it stays.
    """
    with written_whole(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for key, fields in samples:
            for field, content in fields.items():
                entry = tarfile.TarInfo(f"{key}.{field}")  # of no time and no user
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))


def scan_shard(path: Path) -> list[Span]:
    """Return where the bytes of each sample begin and end, without reading its contents.

    Raises:
        DataError: The shard is missing, cut off, or no tar file.
    """
    return [span for span, _ in scan_field(path, "")]


def scan_field(path: Path, field: str) -> list[tuple[Span, bytes]]:
    """Return where the bytes of each sample begin and end, and one of its fields, without reading the others.

    Raises:
        DataError: The shard is missing, cut off, or no tar file.
    """
    samples: list[tuple[Span, bytes]] = []
    before: str | None = None
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for name, start, size in walk(content):
                key, _, its_field = name.partition(".")
                (begin, _), wanted = samples.pop() if key == before else ((start - BLOCK, 0), b"")
                if its_field == field:
                    wanted = content[start : start + size]
                samples.append(((begin, start + padded(size)), wanted))
                before = key
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is no whole shard ({error}); delete it and give the command that made it again."
        ) from error
    return samples


def read_sample(path: Path, span: Span) -> dict[str, bytes]:
    """Return the contents of one sample by field, and its key as `__key__`."""
    begin, end = span
    with path.open("rb") as file:
        file.seek(begin)
        content = file.read(end - begin)
    sample: dict[str, bytes] = {}
    for name, start, size in walk(content, ends=False):
        key, _, field = name.partition(".")
        sample["__key__"] = key.encode()
        sample[field] = content[start : start + size]
    return sample


def read_samples(path: Path) -> Iterator[dict[str, bytes]]:
    """Yield every sample of a shard."""
    for span in scan_shard(path):
        yield read_sample(path, span)


def walk(content: bytes | mmap.mmap, *, ends: bool = True) -> Iterator[tuple[str, int, int]]:
    """Yield name, offset and size of each member; `ends`: the archive must end as tar files do, with empty blocks.

    Python's own tarfile takes ten times as long, which counts for a million members.

    Raises:
        ValueError: The bytes are no tar file, or are cut off.
    """
    position = 0
    while position + BLOCK <= len(content):
        header = content[position : position + BLOCK]
        if not any(header):
            return
        if header[257:262] != b"ustar":
            raise ValueError(f"no header of a tar file at byte {position}")
        name, size = header[:100].rstrip(b"\0").decode(), int(header[124:135], 8)
        if size < 0:
            raise ValueError(f"a member of negative size at byte {position}")
        start = position + BLOCK
        position = start + padded(size)
        if position > len(content):
            break
        yield name, start, size
    if ends or position != len(content):
        raise ValueError("it is cut off")


def padded(size: int) -> int:
    """Return a size rounded up to whole blocks."""
    return -(-size // BLOCK) * BLOCK
