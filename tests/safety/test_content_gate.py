"""The content gate: rendered people pass; what it refuses is refused at every door, before and after."""

import threading

import numpy as np
import pytest
from made_videos import make_video
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import FaceShifterPipeline, FrameSwapper, SwapOptions
from faceshifter_hub.errors import ContentError
from faceshifter_hub.jobs.video import swap_video
from faceshifter_hub.media.images import read_image
from faceshifter_hub.registry import DATA_ROOT
from faceshifter_hub.safety import content

FACES = sorted((DATA_ROOT / "examples").glob("*.webp"))
SOURCE, TARGET = FACES[:2]


@pytest.fixture(scope="module")
def pipe(tmp_path_factory):
    return FaceShifterPipeline.from_pretrained(save_tiny_pipeline(tmp_path_factory.mktemp("pipeline")))


@pytest.fixture
def refuse(monkeypatch):
    """Have the gate refuse pictures that are like one; no such picture as it is made for is at hand, nor wanted."""

    def begin(refused):
        def score(photo):
            return 1.0 if np.array_equal(photo, refused) else 0.0

        monkeypatch.setattr(content, "score_content", score)

    return begin


@pytest.mark.parametrize("face", FACES[:6], ids=lambda face: face.stem)
def test_rendered_people_pass(face):
    assert content.score_content(read_image(face)) < content.THRESHOLD / 4


@pytest.mark.parametrize(("refused", "name"), [(SOURCE, "source picture"), (TARGET, "target picture")])
def test_pictures_are_refused_by_name(pipe, refuse, refused, name):
    refuse(read_image(refused))
    with pytest.raises(ContentError, match=f"The {name} seems to show nudity"):
        pipe(SOURCE, TARGET)


def test_a_picture_is_looked_at_while_its_faces_are_sought(monkeypatch):
    begun = threading.Event()
    monkeypatch.setattr(content, "score_content", lambda photo: float(begun.wait(10)))
    done = []
    with pytest.raises(ContentError, match="The picture"), content.content_checked(read_image(SOURCE), "picture"):
        begun.set()
        done.append("sought")
    assert done


def test_a_result_is_refused(pipe, monkeypatch):
    seen = []

    def score(photo):
        seen.append(photo)
        return float(len(seen) == 3)

    monkeypatch.setattr(content, "score_content", score)
    with pytest.raises(ContentError, match="The result"):
        pipe(SOURCE, TARGET)
    assert not np.array_equal(seen[2], read_image(TARGET))


def test_results_of_frames_are_sampled(pipe, monkeypatch):
    monkeypatch.setattr("faceshifter_hub.frames.CONTENT_EVERY", 2)
    swapper = FrameSwapper(pipe, SOURCE, SwapOptions())
    frame = read_image(TARGET)
    seen = []
    monkeypatch.setattr(content, "score_content", lambda photo: seen.append(photo) or 0.0)
    assigned = swapper.assign(frame)
    assert len(seen) == 1 and seen.pop() is frame
    swapped = swapper.swap([frame, frame, frame, frame], [assigned, [], assigned, assigned])
    assert [any(photo is its for its in seen) for photo in swapped] == [True, False, False, True]
    monkeypatch.setattr(content, "score_content", lambda photo: 1.0)
    swapper.reset()
    with pytest.raises(ContentError, match="The result's frame seems to show nudity"):
        swapper.swap([frame], [assigned])


def test_frames_are_sampled_and_nothing_of_a_refused_video_is_written(pipe, refuse, tmp_path, monkeypatch):
    frames = [np.roll(read_image(TARGET)[::2, ::2], n, 1) for n in range(4)]
    monkeypatch.setattr("faceshifter_hub.frames.CONTENT_EVERY", 2)
    swapper = FrameSwapper(pipe, SOURCE, SwapOptions())
    refuse(frames[2])
    for frame in frames[:2]:
        swapper.assign(frame)
    with pytest.raises(ContentError, match="frame"):
        swapper.assign(frames[2])
    monkeypatch.setattr(content, "score_content", lambda photo: 1.0)
    make_video(tmp_path / "film.mp4", 4, size=(256, 256), pictures=frames)
    with pytest.raises(ContentError):
        swap_video(swapper, tmp_path / "film.mp4", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
