"""The skin of a head: its colour, painted anew for each picture, and what is laid on it at fixed places.

Everything here lives in the atlas, the texture that covers the skin, (H, W) texels with the first row at the bottom.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from faceshifter_hub.synthesis.face_truth import face_weight
from faceshifter_hub.synthesis.parameters import Skin
from faceshifter_hub.synthesis.transforms import smoothstep

GAMMA = 2.2
MELANIN = np.array([0.55, 0.75, 0.95])  # by which the logarithm of each channel grows
HAEMOGLOBIN = np.array([1.06, 0.90, 0.90])  # gain of each channel
SAMPLED = 2000  # texels of a face that its tone is measured by
DARKEST = 0.02  # below it logarithms would count for too much
CONTRAST = (0.3, 1.0)  # range of the change of contrast with which a face takes another skin's tone
BARE: dict[str, object] = {  # uniforms of skin without anything on it
    "freckles": (0.0, 0.0),
    "stubble": (0.0, 0.0),
    "scalp": (0.0, 0.0),
    "scalpTone": np.zeros(3),
    "stubbleTone": np.zeros((2, 3)),
    "wrinkles": 0.0,
    "creases": (0.0, 0.0, 0.0),
    "lipColour": (0.0, 0.0, 0.0),
    "eyeColour": (0.0, 0.0, 0.0),
    "makeUp": (0.0, 0.0, 0.0, 0.0),
    "sheen": 0.7,
}


@dataclass(frozen=True)
class Atlas:
    """What lies where in the atlas.

    Attributes:
        rest: (H, W, 3) float32, the point of the base mesh at each texel; zeros where there is none.
        lips, lids, rims: (H, W) float32 in [0, 1], lips, eyelids and their edges.
    """

    rest: np.ndarray
    lips: np.ndarray
    lids: np.ndarray
    rims: np.ndarray


class SkinPainter:
    """Paints skin: mixtures of textures, pigments, one person's face in another person's tone.

    Args:
        textures: (H, W, 3) uint8 each.
        atlas: what lies where.
    """

    def __init__(self, textures: Mapping[str, np.ndarray], atlas: Atlas):
        self.textures = textures
        height, width, _ = next(iter(textures.values())).shape
        weight = face_weight(atlas.rest) * (atlas.rest != 0).any(-1)
        self.face = cv2.resize(weight.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        self.rest_of_head = 1 - self.face
        texels = np.nonzero(self.face.ravel() > 0.5)[0]
        texels = texels[:: max(len(texels) // SAMPLED, 1)]
        self.samples = {name: texture.reshape(-1, 3)[texels] / 255 for name, texture in textures.items()}

    def paint(self, skin: Skin, face: Skin | None = None) -> np.ndarray:
        """Return the colour of a skin (H, W, 3) uint8, with another's face, brought to the same tone, if given."""
        mixture = self._mix(skin.mixture)
        if face is not None and face.mixture != skin.mixture:
            table = tone_table(self._tone(face.mixture), self._tone(skin.mixture))
            mixture = cv2.blendLinear(mixture, cv2.LUT(self._mix(face.mixture), table), self.rest_of_head, self.face)
        return cv2.LUT(mixture, pigment_table(skin))

    def _mix(self, mixture: dict[str, float]) -> np.ndarray:
        names = sorted(mixture, key=lambda name: (-mixture[name], name))
        blend, total = self.textures[names[0]], mixture[names[0]]
        for name in names[1:]:
            if mixture[name] > 0.01:
                total += mixture[name]
                share = mixture[name] / total
                blend = cv2.addWeighted(blend, 1 - share, self.textures[name], share, 0)
        return blend

    def _tone(self, mixture: dict[str, float]) -> np.ndarray:
        """Return mean and standard deviation of the logarithm of each channel within the face, (2, 3)."""
        logarithm = np.log(sum(share * self.samples[name] for name, share in mixture.items()) + DARKEST)
        return np.stack([logarithm.mean(0), logarithm.std(0)])


