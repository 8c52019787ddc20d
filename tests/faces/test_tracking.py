"""Faces followed from frame to frame, out of boxes, landmarks and identities that are known."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from faceshifter_hub.faces.detection import Face, turn_back
from faceshifter_hub.faces.tracking import PATIENCE, FaceTracker, LandmarkFilter, Track

ANNA, BOB = F.one_hot(torch.tensor([[0], [1]]), 4).float()  # (1, 4) each
UPRIGHT = np.array([[-20, -20], [20, -20], [0, 0], [-15, 20], [15, 20]], np.float32)


def face(x, y, size=100.0):
    box = np.array([x - size / 2, y - size / 2, x + size / 2, y + size / 2], np.float32)
    return Face(box, 0.99, (UPRIGHT * size / 100 + (x, y)).astype(np.float32))


def follow(frames):
    """Follow people, (name, x) each, through frames; return the track of each in each frame."""
    tracker, identities = FaceTracker(), {"anna": ANNA, "bob": BOB}
    history = []
    for people in frames:
        faces = {face(x, 100): name for name, x in people}
        tracks = tracker.update(list(faces), lambda one, faces=faces: identities[faces[one]])
        history.append(dict(zip(faces.values(), tracks, strict=True)))
    return history


def test_a_face_that_moves_keeps_its_track():
    history = follow([[("anna", 10 * n)] for n in range(30)])
    assert len({frame["anna"] for frame in history}) == 1


def test_faces_that_cross_keep_their_tracks():
    history = follow([[("anna", 15 * n), ("bob", 450 - 15 * n)] for n in range(31)])
    assert len({frame["anna"] for frame in history}) == 1
    assert len({frame["bob"] for frame in history}) == 1
    assert history[0]["anna"] is not history[0]["bob"]


def test_a_face_that_was_hidden_is_known_again_elsewhere_until_patience_ends():
    seen, gone = [("anna", 50), ("bob", 600)], [("bob", 600)]
    history = follow([seen] * 3 + [gone] * 20 + [[("anna", 300), ("bob", 600)]])
    assert history[0]["anna"] is history[-1]["anna"]
    history = follow([seen] * 3 + [gone] * (PATIENCE + 1) + [seen])
    assert history[0]["anna"] is not history[-1]["anna"]


@pytest.mark.parametrize("frames_between", [0, 2])
def test_a_stranger_in_the_same_place_is_somebody_else(frames_between):
    history = follow([[("anna", 50)]] * 3 + [[]] * frames_between + [[("bob", 50)]])
    assert history[0]["anna"] is not history[-1]["bob"]


def test_a_track_kept_as_json_goes_on_as_it_would_have():
    track = Track(face(50, 100), ANNA)
    for n in range(5):
        track.see(face(50 + 0.05 * n, 100), F.normalize(ANNA + n / 10))
    track.missing = 1
    again = Track.restored(json.loads(json.dumps(track.state())), like=BOB)
    for one in (track, again):
        one.see(face(50.3, 100), BOB)
    assert again.state() == track.state() and again.face.landmarks.dtype == np.float32
    assert track.face.landmarks[2, 0] < 50.25  # smoothed, by a speed that was kept


def test_trembling_landmarks_of_a_still_face_come_to_rest():
    rng, smoother = np.random.default_rng(0), LandmarkFilter()
    noise = rng.normal(0, 0.5, (200, 5, 2)).astype(np.float32)  # pixels, of a face of 40
    smooth = np.stack([smoother.smooth(UPRIGHT + one) for one in noise])
    assert smooth[20:].std(axis=0).mean() < 0.6 * noise[20:].std(axis=0).mean()


@pytest.mark.parametrize("speed", [0.5, 2, 20])
def test_a_moving_face_is_not_left_behind(speed):
    smoother = LandmarkFilter()
    for n in range(60):
        points = (UPRIGHT + np.array([speed * n, 0])).astype(np.float32)
        smooth = smoother.smooth(points)
    assert np.abs(smooth - points).max() < 0.015 * 40


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_faces_of_a_turned_picture_lie_where_they_are_before(turn):
    picture = np.zeros((300, 400), np.uint8)
    points = [(100, 50), (140, 55), (120, 80), (105, 100), (135, 100)]
    for value, (x, y) in enumerate(points, 1):
        picture[y, x] = value
    turned = np.rot90(picture, turn)
    found = [np.argwhere(turned == value)[0][::-1] for value in range(1, 6)]
    seen = np.array(found, np.float32)
    box = np.concatenate([seen.min(0), seen.max(0)])
    back = turn_back(Face(box, 1.0, seen), turn, picture.shape)
    assert np.array_equal(back.landmarks, np.array(points, np.float32))
    assert np.array_equal(back.box, [100, 50, 140, 100])
