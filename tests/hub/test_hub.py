"""Components pushed to and pulled from a real Hub server over HTTP, and what goes wrong on the way."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi
from tiny_component import MANIFEST, Tiny

from faceshifter_hub import registry
from faceshifter_hub.component import component_interface, load_component
from faceshifter_hub.errors import CheckpointError, HubUnavailableError, UnknownComponentError
from faceshifter_hub.registry import File, HubSource, Interface, resolve, sha256_of

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def repo(hub, request):
    """The name of a repository of this test's own."""
    return f"alice/{request.node.originalname.replace('_', '-')[:60]}"


@pytest.fixture
def register(monkeypatch):
    """Make the registry know further manifests."""

    def register(*manifests):
        monkeypatch.setattr(registry, "_plugins", lambda: (manifests, ()))

    return register


@pytest.fixture
def publish(repo, register, tmp_path):
    """Push a Tiny, register it as `tiny-hub` with the hashes of its files; returns the network."""

    def publish(revision="main"):
        tiny = Tiny(channels=3)
        commit = tiny.push_to_hub(repo)
        tiny.save_pretrained(tmp_path / "copy")
        files = [
            File(path=name, size=(tmp_path / "copy" / name).stat().st_size, sha256=sha256_of(tmp_path / "copy" / name))
            for name in ("config.json", WEIGHTS)
        ]
        source = HubSource(type="hub", repo=repo, revision=commit if revision == "commit" else revision)
        register(MANIFEST.model_copy(update={"name": "tiny-hub", "source": source, "files": tuple(files)}))
        return tiny

    return publish


def assert_same(first, second):
    assert torch.equal(first.conv.weight, second.conv.weight)


def test_pushed_and_pulled_by_address(hub, repo, register):
    register(MANIFEST)
    first = Tiny(channels=2)
    commit = first.push_to_hub(repo, manifest=MANIFEST)
    HfApi().create_tag(repo, tag="v1")
    second = Tiny(channels=3)
    second.push_to_hub(repo)

    assert_same(Tiny.from_pretrained(f"hf://{repo}"), second)
    assert_same(Tiny.from_pretrained(f"hf://{repo}@v1"), first)
    assert_same(Tiny.from_pretrained(f"hf://{repo}@{commit}"), first)
    assert isinstance(load_component(f"hf://{repo}", "hear_refiner"), Tiny)
    resolved = resolve(f"hf://{repo}@v1")
    assert resolved.revision == commit
    assert f'from_pretrained("hf://{repo}")' in resolved.files["README.md"].read_text()


def test_a_component_in_a_subfolder(hub, repo, tmp_path):
    tiny = Tiny()
    tiny.save_pretrained(tmp_path / "whole" / "inner" / "tiny")
    HfApi().create_repo(repo)
    HfApi().upload_folder(repo_id=repo, folder_path=tmp_path / "whole")
    assert_same(Tiny.from_pretrained(f"hf://{repo}/inner/tiny"), tiny)
    with pytest.raises(UnknownComponentError, match="no folder 'outer'"):
        Tiny.from_pretrained(f"hf://{repo}/outer")


def test_only_the_configuration_is_fetched_for_an_interface(hub, repo, register):
    register(MANIFEST)
    Tiny(resolution=32).push_to_hub(repo)
    hub.requests.clear()
    assert component_interface(f"hf://{repo}", "hear_refiner") == Interface(resolution=32)
    fetched = {Path(path).name for method, path in hub.requests if "/resolve/" in path}
    assert fetched == {"config.json"}


def test_nothing_is_asked_for_the_interface_of_a_registered_component(hub, publish):
    publish()
    hub.requests.clear()
    assert component_interface("tiny-hub", "hear_refiner") == MANIFEST.interface
    assert hub.requests == []


def test_pickles_are_never_fetched(hub, repo, tmp_path):
    HfApi().create_repo(repo)
    torch.save(Tiny().state_dict(), tmp_path / "diffusion_pytorch_model.bin")
    (tmp_path / "config.json").write_text(Tiny().to_json_string())
    HfApi().upload_folder(repo_id=repo, folder_path=tmp_path)
    hub.requests.clear()
    with pytest.raises(CheckpointError, match=r"no diffusion_pytorch_model\.safetensors"):
        Tiny.from_pretrained(f"hf://{repo}")
    assert not any(path.endswith(".bin") for _, path in hub.requests)


@pytest.mark.parametrize("revision", ["main", "commit"])
def test_pinned_files_of_the_hub_are_loaded(publish, revision):
    tiny = publish(revision)
    assert_same(Tiny.from_pretrained("tiny-hub"), tiny)
    assert_same(Tiny.from_pretrained("tiny-hub@main"), tiny)


@pytest.mark.fault
@pytest.mark.parametrize("longer", [False, True])
def test_a_tampered_file_is_refused_where_its_hash_is_pinned(hub, repo, publish, longer):
    publish()
    _, files = hub.revision(repo, "main")
    data = bytearray(hub.blobs[files[WEIGHTS].blob])
    data[-1] ^= 1
    hub.tamper(repo, WEIGHTS, bytes(data) + b"\0" * longer)
    with pytest.raises(CheckpointError, match="SHA-256"):
        Tiny.from_pretrained("tiny-hub")


def test_what_the_hub_does_not_have_is_named(hub, repo):
    with pytest.raises(UnknownComponentError, match="no model repository 'alice/none'"):
        Tiny.from_pretrained("hf://alice/none")
    Tiny().push_to_hub(repo)
    with pytest.raises(UnknownComponentError, match="no revision 'v9'"):
        Tiny.from_pretrained(f"hf://{repo}@v9")


def test_a_push_that_the_hub_refuses_says_why(hub, monkeypatch):
    with pytest.raises(HubUnavailableError, match=r"refuses 'bob/tiny': .*no right"):
        Tiny().push_to_hub("bob/tiny")
    monkeypatch.setattr(hub, "tokens", {})
    with pytest.raises(HubUnavailableError, match=r"refuses 'alice/tiny': .*credentials"):
        Tiny().push_to_hub("alice/tiny")


def resolve_with_dead_hub(address: str, **environment: str) -> tuple[str, float]:
    """Resolve an address in a process whose Hub does not answer; returns what it printed and the seconds it took."""
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody_listens.getsockname()[1]}"
        script = f"from faceshifter_hub.registry import resolve; print(sorted(resolve({address!r}).files))"
        start = time.monotonic()
        process = subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"HF_ENDPOINT": endpoint} | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return process.stdout + process.stderr, time.monotonic() - start


@pytest.mark.fault
@pytest.mark.parametrize("revision", ["main", "0" * 40])
def test_a_dead_hub_is_reported_at_once(revision):
    printed, seconds = resolve_with_dead_hub(f"hf://alice/never-seen@{revision}")
    error = printed.strip().splitlines()[-1]
    assert "HubUnavailableError: The Hub (http://127.0.0.1:" in error and "'alice/never-seen'" in error
    assert seconds < 10  # the client's own retries alone would take 25


@pytest.mark.fault
@pytest.mark.parametrize("environment", [{}, {"HF_HUB_OFFLINE": "1"}])
def test_what_was_fetched_once_needs_no_hub(hub, repo, environment):
    Tiny().push_to_hub(repo)
    resolve(f"hf://{repo}")
    printed, _ = resolve_with_dead_hub(f"hf://{repo}", **environment)
    assert printed.strip() == f"['README.md', 'config.json', '{WEIGHTS}']"
