"""`faceshifter prepare`: what is kept, what is left out and why, and runs that go on."""

import json
import os
import shutil
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
from interrupts import heed_interrupts
from photo_collection import face, prepare
from PIL import Image

from faceshifter_hub import cli
from faceshifter_hub.component import load_component
from faceshifter_hub.datasets.shards import read_samples
from faceshifter_hub.faces.alignment import align, template
from faceshifter_hub.preparation.examine import find_landmarks
from faceshifter_hub.synthesis.datasets.samples import decode_picture

MADE = ["README.md", "dataset.json", "photos-000000.tar", "photos-000001.tar", "progress.jsonl", "rejected.jsonl"]


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def samples(prepared):
    return [sample for path in sorted(prepared.glob("*.tar")) for sample in read_samples(path)]


@pytest.fixture(scope="module")
def facts(samples):
    return [json.loads(sample["json"]) for sample in samples]


# ---- what is kept


def test_a_folder_holds_shards_card_and_lists(prepared):
    assert sorted(contents(prepared)) == MADE


def test_kept_photographs_stand_in_the_order_of_their_names_with_their_person(facts):
    kept = [(known["person"], known["file"]) for known in facts]
    assert kept == sorted((f"n00000{n % 4}", f"n00000{n % 4}/{n:04}_01.JPG") for n in range(1, 10))


def test_a_sample_is_the_face_with_a_margin_and_its_landmarks(samples, facts):
    detector = load_component("mtcnn", "face_detector")
    for sample, known in zip(samples, facts, strict=True):
        image, landmarks = decode_picture(sample["jpg"]), np.array(known["landmarks"])
        assert set(sample) == {"__key__", "jpg", "json"} and image.shape == (84, 84, 3)  # 64 and 10 a side
        # a similarity cannot bring five points of every face onto the template, but the face is the template's
        assert np.abs(landmarks - 10 - template(64)).max() < 4
        found = detector.detect(cv2.resize(image, (336, 336), interpolation=cv2.INTER_CUBIC))[0].landmarks
        assert np.abs((found + 0.5) / 4 - 0.5 - landmarks).max() < 2


def test_what_was_measured_is_that_of_the_photograph(facts):
    for known in facts:
        assert 200 < known["side"] < 350 and known["size"] == 64
        assert known["sharpness"] > 20


def test_aligned_anew_it_is_the_face_that_the_photograph_gives(samples, facts, collection):
    photograph = np.asarray(Image.open(collection / facts[0]["file"]))
    theirs, _ = align(photograph, find_landmarks(photograph), 64)
    ours, _ = align(decode_picture(samples[0]["jpg"]), np.array(facts[0]["landmarks"]), 64)
    assert np.abs(ours.astype(int) - theirs).mean() < 3


def test_the_split_keeps_a_person_together(facts):
    splits = {(known["person"], known["split"]) for known in facts}
    assert len(splits) == 4 and {split for _, split in splits} <= {"training", "validation"}


# ---- what is left out


def test_everything_left_out_is_listed_with_its_reason(prepared):
    rejected = [json.loads(line) for line in (prepared / "rejected.jsonl").read_text().splitlines()]
    assert {entry["file"]: entry["reason"] for entry in rejected} == {
        "odd/again.jpg": "duplicate",
        "odd/blurred.png": "blurred",
        "odd/cut.jpg": "corrupt",
        "odd/empty.jpg": "corrupt",
        "odd/pixel.png": "no face",
        "odd/small.webp": "small",
        "odd/text.jpg": "corrupt",
        "odd/wall.png": "no face",
    }
    measured = {entry["reason"]: entry for entry in rejected}
    assert measured["duplicate"]["of"] == "n000000/0008_01.JPG"
    assert 80 < measured["small"]["side"] < 128
    assert 0 < measured["blurred"]["sharpness"] < 20


def test_the_card_counts_and_names_the_command(prepared):
    card = (prepared / "README.md").read_text()
    assert "9 faces of 4 people out of 17 photographs" in card
    assert "faceshifter prepare IN OUT --size 64 --min-face 128\n" in card
    for row in ("corrupt | 3", "no face | 2", "small | 1", "blurred | 1", "duplicate | 1", "too large | 0"):
        assert f"| {row} |" in card


