import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from faceshifter_hub.synthesis.assets import load_pack
from faceshifter_hub.synthesis.hair import EARS, sample_hair
from faceshifter_hub.synthesis.parameters import Hair
from faceshifter_hub.synthesis.scene import Stage
from faceshifter_hub.synthesis.skin import scalp_mask

PLAIN = {
    "second": None,
    "tone": (0.2, 0.1, 0.1),
    "tips": (0.2, 0.1, 0.1),
    "grey": 0,
    "length": 1,
    "volume": 1,
    "fringe": 0,
    "wave": 0,
    "undercut": 0,
    "mirrored": False,
    "cropped": 0,
    "receding": 0,
    "gloss": 0.5,
    "roughness": 0.5,
}


def hair(style, **values):
    """Return hair of a style, as it was made but for `values`."""
    return Hair(style=style, **(PLAIN | values))


def changed(record, **values):
    """Return a record with other values, checked."""
    return type(record)(**(dict(record) | values))


@pytest.fixture(scope="module")
def packed():
    """The geometry of the asset pack."""
    if "FACESHIFTER_ASSETS" not in os.environ:
        pytest.skip("FACESHIFTER_ASSETS names no asset pack")
    return Stage(load_pack(Path(os.environ["FACESHIFTER_ASSETS"]), halve_skins=True))


def worn(stage, **values):
    """Return a style's vertices on the base mesh, as made and changed."""
    style, base = values.pop("style"), stage.morphs.base
    fitted = stage.proxies[style].fit(base)
    return fitted, stage.styles[style].deform(fitted, base, hair(style, **values))


def test_hair_as_it_was_made_keeps_its_place(stage):
    for style in ("short", "long"):
        made, same = worn(stage, style=style)
        assert np.allclose(made, same, atol=1e-5)


def test_length_moves_loose_strands_below_the_ears_and_nothing_above(stage):
    made, shorter = worn(stage, style="long", length=0.5)
    above = made[:, 1] > EARS
    assert np.allclose(made[above], shorter[above], atol=1e-5)
    assert made[~above, 1].min() < shorter[~above, 1].min() - 0.3


def test_volume_lifts_hair_off_the_skull_without_moving_its_edge(stage):
    made, fuller = worn(stage, style="long", volume=1.6)
    moved = np.linalg.norm(fuller - made, axis=1)
    assert moved.max() > 0.03
    middle = np.array([0, 7.5, 0.3])
    lifted = moved > 0.01
    assert (np.linalg.norm(fuller - middle, axis=1) > np.linalg.norm(made - middle, axis=1))[lifted].mean() > 0.95


def test_waves_leave_the_roots(stage):
    made, wavy = worn(stage, style="long", wave=1)
    moved = np.linalg.norm(wavy - made, axis=1)
    assert moved[made[:, 1] < 6.5].mean() > 0.03 and np.allclose(moved[made[:, 1] > 7.8], 0, atol=1e-5)


def test_mirrored_hair_is_the_same_hair_on_the_other_side(stage):
    made, mirrored = worn(stage, style="long", mirrored=True)
    assert np.allclose(mirrored, made * [-1, 1, 1], atol=1e-5)


@pytest.mark.parametrize("style", ["bob01", "bob02", "short03", "braid01"])
def test_a_fringe_that_is_wholly_cut_hangs_over_neither_eye(packed, style):
    made, opened = worn(packed, style=style, fringe=1)
    eyes = packed.landmarks(packed.morphs.base)[:2]

    def over_eyes(points):
        before = points[points[:, 2] > 1.1, None, :2] - eyes[:, :2]
        return (np.abs(before) < [0.16, 0.10]).all(2).sum()

    assert over_eyes(made) > 3 and over_eyes(opened) == 0


@pytest.mark.parametrize("fringe", [0.3, 0.7, 1.0])
def test_a_fringe_partly_cut_stays_before_the_face(packed, fringe):
    """Halfway between two places before a round face lies a place within it."""
    for style in ("bob01", "bob02", "short03"):
        made, opened = worn(packed, style=style, fringe=fringe)
        before = packed.styles[style].before > 0.99
        skin = packed.morphs.base[np.unique(packed.tri["skin"])]
        front = skin[(skin[:, 2] > 0.9) & (np.abs(skin[:, 0]) < 0.6) & (skin[:, 1] > 7.1)]
        near = before & (np.abs(opened[:, 0]) < 0.55) & (opened[:, 1] > 7.2) & (opened[:, 1] < 8.0)
        away = np.linalg.norm(opened[near, None, :2] - front[:, :2], axis=2)
        depth = opened[near, 2] - front[away.argmin(1), 2]
        inside = made[near, 2] < front[away.argmin(1), 2]
        assert (depth[~inside] > -0.08).mean() > 0.97


def test_a_fringe_is_lent_to_long_hair_that_hides_the_rest_of_its_style(packed):
    fitted, base = packed.proxies["short02"].fit(packed.morphs.base), packed.morphs.base
    shape = packed.styles["short02"]
    both = hair("long01", second="short02")
    over, under = (shape.deform(fitted, base, both, under=under) for under in (False, True))
    moved = np.linalg.norm(under - over, axis=1)
    assert np.allclose(moved[shape.before == 1], 0, atol=1e-5) and moved[shape.before == 0].max() > 0.05


def test_what_is_cropped_is_drawn_as_fur_and_what_is_shaved_is_painted(stage, identity, attributes):
    def meshes(**values):
        scene = stage.build(identity, changed(attributes, hat=None, hair=hair(None, **values)))
        return {piece.mesh: piece.uniforms for piece in scene.pieces}

    bald, shaved, cropped = meshes(), meshes(cropped=0.1), meshes(cropped=0.6)
    assert "cropped" not in bald and "cropped" not in shaved and "cropped" in cropped
    assert bald["skin"]["scalp"][0] == 0 < shaved["skin"]["scalp"][0] < cropped["skin"]["scalp"][0]


def test_hair_recedes_from_the_forehead_and_stays_at_the_sides():
    points = np.array([[0.1, 8.3, 1.1], [0, 8.5, 0.2], [0.73, 7.75, 0.3], [0, 7.5, 1.5]])
    forehead, crown, side, face = scalp_mask(points)
    assert face == 0 < forehead < crown < side == 1


def test_sampled_hair_keeps_to_the_split(packed, catalogue, identity):
    whole, seen = dataclasses.replace(catalogue, looks=packed.looks), {}
    for split in ("train", "benchmark"):
        drawn = [sample_hair(np.random.default_rng(seed), identity, whole.of_split(split)) for seed in range(150)]
        seen[split] = {name for each in drawn for name in (each.style, each.second)} - {None}
        assert {style.long for style in packed.looks.hair if style.name in seen[split]} == {True, False}
    assert not seen["train"] & seen["benchmark"] and len(seen["train"]) >= 6


def test_a_seed_keeps_its_hair(catalogue, identity):
    one, again = (sample_hair(np.random.default_rng(7), identity, catalogue) for _ in range(2))
    assert one == again and one != sample_hair(np.random.default_rng(8), identity, catalogue)
