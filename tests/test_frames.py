"""Frames that follow one another, with tiny networks, the real detector and identity encoder."""

import numpy as np
import pytest
from group_picture import PEOPLE, PLACE, changed_places, group
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import FaceShifterPipeline
from faceshifter_hub.frames import FrameSwapper
from faceshifter_hub.options import SwapOptions

SIDES = (320, 230, 250)
pytestmark = pytest.mark.usefixtures("unmarked")  # a mark would be all over the picture


@pytest.fixture(scope="module")
def pipe(tmp_path_factory):
    return FaceShifterPipeline.from_pretrained(save_tiny_pipeline(tmp_path_factory.mktemp("pipeline")))


def swapped(swapper, frames):
    """Return the places of each frame that change."""
    assigned = [swapper.assign(frame) for frame in frames]
    return [changed_places(*pair) for pair in zip(frames, swapper.swap(frames, assigned), strict=True)]


def test_a_frame_is_swapped_as_a_photograph_is(pipe):
    frame = group(1, 2, 3, sides=SIDES)
    swapper = FrameSwapper(pipe, PEOPLE[0], SwapOptions(faces="all"))
    [result] = swapper.swap([frame], [swapper.assign(frame)])
    assert np.array_equal(result, np.asarray(pipe(PEOPLE[0], frame, faces="all").images[0]))


def test_the_face_that_was_chosen_stays_chosen_when_another_grows_larger(pipe):
    swapper = FrameSwapper(pipe, PEOPLE[0], SwapOptions())
    frames = [group(1, 3, sides=(320, 260)), group(1, 3, sides=(260, 320)), group(1, 3, sides=(250, 320))]
    places = [int(one.face.landmarks[2, 0]) // PLACE for frame in frames for one in swapper.assign(frame)]
    assert len(set(places)) == 1 and len(places) == 3
    swapper.reset()
    other = [int(one.face.landmarks[2, 0]) // PLACE for one in swapper.assign(frames[-1])]
    assert other != places[:1]


def test_people_keep_their_source_when_they_change_places(pipe):
    swapper = FrameSwapper(pipe, {PEOPLE[3]: PEOPLE[0]}, SwapOptions())
    assert swapped(swapper, [group(1, 3), group(3, 1), group(1, 3)]) == [[1], [0], [1]]


def test_numbers_count_where_faces_appear_first(pipe):
    swapper = FrameSwapper(pipe, PEOPLE[0], SwapOptions(faces="1"))
    assert swapped(swapper, [group(1, 3), group(3, 1)]) == [[0], [1]]


def test_frames_without_a_face_pass_and_those_after_are_swapped(pipe):
    swapper = FrameSwapper(pipe, PEOPLE[0], SwapOptions())
    nobody = np.full((320, 320, 3), 120, np.uint8)
    assert swapped(swapper, [nobody, group(1), nobody, group(1)]) == [[], [0], [], [0]]


def test_a_person_who_comes_late_is_recognised(pipe):
    swapper = FrameSwapper(pipe, {PEOPLE[3]: PEOPLE[0]}, SwapOptions())
    assert swapped(swapper, [group(1), group(1, 3)]) == [[], [1]]


def test_the_fingerprint_knows_components_identities_and_options(pipe, tmp_path):
    def of(source=PEOPLE[0], pipe=pipe, **options):
        return FrameSwapper(pipe, source, SwapOptions(**options)).fingerprint()

    other = FaceShifterPipeline.from_pretrained(save_tiny_pipeline(tmp_path, seed=1))
    assert of() == of(str(PEOPLE[0]))
    different = [of(), of(PEOPLE[1]), of({1: PEOPLE[0]}), of({2: PEOPLE[0]}), of(strength=0.5), of(pipe=other)]
    assert len(set(different)) == len(different)
