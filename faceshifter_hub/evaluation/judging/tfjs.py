"""Weights of TensorFlow.js graphs: `<name>.json` lists them, `<name>.bin` holds them."""

import json
import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def read_weights(contents: Mapping[str, bytes], name: str) -> dict[str, Tensor]:
    """Read a graph's weights, kept in float16; its integers (shapes, axes) are left out.

    Args:
        contents: Verified contents of `<name>.json` and `<name>.bin`, by file name.
        name: The graph's.

    Returns:
        Name -> float32 tensor in TensorFlow's layout.
    """
    data, offset, weights = contents[f"{name}.bin"], 0, {}
    for entry in json.loads(contents[f"{name}.json"])["weightsManifest"][0]["weights"]:
        stored = "<i4" if entry["dtype"] == "int32" else "<f2"
        values = np.frombuffer(data, stored, math.prod(entry["shape"]), offset)
        offset += values.nbytes
        if entry["dtype"] != "int32":
            weights[entry["name"]] = torch.from_numpy(values.astype(np.float32).reshape(entry["shape"]))
    return weights
