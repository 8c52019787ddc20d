"""A camera swapped as it films; a video stands for the camera."""

import time

import numpy as np
import pytest
from group_picture import PEOPLE, group
from made_videos import make_video
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import FaceShifterPipeline, FrameSwapper, SwapOptions, cli
from faceshifter_hub.errors import CameraError
from faceshifter_hub.jobs.live import Camera, swap_live

SIZE = (320, 320)


@pytest.fixture(scope="module")
def swapper(tmp_path_factory):
    pipe = FaceShifterPipeline.from_pretrained(save_tiny_pipeline(tmp_path_factory.mktemp("pipeline")))
    return FrameSwapper(pipe, PEOPLE[0], SwapOptions(refine=False))


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    frames = [group(1)] * 12
    return str(
        make_video(tmp_path_factory.mktemp("camera") / "camera.mp4", frames=12, pictures=frames, size=(320, 320))
    )


def test_what_is_filmed_is_shown_swapped_until_the_camera_ends(swapper, camera):
    seen = []
    shown = swap_live(swapper, camera, lambda frame: seen.append(frame) or True)
    assert 1 <= shown == len(seen) <= 12
    assert all(frame.shape == (320, 320, 3) for frame in seen)
    assert np.abs(seen[0].astype(int) - group(1)).max() > 60  # a face of untrained networks


def test_it_ends_when_who_looks_has_seen_enough(swapper, camera):
    assert swap_live(swapper, camera, lambda frame: False) == 1


def test_frames_that_come_too_fast_are_passed_over(camera):
    filming = Camera(camera)
    seen = []
    for frame in filming.frames():
        seen.append(frame)
        time.sleep(0.2)
    filming.close()
    assert 1 <= len(seen) < 12


@pytest.mark.parametrize(
    ("place", "sentence"), [("nowhere.mp4", "There is no camera 'nowhere.mp4'"), (9, "camera '9'")]
)
def test_a_camera_that_is_not_there_is_one_sentence(swapper, place, sentence):
    with pytest.raises(CameraError, match=sentence):
        swap_live(swapper, place, lambda frame: True)


def test_without_a_screen_the_command_says_where_to_look(monkeypatch, capsys):
    monkeypatch.delenv("DISPLAY", raising=False)
    assert cli.main(["live", str(PEOPLE[0])]) == 1
    assert capsys.readouterr().err.startswith("faceshifter: There is no screen to show frames on; the demo's tab Live")
