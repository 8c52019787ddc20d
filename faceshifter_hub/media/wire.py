"""Values between two processes that do not trust each other: JSON and plain buffers, never a pickle.

A value is what functions of this room take and give: numbers, text, bytes, arrays, lists, tuples, mappings, fractions,
paths and this room's data classes. Whoever sends nonsense makes the other raise one of `NONSENSE`, and nothing else.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from importlib import import_module
from multiprocessing.connection import Connection
from operator import index
from pathlib import Path
from typing import Any, cast

import numpy as np

from faceshifter_hub.errors import UNPARSABLE
from faceshifter_hub.settings import get_settings

ROOM = __name__.rpartition(".")[0]
MOST_TEXT = 64 * 2**20
BYTES_OF_PIXEL = 16  # more than any picture read has
FILE = object()  # what stands, where it arrives, for an open file, which is handed over on its own
NONSENSE = (ArithmeticError, AttributeError, ImportError, IndexError, KeyError, TypeError, *UNPARSABLE)


def send(line: Connection, value: Any) -> None:
    """Send a value; blocks while the other side reads nothing."""
    buffers: list[bytes | memoryview] = []
    packed = pack(value, buffers)
    line.send_bytes(json.dumps([packed, [len(buffer) for buffer in buffers]]).encode())
    for buffer in filter(len, buffers):
        line.send_bytes(buffer)


def receive(line: Connection) -> Any:
    """Return the next value; blocks until there is one.

    Raises:
        EOFError: The other side is gone; `OSError` too.
        ValueError: What came is no value, or larger than any picture; so do the other errors of `NONSENSE`.
    """
    packed, sizes = json.loads(line.recv_bytes(MOST_TEXT))
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise ValueError("no sizes")
    if sum(sizes) > BYTES_OF_PIXEL * get_settings().max_image_pixels:
        raise ValueError("more than any picture has")
    buffers = [np.empty(size, np.uint8) for size in sizes]
    for buffer in filter(len, buffers):
        if line.recv_bytes_into(buffer.data) != len(buffer):
            raise ValueError("fewer bytes than announced")
    return unpack(packed, buffers)


def pack(value: Any, buffers: list[bytes | memoryview]) -> Any:
    """Return a value as JSON can say it; bytes and arrays go into `buffers`."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [pack(item, buffers) for item in value]
    if isinstance(value, bytes):
        buffers.append(value)
        return {"bytes": len(buffers) - 1}
    if isinstance(value, np.ndarray):
        buffers.append(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
        return {"array": [len(buffers) - 1, value.dtype.str, list(value.shape)]}
    if isinstance(value, tuple):
        return {"tuple": [pack(item, buffers) for item in value]}
    if isinstance(value, Mapping):
        return {"mapping": [[pack(key, buffers), pack(item, buffers)] for key, item in value.items()]}
    if isinstance(value, Fraction):
        return {"fraction": [value.numerator, value.denominator]}
    if isinstance(value, Path):
        return {"path": str(value)}
    if is_dataclass(value):
        own = {field.name: pack(getattr(value, field.name), buffers) for field in fields(value)}
        return {"of": [type(value).__module__, type(value).__qualname__, own]}
    if hasattr(value, "fileno"):
        return {"file": None}
    raise TypeError(f"{type(value)} cannot be sent")


def unpack(packed: Any, buffers: list[np.ndarray]) -> Any:
    """Return what `pack` was given.

    Raises:
        ValueError: It was given nothing; so do the other errors of `NONSENSE`.
    """
    if isinstance(packed, list):
        return [unpack(item, buffers) for item in packed]
    if not isinstance(packed, dict):
        return packed
    ((kind, said),) = packed.items()
    match kind:
        case "bytes":
            return buffers[said].tobytes()
        case "array":
            number, dtype, shape = said
            return buffers[number].view(np.dtype(dtype)).reshape(shape)
        case "tuple":
            return tuple(unpack(item, buffers) for item in said)
        case "mapping":
            return {unpack(key, buffers): unpack(item, buffers) for key, item in said}
        case "fraction":
            numerator, denominator = map(index, said)  # of a text, a fraction could have digits by the million
            return Fraction(numerator, denominator)
        case "path":
            return Path(said)
        case "file":
            return FILE
        case "of":
            module, name, own = said
            known = getattr(import_module(module), name) if module.startswith(f"{ROOM}.") else None
            if isinstance(known, type) and is_dataclass(known) and known.__module__ == module:
                return cast(type, known)(**{key: unpack(item, buffers) for key, item in own.items()})
    raise ValueError("no value")
