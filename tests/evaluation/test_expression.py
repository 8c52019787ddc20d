import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.evaluation.judging.expression import (
    NAME,
    UNITS,
    ExpressionRegressor,
    cut,
    estimate_expressions,
    mirrored_units,
)
from faceshifter_hub.evaluation.judging.facemesh import FaceMesh
from faceshifter_hub.evaluation.judging.mesh import Mesh, find_mesh
from faceshifter_hub.faces.mtcnn import MTCNNDetector
from faceshifter_hub.packaged import networks

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="facemesh comes with npm")
MOODS = Path(__file__).parent / "moods"
ARKIT = """
browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight
eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight eyeLookOutLeft
eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft
jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel mouthLeft
mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight mouthRollLower
mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft mouthStretchRight
mouthUpperUpLeft mouthUpperUpRight noseSneerLeft noseSneerRight tongueOut
""".split()


@pytest.fixture(scope="module")
def regressor():
    return ExpressionRegressor.from_registry()


def seen(crop):
    """What `estimate_expressions` looks at: a crop, and points that do not matter."""
    return Mesh(crop, np.zeros((468, 3)), np.zeros((468, 3)), 0.0, np.zeros((468, 2)))


@pytest.fixture(scope="module")
def crops():
    """Two pictures of one face, as large as Face Mesh's crop."""
    names = ("1_smiling", "1_neutral")
    return [np.asarray(Image.open(MOODS / f"{name}.webp").convert("RGB").resize((192, 192))) for name in names]


def test_units_are_those_of_arkit_but_for_where_the_eyes_look():
    assert len(ARKIT) == 52 and len(UNITS) == 44
    assert list(UNITS) == [unit for unit in ARKIT if not unit.startswith("eyeLook")]


def test_a_mirror_swaps_left_and_right_and_nothing_else():
    order = mirrored_units()
    assert sorted(order) == list(range(44)) and [order[k] for k in order] == list(range(44))
    for unit, number in zip(UNITS, order, strict=True):
        base = unit.removesuffix("Left").removesuffix("Right")
        assert UNITS[number].startswith(base) and (number == UNITS.index(unit)) == (base == unit)


def test_the_network_sees_the_middle_of_the_crop():
    crop = np.zeros((192, 192, 3), np.uint8)
    crop[24:168, 24:168] = 200
    shown = cut(crop)
    assert shown.shape == (128, 128, 3) and shown.dtype == np.uint8 and (shown == 200).all()
    np.testing.assert_array_equal(cut(np.ascontiguousarray(crop[:, ::-1])), shown[:, ::-1])


def test_random_weights_give_numbers_and_stay_frozen():
    network = ExpressionRegressor()
    assert network(torch.zeros(2, 3, 128, 128)).shape == (2, 44)
    assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())


def test_it_begins_with_copies_of_a_mesh_networks_layers():
    mesh = FaceMesh()
    network = ExpressionRegressor(mesh)
    x = torch.rand(1, 3, 129, 129, generator=torch.Generator().manual_seed(0))
    expected = mesh.blocks[:14](mesh.stem(x))
    torch.testing.assert_close(network.blocks(network.stem(x)), expected)
    network.stem[0].weight.zero_()
    torch.testing.assert_close(mesh.blocks[:14](mesh.stem(x)), expected)


def test_the_embedded_network_is_read_and_stays_frozen(regressor):
    assert not regressor.training and not any(parameter.requires_grad for parameter in regressor.parameters())
    assert {values.dtype for values in regressor.state_dict().values()} == {torch.float32}
    again = ExpressionRegressor.from_registry()
    x = torch.rand(2, 3, 128, 128) * 2 - 1
    torch.testing.assert_close(regressor(x), again(x), rtol=0, atol=0)  # no dropout, nothing random
    assert regressor(x).isfinite().all()


def test_damaged_weights_are_refused_before_parsing(tmp_path, monkeypatch):
    for folder in ("evaluation_networks", "checkpoints"):
        (tmp_path / folder).mkdir()
    shutil.copy(networks.DATA_ROOT / f"evaluation_networks/{NAME}.toml", tmp_path / "evaluation_networks")
    shutil.copytree(networks.DATA_ROOT / f"checkpoints/{NAME}", tmp_path / f"checkpoints/{NAME}")
    monkeypatch.setattr(networks, "DATA_ROOT", tmp_path)
    path = tmp_path / f"checkpoints/{NAME}/model.fp16.safetensors"
    content = path.read_bytes()
    for damaged in (content[:-1] + bytes([content[-1] ^ 1]), content[:1000], b"{}" + content):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"model\.fp16\.safetensors is damaged"):
            ExpressionRegressor.from_registry()
    path.unlink()
    with pytest.raises(CheckpointError, match=r"model\.fp16\.safetensors is missing"):
        ExpressionRegressor.from_registry()


def test_a_mirrored_face_has_left_and_right_swapped(regressor, crops):
    meshes = [seen(crop) for crop in crops] + [seen(np.ascontiguousarray(crop[:, ::-1])) for crop in crops]
    weights = estimate_expressions(meshes, regressor)
    assert weights.shape == (4, 44) and weights.dtype == np.float64
    assert weights.min() >= 0 and weights.max() <= 1 and weights.std() > 0.01
    np.testing.assert_allclose(weights[2:], weights[:2, mirrored_units()], atol=1e-6)


def test_faces_do_not_depend_on_those_beside_them(regressor, crops):
    together = estimate_expressions([seen(crop) for crop in crops], regressor)
    for weights, crop in zip(together, crops, strict=True):
        np.testing.assert_allclose(estimate_expressions([seen(crop)], regressor)[0], weights, atol=1e-5)


@needs_npm
@pytest.mark.parametrize("person", [1, 2])
def test_a_smile_is_read_as_a_smile(regressor, person):
    detector, network = MTCNNDetector.from_pretrained("mtcnn"), FaceMesh.from_package()
    pictures = [np.asarray(Image.open(MOODS / f"{person}_{mood}.webp")) for mood in ("smiling", "neutral")]
    meshes = [find_mesh(picture, detector.detect(picture)[0].landmarks, network) for picture in pictures]
    smiling, neutral = (
        dict(zip(UNITS, weights.tolist(), strict=True)) for weights in estimate_expressions(meshes, regressor)
    )
    for unit in ("mouthSmileLeft", "mouthSmileRight"):
        assert smiling[unit] > neutral[unit] + 0.3