def test_a_photograph_that_cannot_be_read_stops_the_run_until_it_can_and_is_not_called_corrupt(tmp_path, capsys):
    folder, output = tmp_path / "photographs", tmp_path / "output"
    folder.mkdir()
    face(1).save(folder / "a.png")
    (folder / "b.png").symlink_to(tmp_path / "elsewhere")
    assert prepare(folder, output, "--workers", "1") == 1
    assert "b.png' cannot be read (No such file or directory)" in capsys.readouterr().err.splitlines()[-1]
    face(2).save(tmp_path / "elsewhere", "png")
    assert prepare(folder, output, "--workers", "1") == 0
    assert "2 faces of 2 people" in (output / "README.md").read_text()


# ---- interruptions


def test_a_second_run_examines_nothing_and_changes_nothing(prepared, collection, capsys):
    before = contents(prepared)
    assert prepare(collection, prepared) == 0
    assert capsys.readouterr().err == ""
    assert contents(prepared) == before


@pytest.mark.fault
@pytest.mark.parametrize("gone", ["half a line", "a shard"])
def test_an_interrupted_run_goes_on_and_makes_the_same_folder(prepared, collection, tmp_path, capsys, gone):
    output = shutil.copytree(prepared, tmp_path / "output")
    for name in ("README.md", "rejected.jsonl"):
        (output / name).unlink()
    lines = (output / "progress.jsonl").read_bytes().splitlines(keepends=True)
    if gone == "half a line":
        (output / "progress.jsonl").write_bytes(lines[0] + lines[1][:40])
    else:
        (output / "photos-000001.tar").unlink()
    assert prepare(collection, output, "--workers", "1") == 0
    assert contents(output) == contents(prepared)
    assert capsys.readouterr().err.startswith("8 of 17 photographs, 8 kept\n12 of 17 photographs, 9 kept, ")


@pytest.mark.fault
def test_ctrl_c_is_exit_code_130_and_says_that_the_same_command_goes_on(collection, tmp_path):
    command = [sys.executable, "-m", "faceshifter_hub.cli", "prepare", str(collection), str(tmp_path / "output")]
    process = subprocess.Popen(
        [*command, "--workers", "1"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )
    assert process.stderr.readline() == "0 of 17 photographs, 0 kept\n"
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, "Stopped. The same command goes on where this one stopped.\n")
    assert sorted(contents(tmp_path / "output")) == ["dataset.json", "progress.jsonl"]


# ---- refusals


def refusal(capsys, *words):
    """Run the command in vain; return its sentence."""
    assert cli.main(["prepare", *map(str, words)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error.removeprefix("faceshifter: ")


def test_no_photographs_is_one_sentence(tmp_path, capsys):
    (tmp_path / "notes.txt").touch()
    assert refusal(capsys, tmp_path, tmp_path / "output").startswith(f"{tmp_path} holds no photograph (.bmp, ")
    missing = tmp_path / "missing"
    assert refusal(capsys, missing, tmp_path / "output").startswith(f"{missing} cannot be read (No such file")
    assert not (tmp_path / "output").exists()


def test_an_output_that_cannot_be_a_folder_is_one_sentence(collection, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert "file cannot be written: File exists. Name another folder." in refusal(
        capsys, collection, tmp_path / "file"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--size", "128", "--min-face", "128"), "was begun with --size 64, not 128: give the same command"),
        (("--size", "64", "--min-face", "96"), "was begun with --min-face 128, not 96: give"),
    ],
)
def test_other_options_in_the_same_folder_are_refused(collection, prepared, capsys, words, says):
    assert says in refusal(capsys, collection, prepared, *words)


def test_other_photographs_in_the_same_folder_are_refused(prepared, tmp_path, capsys):
    face(1).save(tmp_path / "one.png")
    words = ("--size", "64", "--min-face", "128")
    assert "was begun with other photographs: give" in refusal(capsys, tmp_path, prepared, *words)


def test_shards_of_nobody_knows_what_are_refused(collection, tmp_path, capsys):
    (tmp_path / "photos-000000.tar").touch()
    assert "holds shards but no dataset.json" in refusal(capsys, collection, tmp_path)


@pytest.mark.parametrize("option", ["--size", "--min-face", "--workers"])
def test_a_number_out_of_its_range_is_one_sentence(collection, tmp_path, capsys, option):
    assert refusal(capsys, collection, tmp_path, option, 0).startswith(f"{option} is ")
