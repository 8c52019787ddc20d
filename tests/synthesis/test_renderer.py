import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from faceshifter_hub.faces.mtcnn import MTCNNDetector
from faceshifter_hub.models.labels import LABELS

SIDE = 96
HEAVY = {"torch", "diffusers", "gradio", "anny"}


def share(labels, *names):
    """Return the share of the picture that classes cover."""
    return np.isin(labels, [LABELS[name] for name in names]).mean()


def inside(mask):
    """Return a mask without its outermost pixels, where supersampling mixes two classes."""
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
    assert drawn.pictures["plain/landmarks68"].shape == (68, 2)
    assert drawn.pictures["plain/depth"].shape == drawn.pictures["plain/region"].shape == (SIDE, SIDE)
    types = {"image": np.uint8, "landmarks": np.float32, "labels": np.uint8, "depth": np.float32, "region": np.uint8}
    assert {part: drawn.pictures[f"plain/{part}"].dtype for part in types} == types


def test_the_same_parameters_give_the_same_picture_whatever_was_drawn_between(drawn):
    for part in ("image", "landmarks", "landmarks68", "labels", "depth", "region"):
        assert np.array_equal(drawn.pictures[f"plain/{part}"], drawn.pictures[f"plain_again/{part}"])


@pytest.mark.parametrize("scene", ["plain", "other_identity", "open_mouth", "turned"])
def test_landmarks_lie_on_the_face(drawn, scene):
    landmarks, labels = drawn.pictures[f"{scene}/landmarks"], drawn.pictures[f"{scene}/labels"]
    assert (landmarks > 0).all() and (landmarks < SIDE - 1).all()
    (left, right), nose, (corner, other) = landmarks[:2], landmarks[2], landmarks[3:]
    assert left[0] < nose[0] < right[0] and corner[0] < nose[0] < other[0]
    assert max(left[1], right[1]) < nose[1] < min(corner[1], other[1])
    face = [LABELS[name] for name in ("skin", "eyes", "lips", "teeth", "brows")]
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
        larger = cv2.resize(drawn.pictures[f"{scene}/image"], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        (face,) = detector.detect(larger)
        assert np.abs((face.landmarks - 0.5) / 2 - drawn.pictures[f"{scene}/landmarks"]).max() < 0.05 * SIDE


def test_labels_cover_a_face_with_shoulders(drawn):
    labels = drawn.pictures["plain/labels"]
    assert share(labels, "skin") > 0.2 and share(labels, "cloth") > 0.03 and share(labels, "background") > 0.1
    assert 0.001 < share(labels, "eyes") < 0.03 and 0 < share(labels, "brows") < 0.05
    assert 0.002 < share(labels, "lips") < 0.03
    assert share(labels, "hair", "hat", "hand", "glasses", "object") == 0


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
        ("open_mouth", "teeth", 0.003),
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
    [
        "iris",
        "brow",
        "lash",
        "hair.style",
        "hat.kind",
        "mixture",
        "shape",
        "expression",
        "environment",
        "pixels wide",
        "Supersampling",
    ],
)
def test_what_the_renderer_does_not_have_is_refused_in_a_sentence_that_names_it(drawn, named):
    message = drawn.refusals[named]
    assert message and named in message and message.endswith(".") and "\n" not in message


def test_the_68_landmarks_agree_with_the_five(drawn):
    for scene in ("plain", "turned", "other_identity"):
        five, all_of_them = drawn.pictures[f"{scene}/landmarks"], drawn.pictures[f"{scene}/landmarks68"]
        eyes = [all_of_them[36:42].mean(0), all_of_them[42:48].mean(0)]
        for point, expected in zip([*eyes, all_of_them[30], all_of_them[48], all_of_them[54]], five, strict=True):
            assert np.abs(point - expected).max() < 0.03 * SIDE


def test_lip_landmarks_lie_on_the_edge_of_the_lips(drawn):
    outline, labels = drawn.pictures["plain/landmarks68"][48:60], drawn.pictures["plain/labels"]
    y, x = np.nonzero(labels == LABELS["lips"])
    lips = np.stack([x, y], 1)
    assert np.abs(lips.min(0) - outline.min(0)).max() < 0.02 * SIDE
    assert np.abs(lips.max(0) - outline.max(0)).max() < 0.02 * SIDE


def test_depth_is_nearest_at_the_nose_and_infinite_behind(drawn):
    depth, labels = drawn.pictures["plain/depth"], drawn.pictures["plain/labels"]
    x, y = np.rint(drawn.pictures["plain/landmarks"][2]).astype(int)
    face = depth[labels == LABELS["skin"]]
    assert depth[y, x] - face.min() < 0.1 and 1.0 < np.ptp(face) < 4.0  # decimetres: a head and its neck
    assert np.isinf(depth[labels == LABELS["background"]]).all() and np.isfinite(depth[labels > 0]).all()


