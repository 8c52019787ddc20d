"""Frames of the tab Live come from the browser, so from anybody: they are decoded apart, and none becomes a file."""

import base64
import os
import tempfile
from io import BytesIO

import numpy as np
import pytest
from gradio.data_classes import ImageData
from PIL import Image

from faceshifter_hub.demo.live import LIVE_SIDE, read_camera, reduced
from faceshifter_hub.errors import MediaError
from faceshifter_hub.media import apart, images
from faceshifter_hub.settings import get_settings


@pytest.fixture
def decoded_apart(monkeypatch):
    """Decoder processes, and nothing that decodes here."""
    monkeypatch.setenv("FACESHIFTER_DECODE_APART", "1")
    get_settings.cache_clear()
    monkeypatch.setattr(images, "open_image", None)
    yield
    apart._end_all()
    get_settings.cache_clear()


def sent(data: bytes) -> bytes | None:
    """What the tab makes of what a browser sends."""
    return read_camera(ImageData(url=f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"))


def jpeg(width, height):
    with BytesIO() as file:
        Image.fromarray(np.full((height, width, 3), (200, 100, 50), np.uint8)).save(file, "jpeg")
        return file.getvalue()


@pytest.mark.parametrize("on_linux", [True, False])
def test_a_frame_is_decoded_apart_made_smaller_and_on_linux_never_a_file(decoded_apart, monkeypatch, on_linux):
    if on_linux:
        monkeypatch.setattr(tempfile, "TemporaryDirectory", None)
    else:
        monkeypatch.delattr(os, "memfd_create")
    photo = reduced(sent(jpeg(960, 320)))
    assert photo.shape == (LIVE_SIDE // 3, LIVE_SIDE, 3)
    np.testing.assert_allclose(photo.mean((0, 1)), (200, 100, 50), atol=2)


@pytest.mark.parametrize("data", [b"no picture", jpeg(64, 64)[:-200], b"\xff\xd8\xff"])
def test_a_damaged_frame_is_one_sentence(decoded_apart, data):
    with pytest.raises(MediaError, match=r"^A frame of the camera is damaged or too large; try another camera\.$"):
        reduced(sent(data))


@pytest.mark.parametrize(
    "payload", [None, ImageData(path="/etc/passwd"), ImageData(url="http://localhost/"), ImageData(url="data:,%%%")]
)
def test_paths_and_addresses_are_not_read(payload):
    assert read_camera(payload) is None
