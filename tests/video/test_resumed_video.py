"""An interrupted video of several people ends as if nothing had happened, with the real detector and encoder."""

import cv2
import numpy as np
import pytest
from group_picture import PEOPLE, group
from made_videos import make_video, read_packets
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import FaceShifterPipeline, FrameSwapper, SwapOptions
from faceshifter_hub.jobs.video import swap_video

pytestmark = pytest.mark.usefixtures("unmarked")  # each run has an id of its own
SIZE = (192, 384)  # a whole number of REPEATABLE_SIZE, so that the same frames make the same packets
PLACES = [(1, 3), (1, 3), (3, 1), (3, 1)]


@pytest.fixture(scope="module")
def pipe(tmp_path_factory):
    return FaceShifterPipeline.from_pretrained(save_tiny_pipeline(tmp_path_factory.mktemp("pipeline")))


@pytest.fixture(scope="module")
def people(pipe):
    return [pipe.identity(PEOPLE[number]) for number in (0, 2, 3)]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two people who change places, and who is nearer, half-way; a frame a second, so that two are a segment."""
    frames = [np.roll(group(*people, sides=(320, 260)), 4 * n, 1) for n, people in enumerate(PLACES)]
    pictures = [cv2.resize(frame, SIZE[::-1]) for frame in frames]
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return make_video(path, 4, pictures=pictures, size=SIZE, time_base=1, options={"crf": "8"})


@pytest.mark.parametrize(
    ("cast", "faces"),
    [
        (lambda new, other, old: new, "largest"),
        (lambda new, other, old: new, "2"),
        (lambda new, other, old: {old: new, 1: other}, "largest"),
    ],
)
def test_a_resumed_video_is_that_of_an_uninterrupted_run(pipe, people, film, tmp_path, cast, faces):
    def stop_at_the_end(done, *_):
        if done == 4:
            raise KeyboardInterrupt

    def swapper():
        return FrameSwapper(pipe, cast(*people), SwapOptions(faces=faces, refine=False))

    whole = swap_video(swapper(), film, tmp_path / "whole.mp4")
    assert (whole.swapped, whole.repeated) == (4, 0)
    with pytest.raises(KeyboardInterrupt):
        swap_video(swapper(), film, tmp_path / "o.mp4", progress=stop_at_the_end)
    report = swap_video(swapper(), film, tmp_path / "o.mp4")
    assert (report.resumed, report.swapped) == (2, 4)
    assert read_packets(tmp_path / "o.mp4", "video") == read_packets(tmp_path / "whole.mp4", "video")
