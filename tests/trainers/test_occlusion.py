import cv2
import numpy as np
import pytest
from bars import SIDE
from PIL import Image

from faceshifter_hub.errors import DataError
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.datasets.samples import encode_map, encode_picture
from trainers.occlusion import load_cutouts, match_colours, occlude, read_cutouts
from trainers.rendered import load_triplets


@pytest.fixture
def cutout():
    """A disc of radius 10 in a square of 24, red."""
    y, x = np.mgrid[:24, :24]
    alpha = 255 * ((y - 12) ** 2 + (x - 12) ** 2 < 100)
    return np.dstack([np.full((24, 24), 255), np.zeros((24, 24, 2)), alpha]).astype(np.float32)


def faces():
    noise = np.random.default_rng(0).normal(0, 10, (64, 64, 3))
    return [(noise + grey).astype(np.float32) for grey in (60, 200)]


def test_cutouts_are_the_boxes_of_labelled_occluders(triplets_dir):
    triplets = load_triplets(triplets_dir, SIDE)
    cutouts = load_cutouts(map(triplets.fields, range(12)))
    # a hand before target 1, which three triplets show
    assert [c.shape for c in cutouts] == [(20, 20, 4)]
    assert (cutouts[0][..., 3] == 255).all() and cutouts[0].dtype == np.float32


def target(labels):
    """Return what is read of a triplet."""
    return {
        "target_labels.png": encode_map(labels),
        "target.webp": encode_picture(np.zeros((SIDE, SIDE, 3), np.uint8)),
    }


def test_slivers_are_left_out():
    labels = np.zeros((2, SIDE, SIDE), np.uint8)
    labels[0, :4, :4] = LABELS["glasses"]
    labels[1, :16, :16] = LABELS["skin"]
    assert load_cutouts(map(target, labels)) == []


def test_no_more_triplets_are_read_than_cutouts_are_wanted():
    def endless():
        for n in range(20, 60):
            labels = np.zeros((SIDE, SIDE), np.uint8)
            labels[:n, :10] = LABELS["object"]
            yield target(labels)
        raise AssertionError("read on")

    assert [c.shape[0] for c in load_cutouts(endless(), 3)] == [20, 21, 22]


def test_one_place_in_all_faces_and_nothing_elsewhere(cutout):
    for seed in range(20):
        before = faces()
        after = occlude(before, cutout, np.random.default_rng(seed))
        changed = [(a != b).any(2) for a, b in zip(after, before, strict=True)]
        covered = np.abs(after[0] - after[1]).max(2) < 1  # what hides both faces
        assert 0.01 < covered.mean() < 0.4
        assert (covered & changed[0] & changed[1]).sum() > 0.9 * covered.sum()
        assert max(c.mean() for c in changed) < 0.5
        assert all(a.min() >= 0 and a.max() <= 255 and a.dtype == np.float32 for a in after)


def lab(pixels):
    return cv2.cvtColor((pixels / 255).astype(np.float32), cv2.COLOR_RGB2LAB)


def test_matched_wholly_a_cutout_has_the_mean_and_spread_of_the_face():
    rng = np.random.default_rng(0)
    face = rng.normal((150, 110, 90), (12, 9, 8), (64, 64, 3))
    pixels = np.dstack([rng.normal((90, 120, 140), 20, (32, 32, 3)).clip(0, 255), np.full((32, 32), 255)])
    found = lab(match_colours(pixels.astype(np.float32), face, 1.0)[..., :3])
    np.testing.assert_allclose(found.mean((0, 1)), lab(face).mean((0, 1)), atol=0.5)
    np.testing.assert_allclose(found.std((0, 1)), lab(face).std((0, 1)), atol=0.5)


def test_what_is_transparent_has_no_say_in_its_colours(cutout):
    face = np.full((64, 64, 3), (10, 200, 30), np.float32)
    cutout[cutout[..., 3] == 0, :3] = (0, 0, 255)
    matched = match_colours(cutout, face, 1.0)
    np.testing.assert_allclose(matched[12, 12, :3], (10, 200, 30), atol=1)
    assert np.array_equal(matched[..., 3], cutout[..., 3])


def test_matched_not_at_all_it_stays_as_it_is(cutout):
    np.testing.assert_allclose(match_colours(cutout, faces()[0], 0.0), cutout, atol=0.5)


def test_colours_are_matched_by_a_random_amount(cutout):
    reds = [occlude(faces(), cutout, np.random.default_rng(seed))[0][..., 0].max() for seed in range(30)]
    assert min(reds) < 100 and max(reds) > 230 and np.std(reds) > 30


def test_faces_given_are_not_changed(cutout):
    before = faces()
    occlude(before, cutout, np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(before, faces(), strict=True))


# ---- folders of cut-outs


def test_a_folder_of_cutouts_is_read_at_any_depth_and_cropped(tmp_path, capsys):
    (tmp_path / "hands").mkdir()
    hand = Image.new("RGBA", (400, 300))
    hand.paste((200, 150, 120, 255), (100, 50, 400, 300))
    hand.save(tmp_path / "hands" / "hand.png")
    Image.new("RGB", (9, 9)).save(tmp_path / "opaque.png")
    Image.new("RGBA", (9, 9)).save(tmp_path / "empty.webp", lossless=True)
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    (cutout,) = read_cutouts(tmp_path)
    assert cutout.shape == (213, 256, 4) and cutout.dtype == np.float32
    assert (cutout == (200, 150, 120, 255)).all()
    assert capsys.readouterr().out.endswith(": 1 cut-outs; 3 pictures are damaged, opaque or empty\n")


@pytest.mark.parametrize("name", [".", "nowhere"])
def test_a_folder_without_cutouts_is_one_sentence(tmp_path, name):
    Image.new("RGB", (9, 9)).save(tmp_path / "opaque.png")
    with pytest.raises(DataError, match=r" holds no cut-out, a picture \([^\n]*$"):
        read_cutouts(tmp_path / name)
