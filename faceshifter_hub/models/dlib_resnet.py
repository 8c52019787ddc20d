"""dlib's face recognition ResNet (29 convolutions, 128 numbers) as a frozen, differentiable identity encoder.

Davis King, "High quality face recognition with deep metric learning", blog.dlib.net, 2017; weights CC0.
"""

import re
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from torch import nn

from faceshifter_hub.component import ComponentMixin, FrozenMixin
from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.models.crops import DLIB_CROP, canonical_crop
from faceshifter_hub.models.dlib_mean_embedding import MEAN_EMBEDDING
from faceshifter_hub.registry import IdentitySpace, Interface

WEIGHTS_FILE = "dlib_face_recognition_resnet_model_v1.dat"
# the stages of equal resolution: (channels, blocks); every stage but the first starts by halving the resolution
STAGES = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
PIXEL_MEANS = (122.782, 117.001, 104.298)  # R, G, B


class ResidualBlock(nn.Module):
    """dlib's residual block, batch norms folded into the convolutions."""

    def __init__(self, in_channels: int, channels: int, stride: int):
        super().__init__()
        self.stride = stride
        # dlib does not pad a convolution that strides
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1 if stride == 1 else 0)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv2(F.relu(self.conv1(x)))
        if self.stride == 2:
            x = F.avg_pool2d(x, 2)
        # dlib adds maps of different height, width or channels by padding the smaller with zeros
        height, width, channels = max(x.shape[2], y.shape[2]), max(x.shape[3], y.shape[3]), y.shape[1]
        x = F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2], 0, channels - x.shape[1]))
        y = F.pad(y, (0, width - y.shape[3], 0, height - y.shape[2]))
        return F.relu(x + y)


class DlibIdentityEncoder(FrozenMixin, ComponentMixin):
    """dlib's ResNet on aligned faces; the embeddings are centred and L2-normalised.

    The raw embeddings of different people share a large mean (cosine 0.84 on average), so a fixed mean embedding is
    taken off after normalising, and the rest normalised again: then different people are uncorrelated.
    """

    kind: ClassVar[str] = "identity_encoder"

    @register_to_config
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 7, stride=2)
        self.stages = nn.ModuleList()
        in_channels = 32
        for index, (channels, blocks) in enumerate(STAGES):
            stage = nn.Sequential()
            for block in range(blocks):
                stage.append(ResidualBlock(in_channels, channels, stride=2 if index and not block else 1))
                in_channels = channels
            self.stages.append(stage)
        self.head = nn.Linear(in_channels, 128, bias=False)
        self.register_buffer("pixel_means", torch.tensor(PIXEL_MEANS).view(3, 1, 1))
        self.register_buffer("mean_embedding", torch.tensor(MEAN_EMBEDDING))

    @classmethod
    def interface_of(cls, config: Mapping[str, Any]) -> Interface:
        """Return the identity space this encoder provides."""
        return Interface(identity_space=IdentitySpace(name="dlib-centred", width=128))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed aligned faces.

        Args:
            x: Aligned faces, (B, 3, R, R) in [-1, 1], any R.

        Returns:
            Centred, L2-normalised embeddings, (B, 128).
        """
        return self.features(x)[0]

    def features(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Embed aligned faces (B, 3, R, R) in [-1, 1] and keep the inner maps, for a perceptual loss.

        Returns:
            Centred, L2-normalised embeddings (B, 128), and the map after each stage of equal resolution, finest
            first: (B, 32, 35, 35), (B, 64, 17, 17), (B, 128, 8, 8), (B, 256, 4, 4), (B, 256, 2, 2).
        """
        descriptors, maps = self.describe(canonical_crop(x, DLIB_CROP))
        return F.normalize(F.normalize(descriptors, dim=1) - self.mean_embedding, dim=1), maps

    def describe(self, chips: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return what dlib's own runtime returns for chips (B, 3, 150, 150) in [-1, 1], (B, 128), and inner maps."""
        x = (chips * 127.5 + (127.5 - self.pixel_means)) / 256
        x = F.max_pool2d(F.relu(self.stem(x)), 3, stride=2)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return self.head(x.mean((2, 3))), maps

    @classmethod
    def from_files(cls, files: dict[str, Path]) -> "DlibIdentityEncoder":
        """Build the encoder from dlib's own file, `dlib_face_recognition_resnet_model_v1.dat`.

        Raises:
            CheckpointError: The file holds another network.
        """
        reader = _DatReader(files[WEIGHTS_FILE])
        encoder = cls()
        convolutions = [module for module in encoder.modules() if isinstance(module, nn.Conv2d)]  # in network order
        with torch.no_grad():
            for convolution in convolutions:
                reader.read_convolution(convolution)
            encoder.head.weight.copy_(reader.take(256, 128).view(256, 128).T)
        return encoder.eval()


class _DatReader:
    """Takes parameter tensors from a dlib stream, in network order, by their shapes.

    Every parameter tensor starts with a version, 2, and four sizes as compact integers; raw little-endian float32
    follow. What stands between the tensors (layer names, learning rates) is passed over.
    """

    def __init__(self, path: Path):
        self.path = path
        self.data = path.read_bytes()
        self.position = 0

    def take(self, *shape: int) -> torch.Tensor:
        """Return the next tensor of `shape` (one or two sizes; dlib writes the others as ones, before or after)."""
        count = prod(shape)
        layouts = [(*shape, 1, 1, 1)[:4], (1, *shape, 1, 1)[:4]]
        headers = [b"".join(map(_compact_integer, (2, *layout))) for layout in layouts]
        found = re.compile(b"|".join(map(re.escape, headers))).search(self.data, self.position)
        if not found or found.end() + 4 * count > len(self.data):
            raise CheckpointError(f"{self.path} is not dlib's face recognition network; install it anew.")
        self.position = found.end() + 4 * count
        return torch.from_numpy(np.frombuffer(self.data, "<f4", count, found.end()).copy())

    def read_convolution(self, convolution: nn.Conv2d) -> None:
        """Fill a convolution with the stream's next one and the scale and shift that follow it there."""
        channels = convolution.out_channels
        parameters = self.take(convolution.weight.numel() + channels)  # the filters (out, in, h, w), then the biases
        filters, biases = parameters[:-channels].view_as(convolution.weight), parameters[-channels:]
        scale, shift = self.take(2 * channels).chunk(2)
        convolution.weight.copy_(filters * scale.view(-1, 1, 1, 1))
        assert convolution.bias is not None
        convolution.bias.copy_(biases * scale + shift)


def _compact_integer(value: int) -> bytes:
    """Dlib's serialised integer: the number of bytes, then the bytes, lowest first."""
    body = value.to_bytes((value.bit_length() + 7) // 8, "little")
    return bytes([len(body)]) + body
