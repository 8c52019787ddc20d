import numpy as np
import pytest

from faceshifter_hub.errors import DataError
from faceshifter_hub.synthesis.datasets.samples import (
    decode_map,
    decode_picture,
    encode_map,
    encode_picture,
    quantise_depth,
)


def test_pictures_and_maps_come_back_exactly():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 40, 3), np.uint8)
    assert np.array_equal(decode_picture(encode_picture(image)), image)
    for dtype in (np.uint8, np.uint16):
        values = rng.integers(0, np.iinfo(dtype).max, (40, 40), dtype)
        assert np.array_equal(decode_map(encode_map(values)), values)


def test_a_damaged_picture_is_refused():
    with pytest.raises(DataError, match=r"^A picture of a shard is damaged"):
        decode_picture(b"no picture")


def test_depth_is_in_tenths_of_a_millimetre_and_no_depth_is_the_largest():
    depth = np.array([[9.87654, np.inf], [0.0, 100.0]], np.float32)
    assert quantise_depth(depth).tolist() == [[9877, 65535], [0, 65535]]
