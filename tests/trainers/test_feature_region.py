import numpy as np
import pytest
import torch

from faceshifter_hub.faces.alignment import template
from trainers.feature_region import feature_region


@pytest.mark.parametrize("resolution", [64, 128, 256])
def test_eyes_and_mouth_are_within_and_nose_cheeks_and_surroundings_are_not(resolution):
    region = feature_region(resolution)
    left, right, nose, *corners = template(resolution)
    cheek = (left + corners[0]) / 2 - (0.25 * (right - left)[0], 0)
    for x, y in (left, right, *corners, np.mean(corners, axis=0)):
        assert region[round(y), round(x)] > 0.25
    for x, y in (nose, cheek):
        assert region[round(y), round(x)] < 0.05
    assert region[0].max() == region[-1].max() == region[:, 0].max() == 0


def test_it_is_soft_and_lies_alike_at_any_resolution():
    fine = torch.nn.functional.avg_pool2d(feature_region(256)[None], 2)[0]
    torch.testing.assert_close(fine, feature_region(128), atol=0.02, rtol=0)
    assert feature_region(256).max() <= 1
    assert feature_region(256).diff(dim=0).abs().max() < 0.1
