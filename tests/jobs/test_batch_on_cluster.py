"""`faceshifter batch --ray`: a real cluster on this machine's cores swaps what one process would."""

import json
import shutil

import pytest
from PIL import Image
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import cli
from faceshifter_hub.registry import DATA_ROOT

SOURCE, TARGET = sorted((DATA_ROOT / "examples").glob("*.webp"))[:2]


@pytest.fixture
def batch(tmp_path, monkeypatch, capsys):
    """Run the command on a folder of two faces and a bad file, names relative to where it is given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    with Image.open(TARGET) as picture:
        picture.convert("RGB").resize((160, 160)).save("photos/a.png")
    shutil.copy("photos/a.png", "photos/b.png")
    (tmp_path / "photos" / "empty.jpg").touch()
    (tmp_path / "pipeline").mkdir()
    save_tiny_pipeline(tmp_path / "pipeline")

    def run(*options):
        command = ["batch", str(SOURCE), "photos", "-o", "out", "--pipeline", "pipeline", "--json", *options]
        code = cli.main(command)
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return run


def test_a_cluster_shares_a_batch_that_one_process_goes_on_with(batch, ray_home, tmp_path):
    code, said, err = batch("--ray", "local")
    assert (code, said["swapped"], said["kept"]) == (1, 2, 0), err
    assert [(entry["input"], "is empty" in entry["why"]) for entry in said["failed"]] == [("photos/empty.jpg", True)]
    (tmp_path / "out" / "b.png").unlink()
    code, said, _ = batch()
    assert (code, said["swapped"], said["kept"]) == (1, 1, 1)


def test_no_cluster_is_one_sentence_and_nothing_is_begun(batch, ray_home, tmp_path):
    code, _, err = batch("--ray", "127.0.0.1:1")
    assert code == 1 and err.startswith("faceshifter: There is no Ray cluster to be had at '127.0.0.1:1' (")
    assert err.count("\n") == 1 and not (tmp_path / "out").exists()
