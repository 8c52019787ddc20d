import numpy as np
import pytest

from faceshifter_hub.synthesis.beard import STYLES, beard_height, chin_mask, full_mask, moustache_mask, sample_beard
from faceshifter_hub.synthesis.fur import SHELLS
from faceshifter_hub.synthesis.identity_prior import sample_identity
from faceshifter_hub.synthesis.parameters import Beard

UPPER_LIP, CHIN, CHEEK, EYE, LIPS = np.array(
    [[0.12, 6.72, 1.6], [0, 6.35, 1.5], [0.6, 6.75, 0.9], [0.3, 7.3, 1.4], [0, 6.6, 1.6]]
)
BEARD = Beard(style="full", length=0.5, density=0.8)


def changed(record, **values):
    """Return a record with other values, checked."""
    return type(record)(**(dict(record) | values))


def beard_of(scene):
    """Return the piece of a scene that is the beard, or None."""
    return next((piece for piece in scene.pieces if piece.mesh == "beard"), None)


@pytest.fixture(scope="module")
def bearded(identity):
    """A person with a full beard."""
    return changed(identity, beard=BEARD)


def test_each_style_grows_where_its_name_says():
    points = np.stack([UPPER_LIP, CHIN, CHEEK, EYE, LIPS])
    for mask, expected in ((moustache_mask, "10000"), (chin_mask, "01000"), (full_mask, "11100")):
        assert "".join("1" if grown > 0.5 else "0" for grown in mask(points)) == expected


def test_a_longer_beard_stands_out_farther_and_nothing_grows_inwards(stage):
    rest = stage.morphs.base[stage.furs["beard"].used]
    short, long = (beard_height(changed(BEARD, length=length), rest) for length in (0.0, 1.0))
    assert (short > 0).all() and (long >= short).all() and long.max() > 5 * short.max()


def test_shells_lie_one_over_the_other_the_outermost_first(stage):
    fur, base = stage.furs["beard"], stage.morphs.base
    shells = fur.grow(base, np.full(len(fur.used), 0.1)).reshape(SHELLS, -1, 3)
    heights = np.linalg.norm(shells - base[fur.used], axis=2)
    assert np.allclose(heights, np.linspace(0.1, 0.1 / SHELLS, SHELLS)[:, None], atol=1e-5)


def test_a_beard_is_the_face_owners(stage, identity, bearded, attributes):
    shaven = changed(identity, beard=None)
    assert beard_of(stage.build(shaven, attributes, face=bearded)).face
    assert beard_of(stage.build(bearded, attributes, face=shaven)) is None


def test_a_beard_opens_with_the_mouth(stage, bearded, attributes):
    shut, wide = (
        beard_of(stage.build(bearded, changed(attributes, expression=expression))).vertices
        for expression in ({}, {"jawOpen": 1.0})
    )
    moved = np.linalg.norm(wide - shut, axis=1)
    rest = np.tile(stage.morphs.base[stage.furs["beard"].used], (SHELLS, 1))
    chin = (np.abs(rest[:, 0]) < 0.2) & (rest[:, 1] < 6.45) & (rest[:, 2] > 1.3)
    moustache = (np.abs(rest[:, 0]) < 0.2) & (rest[:, 1] > 6.72)
    assert moved[chin].min() > 0.1 and moved[moustache].mean() < 0.05


def test_a_beard_has_the_colour_of_the_hair(stage, bearded, attributes):
    for tone in ((0.6, 0.6, 0.6), (0.1, 0.08, 0.07)):
        tint = beard_of(stage.build(changed(bearded, hair_tone=tone), attributes)).uniforms["tint"]
        assert np.allclose(tint / np.mean(tint), tone / np.mean(tone)) and np.mean(tint) < np.mean(tone)


def test_one_in_four_men_and_no_woman_have_a_beard(catalogue):
    drawn = [sample_beard(np.random.default_rng(seed)) for seed in range(600)]
    bearded = [beard for beard in drawn if beard]
    assert 0.2 < len(bearded) / len(drawn) < 0.3 and {beard.style for beard in bearded} == set(STYLES)
    people = [sample_identity(np.random.default_rng(seed), catalogue) for seed in range(60)]
    assert {person.sex for person in people if person.beard} == {"male"}
