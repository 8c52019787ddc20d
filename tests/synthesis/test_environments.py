"""Light and backgrounds out of panoramas."""

import base64
import hashlib
import math

import numpy as np
import pytest

from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.backgrounds import SIDE
from faceshifter_hub.synthesis.environments import (
    BENCHMARK_ENVIRONMENTS,
    FACE_LEVEL,
    FRONT,
    LUMINANCE,
    PACKED,
    Environment,
    decode,
    encode,
    environment_records,
    face_normals,
    from_rgbe,
    harmonic_basis,
    irradiance_harmonics,
    load_environment,
    map_directions,
    to_rgbe,
)
from faceshifter_hub.synthesis.prepare_environments import pack_environment, pack_environments, repair, unwrap
from faceshifter_hub.synthesis.transforms import rotation

TURNS = (0.0, 1.0, 2.5, 4.4)


def unit(*vector):
    """Return a direction."""
    return np.array(vector) / np.linalg.norm(vector)


def place(base=1.0, **patches):
    """Return an environment of one grey with patches: NAME=(direction, radius in radians, radiance)."""
    directions, _ = map_directions()
    radiance = np.full((len(directions), 3), base, np.float32)
    for direction, radius, value in patches.values():
        radiance[directions @ direction > math.cos(radius)] = value
    radiance = radiance.reshape(32, 64, 3)
    return Environment(radiance, encode(radiance.repeat(8, 0).repeat(8, 1)))


def surroundings(light, normals):
    """Return what arrives from the surroundings by normal (N, 3)."""
    return harmonic_basis(np.asarray(normals)) @ np.array(light.harmonics)


def level(light):
    """Return the mean of what arrives at a face (3,)."""
    lamp = np.maximum(face_normals() @ np.array(light.key), 0)[:, None] * light.key_colour
    return (surroundings(light, face_normals()) + lamp).mean(0)


@pytest.fixture(scope="module", params=sorted(environment_records()))
def packaged(request):
    """Each environment of the package."""
    return load_environment(request.param)


def test_the_light_of_an_even_place_is_the_same_in_every_direction():
    directions, areas = map_directions()
    harmonics = irradiance_harmonics(np.outer(areas, [0.5, 1, 2]), directions)
    np.testing.assert_allclose(harmonic_basis(directions) @ harmonics, np.tile([0.5, 1, 2], (2048, 1)), atol=0.01)
    light = place().light(0.7)
    assert max(light.key_colour) < 1e-3
    np.testing.assert_allclose(surroundings(light, directions), FACE_LEVEL, atol=0.02)


def test_harmonics_are_what_white_paper_reflects():
    directions, areas = map_directions()
    x, y, z = directions.T
    radiance = np.stack([2 + y + x * z, 2 + z - x * y + y * z, 2 + x + z * z - y * y], -1)
    power = radiance * areas[:, None]
    normals = np.array([unit(1, 0, 0), unit(0, 0, 1), unit(1, -2, 3), unit(-1, 1, -1)])
    reflected = np.maximum(normals @ directions.T, 0) @ power / math.pi
    np.testing.assert_allclose(harmonic_basis(normals) @ irradiance_harmonics(power, directions), reflected, atol=0.02)


@pytest.mark.parametrize("direction", [(0.6, 0.4, 0.8), (-0.8, 0.1, 0.5), (0.1, 0.8, 0.4)])
def test_the_key_light_points_at_a_bright_patch(direction):
    light = place(patch=(unit(*direction), 0.2, (400, 200, 100))).light(0)
    assert light.key @ unit(*direction) > 0.995
    red, green, blue = light.key_colour
    assert red > green > blue > 0


def test_a_lamp_behind_is_the_rim_light_and_the_next_in_front_the_key():
    behind, before = unit(0.5, 0.4, -0.8), unit(-0.5, 0.4, 0.8)
    light = place(sun=(behind, 0.15, 300), window=(before, 0.15, 30)).light(0)
    assert light.rim @ behind > 0.995
    assert light.key @ before > 0.995


def test_key_and_surroundings_turn_with_the_place():
    sun, grass = unit(0.1, 0.4, 0.8), unit(-0.5, -0.8, 0.6)
    around = place(sun=(sun, 0.15, 100), grass=(grass, 0.4, (0.5, 5, 0.5)))
    still, turned, turn = around.light(0), around.light(0.6), rotation(0.6, 0, 0)
    np.testing.assert_allclose(turned.key, turn @ still.key, atol=0.01)
    normals = face_normals()
    expected, got = surroundings(still, normals), surroundings(turned, normals @ turn.T)
    np.testing.assert_allclose(got / got.mean(0), expected / expected.mean(0), atol=0.01)
    assert expected[:, 1].std() > 0.02  # there is something to turn


