import struct
import zlib

import pytest

from faceshifter_hub.settings import get_settings


@pytest.fixture
def limit(monkeypatch):
    """Set a limit of the settings, e.g. `limit(max_image_bytes=10)`, for one test."""

    def limit(**values: int) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"FACESHIFTER_{name.upper()}", str(value))
        get_settings.cache_clear()

    yield limit
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def bomb(tmp_path):
    """Write a PNG whose header promises black and white pixels that the file does not hold; return its path."""

    def bomb(width: int, height: int):
        chunks = {b"IHDR": struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0), b"IDAT": b"no zlib stream"}
        path = tmp_path / f"{width}x{height}.png"
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n"
            + b"".join(
                struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
                for kind, data in chunks.items()
            )
        )
        return path

    return bomb
