"""Weights of the ARKit expression units that a face shows, by Face Mesh's first layers, trained on to read them.

The layers come from Face Mesh, which knows real faces; what they say of expressions was learnt from rendered faces,
whose weights are known (`trainers/expression.py`). Where the eyes look is no part of it: the gaze is measured apart.
"""

from typing import Self

import cv2
import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor, nn

from faceshifter_hub.evaluation.judging.facemesh import FaceMesh, pad_odd
from faceshifter_hub.evaluation.judging.mesh import Mesh
from faceshifter_hub.packaged.networks import find_embedded, get_network, read_verified

NAME = "arkit-expression"
UNITS = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft", "eyeSquintRight",
    "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft",
    "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft",
    "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
OTHER_SIDE = {"Left": "Right", "Right": "Left"}
SHOWN = 144  # pixels of Face Mesh's crop that are looked at, about its middle
SIDE = 128  # pixels of what the network sees
BLOCKS = 14  # of Face Mesh, as far as a map of 4 x 4
HIDDEN = 256


def mirrored_units() -> list[int]:
    """Return for each unit the number of the unit that a mirror shows in its place."""
    swapped = [
        next((unit.removesuffix(side) + other for side, other in OTHER_SIDE.items() if unit.endswith(side)), unit)
        for unit in UNITS
    ]
    return [UNITS.index(unit) if unit in UNITS else k for k, unit in enumerate(swapped)]


class ExpressionRegressor(nn.Module):
    """Upright crops of faces to the weights of UNITS.

    Built with random weights; `from_registry` gives the trained network.

    Args:
        mesh: whose first layers it begins with; they are copied.
    """

    def __init__(self, mesh: FaceMesh | None = None) -> None:
        super().__init__()
        mesh = mesh or FaceMesh()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2), nn.PReLU(16))
        self.blocks = FaceMesh().blocks[:BLOCKS]
        self.stem.load_state_dict(mesh.stem.state_dict())
        self.blocks.load_state_dict(mesh.blocks[:BLOCKS].state_dict())
        self.head = nn.Sequential(
            nn.Flatten(), nn.Dropout(0.2), nn.Linear(128 * 4 * 4, HIDDEN), nn.PReLU(), nn.Linear(HIDDEN, len(UNITS))
        )
        self.requires_grad_(False).eval()

    @classmethod
    def from_registry(cls) -> Self:
        """Read the trained network, which the package embeds.

        Raises:
            CheckpointError: Its file is missing or damaged.
        """
        network = get_network(NAME)
        contents = read_verified(network, find_embedded(network))
        regressor = cls()
        regressor.load_state_dict({k: v.float() for k, v in load(contents["model.fp16.safetensors"]).items()})
        return regressor

    def forward(self, crops: Tensor) -> Tensor:
        """Read expressions.

        Args:
            crops: (B, 3, 128, 128) in [-1, 1], RGB, as `cut` gives them.

        Returns:
            (B, 44), about 0 where a unit rests, about 1 where it moves fully.
        """
        x = self.stem(pad_odd((crops + 1) / 2))  # (B, 16, 64, 64)
        return self.head(self.blocks(x))  # (B, 128, 4, 4) -> (B, 44)


def cut(crop: np.ndarray) -> np.ndarray:
    """Return what the regressor sees of Face Mesh's crop (192, 192, 3) uint8: (128, 128, 3) uint8."""
    rim = (len(crop) - SHOWN) // 2
    return cv2.resize(crop[rim:-rim, rim:-rim], (SIDE, SIDE), interpolation=cv2.INTER_AREA)


@torch.no_grad()
def estimate_expressions(meshes: list[Mesh], network: ExpressionRegressor) -> np.ndarray:
    """Return the weights of UNITS in [0, 1] of N faces, (N, 44) float64, each face and its mirror image averaged."""
    pixels = np.stack([cut(mesh.crop) for mesh in meshes])
    device = next(network.parameters()).device
    crops = torch.tensor(pixels, device=device).permute(0, 3, 1, 2) / 127.5 - 1  # (N, 3, 128, 128)
    weights = (network(crops) + network(crops.flip(3))[:, mirrored_units()]) / 2
    return weights.clamp(0, 1).double().cpu().numpy()
