from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from faceshifter_hub.evaluation.judging.feature_distance import LAYERS, feature_distance, layer_maps
from faceshifter_hub.packaged.faceres import FaceRes

PICTURE = Path(__file__).parent / "triplets/01_target.webp"
EVERYWHERE = torch.ones(1, 1, 256, 256)


@pytest.fixture(scope="module")
def network():
    """Random weights that keep the size of what passes."""
    torch.manual_seed(0)
    network = FaceRes()
    for layer in network.layers:
        nn.init.kaiming_normal_(layer.weight)
    return network


@pytest.fixture(scope="module")
def picture():
    return np.asarray(Image.open(PICTURE))


def maps_of(network, *pictures):
    return layer_maps(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 127.5 - 1, network)


def band(top, bottom):
    part = torch.zeros(1, 1, 256, 256)
    part[:, :, top:bottom] = 1
    return part


def test_maps_are_of_the_layers_and_of_unit_length(network, picture):
    maps = maps_of(network, picture, picture[:, ::-1])
    assert [tuple(m.shape) for m in maps] == [(2, 128, 56, 56), (2, 256, 28, 28), (2, 512, 14, 14)]
    assert len(LAYERS) == 3
    for found in maps:
        torch.testing.assert_close(found.norm(dim=1).amax(), torch.tensor(1.0))


def test_equal_pictures_have_no_distance(network, picture):
    maps = maps_of(network, picture)
    assert feature_distance(maps, maps, EVERYWHERE).tolist() == [0]


def test_the_distance_grows_with_blur(network, picture):
    blurred = [cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in (0.5, 1, 2, 4, 8)]
    distances = feature_distance(
        maps_of(network, *blurred),
        [m.expand(5, -1, -1, -1) for m in maps_of(network, picture)],
        EVERYWHERE.expand(5, -1, -1, -1),
    )
    assert distances[0] > 0 and (distances.diff() > 0).all()


def test_a_change_in_one_part_hardly_counts_in_a_far_one(network, picture):
    changed = picture.copy()
    changed[170:] = np.random.default_rng(0).integers(0, 256, changed[170:].shape)
    first, second = maps_of(network, changed), maps_of(network, picture)
    near, far = feature_distance(first, second, band(170, 256)), feature_distance(first, second, band(0, 90))
    assert far < 0.03 * near


def test_the_distance_of_the_whole_lies_between_those_of_its_parts(network, picture):
    changed = picture.copy()
    changed[170:] //= 2
    first, second = maps_of(network, changed), maps_of(network, picture)
    upper, lower, whole = (
        float(feature_distance(first, second, part)) for part in (band(0, 128), band(128, 256), EVERYWHERE)
    )
    assert upper < whole < lower


def test_each_face_has_its_own_part_and_one_out_of_sight_has_no_number(network, picture):
    changed = picture // 2
    first, second = maps_of(network, changed, changed), maps_of(network, picture, picture)
    rim = band(0, 12)  # the network sees 201 of 256 pixels
    found = feature_distance(first, second, torch.cat([rim, EVERYWHERE]))
    assert found[0].isnan() and found[1] > 0
    assert feature_distance(first, second, torch.zeros(2, 1, 256, 256)).isnan().all()
