"""Whatever door a swap comes out of, it is marked: the pixels by a watermark, the file by signed credentials."""

import json
import logging

import numpy as np
import pytest
from made_videos import make_video
from PIL import Image
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import cli, swap_file
from faceshifter_hub.frames import FrameSwapper
from faceshifter_hub.jobs.swap_file import swap_with
from faceshifter_hub.jobs.video import swap_video
from faceshifter_hub.media.images import read_image, write_image
from faceshifter_hub.media.video import read_frames, read_video_info
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.provenance.credentials import COMPONENTS, WATERMARK, Credentials, read_manifest
from faceshifter_hub.provenance.marks import mark_stages
from faceshifter_hub.provenance.watermark import detect
from faceshifter_hub.registry import DATA_ROOT

FACES = DATA_ROOT / "examples"
SOURCE, TARGET = FACES / "face_01.webp", FACES / "face_02.webp"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_pipeline(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="module")
def pipe(folder):
    return FaceShifterPipeline.from_pretrained(folder, device="cpu")


def manifest(path):
    store = read_manifest(path)
    assert store is not None and store["validation_state"] == "Valid"
    return {one["label"]: one["data"] for one in store["manifests"][store["active_manifest"]]["assertions"]}


def mark_of(pixels):
    found = detect(np.asarray(pixels))
    return found and found.id


def test_python(pipe, tmp_path):
    output = pipe(SOURCE, TARGET)
    assert mark_of(output.images[0]) == output.mark_ids[0]
    output.save(tmp_path / "out.jpg")
    said = manifest(tmp_path / "out.jpg")
    assert said[WATERMARK] == {"id": output.mark_ids[0]}
    assert said[COMPONENTS].keys() == pipe.addresses.keys()
    assert str(pipe.addresses["aad_generator"]) not in json.dumps(said), "no folder of this machine is told"


@pytest.mark.parametrize("door", ["python", "command", "video"])
def test_what_the_source_says_of_itself_is_kept(pipe, folder, tmp_path, door):
    source = tmp_path / "anna.png"
    write_image(read_image(SOURCE), source, Credentials({}, "11111111"))
    output = tmp_path / ("out.mp4" if door == "video" else "out.png")
    if door == "python":
        pipe([source], [TARGET]).save(output)
    elif door == "command":
        assert cli.main(["swap", str(source), str(TARGET), "-o", str(output), "--pipeline", str(folder)]) == 0
    else:
        film = make_video(tmp_path / "film.mp4", 2, size=(256, 256), pictures=[read_image(TARGET)[::2, ::2]] * 2)
        swap_video(FrameSwapper(pipe, pipe.identity(source), SwapOptions()), film, output)
    store = read_manifest(output)
    assert store is not None and store["validation_state"] == "Valid"
    ingredients = store["manifests"][store["active_manifest"]]["ingredients"]
    assert [one["title"] for one in ingredients] == ["source 1"]


def test_every_picture_has_an_id_of_its_own(pipe):
    first, second = pipe(SOURCE, [TARGET, TARGET]).mark_ids
    assert first != second


def test_pictures_of_stages_that_show_a_swap():
    face = Image.fromarray(read_image(TARGET)).resize((256, 256))
    marked = mark_stages({"target": face, "swapped": face, "refined": face}, "0badcafe")
    assert {name: mark_of(picture) for name, picture in marked.items()} == {
        "target": None,
        "swapped": "0badcafe",
        "refined": "0badcafe",
    }


def test_a_run_that_goes_on_keeps_its_id_and_another_clip_gets_another(pipe):
    first, second = (FrameSwapper(pipe, SOURCE, SwapOptions()) for _ in range(2))
    second.restore(json.loads(json.dumps(first.state())))
    assert second.mark_id == first.mark_id
    second.reset()
    assert second.mark_id != first.mark_id


def test_without_marks_nothing_is_and_the_log_says_so(pipe, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "faceshifter_hub"):
        output = pipe(SOURCE, TARGET, mark=False)
    assert "not marked" in caplog.text
    assert mark_of(output.images[0]) is None and output.mark_ids == [None]
    output.save(tmp_path / "out.png")
    assert read_manifest(tmp_path / "out.png") is None


def test_a_label_is_outside_the_face(pipe):
    plain, labelled = (np.asarray(pipe(SOURCE, TARGET, mark=False, label=on).images[0]) for on in (False, True))
    rows, columns = np.nonzero((plain != labelled).any(axis=2))
    [face] = pipe.detect(read_image(TARGET))[:1]
    assert (
        len(rows)
        and not ((rows > face.box[1]) & (rows < face.box[3]) & (columns > face.box[0]) & (columns < face.box[2])).any()
    )


def test_command_line(folder, tmp_path, capsys):
    out = tmp_path / "out.webp"
    command = ["swap", str(SOURCE), str(TARGET), "-o", str(out), "--pipeline", str(folder)]
    assert cli.main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["watermark"] == mark_of(read_image(out))
    assert manifest(out)[WATERMARK] == {"id": mark_of(read_image(out))}
    assert cli.main([*command, "--no-mark"]) == 0
    assert mark_of(read_image(out)) is None and read_manifest(out) is None


def test_a_target_with_credentials_keeps_them(folder, tmp_path):
    target, out = tmp_path / "target.png", tmp_path / "out.png"
    write_image(read_image(TARGET), target, Credentials({}, "77777777"))
    assert cli.main(["swap", str(SOURCE), str(target), "-o", str(out), "--pipeline", str(folder)]) == 0
    store = read_manifest(out)
    assert store is not None and len(store["manifests"]) == 2


def test_files_of_a_batch(pipe, tmp_path):
    swapper = FrameSwapper(pipe, SOURCE, SwapOptions())
    ids = []
    for name in ("one.png", "two.jpg"):
        swap_with(swapper, TARGET, tmp_path / name, door="batch")
        ids.append(mark_of(read_image(tmp_path / name)))
        assert manifest(tmp_path / name)[WATERMARK] == {"id": ids[-1]}
    assert ids[0] != ids[1]


def test_animations(pipe, tmp_path):
    frames = [Image.fromarray(np.roll(read_image(TARGET), 4 * n, 1)) for n in range(2)]
    frames[0].save(tmp_path / "target.gif", save_all=True, append_images=frames[1:], duration=100)
    swap_file(pipe, SOURCE, tmp_path / "target.gif", tmp_path / "out.gif")
    assert manifest(tmp_path / "out.gif")[WATERMARK] == {"id": mark_of(read_image(tmp_path / "out.gif"))}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_videos(pipe, tmp_path, suffix):
    video, out = tmp_path / "target.mp4", tmp_path / f"out{suffix}"
    pictures = [np.roll(read_image(TARGET), 2 * n, 1) for n in range(4)]
    make_video(video, 4, size=(512, 512), pictures=pictures)
    report = swap_video(FrameSwapper(pipe, SOURCE, SwapOptions()), video, out)
    marks = {mark_of(frame.pixels) for frame in read_frames(out, read_video_info(out))}
    assert len(marks) == 1 and marks != {None}
    if suffix == ".mkv":
        assert any("no place for content credentials" in note for note in report.notes)
    else:
        assert manifest(out)[WATERMARK] == {"id": marks.pop()}
    assert [path.name for path in tmp_path.iterdir() if path not in (video, out)] == []
