import os
import subprocess
import sys

import numpy as np
import pytest

from faceshifter_hub.faces.mtcnn import MTCNNDetector
from faceshifter_hub.synthesis.labels import LABELS

SIDE = 96
HEAVY = {"torch", "diffusers", "gradio", "cv2", "anny"}


def share(labels, *names):
    """Return the share of the picture that classes cover."""
    return np.isin(labels, [LABELS[name] for name in names]).mean()


def inside(mask):
    """Return a mask without its outermost pixels, where multisampling mixes two classes."""
    padded = np.pad(mask, 1)
    return np.all([padded[1 + y : 1 + y + SIDE, 1 + x : 1 + x + SIDE] for y in (-1, 0, 1) for x in (-1, 0, 1)], axis=0)


def differences(drawn, one, two, label):
    """Return how far two pictures are apart where both show a class."""
    masks = [inside(drawn.pictures[f"{name}/labels"] == LABELS[label]) for name in (one, two)]
    images = [drawn.pictures[f"{name}/image"].astype(int) for name in (one, two)]
    return np.abs(images[0] - images[1])[masks[0] & masks[1]]


def test_rendering_loads_neither_torch_nor_the_package_that_the_geometry_comes_from(drawn):
    assert HEAVY.isdisjoint(drawn.modules)


def test_a_rendering_has_the_shapes_and_types_it_promises(drawn):
    assert drawn.pictures["plain/image"].shape == (SIDE, SIDE, 3)
    assert drawn.pictures["plain/landmarks"].shape == (5, 2)
    assert drawn.pictures["plain/labels"].shape == (SIDE, SIDE)
    types = [drawn.pictures[f"plain/{part}"].dtype for part in ("image", "landmarks", "labels")]
    assert types == [np.uint8, np.float32, np.uint8]


def test_the_same_parameters_give_the_same_picture_whatever_was_drawn_between(drawn):
    for part in ("image", "landmarks", "labels"):
        assert np.array_equal(drawn.pictures[f"plain/{part}"], drawn.pictures[f"plain_again/{part}"])


@pytest.mark.parametrize("scene", ["plain", "other_identity", "open_mouth", "turned"])
def test_landmarks_lie_on_the_face(drawn, scene):
    landmarks, labels = drawn.pictures[f"{scene}/landmarks"], drawn.pictures[f"{scene}/labels"]
    assert (landmarks > 0).all() and (landmarks < SIDE - 1).all()
    (left, right), nose, (corner, other) = landmarks[:2], landmarks[2], landmarks[3:]
    assert left[0] < nose[0] < right[0] and corner[0] < nose[0] < other[0]
    assert max(left[1], right[1]) < nose[1] < min(corner[1], other[1])
    face = [LABELS[name] for name in ("skin", "eyes", "mouth", "brows")]
    assert np.isin(labels[tuple(np.rint(landmarks).astype(int).T[::-1])], face).all()


@pytest.mark.parametrize("scene", ["plain", "other_identity", "turned"])
def test_eye_landmarks_are_in_the_middle_of_the_eyes(drawn, scene):
    landmarks, labels = drawn.pictures[f"{scene}/landmarks"], drawn.pictures[f"{scene}/labels"]
    y, x = np.nonzero(labels == LABELS["eyes"])
    left = x < landmarks[:2, 0].mean()
    for side, landmark in ((left, landmarks[0]), (~left, landmarks[1])):
        assert np.abs(landmark - [x[side].mean(), y[side].mean()]).max() < 0.035 * SIDE


def test_the_detector_finds_the_face_where_it_is(drawn):
    """An observer that knows nothing of the renderer takes the picture for a face."""
    detector = MTCNNDetector.from_pretrained("mtcnn")
    for scene in ("plain", "other_identity"):
        (face,) = detector.detect(drawn.pictures[f"{scene}/image"])
        assert np.abs(face.landmarks - drawn.pictures[f"{scene}/landmarks"]).max() < 0.05 * SIDE


def test_labels_cover_a_face_with_shoulders(drawn):
    labels = drawn.pictures["plain/labels"]
    assert share(labels, "skin") > 0.2 and share(labels, "cloth") > 0.03 and share(labels, "background") > 0.1
    assert 0.001 < share(labels, "eyes") < 0.03 and 0 < share(labels, "brows") < 0.05
    assert share(labels, "hair", "hat", "hand", "glasses") == 0


