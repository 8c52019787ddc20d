import json

import numpy as np
import torch

from faceshifter_hub.evaluation.tfjs import read_weights


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
