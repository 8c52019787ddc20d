"""`faceshifter batch --ray`: a real cluster on this machine's cores swaps what one process would."""

import argparse
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from made_videos import make_video
from PIL import Image
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import cli
from faceshifter_hub.datasets.cluster import connected
from faceshifter_hub.jobs.batch import Job, do_tasks_on_cluster, frames_done, plan_tasks
from faceshifter_hub.media.video import read_video_info
from faceshifter_hub.options import SwapOptions
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


def test_frames_of_videos_are_told_while_a_cluster_works(ray_home, tmp_path):
    with Image.open(TARGET) as picture:
        face = np.asarray(picture.convert("RGB").resize((160, 160)))
    frames = [np.roll(face, n, 1) for n in range(40)]
    make_video(tmp_path / "film.mp4", 40, size=(160, 160), pictures=frames)
    pipeline = str(save_tiny_pipeline(tmp_path / "pipeline"))
    people = argparse.Namespace(source=str(SOURCE), also=[], reference=None, map=[])
    job = Job("job 1", people, tmp_path / "film.mp4", tmp_path / "out.mp4", pipeline, SwapOptions())
    told = []
    with connected("local"):
        tasks = plan_tasks([job])[0]
        [outcome] = do_tasks_on_cluster(tasks, None, SimpleNamespace(set_postfix_str=told.append))
    assert outcome.error is None and read_video_info(tmp_path / "out.mp4").frames == 40
    lines = [line for line in told if line]
    done = [int(line.removeprefix("film.mp4: ").removesuffix(" of 40 frames")) for line in lines]
    assert len(set(done)) > 2 and done == sorted(done) and told[-1] == ""


def test_of_several_videos_all_frames_are_counted():
    assert frames_done({}) == ""
    assert frames_done({"films/a.mp4": (3, 9)}) == "a.mp4: 3 of 9 frames"
    assert frames_done({"a.mp4": (3, 9), "b.gif": (1, 2)}) == "2 files: 4 of 11 frames"
    assert frames_done({"a.mp4": (3, 9), "b.gif": (1, None)}) == "2 files: 4 of ? frames"


def test_no_cluster_is_one_sentence_and_nothing_is_begun(batch, ray_home, tmp_path):
    code, _, err = batch("--ray", "127.0.0.1:1")
    assert code == 1 and err.startswith("faceshifter: There is no Ray cluster to be had at '127.0.0.1:1' (")
    assert err.count("\n") == 1 and not (tmp_path / "out").exists()