def test_skin_is_neither_flat_nor_burnt_out(drawn):
    pixels = drawn.pictures["plain/image"][drawn.pictures["plain/labels"] == LABELS["skin"]]
    assert 40 < pixels.mean() < 220 and pixels.mean(1).std() > 5
    assert (pixels.min(1) == 255).mean() < 0.02
    red, green, blue = pixels.mean(0)
    assert red > green > blue


@pytest.mark.parametrize(
    ("scene", "label", "least"),
    [
        ("hair", "hair", 0.05),
        ("hat", "hat", 0.03),
        ("hand", "hand", 0.02),
        ("glasses", "glasses", 0.005),
        ("sunglasses", "glasses", 0.03),
        ("open_mouth", "mouth", 0.003),
    ],
)
def test_what_is_put_on_appears_in_the_picture_and_in_the_labels(drawn, scene, label, least):
    mask = drawn.pictures[f"{scene}/labels"] == LABELS[label]
    assert share(drawn.pictures["plain/labels"], label) < least / 2 < least < mask.mean()
    changed = (drawn.pictures[f"{scene}/image"] != drawn.pictures["plain/image"]).any(-1)
    assert changed[mask].mean() > 0.9


def test_one_sees_the_eyes_through_glasses_and_not_through_sunglasses(drawn):
    plain, clear, dark = (
        share(drawn.pictures[f"{scene}/labels"], "eyes") for scene in ("plain", "glasses", "sunglasses")
    )
    assert clear > 0.7 * plain and dark < 0.1 * plain


def test_closed_lids_hide_the_eyes(drawn):
    plain, closed = (share(drawn.pictures[f"{scene}/labels"], "eyes") for scene in ("plain", "closed_eyes"))
    assert closed < 0.3 * plain


def test_another_identity_keeps_the_background_and_the_framing_and_changes_the_face(drawn):
    assert differences(drawn, "plain", "other_identity", "background").max() == 0
    assert differences(drawn, "plain", "other_identity", "skin").mean() > 5
    one, two = (drawn.pictures[f"{scene}/landmarks"] for scene in ("plain", "other_identity"))
    assert np.abs(one.mean(0) - two.mean(0)).max() < 0.03 * SIDE < SIDE * 0.1 < np.ptp(one[:, 0])
    assert np.abs(one - two).max() > 0.5


def test_another_background_keeps_the_face(drawn):
    for part in ("landmarks", "labels"):
        assert np.array_equal(drawn.pictures[f"plain/{part}"], drawn.pictures[f"other_background/{part}"])
    for label in ("skin", "eyes", "cloth"):
        assert differences(drawn, "plain", "other_background", label).max() <= 1  # rounding
    assert differences(drawn, "plain", "other_background", "background").mean() > 5


def test_turning_to_the_left_moves_the_nose_to_the_right(drawn):
    """The person's left is the picture's right."""
    plain, turned = (
        landmarks[2, 0] - landmarks[:2, 0].mean()
        for landmarks in (drawn.pictures[f"{scene}/landmarks"] for scene in ("plain", "turned"))
    )
    assert abs(plain) < 1 < 3 < turned


def test_exposure_darkens_the_picture_and_nothing_else(drawn):
    assert drawn.pictures["dark/image"].mean() < 0.8 * drawn.pictures["plain/image"].mean()
    assert np.array_equal(drawn.pictures["dark/labels"], drawn.pictures["plain/labels"])


def test_the_ends_of_the_ranges_render(drawn):
    assert np.isfinite(drawn.pictures["edge/landmarks"]).all()
    assert share(drawn.pictures["edge/labels"], "skin") > 0


@pytest.mark.parametrize(
    "named",
    ["iris", "brow", "lash", "hair.style", "mixture", "shape", "expression", "pixels wide", "samples a pixel"],
)
def test_what_the_renderer_does_not_have_is_refused_in_a_sentence_that_names_it(drawn, named):
    message = drawn.refusals[named]
    assert message and named in message and message.endswith(".") and "\n" not in message


def test_a_machine_without_a_graphics_driver_is_told_what_to_install():
    code = "from faceshifter_hub.synthesis.renderer import create_context; create_context()"
    environment = os.environ | {"__EGL_VENDOR_LIBRARY_FILENAMES": "/nowhere"}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert process.returncode == 1
    last = process.stderr.strip().splitlines()[-1]
    assert "RenderError: No OpenGL context" in last and "install libegl1" in last
