"""No test talks to the real Hub: its client, configured before anything imports it, is pointed at a port of our own.

`tests/hub` starts a Hub there; for every other test the network is down.
"""

import functools
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HUB_SOCKET = socket.socket()
HUB_SOCKET.bind(("127.0.0.1", 0))  # taken, but nobody listens: connections are refused at once

os.environ |= {
    "FACESHIFTER_CONFIG": tempfile.mkdtemp(prefix="faceshifter-config-tests-"),
    "HF_ENDPOINT": f"http://127.0.0.1:{HUB_SOCKET.getsockname()[1]}",
    "HF_HOME": tempfile.mkdtemp(prefix="faceshifter-hub-tests-"),
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET": "1",
    "HF_TOKEN": "hf_test",
}


@pytest.fixture
def unmarked(monkeypatch) -> None:
    """Swaps without label and watermark, for tests of what else they change."""
    monkeypatch.setattr("faceshifter_hub.pipeline.mark_pixels", lambda photo, *_: photo)
    monkeypatch.setattr("faceshifter_hub.pipeline.mark_stages", lambda pictures, _: pictures)


@pytest.fixture(scope="module")
def pipelines_loaded_once() -> Iterator[None]:
    """Keep what was loaded from one run to the next, which would take most of the time."""
    from faceshifter_hub.pipeline import FaceShifterPipeline

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FaceShifterPipeline, "from_pretrained", functools.cache(FaceShifterPipeline.from_pretrained))
        yield


@pytest.fixture
def nobody() -> Iterator[None]:
    """Be a user without rights for a while, where one may: root writes everywhere."""
    if os.geteuid():
        yield
        return
    os.setresuid(65534, 65534, 0)
    yield
    os.setresuid(0, 0, 0)


@pytest.fixture(scope="session")
def ray_token(tmp_path_factory) -> Path:
    """The one home folder of a session that Ray keeps the token of its clusters in: a process reads it once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def ray_home(ray_token) -> Iterator[None]:
    """Ray's clusters ask for the token in its home folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(ray_token))
        patch.setenv("RAY_AUTH_MODE", "token")
        yield


@pytest.fixture(scope="session")
def hub_socket() -> socket.socket:
    """The socket on which a Hub may listen."""
    return HUB_SOCKET
