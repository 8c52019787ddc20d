"""A face parser: which part of an aligned face is skin, eyes, lips, hair, glasses, a hand before it, ...

A U-Net that sees the face at 128 pixels; the picture itself joins its last map, so that borders follow the picture's.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from torch import nn

from faceshifter_hub.component import ComponentMixin
from faceshifter_hub.models.attribute_encoder import down_block, up_block
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.registry import Interface

WORN = 0.004  # of an aligned face: with more of it labelled glasses, somebody wears them


class FaceParser(ComponentMixin):
    """Logits of the classes of `labels.LABELS`, in their order, for every pixel.

    Args:
        side: of the picture that the network sees, in pixels; faces of another resolution are resampled to it.
        channels: widths of the down path, finest first; every step halves the map.
        width: of the map of `side` pixels, the last one.
    """

    kind: ClassVar[str] = "face_parser"

    @register_to_config
    def __init__(self, side: int = 128, channels: tuple[int, ...] = (24, 48, 64, 96, 128), width: int = 16):
        super().__init__()
        if side % 2 ** len(channels):
            raise ValueError(f"{len(channels)} halvings do not fit a side of {side}")
        self.down = nn.ModuleList(
            down_block(c_in, c_out, "batch") for c_in, c_out in zip((3, *channels[:-1]), channels, strict=True)
        )
        self.up = nn.ModuleList()
        c_in = channels[-1]
        for c_out, skip in zip((*channels[-2::-1], width), (*channels[-2::-1], 3), strict=True):
            self.up.append(up_block(c_in, c_out, "batch"))
            c_in = c_out + skip
        self.to_logits = nn.Conv2d(c_in, len(LABELS), 3, padding=1)

    @classmethod
    def interface_of(cls, config: Mapping[str, Any]) -> Interface:
        """Return the faces this parser reads: aligned, of any resolution."""
        return Interface()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Parse aligned faces.

        Args:
            x: (B, 3, R, R) in [-1, 1], any R.

        Returns:
            Logits, (B, 12, R, R); their softmax over the classes are probabilities.
        """
        resolution, side = x.shape[-1], self.config.side
        x = F.interpolate(x, (side, side), mode="bilinear", antialias=True)
        skips = [x]
        for block in self.down:
            x = block(x)  # (B, C, S, S)
            skips.append(x)
        for block, skip in zip(self.up, skips[-2::-1], strict=True):
            x = torch.cat([block(x), skip], dim=1)  # (B, C, S, S)
        logits = self.to_logits(x).float()  # under autocast bfloat16, which no CPU resamples with antialiasing
        return F.interpolate(logits, (resolution, resolution), mode="bilinear", antialias=True)


def glasses_share(parser: FaceParser, faces: torch.Tensor) -> torch.Tensor:
    """Return how much of aligned faces (B, 3, R, R) in [-1, 1] the parser calls glasses, (B,); see `WORN`."""
    return (parser(faces).argmax(1) == LABELS["glasses"]).flatten(1).float().mean(1)
