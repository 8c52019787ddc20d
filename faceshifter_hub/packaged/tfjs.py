"""Weights of TensorFlow.js: a manifest lists them, `<name>.bin` holds them; a graph carries its manifest inside."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

STORED = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1"}


def read_weights(contents: Mapping[str, bytes], name: str) -> dict[str, Tensor]:
    """Read a graph's weights; its integers (shapes, axes) are left out.

    Args:
        contents: Verified contents of `<name>.json` and `<name>.bin`, by file name.
        name: The graph's.

    Returns:
        Name -> float32 tensor in TensorFlow's layout.
    """
    return unpack(json.loads(contents[f"{name}.json"])["weightsManifest"], contents[f"{name}.bin"])


def read_operands(contents: Mapping[str, bytes], name: str) -> dict[str, list[Tensor]]:
    """Read the weights of each operation of a graph, in the order in which it takes them; arguments as above."""
    weights = read_weights(contents, name)
    nodes = json.loads(contents[f"{name}.json"])["modelTopology"]["node"]
    return {node["name"]: [weights[x] for x in node.get("input", []) if x in weights] for node in nodes}


def unpack(manifest: Sequence[Mapping[str, Any]], data: bytes) -> dict[str, Tensor]:
    """Return the weights that a manifest of one group finds in `data`, float32; the integers among them are left out.

    Whole numbers that were quantised are scaled back, as TensorFlow.js does.
    """
    offset, weights = 0, {}
    for entry in manifest[0]["weights"]:
        quantisation = entry.get("quantization", {"dtype": entry["dtype"]})
        stored = np.frombuffer(data, STORED[quantisation["dtype"]], math.prod(entry["shape"]), offset)
        offset += stored.nbytes
        if entry["dtype"] == "float32":
            values = stored * quantisation.get("scale", 1.0) + quantisation.get("min", 0.0)
            weights[entry["name"]] = torch.from_numpy(values.astype(np.float32).reshape(entry["shape"]))
    return weights