def test_the_face_region_is_the_face(drawn):
    region, labels = drawn.pictures["plain/region"], drawn.pictures["plain/labels"]
    landmarks = np.rint(drawn.pictures["plain/landmarks68"][17:]).astype(int)
    assert (region[landmarks[:, 1], landmarks[:, 0]] > 128).all()
    assert (region[np.isin(labels, [LABELS["cloth"], LABELS["background"]])] == 0).all()
    assert 0.3 < (region[labels == LABELS["skin"]] > 128).mean() < 0.9


SHOWN_BY = {  # where a change of one group of attributes may be seen
    "hair": ("hair", "skin"),  # its roots are painted on the scalp
    "hat": ("hat",),
    "made_up": ("skin", "lips", "teeth"),
    "other_clothes": ("cloth", "skin"),
    "open_mouth": ("skin", "eyes", "brows", "lips", "teeth"),
    "turned": tuple(name for name in LABELS if name != "background"),
    "gazing": ("eyes",),
    "hand": ("hand",),
    "other_background": ("background",),
}


@pytest.mark.parametrize("scene", SHOWN_BY)
def test_a_group_of_attributes_changes_what_it_should_and_nothing_else(drawn, scene):
    """Without a lamp, for its shadows fall on everything."""
    before, after = (drawn.pictures[f"{name}/labels"] for name in ("soft", f"soft_{scene}"))
    images = [drawn.pictures[f"{name}/undeveloped"].astype(int) for name in ("soft", f"soft_{scene}")]
    numbers = [LABELS[name] for name in SHOWN_BY[scene]]
    may_change = (np.isin(before, numbers) | np.isin(after, numbers)).astype(np.uint8)
    rim = {"hair": 4, "hat": 2}.get(scene, 1)  # the tips of hair are transparent
    may_change = cv2.dilate(may_change, np.ones((2 * rim + 1,) * 2, np.uint8)) > 0
    change = np.abs(images[0] - images[1]).max(-1)
    assert change[may_change].max() > 10
    assert change[~may_change].max() <= 1
    if scene == "other_clothes":
        assert change[inside(drawn.pictures["soft/region"] > 0)].max() == 0


def test_light_changes_no_shape(drawn):
    for part in ("labels", "depth", "landmarks", "region"):
        assert np.array_equal(drawn.pictures[f"other_light/{part}"], drawn.pictures[f"plain/{part}"])
    assert differences(drawn, "plain", "other_light", "background").max() == 0
    assert differences(drawn, "plain", "other_light", "skin").mean() > 5


def test_grain_blur_and_compression_come_after_everything_else(drawn):
    for part in ("undeveloped", "labels", "depth"):
        assert np.array_equal(drawn.pictures[f"grainy/{part}"], drawn.pictures[f"plain/{part}"])
    assert (drawn.pictures["grainy/image"] != drawn.pictures["plain/image"]).mean() > 0.5


def test_another_face_in_a_head_changes_the_face_alone(drawn):
    change = (drawn.pictures["other_face/undeveloped"] != drawn.pictures["plain/undeveloped"]).any(-1)
    outside = (drawn.pictures["other_face/region"] == 0) & (drawn.pictures["plain/region"] == 0)
    cloth = drawn.pictures["plain/labels"] == LABELS["cloth"]
    background = outside & inside(drawn.pictures["plain/labels"] == LABELS["background"])
    assert change[~outside].mean() > 0.9
    assert change[background].mean() < 0.01 and change[outside & cloth].mean() < 0.3  # its shadow falls on the clothes


def test_another_face_in_a_head_takes_the_tone_of_its_skin(drawn):
    def tone(scene):
        skin = (drawn.pictures[f"{scene}/labels"] == LABELS["skin"]) & (drawn.pictures[f"{scene}/region"] > 250)
        return drawn.pictures[f"{scene}/image"][skin].mean(0)

    assert np.abs(tone("other_face") - tone("plain")).max() < 20
    assert np.abs(tone("other_face") - tone("plain")).max() < np.abs(tone("other_face") - tone("other_identity")).max()


def test_another_face_in_a_head_has_its_own_shape(drawn):
    def shape(scene):
        points = drawn.pictures[f"{scene}/landmarks68"][17:]
        centred = points - points.mean(0)
        return centred / np.sqrt((centred**2).mean())

    to_face, to_head = (np.abs(shape("other_face") - shape(name)).mean() for name in ("other_identity", "plain"))
    assert to_face < 0.5 * to_head


def test_a_machine_without_a_graphics_driver_is_told_what_to_install():
    code = "from faceshifter_hub.synthesis.renderer import create_context; create_context()"
    environment = os.environ | {"__EGL_VENDOR_LIBRARY_FILENAMES": "/nowhere"}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert process.returncode == 1
    last = process.stderr.strip().splitlines()[-1]
    assert "RenderError: No OpenGL context" in last and "install libegl1" in last
