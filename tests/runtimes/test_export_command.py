"""`faceshifter export`: graphs of a component, once, and copies of them."""

import json
from pathlib import Path

import onnxruntime
import torch
from tiny_networks import tiny_networks

from faceshifter_hub import cli


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


def test_a_detector_is_not_exported(cache, capsys):
    assert cli.main(["export", "mtcnn"]) == 1
    assert "mtcnn has no graphs" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(cache, tmp_path, capsys):
    tiny_networks()["hear-tiny"].save_pretrained(tmp_path / "hear")
    (tmp_path / "file").write_text("")
    assert cli.main(["export", str(tmp_path / "hear"), "-o", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err
