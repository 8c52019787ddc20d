"""What the two stages make of aligned faces, whole or in interlaced phases, and pictures of it."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image


@dataclass
class AlignedSwap:
    """What the two stages make of aligned faces.

    Attributes:
        target: X_t, (B, 3, R, R) in [-1, 1].
        swapped: Y^_st, (B, 3, R, R) in [-1, 1].
        reconstructed: Y^_tt, (B, 3, R, R); None without stage 2.
        error: dY_t = X_t - Y^_tt, (B, 3, R, R); None without stage 2.
        refined: Y_st, (B, 3, R, R); None without stage 2.
        masks: M^k a level, coarsest first, (B, 1, S_k, S_k).
    """

    target: torch.Tensor
    swapped: torch.Tensor
    reconstructed: torch.Tensor | None
    error: torch.Tensor | None
    refined: torch.Tensor | None
    masks: list[torch.Tensor]

    @property
    def result(self) -> torch.Tensor:
        """The last stage's faces, (B, 3, R, R)."""
        return self.swapped if self.refined is None else self.refined

    @property
    def pictures(self) -> dict[str, torch.Tensor]:
        """What was made, by stage, (B, 3, R, R) each."""
        stages = {"target": self.target, "swapped": self.swapped}
        later = {"reconstructed": self.reconstructed, "error": self.error, "refined": self.refined}
        return stages | {name: picture for name, picture in later.items() if picture is not None}

    def split(self) -> "list[AlignedSwap]":
        """Return the swap of each face by itself."""
        return [self._of(itemgetter(slice(n, n + 1))) for n in range(len(self.swapped))]

    def interlaced(self, boost: int) -> "AlignedSwap":
        """Return the faces, `boost` times larger, whose phases these are."""
        return self._of(lambda maps: join_phases(maps, boost))

    def _of(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "AlignedSwap":
        def changed(maps: torch.Tensor | None) -> torch.Tensor | None:
            return None if maps is None else change(maps)

        return AlignedSwap(
            target=change(self.target),
            swapped=change(self.swapped),
            reconstructed=changed(self.reconstructed),
            error=changed(self.error),
            refined=changed(self.refined),
            masks=[change(mask) for mask in self.masks],
        )


def to_picture(face: torch.Tensor) -> np.ndarray:
    """Turn a face (3, R, R) in [-1, 1] into (R, R, 3) uint8."""
    return ((face.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()


def stage_pictures(source: np.ndarray, swap: AlignedSwap) -> dict[str, Image.Image]:
    """Return the pictures of one swap, by stage; `error` is shown around grey, a mask white where identity rules."""
    pictures = {"source": source} | {name: to_picture(picture[0]) for name, picture in swap.pictures.items()}
    side = (swap.target.shape[-1], swap.target.shape[-1])
    images = {name: Image.fromarray(picture) for name, picture in pictures.items()}
    for mask in swap.masks:
        grey = Image.fromarray((mask[0, 0] * 255).round().to(torch.uint8).cpu().numpy())
        images[f"mask_{mask.shape[-1]}"] = grey.resize(side, Image.Resampling.NEAREST)
    return images


def split_phases(x: torch.Tensor, boost: int) -> torch.Tensor:
    """Take pictures (B, C, bR, bR) apart into b x b interlaced ones each, every b-th pixel: (Bb^2, C, R, R)."""
    phases = F.pixel_unshuffle(x, boost)  # (B, Cb^2, R, R)
    return phases.unflatten(1, (x.shape[1], boost**2)).transpose(1, 2).flatten(0, 1)  # (Bb^2, C, R, R)


def join_phases(phases: torch.Tensor, boost: int) -> torch.Tensor:
    """Undo `split_phases`: (Bb^2, C, R, R) to (B, C, bR, bR)."""
    x = phases.unflatten(0, (-1, boost**2)).transpose(1, 2).flatten(1, 2)  # (B, Cb^2, R, R)
    return F.pixel_shuffle(x, boost)
