"""`faceshifter export`: graphs of a component, once, and copies of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest
import torch
from tiny_networks import tiny_networks

from faceshifter_hub import cli
from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.runtimes.compiled import open_compiled


def test_a_component_becomes_a_graph_once(cache, tmp_path, capsys):
    folder = tmp_path / "hear"
    network = tiny_networks()["hear-tiny"]
    network.save_pretrained(folder)
    assert cli.main(["export", str(folder), "-o", str(tmp_path / "graphs"), "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)
    path = Path(told["graphs"]["forward"])
    assert path == tmp_path / "graphs" / "hear" / "forward.onnx" and list(path.parent.iterdir()) == [path]
    session = onnxruntime.InferenceSession(path)
    swapped, error = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    names = [given.name for given in session.get_inputs()]
    [refined] = session.run(None, dict(zip(names, (swapped.numpy(), error.numpy()), strict=True)))
    torch.testing.assert_close(torch.from_numpy(refined), network(swapped, error).detach(), atol=1e-4, rtol=0)
    [stored] = cache.glob("graphs/*/forward.onnx")
    written = stored.stat().st_mtime_ns
    assert cli.main(["export", str(folder)]) == 0
    assert capsys.readouterr().out.strip() == str(stored) and stored.stat().st_mtime_ns == written


def test_a_component_is_compiled_and_serves_faces_laid_out_either_way(cache, tmp_path, capsys):
    network = tiny_networks()["hear-tiny"]
    network.save_pretrained(tmp_path / "hear")
    assert cli.main(["export", str(tmp_path / "hear"), "--runtime", "inductor"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.name == "forward.pt2" and path.is_relative_to(cache)
    run = open_compiled("forward", path)
    swapped, error = torch.rand(3, 3, 64, 64), torch.rand(3, 64, 64, 3).permute(0, 3, 1, 2)
    [refined] = run(swapped, error)
    run(error, swapped)  # which must not write into what was given before
    torch.testing.assert_close(refined, network(swapped, error).detach(), atol=1e-4, rtol=0)
    path.write_bytes(b"no package")
    with pytest.raises(CheckpointError, match="delete it and export again"):
        open_compiled("forward", path)


def test_without_a_compiler_it_is_said_how_to_get_one(cache, tmp_path):
    tiny_networks()["hear-tiny"].save_pretrained(tmp_path / "hear")
    asked = [sys.executable, "-m", "faceshifter_hub.cli", "export", str(tmp_path / "hear"), "--runtime", "inductor"]
    nowhere = {**os.environ, "PATH": str(tmp_path), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "compiled")}
    done = subprocess.run(asked, capture_output=True, text=True, env=nowhere)
    assert done.returncode == 1 and "sudo apt-get install g++" in done.stderr
    assert not list(cache.glob("graphs/*"))


def test_a_detector_is_not_exported(cache, capsys):
    assert cli.main(["export", "mtcnn"]) == 1
    assert "mtcnn has no graphs" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(cache, tmp_path, capsys):
    tiny_networks()["hear-tiny"].save_pretrained(tmp_path / "hear")
    (tmp_path / "file").write_text("")
    assert cli.main(["export", str(tmp_path / "hear"), "-o", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err
