"""A TensorFlow.js graph, evaluated node by node: what a network of the package must equal."""

import base64
import json
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F

from faceshifter_hub.packaged.networks import get_network, read_verified
from faceshifter_hub.packaged.tfjs import read_weights


def run_graph(name: str, folder: Path, x: torch.Tensor, output: str) -> torch.Tensor:
    """Evaluate a node of a graph, by the name of its network, on (B, 3, H, W)."""
    contents = read_verified(get_network(name), folder)
    weights = read_weights(contents, name)
    nodes = {node["name"]: node for node in json.loads(contents[f"{name}.json"])["modelTopology"]["node"]}

    def operand(name):
        """A weight, as it meets a map, or what a node gives."""
        if name not in weights:
            return value(name)
        weight = weights[name]
        return weight.flatten()[:, None, None] if weight.dim() else weight

    def convolve(node, x, kernel, groups=1):
        stride, size = int(node["attr"]["strides"]["list"]["i"][1]), kernel.shape[0]
        if base64.b64decode(node["attr"]["padding"]["s"]) == b"SAME":
            total = max((-(-x.shape[2] // stride) - 1) * stride + size - x.shape[2], 0)
            x = F.pad(x, (total // 2, total - total // 2) * 2)
        kernel = kernel.permute(2, 3, 0, 1) if groups > 1 else kernel.permute(3, 2, 0, 1)
        return F.conv2d(x, kernel, stride=stride, groups=groups)

    def prelu(x, slope):
        return torch.where(x > 0, x, x * slope)

    @cache
    def value(name):
        node = nodes[name]
        names = node.get("input", [])
        match node["op"]:
            case "Placeholder":
                return x
            case "Conv2D":
                return convolve(node, value(names[0]), weights[names[1]])
            case "_FusedConv2D":
                y = convolve(node, value(names[0]), weights[names[1]]) + operand(names[2])
                return prelu(y, operand(names[3])) if len(names) == 4 else y
            case "DepthwiseConv2dNative":
                before = value(names[0])
                return convolve(node, before, weights[names[1]], groups=before.shape[1])
            case "_FusedMatMul":
                y = value(names[0]) @ weights[names[1]] + weights[names[2]]
                operations = node["attr"]["fused_ops"]["list"]["s"]
                return y.relu() if base64.b64decode(operations[-1]) == b"Relu" else y
            case "AddV2" | "Add":
                return operand(names[0]) + operand(names[1])
            case "Mul":
                return operand(names[0]) * operand(names[1])
            case "Minimum":
                return torch.minimum(operand(names[0]), operand(names[1]))
            case "Maximum":
                return torch.maximum(operand(names[0]), operand(names[1]))
            case "Relu":
                return value(names[0]).relu()
            case "Prelu":
                return prelu(value(names[0]), operand(names[1]))
            case "Sigmoid":
                return value(names[0]).sigmoid()
            case "Softmax":
                return value(names[0]).softmax(-1)
            case "Mean":
                return value(names[0]).mean((2, 3))
            case "MaxPool":
                return F.max_pool2d(value(names[0]), 2)
            case "Pad":  # only ever doubles the channels
                before = value(names[0])
                return F.pad(before, (0, 0, 0, 0, 0, before.shape[1]))
            case "ConcatV2":
                return torch.cat([value(name) for name in names[:-1]], 1)
            case "Reshape" | "Identity":
                return value(names[0])
            case operation:
                raise AssertionError(f"no test has met the operation {operation}: add it here")

    return value(output)
