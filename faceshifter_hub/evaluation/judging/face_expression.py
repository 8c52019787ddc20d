"""The expression network of face-api.js: which of seven expressions people would say a face shows.

Weights: V. Mühler, MIT, published inside the npm package `@vladmandic/face-api`; there is no paper.
Source: https://github.com/justadudewhohacks/face-api.js, src/faceExpressionNet and src/faceFeatureExtractor.

face-api.js shows the network the box around 68 landmarks, a fifth larger; on rendered faces it measures 0.81 of
ArcFace's crop and lies about (129, 159) in the aligned face. Of squares thereabouts, 0.7 to 1.0 of ArcFace's, those of
0.9 told smiles from faces at rest best, so that is CROP. On 270 other rendered faces (122 smiles, 148 at rest) it
calls happy 67 % of the smiles, 95 % of the 42 broadest, and 2 % of the faces at rest. Single units that go with anger,
disgust, fear or sadness hardly move those classes on rendered faces; an open jaw moves surprise.
"""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn

from faceshifter_hub.evaluation.judging.facemesh import pad_odd
from faceshifter_hub.models.crops import ARCFACE_CROP, CanonicalCrop, canonical_crop
from faceshifter_hub.packaged.networks import PackagedNetwork
from faceshifter_hub.packaged.tfjs import unpack

NAME = "face-api-expression"
CLASSES = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
SIZE = 112
CROP = CanonicalCrop(SIZE, (ARCFACE_CROP.centre[0], 156.0), 0.9 * ARCFACE_CROP.pitch)
RGB_MEAN = (122.782, 117.001, 104.298)
WIDTHS = (32, 64, 128, 256)  # of each block; every block starts by halving the map


class SeparableConvolution(nn.Sequential):
    """Depthwise, then pointwise convolution; at stride 2 the map comes padded."""

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        padding = 1 if stride == 1 else 0
        super().__init__(
            nn.Conv2d(in_channels, in_channels, 3, stride, padding, groups=in_channels, bias=False),
            nn.Conv2d(in_channels, channels, 1),
        )


class DenseBlock(nn.Module):
    """Four convolutions, each of which sees the sum of all before it; the first halves the map."""

    def __init__(self, first: nn.Module, channels: int) -> None:
        super().__init__()
        self.first = first
        self.others = nn.ModuleList(SeparableConvolution(channels, channels) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        x = self.first(pad_odd(x)).relu()  # (B, C', H / 2, W / 2)
        for convolution in self.others:
            x = x + convolution(x.relu())
        return x.relu()


class FaceExpression(PackagedNetwork):
    """Aligned faces to the probabilities of seven expressions.

    Built with random weights; `from_package` gives the trained network.
    """

    name = NAME

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(DenseBlock(nn.Conv2d(3, WIDTHS[0], 3, stride=2), WIDTHS[0]))
        for before, width in pairwise(WIDTHS):
            self.blocks.append(DenseBlock(SeparableConvolution(before, width, stride=2), width))
        self.head = nn.Linear(WIDTHS[-1], len(CLASSES))
        self.mean = nn.Buffer(torch.tensor(RGB_MEAN).view(3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    @classmethod
    def convert(cls, contents: Mapping[str, bytes]) -> Self:
        """Return the trained network out of the verified contents of its package's two files, by name."""
        manifest = json.loads(contents["face_expression_model-weights_manifest.json"])
        weights = unpack(manifest, contents["face_expression_model.bin"])
        network = cls()

        def load_convolution(layer: nn.Module, name: str) -> None:
            if isinstance(layer, SeparableConvolution):
                depthwise, layer = layer
                depthwise.load_state_dict({"weight": weights[f"{name}/depthwise_filter"].permute(2, 3, 0, 1)})
                kernel = weights[f"{name}/pointwise_filter"]
            else:
                kernel = weights[f"{name}/filters"]
            layer.load_state_dict({"weight": kernel.permute(3, 2, 0, 1), "bias": weights[f"{name}/bias"]})

        for number, block in enumerate(network.blocks):
            assert isinstance(block, DenseBlock)
            for k, layer in enumerate((block.first, *block.others)):
                load_convolution(layer, f"dense{number}/conv{k}")
        network.head.load_state_dict({"weight": weights["fc/weights"].T, "bias": weights["fc/bias"]})
        return network

    def forward(self, faces: Tensor) -> Tensor:
        """Tell the expressions of aligned faces.

        Args:
            faces: (B, 3, R, R) in [-1, 1], RGB, aligned by `arcface-wide`.

        Returns:
            (B, 7), probabilities of CLASSES.
        """
        return self.classify_crops(canonical_crop(faces, CROP))

    def classify_crops(self, crops: Tensor) -> Tensor:
        """Tell the expressions of crops (B, 3, 112, 112) in [-1, 1], RGB: (B, 7), probabilities of CLASSES."""
        x = ((crops + 1) * 127.5 - self.mean) / 255
        return self.head(self.blocks(x).mean((2, 3))).softmax(1)  # (B, 256, 7, 7) -> (B, 7)