def tone_table(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return what brings each value of each channel from one tone (2, 3) to another, (1, 256, 3) uint8."""
    logarithm = np.log(np.linspace(0, 1, 256) + DARKEST)[:, None]
    contrast = np.clip(other[1].mean() / own[1].mean(), *CONTRAST)  # one for all channels, lest hues drift apart
    return (np.clip(np.exp((logarithm - own[0]) * contrast + other[0]), 0, 1) * 255 + 0.5).astype(np.uint8)[None]


def pigment_table(skin: Skin) -> np.ndarray:
    """Return what melanin and haemoglobin make of each value of each channel, (1, 256, 3) uint8."""
    light = np.linspace(0, 1, 256)[:, None] ** GAMMA
    light = light ** (1 + skin.melanin * MELANIN) * (1 + skin.haemoglobin * (HAEMOGLOBIN - 1))
    return (np.clip(light, 0, 1) ** (1 / GAMMA) * 255 + 0.5).astype(np.uint8)[None]


def colour_masks(atlas: Atlas) -> np.ndarray:
    """Return where stubble or cropped hair, lipstick, eyeshadow and eyeliner go, (H, W, 4) uint8."""
    return pack(
        np.maximum(stubble_mask(atlas.rest), scalp_mask(atlas.rest)), atlas.lips, eyeshadow_mask(atlas), atlas.rims
    )


def relief_masks(atlas: Atlas) -> np.ndarray:
    """Return lines of the forehead, of eyes and mouth, where blush goes, and the face region: (H, W, 4) uint8."""
    rest = atlas.rest
    return pack(forehead_lines(rest), smile_lines(rest), blush_mask(rest), face_weight(rest))


def pack(*channels: np.ndarray) -> np.ndarray:
    """Return four masks (H, W) in [0, 1] as (H, W, 4) uint8."""
    return (np.clip(np.stack(channels, -1), 0, 1) * 255 + 0.5).astype(np.uint8)


def stubble_mask(rest: np.ndarray) -> np.ndarray:
    """Return cheeks, jaw and upper lip, without the lips, for points (..., 3) of the base mesh."""
    x, y, z = np.moveaxis(rest, -1, 0)
    side = np.abs(x)
    lip = (x / 0.30) ** 2 + ((y - 6.605) / 0.095) ** 2
    top = 6.80 + 0.65 * np.maximum(side - 0.30, 0)
    top -= 0.10 * smoothstep(side, 0.1, 0.3) * (1 - smoothstep(side, 0.5, 0.75))
    mask = (1 - smoothstep(y, top - 0.10, top + 0.04)) * smoothstep(y - 0.35 * np.maximum(0.8 - z, 0), 6.02, 6.16)
    mask *= smoothstep(lip, 0.7, 1.25) * smoothstep(z, -0.05, 0.35)
    return mask * smoothstep(y + 0.35 * z, 6.15, 6.25) * (1 - on_ears(rest))


def on_ears(rest: np.ndarray) -> np.ndarray:
    """Return the ears, for points (..., 3) of the base mesh."""
    x, y, z = np.moveaxis(rest, -1, 0)
    out = np.abs(x) - 0.08 * smoothstep(y, 6.95, 7.2)  # lobes are closer to the middle
    ear = smoothstep(out, 0.68, 0.72) * smoothstep(y, 6.74, 6.82) * (1 - smoothstep(y, 7.48, 7.56))
    return ear * (1 - smoothstep(z, 0.60, 0.70))


def scalp_mask(rest: np.ndarray) -> np.ndarray:
    """Return where hair grows on the head for points (..., 3) of the base mesh: 0 outside, 1 where it never falls out.

    In between, the value at which a receding hairline has passed: first the temples, then the crown.
    """
    x, y, z = np.moveaxis(rest, -1, 0)
    side = np.abs(x)
    line = 6.62 + 0.98 * smoothstep(z, -0.1, 0.42) + 0.42 * smoothstep(z, 0.72, 1.12)
    line = line - 0.40 * smoothstep(z, 0.42, 0.52) * (1 - smoothstep(z, 0.64, 0.76))  # sideburns
    line = line + 0.10 * np.exp(-(((side - 0.48) / 0.14) ** 2)) * smoothstep(z, 0.7, 0.9)  # temples
    edge = np.clip((y - line) / 0.14, 0, 1)
    top = smoothstep(y, 7.84, 8.10)
    back = np.clip((1.25 - z) / 1.7 - 0.25 * np.exp(-(((side - 0.45) / 0.15) ** 2)), 0, 1)
    return edge * (1 - top + top * (0.15 + 0.5 * back)) * (1 - on_ears(rest))


def eyeshadow_mask(atlas: Atlas) -> np.ndarray:
    """Return the upper lids, fading towards the brows."""
    y = atlas.rest[..., 1]
    return atlas.lids * smoothstep(y, 7.28, 7.36) * (1 - smoothstep(y, 7.42, 7.56))


def blush_mask(rest: np.ndarray) -> np.ndarray:
    """Return the cheekbones."""
    x, y, z = np.moveaxis(rest, -1, 0)
    distance = ((np.abs(x) - 0.50) / 0.20) ** 2 + ((y - 6.98) / 0.16) ** 2
    return np.exp(-1.5 * distance) * (z > 0.6)


def forehead_lines(rest: np.ndarray) -> np.ndarray:
    """Return horizontal lines across the forehead and upright ones between the brows, 1 at the bottom of a line."""
    x, y, z = np.moveaxis(rest, -1, 0)
    front = (z > 1.0) * (1 - smoothstep(np.abs(x), 0.28, 0.5))
    lines = np.zeros_like(x)
    for height, bend in ((7.80, 0.10), (7.90, 0.16), (8.00, 0.10)):
        wavy = height + bend * x**2 + 0.012 * np.sin(9 * x + 40 * height)
        lines = np.maximum(lines, line(y - wavy, 0.022))
    for side in (-1, 1):
        upright = 0.7 * line(x - side * (0.085 + 0.1 * (y - 7.6)), 0.02) * bump(y - 7.62, 0.08)
        lines = np.maximum(lines, upright)
    return lines * front


def smile_lines(rest: np.ndarray) -> np.ndarray:
    """Return crow's feet, and the folds from the nose to the corners of the mouth, 1 at the bottom of a line."""
    x, y, z = np.moveaxis(rest, -1, 0)
    side, front = np.abs(x), z > 0.5
    lines = np.zeros_like(x)
    for slope in (0.45, 0.12, -0.25):
        along = side - 0.50
        lines = np.maximum(lines, 0.8 * line(y - (7.36 + slope * along), 0.016) * bump(along - 0.09, 0.07))
    fold = 0.20 + 0.16 * smoothstep(-y, -6.92, -6.55)  # half the distance between the folds, by height
    lines = np.maximum(lines, line(side - fold, 0.03) * bump(y - 6.74, 0.16))
    under = line(y - (7.20 + 0.5 * (side - 0.30) ** 2), 0.02) * bump(side - 0.28, 0.13)
    return np.maximum(lines, 0.7 * under) * front


def line(distance: np.ndarray, width: float) -> np.ndarray:
    """Return 1 on a line and less beside it."""
    return np.exp(-((distance / width) ** 2))


def bump(distance: np.ndarray, half: float) -> np.ndarray:
    """Return 1 up to about `half` from the middle and 0 from there on, smoothly."""
    return 1 - smoothstep(np.abs(distance), 0.6 * half, 1.4 * half)


def detail_noise(side: int = 256) -> np.ndarray:
    """Return noise that tiles, (side, side, 4) uint8: 8, 32 and 128 cells across, and pores."""
    rng = np.random.default_rng(5)
    channels = []
    for cells in (8, 32, 128):
        grid = np.pad(rng.random((cells, cells)).astype(np.float32), 2, mode="wrap")
        step = side // cells
        fine = cv2.resize(grid, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        channels.append(np.clip(fine[2 * step : -2 * step, 2 * step : -2 * step], 0, 1))
    white = np.pad(rng.random((side, side)).astype(np.float32), 8, mode="wrap")
    pores = cv2.GaussianBlur(white, (0, 0), 1.2)[8:-8, 8:-8]
    channels.append(np.clip(0.5 + 4 * np.minimum(pores - 0.5, 0.03), 0, 1))
    return pack(*channels)
