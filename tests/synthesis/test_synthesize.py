"""`faceshifter synthesize`, as one types it, on procedural assets."""

import json
import os
import re
import resource
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from interrupts import heed_interrupts
from PIL import Image
from processes import RUN, children, command, runs, wait_for

from faceshifter_hub.datasets.shards import read_samples
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.datasets.samples import decode_map, decode_picture
from faceshifter_hub.synthesis.parameters import Attributes, Identity

MADE = [
    "README.md",
    "contact_sheet.webp",
    "dataset.json",
    "faces-000000.tar",
    "faces-000001.tar",
    "triplets-000000.tar",
]


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def faces(made):
    return [sample for n in range(2) for sample in read_samples(made / f"faces-{n:06}.tar")]


@pytest.fixture(scope="module")
def triplets(made):
    return list(read_samples(made / "triplets-000000.tar"))


# ---- what is in a folder


def test_a_folder_holds_shards_plan_sheet_and_card(made):
    assert sorted(contents(made)) == MADE


def test_every_face_has_its_own_key_and_all_fields(faces):
    assert [sample["__key__"].decode() for sample in faces] == [f"face-{n:08}" for n in range(66)]
    for n, sample in enumerate(faces):
        assert set(sample) == {"__key__", "webp", "labels.png", "depth.png", "region.png", "json"}
        assert decode_picture(sample["webp"]).shape == (64, 64, 3)
        labels, depth, region = (decode_map(sample[f"{name}.png"]) for name in ("labels", "depth", "region"))
        assert labels.dtype == region.dtype == np.uint8 and depth.dtype == np.uint16
        assert set(np.unique(labels)) <= set(LABELS.values())
        assert ((depth == 65535) == (labels == LABELS["background"])).mean() > 0.97
        assert 3000 < np.median(depth[labels == LABELS["skin"]]) < 20_000  # the camera is 30 cm to 2 m away
        facts = json.loads(sample["json"])
        assert (facts["index"], facts["person"], facts["seed"], facts["assets"]) == (n, n // 2, 5, "procedural")
        assert np.shape(facts["landmarks"]) == (5, 2) and np.shape(facts["landmarks68"]) == (68, 2)
        Identity(**facts["identity"]), Attributes(**facts["attributes"])


def test_faces_of_one_person_differ_in_everything_else(faces):
    facts = [json.loads(sample["json"]) for sample in faces]
    for one, two, other in zip(facts[::2], facts[1::2], facts[2::2], strict=False):
        assert one["identity"] == two["identity"] != other["identity"]
        assert one["attributes"]["pose"] != two["attributes"]["pose"] != other["attributes"]["pose"]


def test_every_triplet_has_its_own_key_and_all_fields(triplets):
    assert [sample["__key__"].decode() for sample in triplets] == [f"triplet-{n:08}" for n in range(13)]
    pictures = {"source.webp", "target.webp", "truth.webp", "region.png", "target_labels.png", "truth_labels.png"}
    for n, sample in enumerate(triplets):
        assert set(sample) == {"__key__", "json", *pictures}
        facts = json.loads(sample["json"])
        assert (facts["index"], facts["group"], facts["truth_of"]) == (n, n // 12, "face")
        assert facts["source"]["identity"] != facts["target"]["identity"]
        assert all(np.shape(facts[name]["landmarks"]) == (5, 2) for name in ("source", "target", "truth"))


def test_a_truth_is_the_target_outside_its_region(triplets):
    for sample in triplets:
        target, truth = (decode_picture(sample[f"{name}.webp"]) for name in ("target", "truth"))
        region = decode_map(sample["region.png"])
        assert set(np.unique(region)) <= {0, 255}
        assert np.array_equal(target[region == 0], truth[region == 0])
        assert 0.01 < (target != truth).any(-1).mean() <= (region > 0).mean()


def test_the_contact_sheet_shows_faces_and_triplets(made):
    sheet = Image.open(made / "contact_sheet.webp")
    assert sheet.size == (960, 7 * 96 + 5 * 96)  # 66 faces by ten, 13 triplets by three


def test_the_card_counts_every_picture_and_names_the_command(made):
    card = (made / "README.md").read_text()
    assert (
        "faceshifter synthesize OUT --identities 33 --per-identity 2 --triplets 13 --truth face --size 64 --seed 5"
        in card
    )
    for title, number in (("the faces", 66), ("the triplets' targets", 13)):
        section = card.split(f"## Distribution over {title}\n")[1].split("\n## ")[0]
        blocks = re.findall(r"### ([^\n]+)\n\n```\n(.*?)```", section, re.DOTALL)
        assert {"Sex", "Age in years", "Skin tone as photographed", "Yaw", "Occluders"} <= {name for name, _ in blocks}
        for name, lines in blocks:
            counts = [int(line.split()[-1]) for line in lines.splitlines()]
            assert sum(counts) == number, name


# ---- interruptions


def test_a_second_run_changes_nothing(made):
    before = {path: path.stat().st_mtime_ns for path in made.glob("*.tar")}
    process = subprocess.run(command(made), check=False, **RUN)
    assert (process.returncode, process.stderr) == (0, "")
    assert {path: path.stat().st_mtime_ns for path in made.glob("*.tar")} == before


def start_drawing(folder):
    """Start the command; return once a worker writes a shard that is not there yet."""
    process = subprocess.Popen(command(folder), start_new_session=True, preexec_fn=heed_interrupts, **RUN)
    wait_for(lambda: list(folder.glob(".*.tar.*.partial")) or process.poll() is not None)
    assert process.poll() is None, process.stderr.read()
    return process


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A folder that a Ctrl-C, the end of a worker and a kill -9 interrupted before a last run filled it."""
    folder = tmp_path_factory.mktemp("interrupted") / "data"
    told = {}

    process = start_drawing(folder)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: the workers get it too
    told["Ctrl-C"] = process.communicate(timeout=120)[1], process.returncode, list(contents(folder))

    process = start_drawing(folder)
    (worker,) = [
        pid for pid in children(process.pid) if "resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_text()
    ]
    os.kill(worker, signal.SIGKILL)
    told["worker"] = process.communicate(timeout=120)[1], process.returncode

    process = start_drawing(folder)
    workers = children(process.pid)
    process.kill()
    process.communicate(timeout=120)
    wait_for(lambda: not any(map(runs, workers)))
    told["kill -9"] = [name for name in contents(folder) if name.endswith(".partial")]

    process = subprocess.run(command(folder), check=False, **RUN)
    assert process.returncode == 0, process.stderr
    return folder, told


@pytest.mark.fault
def test_ctrl_c_says_that_the_same_command_goes_on(interrupted):
    errors, code, names = interrupted[1]["Ctrl-C"]
    assert code == 130
    assert errors.splitlines() == ["0 of 79 samples", "Stopped. The same command goes on where this one stopped."]
    assert not [name for name in names if name.endswith(".partial")]


@pytest.mark.fault
def test_the_end_of_a_worker_is_one_sentence(interrupted):
    errors, code = interrupted[1]["worker"]
    assert code == 1
    first, sentence = errors.splitlines()
    assert first == "0 of 79 samples" and sentence.startswith("faceshifter: A worker process was ended from outside")


@pytest.mark.fault
def test_interrupted_runs_make_the_very_folder_of_one_that_never_was(interrupted, made):
    folder, told = interrupted
    assert told["kill -9"]  # it was killed in the middle of a shard
    assert contents(folder) == contents(made)


@pytest.mark.fault
def test_a_full_disk_leaves_no_half_shard_and_is_one_sentence(tmp_path):
    def limit_file_size():
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    process = subprocess.run(command(tmp_path), check=False, preexec_fn=limit_file_size, **RUN)
    assert process.returncode == 1
    path = tmp_path / "faces-000000.tar"
    assert process.stderr.splitlines() == [
        "0 of 79 samples",
        f"faceshifter: {path} cannot be written: File too large. What was finished before is kept: make room, then "
        "give the same command again.",
    ]
    assert list(contents(tmp_path)) == ["dataset.json"]


def test_a_head_truth_takes_the_whole_head(tmp_path):
    words = ("--triplets", "1", "--size", "64", "--truth", "head")
    process = subprocess.run(command(tmp_path, *words), check=False, **RUN)
    assert process.returncode == 0, process.stderr
    (sample,) = read_samples(tmp_path / "triplets-000000.tar")
    assert (decode_map(sample["region.png"]) == 255).all()
    assert json.loads(sample["json"])["truth_of"] == "head"
