"""Frames that follow one another, with tiny networks, the real detector and identity encoder."""

import itertools
import json

import cv2
import numpy as np
import pytest
from group_picture import PEOPLE, PLACE, changed_places, group
from PIL import Image
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import FaceShifterPipeline
from faceshifter_hub.frames import SEARCH_EVERY, FrameSwapper
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


def scene(*people):
    """Return a frame with people, (number, side, left, quarter turns) each."""
    frame = np.full((640, 1024, 3), 120, np.uint8)
    for person, side, left, turn in people:
        picture = np.asarray(Image.open(PEOPLE[person]).convert("RGB").resize((side, side)))
        frame[:side, left : left + side] = np.rot90(picture, turn)
    return frame


def test_small_and_lying_people_are_swapped_in_every_frame_where_everyone_is_meant(pipe):
    frame = scene((1, 320, 0, 0), (3, 40, 450, 0), (2, 320, 640, 1))
    swapper = FrameSwapper(pipe, PEOPLE[0], SwapOptions(faces="all"))
    for _ in range(3):
        assert [int(one.face.landmarks[2, 0]) // PLACE for one in swapper.assign(frame)] == [0, 1, 2]
    assert [len(swapper.assign(frame)) for _ in range(3)] == [3, 3, 3]


def test_somebody_who_lies_down_later_is_found_when_all_turns_are_looked_at_again(pipe):
    swapper = FrameSwapper(pipe, PEOPLE[0], SwapOptions(faces="all"))
    before, after = scene((1, 320, 0, 0)), scene((1, 320, 0, 0), (2, 320, 640, 1))
    assert len(swapper.assign(before)) == 1
    counts = [len(swapper.assign(after)) for _ in range(SEARCH_EVERY)]
    assert counts[-1] == 2
    again = FrameSwapper(pipe, PEOPLE[0], SwapOptions(faces="all"))
    again.restore(json.loads(json.dumps(swapper.state())))
    assert len(again.assign(after)) == 2


def blind(pipe, monkeypatch, *numbers):
    """Let the detector miss everybody in looks of these numbers."""
    detector, count = pipe.components["face_detector"], itertools.count()
    detect = detector.detect
    monkeypatch.setattr(detector, "detect", lambda *seen: [] if next(count) in numbers else detect(*seen))


def moving(person, frames, step):
    """Return frames in which somebody moves to the right by so many pixels a frame, slowly growing."""
    film = []
    for n in range(frames):
        frame, side = np.full((320, 1500, 3), 120, np.uint8), 250 + n
        frame[:side, step * n : step * n + side] = Image.open(PEOPLE[person]).convert("RGB").resize((side, side))
        film.append(frame[:, :960])
    return film


def noses(swapper, film):
    """Return how far right the nose of each face to swap is, a list a frame."""
    return [[float(one.face.landmarks[2, 0]) for one in swapper.assign(frame)] for frame in film]


@pytest.mark.parametrize("source", [PEOPLE[0], {PEOPLE[3]: PEOPLE[0]}, {1: PEOPLE[0]}])
def test_a_face_that_the_detector_misses_for_some_frames_is_swapped_in_these_too(pipe, monkeypatch, source):
    film = moving(3, 12, 15)
    swapper = FrameSwapper(pipe, source, SwapOptions())
    seen = noses(swapper, film)
    assert [len(its) for its in seen] == [1] * 12
    swapper.reset()
    blind(pipe, monkeypatch, 3, 5, 6, 7, 8, 9)
    np.testing.assert_allclose(noses(swapper, film), seen, atol=3)
    assert len(swapper.tracker.tracks) == 1


def test_a_swap_that_is_resumed_in_a_gap_bridges_it_alike(pipe, monkeypatch):
    film = moving(3, 8, 15)
    once, first, second = (FrameSwapper(pipe, PEOPLE[0], SwapOptions()) for _ in range(3))
    blind(pipe, monkeypatch, 3, 4, 5, 8 + 3, 8 + 4, 8 + 5)
    whole, before = noses(once, film), noses(first, film[:4])
    second.restore(json.loads(json.dumps(first.state())))
    assert before + noses(second, film[4:]) == whole and [len(its) for its in whole] == [1] * 8


def test_a_face_that_stays_unseen_is_given_up(pipe, monkeypatch):
    swapper, film = FrameSwapper(pipe, PEOPLE[0], SwapOptions()), moving(3, 2, 0) * 6
    blind(pipe, monkeypatch, *range(2, 30))
    assert [len(its) for its in noses(swapper, film)] == [1] * 7 + [0] * 5


def covered(film, share):
    frames = [frame.copy() for frame in film]
    for frame in frames:
        frame[int(320 * (1 - share)) :] = (170, 140, 120)
    return frames


@pytest.mark.parametrize(
    "after",
    [
        lambda film: moving(1, 6, 15)[3:],  # somebody else is there
        lambda film: [np.full_like(film[0], 120)] * 3,  # nobody
        lambda film: [cv2.blur(film[0][:, ::-1], (64, 64))] * 3,  # something
        lambda film: covered(film[3:], 0.8),  # a board before the face
        lambda film: [np.roll(film[2], 500, axis=1)] * 3,  # gone at once
    ],
)
def test_a_face_that_left_or_is_covered_is_drawn_onto_nothing(pipe, monkeypatch, after):
    swapper, film = FrameSwapper(pipe, PEOPLE[0], SwapOptions()), moving(3, 6, 15)
    film[3:] = after(film)
    blind(pipe, monkeypatch, *range(3, 30))
    assert [len(its) for its in noses(swapper, film)] == [1] * 3 + [0] * 3


def test_a_face_that_walks_out_of_the_picture_is_not_left_behind(pipe):
    film = moving(3, 26, 45)
    results = swapped(FrameSwapper(pipe, PEOPLE[0], SwapOptions()), film)
    assert all(results[:12])
    assert results[21:] == [[]] * 5  # its nose has been beyond the edge for some frames


def test_the_fingerprint_knows_components_identities_and_options(pipe, tmp_path):
    def of(source=PEOPLE[0], pipe=pipe, **options):
        return FrameSwapper(pipe, source, SwapOptions(**options)).fingerprint()

    other = FaceShifterPipeline.from_pretrained(save_tiny_pipeline(tmp_path, seed=1))
    assert of() == of(str(PEOPLE[0]))
    different = [of(), of(PEOPLE[1]), of({1: PEOPLE[0]}), of({2: PEOPLE[0]}), of(strength=0.5), of(pipe=other)]
    assert len(set(different)) == len(different)
