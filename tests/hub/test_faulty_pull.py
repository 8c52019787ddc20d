"""A pull when the network goes, the disk is full, the cache is damaged, or two pull at once."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from tiny_component import Tiny

from faceshifter_hub.errors import CheckpointError, HubUnavailableError
from faceshifter_hub.registry import resolve, sha256_of

WEIGHTS = "diffusion_pytorch_model.safetensors"
LARGE = 20_000  # channels: weights of more bytes than are sent before the line is cut
PULL = "import sys; from faceshifter_hub.registry import resolve; print(resolve(sys.argv[1]).files[sys.argv[2]])"
pytestmark = pytest.mark.fault


@pytest.fixture
def pushed(hub, request, monkeypatch, tmp_path):
    """A network on the Hub, and its address; the client's cache is empty."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    repo = f"alice/{request.node.originalname.replace('_', '-')[:60]}"
    tiny = Tiny(channels=LARGE)
    tiny.push_to_hub(repo)
    return tiny, f"hf://{repo}"


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.resolve().write_bytes(content)


def test_a_pull_whose_network_goes_in_the_middle_is_one_sentence_and_goes_on(hub, pushed, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between the client's tries
    tiny, address = pushed
    hub.cut_at = WEIGHTS
    with pytest.raises(HubUnavailableError):
        resolve(address)
    hub.cut_at, hub.down_at = None, None
    assert torch.equal(Tiny.from_pretrained(address).conv.weight, tiny.conv.weight)


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_a_damaged_cache_is_fetched_again(pushed, name):
    tiny, address = pushed
    path = resolve(address).files[name]
    flip_a_byte(path)
    assert torch.equal(Tiny.from_pretrained(address).conv.weight, tiny.conv.weight)


def test_a_damaged_cache_is_refused_without_a_network(pushed, monkeypatch):
    _, address = pushed
    flip_a_byte(resolve(address).files[WEIGHTS])
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=r"SHA-256.*not loaded.*network"):
        Tiny.from_pretrained(address)


def test_a_full_disk_is_one_sentence_and_the_same_pull_goes_on(pushed):
    tiny, address = pushed
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(CheckpointError, match=r"File too large.*make room"):
            resolve(address)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert torch.equal(Tiny.from_pretrained(address).conv.weight, tiny.conv.weight)


def test_a_cache_that_cannot_be_written_is_one_sentence(pushed, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file"))
    with pytest.raises(CheckpointError, match=r"cannot be kept in .*file"):
        resolve(pushed[1])


def test_two_processes_pull_the_same_at_once(pushed, tmp_path):
    _, address = pushed
    environment = os.environ | {"HF_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", PULL, address, WEIGHTS]
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert told[0][0] == told[1][0]
    path = Path(told[0][0].strip())
    assert sha256_of(path) == path.resolve().name
