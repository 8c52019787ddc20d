import json

import numpy as np
import torch

from faceshifter_hub.packaged.tfjs import read_operands, read_weights, unpack


def test_reads_tensors_around_the_integers_that_stand_between_them():
    entries = [
        {"name": "kernel", "shape": [1, 3], "dtype": "float32", "quantization": {"dtype": "float16"}},
        {"name": "axes", "shape": [2], "dtype": "int32"},
        {"name": "bias", "shape": [2], "dtype": "float32", "quantization": {"dtype": "float16"}},
    ]
    data = np.float16([1, -2, 0.5]).tobytes() + np.int32([1, 2]).tobytes() + np.float16([7, 8]).tobytes()
    graph = json.dumps({"weightsManifest": [{"weights": entries}]}).encode()
    weights = read_weights({"tiny.json": graph, "tiny.bin": data}, "tiny")
    assert weights.keys() == {"kernel", "bias"}
    torch.testing.assert_close(weights["kernel"], torch.tensor([[1, -2, 0.5]]))
    torch.testing.assert_close(weights["bias"], torch.tensor([7.0, 8.0]))


def test_scales_whole_numbers_back_beside_tensors_that_are_not_quantised():
    entries = [
        {
            "name": "kernel",
            "shape": [3],
            "dtype": "float32",
            "quantization": {"dtype": "uint8", "scale": 0.5, "min": -2},
        },
        {"name": "bias", "shape": [2], "dtype": "float32"},
    ]
    weights = unpack([{"weights": entries, "paths": ["tiny.bin"]}], b"\x00\x04\xff" + np.float32([0.1, 9]).tobytes())
    torch.testing.assert_close(weights["kernel"], torch.tensor([-2, 0, 125.5]))
    torch.testing.assert_close(weights["bias"], torch.tensor([0.1, 9]))


def test_gives_each_operation_its_weights_in_order():
    entries = [{"name": name, "shape": [1], "dtype": "float32"} for name in ("bias", "kernel")]
    nodes = [{"name": "input"}, {"name": "convolution", "input": ["input", "kernel", "bias"]}]
    graph = json.dumps({"weightsManifest": [{"weights": entries}], "modelTopology": {"node": nodes}}).encode()
    operands = read_operands({"tiny.json": graph, "tiny.bin": np.float32([1, 2]).tobytes()}, "tiny")
    assert operands["input"] == []
    assert torch.cat(operands["convolution"]).tolist() == [2, 1]