def test_background_and_light_agree_about_where_the_sun_is():
    around = place(base=0.1, sun=(unit(0.25, 0, -1), 0.1, 50))
    assert around.light(0).rim[0] > 0.1
    picture = around.background(0, 0.8, 3).mean((0, 2))
    assert picture[SIDE // 2 :].max() > picture[: SIDE // 2].max() + 30
    turned = around.background(0.5, 0.8, 3).mean((0, 2))  # towards the left: +x goes to -z
    assert around.light(0.5).rim[0] < -0.1
    assert turned[: SIDE // 2].max() > turned[SIDE // 2 :].max() + 30


def test_brightness_and_colour_cast_are_developed_as_by_a_camera():
    around = place(sun=(unit(0.3, 0.4, 0.8), 0.2, 20))
    brighter = Environment(around.radiance * 64, around.panorama)
    np.testing.assert_allclose(brighter.light(1).harmonics, around.light(1).harmonics, atol=1e-4)
    blue = level(Environment(around.radiance * np.float32([1, 1, 4]), around.panorama).light(1))
    assert 1.2 < blue[2] / blue[0] < 2.2


def test_every_packaged_light_shows_a_face_at_a_middle_tone(packaged):
    for turn in TURNS:
        light = packaged.light(turn)
        assert level(light) @ LUMINANCE == pytest.approx(FACE_LEVEL, rel=0.02)
        assert light.key[2] > FRONT - 0.02
        assert max(light.key_colour) < 3.5
        assert max(light.rim_colour) < 3.5
        fill = surroundings(light, face_normals()) @ LUMINANCE
        assert fill.min() > 0.05  # no black shadow
        assert level(light).max() < 1.6 * level(light).min()  # no face of one colour


def test_every_packaged_background_is_neither_black_nor_white(packaged):
    for seed, turn in enumerate(TURNS):
        picture = packaged.background(turn, 0.5, seed)
        assert picture.shape == (SIDE, SIDE, 3)
        assert picture.dtype == np.uint8
        assert 25 < picture.mean() < 235
        np.testing.assert_array_equal(picture, packaged.background(turn, 0.5, seed))


def test_a_background_depends_on_turn_angle_of_view_and_seed():
    park = load_environment("pmndrs-park")
    picture = park.background(0, 0.5, 1)
    for other in (park.background(0.3, 0.5, 1), park.background(0, 0.4, 1), park.background(0, 0.5, 2)):
        assert np.abs(picture.astype(int) - other).mean() > 1


def test_the_first_row_of_a_background_is_at_the_bottom():
    picture = load_environment("pmndrs-park").background(0, 0.6, 1)
    grass, sky = picture[0].mean(0), picture[-1].mean(0)
    assert grass[1] > grass[2] + 20
    assert sky[2] > grass[2] + 40


def test_each_environment_states_a_free_source_and_is_as_it_was_packed():
    records = environment_records()
    assert len({record["sha256"] for record in records.values()}) == len(records) == 25
    with np.load(PACKED) as packed:
        for name, record in records.items():
            assert record["licence"] == "CC0-1.0"
            assert record["source"].split()[-1][0].isdigit()  # ends with a version
            assert len(bytes.fromhex(record["sha256"])) == 32
            content = packed[f"{name}/radiance"].tobytes() + packed[f"{name}/panorama"].tobytes()
            assert hashlib.sha256(content).hexdigest() == record["packed_sha256"]


def test_a_quarter_of_the_environments_is_held_out():
    names = set(environment_records())
    assert set(BENCHMARK_ENVIRONMENTS) < names
    assert 0.2 < len(BENCHMARK_ENVIRONMENTS) / len(names) < 0.3


def test_an_unknown_environment_is_refused_with_those_that_are_there():
    with pytest.raises(RenderError, match=r"no environment 'moon'; there are .*pmndrs-park"):
        load_environment("moon")


def test_radiance_and_panorama_survive_being_packed():
    radiance = np.exp(np.random.default_rng(0).uniform(-4, 3, (32, 64, 1))) * np.array([1.0, 0.7, 0.4])
    np.testing.assert_allclose(from_rgbe(to_rgbe(radiance)), radiance, rtol=0.02)
    np.testing.assert_allclose(decode(encode(radiance)), radiance, rtol=0.1, atol=1e-3)


def test_packing_keeps_where_the_sun_is():
    around = place(base=0.3, sun=(unit(0.5, 0.4, 0.8), 0.15, 500))
    packed = pack_environment(around.radiance.repeat(8, 0).repeat(8, 1))
    again = Environment(from_rgbe(packed["radiance"]), around.panorama)
    np.testing.assert_allclose(again.light(0).key, around.light(0).key, atol=0.01)
    np.testing.assert_allclose(again.light(0).key_colour, around.light(0).key_colour, rtol=0.05)


def test_blocks_that_compression_damaged_lose_their_false_colour_and_others_keep_theirs():
    image = np.full((16, 16, 3), (1.0, 2.0, 3.0))
    image[2, 3] = -50, -20, 90
    repaired = repair(image)
    assert repaired.min() >= 0
    assert np.ptp(repaired[:8, :8], axis=-1).max() == 0
    np.testing.assert_array_equal(repaired[8:], image[8:])


def test_a_panorama_is_read_out_of_a_javascript_module():
    module = b"export default 'data:application/exr;base64," + base64.b64encode(b"v/1\x01 and so on") + b"'\n"
    assert unwrap(module) == b"v/1\x01 and so on"


def test_a_folder_without_panoramas_is_refused(tmp_path):
    with pytest.raises(RenderError, match="unpack the Debian package blender-data"):
        pack_environments(tmp_path)
