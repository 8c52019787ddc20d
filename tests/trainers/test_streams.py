"""Photographs that `datasets` streams: prepared shards, Parquet files, their order, what is refused."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import datasets
import numpy as np
import pytest
from bars import BARS, SIDE, read_bars
from PIL import Image

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.split import is_validation
from trainers import aei, streams
from trainers.pairs import to_tensor
from trainers.photos import Mixture
from trainers.streams import PhotoStream

EXAMPLES = sorted((Path(__file__).parents[2] / "registry" / "examples").glob("face_*.webp"))
SCRIPT = str(Path(__file__).parents[2] / "trainers" / "aei.py")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def bars(make_photos, monkeypatch):
    """Six people as prepared shards, read in blocks of four rows."""
    monkeypatch.setattr(streams, "BLOCK", 4)
    return str(make_photos("bars", [(None, n % (BARS // 2)) for n in range(6)]) / "bars")


def who(photo):
    return int(photo.person.rpartition("/")[2].removesuffix(".png"))


def take(stream, rng, count):
    return [who(stream.draw_target(rng)) for _ in range(count)]


def test_every_row_of_a_block_is_a_target_once_and_rows_come_without_end(bars, rng):
    drawn = take(PhotoStream(bars, SIDE, 0), rng, 12)  # two times six rows, in three blocks
    blocks = [sorted(drawn[n : n + 4]) for n in range(0, 12, 4)]
    assert blocks == [[0, 1, 2, 3], [0, 1, 4, 5], [2, 3, 4, 5]]
    assert drawn != sorted(drawn)


def test_a_streamed_picture_is_that_of_its_row(bars, rng):
    stream = PhotoStream(bars, SIDE, 0)
    for photo in (stream.draw_target(rng) for _ in range(6)):
        assert read_bars(to_tensor(photo.image))[0] == who(photo) % (BARS // 2)


def test_a_stream_goes_on_where_it_stopped_whatever_was_drawn_as_sources(bars, rng):
    once = take(PhotoStream(bars, SIDE, 0), rng, 15)
    for taken in (0, 3, 4, 10):
        stream = PhotoStream(bars, SIDE, 0)
        stream.begin(taken)
        drawn = []
        for _ in range(15 - taken):
            drawn += take(stream, rng, 1)
            stream.draw_source(rng)
        assert drawn == once[taken:]


def test_another_seed_is_another_order(bars, rng):
    assert take(PhotoStream(bars, SIDE, 0), rng, 12) != take(PhotoStream(bars, SIDE, 1), rng, 12)


def test_processes_read_rows_of_their_own(bars, rng):
    parts = [set(take(PhotoStream(bars, SIDE, 0, process, 2), rng, 12)) for process in range(2)]
    assert parts[0] | parts[1] == set(range(6)) and not parts[0] & parts[1]


def test_pairs_of_a_stream_are_of_different_people(bars, rng):
    for source, target in (Mixture([PhotoStream(bars, SIDE, 0)], [1]).draw(rng) for _ in range(20)):
        assert who(source) != who(target)


# ---- photographs that are not prepared


@pytest.fixture
def parquet(tmp_path):
    """Write photographs to a Parquet file, with a column of names; returns its folder."""

    def write(files, names):
        features = datasets.Features({"name": datasets.Value("string"), "photo": datasets.Image()})
        rows = {"name": names, "photo": [{"bytes": content, "path": None} for content in files]}
        (tmp_path / "set").mkdir()
        datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "set" / "train.parquet")
        return str(tmp_path / "set")

    return write


def test_faces_of_any_photographs_are_found_as_they_come(parquet, rng, monkeypatch):
    monkeypatch.setattr(streams, "BLOCK", 6)
    files = [*(path.read_bytes() for path in EXAMPLES[:4]), b"no picture", png_of_nobody()]
    names = [name for name in map(str, range(40)) if not is_validation(name)][:6]
    stream = PhotoStream(parquet(files, names), 64, 0, person_column="name")
    photos = [stream.draw_target(rng) for _ in range(12)]
    assert {photo.person.rpartition("/")[2] for photo in photos} == set(names[:4])
    assert all(photo.image.shape[0] >= 64 and photo.points.shape == (5, 2) for photo in photos)


def png_of_nobody():
    file = io.BytesIO()
    Image.new("RGB", (200, 200), "grey").save(file, "png")
    return file.getvalue()


def test_who_is_held_out_is_never_drawn(parquet, rng, monkeypatch):
    monkeypatch.setattr(streams, "BLOCK", 6)
    names = list(map(str, range(100)))
    chosen = [n for n in names if is_validation(n)][:2] + [n for n in names if not is_validation(n)][:4]
    stream = PhotoStream(parquet([path.read_bytes() for path in EXAMPLES[:6]], chosen), 64, 0, person_column="name")
    held_out = {photo.person.rpartition("/")[2] for photo in stream.held_out(9)}
    drawn = {stream.draw_target(rng).person.rpartition("/")[2] for _ in range(12)}
    assert (held_out, drawn) == (set(chosen[:2]), set(chosen[2:]))


# ---- refusals


def test_rows_of_no_use_are_one_sentence(parquet, rng):
    stream = PhotoStream(parquet([png_of_nobody()] * 3, ["a", "b", "c"]), 64, 0)
    with pytest.raises(DataError, match=r"^Of 512 rows of \S* none shows a face to train on; is it a set of faces\?$"):
        stream.draw_target(rng)


@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere/at-all", "cannot be streamed: "), ("words", "has no column of pictures, only text.")],
)
def test_what_is_no_set_of_pictures_is_one_sentence(tmp_path, monkeypatch, name, message):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    Path("words").mkdir()
    Path("words", "train.txt").write_text("one\ntwo\n")
    with pytest.raises(DataError) as raised:
        PhotoStream(name, 64, 0)
    assert str(raised.value).startswith(f"{name} {message}") and "\n" not in str(raised.value)


def test_the_library_missing_is_one_sentence(monkeypatch):
    monkeypatch.setattr(streams, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"^Streamed data need a package: pip install 'faceshifter-hub\[train\]'\.$"):
        PhotoStream("any", 64, 0)


# ---- runs


def streamed(flags, folder, photos_dir, **given):
    """Return the flags of a run on the prepared shards, streamed."""
    words = flags("tiny-aei", folder, dataset_name=photos_dir, **given)
    at = words.index("--train_data_dir")
    return [*words[:at], *words[at + 2 :]]


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_streamed_run_that_is_resumed_is_the_run_that_was_never_interrupted(flags, photos_dir, tmp_path):
    aei.main(streamed(flags, tmp_path / "whole", photos_dir, max_train_steps=4))
    for steps in (2, 4):
        given = {"max_train_steps": steps, "resume_from_checkpoint": "latest"}
        aei.main(streamed(flags, tmp_path / "parts", photos_dir, **given))
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")


def test_two_processes_stream_together(flags, photos_dir, tmp_path):
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", SCRIPT]
    command = [*launch, *streamed(flags, tmp_path, photos_dir, max_train_steps=2)]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(metrics(tmp_path)) == 2
    assert len(list((tmp_path / "checkpoint-2").glob("random_states_*.pkl"))) == 2
