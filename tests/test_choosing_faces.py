"""Whose face changes, and into whom: the pipeline with tiny networks, the real detector and identity encoder."""

import re

import numpy as np
import pytest
import torch
from group_picture import PEOPLE, PLACE, changed_places, group
from PIL import Image
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import FaceShifterPipeline
from faceshifter_hub.errors import ComponentError, NoFaceError, SettingsError
from faceshifter_hub.stages import join_phases, split_phases

THREE = group(1, 2, 3, sides=(320, 230, 250))
pytestmark = pytest.mark.usefixtures("unmarked")  # a mark would be all over the picture


@pytest.fixture(scope="module")
def pipe(tmp_path_factory):
    return FaceShifterPipeline.from_pretrained(save_tiny_pipeline(tmp_path_factory.mktemp("pipeline")))


def swapped(pipe, source, **options):
    return np.asarray(pipe(source, THREE, **options).images[0])


def assert_alike(one, other):
    """Batches of different size round differently."""
    assert np.abs(one.astype(int) - other).max() <= 1


@pytest.mark.parametrize(
    ("faces", "places"), [("largest", [0]), ("all", [0, 1, 2]), ("2", [1]), ("1,3", [0, 2]), ("3,1", [0, 2])]
)
def test_faces_are_chosen_by_size_and_place(pipe, faces, places):
    output = pipe(PEOPLE[0], THREE, faces=faces)
    assert changed_places(THREE, np.asarray(output.images[0])) == places
    assert [int(face.landmarks[2, 0]) // PLACE for face in output.faces[0]] == places


def test_faces_of_a_low_score_are_left_alone(pipe):
    scores = [face.score for face in pipe.detect(THREE)]
    least = (min(scores) + max(scores)) / 2
    output = pipe(PEOPLE[0], THREE, faces="all", min_score=least)
    assert 1 <= len(output.faces[0]) < 3
    assert all(face.score >= least for face in output.faces[0])
    with pytest.raises(NoFaceError, match=r"no face of which the detector is surer than 1\.0; lower min_score"):
        pipe(PEOPLE[0], THREE, min_score=1.0)


@pytest.mark.parametrize("faces", ["4", "1,9"])
def test_a_number_that_no_face_has_is_said(pipe, faces):
    with pytest.raises(NoFaceError, match=f"has no face {faces[-1]}: it shows 3, numbered from left to right"):
        pipe(PEOPLE[0], THREE, faces=faces)


def test_whoever_looks_like_the_photograph_is_replaced(pipe):
    assert changed_places(THREE, swapped(pipe, {PEOPLE[2]: PEOPLE[0]})) == [1]


def test_people_are_mapped_to_sources_by_likeness_and_by_number(pipe):
    both = swapped(pipe, {PEOPLE[3]: PEOPLE[0], 1: PEOPLE[4]})
    assert changed_places(THREE, both) == [0, 2]
    assert_alike(both[:, 2 * PLACE :], swapped(pipe, PEOPLE[0], faces="3")[:, 2 * PLACE :])
    assert_alike(both[:, :PLACE], swapped(pipe, PEOPLE[4], faces="1")[:, :PLACE])


def test_a_person_who_is_not_there_is_said(pipe):
    others = group(1, 3, sides=(320, 250))  # of the rendered people, those least like number 8
    output = pipe({PEOPLE[8]: PEOPLE[0], 2: PEOPLE[0]}, others)
    assert output.notes == ["Nobody in the target picture looks like person 1."]
    with pytest.raises(SettingsError, match="There is no face 0"):
        pipe({0: PEOPLE[0]}, THREE)
    with pytest.raises(SettingsError, match="mapping from people to sources is empty"):
        pipe({}, THREE)


def test_how_alike_somebody_must_be_is_chosen_and_how_alike_the_likeliest_is_said(pipe):
    others = group(1, 3, sides=(320, 250))
    with pytest.raises(NoFaceError, match=r"a likeness of -?0\.\d\d, and min_likeness is 0\.45; use another") as said:
        pipe({PEOPLE[8]: PEOPLE[0]}, others)
    best = float(re.search(r"likeness of (-?0\.\d\d)", str(said.value))[1])
    assert best < 0.45
    with pytest.raises(NoFaceError, match="looks like a person that was named"):
        pipe({PEOPLE[3]: PEOPLE[0]}, others, min_likeness=1)
    output = pipe({PEOPLE[8]: PEOPLE[0]}, others, min_likeness=max(best - 0.01, 0))
    assert len(output.faces[0]) == (best > 0)


def test_several_photographs_of_a_source_are_averaged(pipe):
    one, two = pipe.identity(PEOPLE[0]), pipe.identity(PEOPLE[4])
    mean = pipe.identity(PEOPLE[0], PEOPLE[4])
    torch.testing.assert_close(mean.z, torch.nn.functional.normalize(one.z + two.z))
    assert np.array_equal(swapped(pipe, one), swapped(pipe, PEOPLE[0]))
    assert not np.array_equal(swapped(pipe, mean), swapped(pipe, one))
    with pytest.raises(SettingsError, match="needs a photograph"):
        pipe.identity()
    with pytest.raises(NoFaceError, match="in the source 2 picture"):
        pipe.identity(PEOPLE[0], np.zeros((99, 99, 3), np.uint8))


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_lying_and_upside_down_faces_are_found_and_swapped_alike(pipe, turn):
    upright = group(1)
    expected = np.asarray(pipe(PEOPLE[0], upright).images[0]).astype(int)
    turned = np.asarray(pipe(PEOPLE[0], np.rot90(upright, turn).copy()).images[0])
    assert changed_places(upright, np.rot90(turned, -turn)) == [0]
    assert np.abs(np.rot90(turned, -turn) - expected).mean() < 0.5


def test_all_faces_at_once_are_each_face_alone(pipe):
    alone = [swapped(pipe, PEOPLE[0], faces=str(number)) for number in (1, 2, 3)]
    together = swapped(pipe, PEOPLE[0], faces="all")
    for place, one in enumerate(alone):
        columns = np.s_[:, place * PLACE : (place + 1) * PLACE]
        assert_alike(together[columns], one[columns])


def test_more_faces_than_a_batch_are_all_swapped(pipe, monkeypatch):
    whole = swapped(pipe, PEOPLE[0], faces="all")
    monkeypatch.setattr(pipe, "_faces_at_once", 2)
    assert_alike(swapped(pipe, PEOPLE[0], faces="all"), whole)


def test_boost_draws_more_pixels_of_the_same_face(pipe):
    output = pipe(PEOPLE[0], PEOPLE[1], boost=2, return_stages=True)
    once = pipe(PEOPLE[0], PEOPLE[1], return_stages=True)
    ((large,),), ((small,),) = output.stages, once.stages
    assert large["refined"].size == (128, 128) and small["refined"].size == (64, 64)
    reduced = np.asarray(large["refined"].resize((64, 64), 4)).astype(int)  # 4: averages
    assert np.abs(reduced - np.asarray(small["refined"])).mean() < 12


def test_phases_join_to_what_they_came_from():
    x = torch.rand(2, 3, 12, 12)
    phases = split_phases(x, 3)
    assert phases.shape == (18, 3, 4, 4)
    torch.testing.assert_close(phases[1], x[0, :, 0::3, 1::3])
    torch.testing.assert_close(join_phases(phases, 3), x)


def test_what_the_pipeline_lacks_is_said(pipe):
    with pytest.raises(ComponentError, match="has no face_parser"):
        pipe(PEOPLE[0], THREE, keep=["mouth"])
    with pytest.raises(SettingsError, match="There is no option 'face' of a swap; there are: faces, "):
        pipe(PEOPLE[0], THREE, face="all")
    with pytest.raises(SettingsError, match="The option keep cannot be 'nose'; it says: what of the target"):
        pipe(PEOPLE[0], THREE, keep=["nose"])


def test_everyone_is_the_small_and_the_lying_too(pipe):
    people = [(PEOPLE[1], 320, 0, 0), (PEOPLE[2], 320, 640, 1), (PEOPLE[3], 40, 450, 0)]  # side, left, quarter turns
    photo = np.full((640, 1024, 3), 120, np.uint8)
    for person, side, left, turn in people:
        photo[:side, left : left + side] = np.rot90(Image.open(person).convert("RGB").resize((side, side)), turn)

    def places(source, **options):
        return [int(face.landmarks[2, 0]) // PLACE for face in pipe(source, photo, **options).faces[0]]

    assert places(PEOPLE[0], faces="all") == [0, 1, 2]
    assert places(PEOPLE[0], faces="2,3") == places({2: PEOPLE[0], 3: PEOPLE[4]}) == [1, 2]
    assert places({PEOPLE[2]: PEOPLE[0]}) == [2]
    assert places(PEOPLE[0]) == [0]


def test_one_look_is_enough_for_the_largest_face(pipe, monkeypatch):
    detector, looks = pipe.components["face_detector"], []
    detect = detector.detect
    monkeypatch.setattr(detector, "detect", lambda *seen: looks.append(seen) or detect(*seen))
    pipe(pipe.identity(PEOPLE[0]), THREE)
    assert [len(seen) for seen in looks] == [1, 1]  # the source's and the target's, upright, no size asked for
