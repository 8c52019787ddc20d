"""Light and backgrounds out of panoramas: real places, CC0, packaged as environments.npz by prepare_environments.py.

An environment surrounds the face. Directions are those of the renderer: +y up, +z from the face to the camera. `turn`
rotates the environment about the vertical axis, as `transforms.rotation(turn, 0, 0)` does, in radians.
"""

import io
import json
import math
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.backgrounds import SIDE
from faceshifter_hub.synthesis.parameters import Light
from faceshifter_hub.synthesis.transforms import rotation

PACKED = Path(__file__).with_name("environments.npz")
BENCHMARK_ENVIRONMENTS = (  # never trained on; no place has pictures on both sides
    "blender-courtyard",
    "blender-forest",
    "pmndrs-apartment",
    "pmndrs-city",
    "pmndrs-park",
    "pmndrs-workshop",
)

LUMINANCE = np.array([0.25, 0.6, 0.15], np.float32)
GAMMA = 2.2
MAP_HEIGHT, MAP_WIDTH = 32, 64  # of the radiance map that light is computed from
# each function's share of a clamped cosine over pi, by spherical harmonics of the second degree
COSINE_LOBE = np.array([1, 2, 2, 2, 15 / 4, 15 / 4, 5 / 16, 15 / 4, 15 / 16], np.float32) / (4 * math.pi)
LAMP_RADIUS = math.radians(20)
LOWEST_LAMP, HIGHEST_LAMP = -0.1, 0.95  # y: a bright floor or the zenith stays among the surroundings
FRONT = 0.2  # z of the least frontal key light
FACE_LEVEL = 1.04  # mean luminance of what arrives at a face, over pi
BALANCE = 0.7  # share of a colour cast that a camera's white balance takes away
BOUNCE = 0.15  # share of the key light that comes back from all sides: shadows are never black
LEAST_FILL = 0.25  # of the surroundings' mean, at their darkest
MOST_RIM = 1.0  # luminance
BACKGROUND_LEVEL, BRIGHTEST_BACKGROUND = 0.3, 0.6  # mean luminance
MARGIN = 8  # of a view's grid, in cells: the largest circle of confusion reaches no further
GRID = SIDE // 2 + 2 * MARGIN


@cache
def map_directions() -> tuple[np.ndarray, np.ndarray]:
    """Return where each pixel of a radiance map lies (N, 3) and its solid angle (N,), rows from the top."""
    up = math.pi * (0.5 - (np.arange(MAP_HEIGHT) + 0.5) / MAP_HEIGHT)
    right = 2 * math.pi * ((np.arange(MAP_WIDTH) + 0.5) / MAP_WIDTH - 0.5)
    up, right = (grid.ravel() for grid in np.meshgrid(up, right, indexing="ij"))
    directions = np.stack([np.cos(up) * np.sin(right), np.sin(up), -np.cos(up) * np.cos(right)], -1)
    areas = np.cos(up)
    return directions.astype(np.float32), (areas * (4 * math.pi / areas.sum())).astype(np.float32)


def harmonic_basis(directions: np.ndarray) -> np.ndarray:
    """Return the nine functions of a direction that `parameters.Light` gives coefficients of, (N, 9)."""
    x, y, z = directions.T
    return np.stack([np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], -1)


def irradiance_harmonics(power: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return what white paper reflects, as coefficients (9, 3) of functions of its normal.

    Args:
        power: (N, 3), radiance times solid angle.
        directions: (N, 3), where it comes from.
    """
    return COSINE_LOBE[:, None] * (harmonic_basis(directions).T @ power)


def fill(harmonics: np.ndarray, bounce: np.ndarray) -> np.ndarray:
    """Return surroundings (9, 3) with light (3,) added from all sides, and nowhere near dark."""
    harmonics = np.concatenate([harmonics[:1] + bounce, harmonics[1:]])
    variation = harmonic_basis(face_normals())[:, 1:] @ harmonics[1:] @ LUMINANCE
    most = (1 - LEAST_FILL) * float(harmonics[0] @ LUMINANCE)
    harmonics[1:] *= min(most / max(-float(variation.min()), 1e-9), 1)
    return harmonics


@cache
def face_normals() -> np.ndarray:
    """Return normals (N, 3) of what a camera sees of a ball, spread evenly over the picture."""
    k = np.arange(200) + 0.5
    radius, angle = np.sqrt(k / 200), k * math.pi * (3 - math.sqrt(5))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), np.sqrt(1 - k / 200)], -1).astype(np.float32)


def exposure(key: np.ndarray, key_colour: np.ndarray, harmonics: np.ndarray) -> np.ndarray:
    """Return the gain (3,) that a camera develops a face in that light with: middle tone, less of a colour cast."""
    normals = face_normals()
    arriving = harmonic_basis(normals) @ harmonics + np.maximum(normals @ key, 0)[:, None] * key_colour
    colour = np.maximum(arriving.mean(0), 1e-6)
    balanced = colour ** (1 - BALANCE)
    return FACE_LEVEL / (balanced @ LUMINANCE) * balanced / colour


@dataclass(frozen=True, eq=False)
class Environment:
    """A place, seen all around.

    Attributes:
        radiance: (32, 64, 3) float32, linear RGB, rows from the zenith, columns from +z over -x, -z (behind the face,
            in the middle) and +x back to +z.
        panorama: (H, 2 H, 3) uint8, the same, sharp, as `encode` wrote it: without the brightest lamps' strength.
    """

    radiance: np.ndarray
    panorama: np.ndarray

    def light(self, turn: float) -> Light:
        """Return the light on a face: the strongest lamp before it, the strongest beside or behind it, the rest.

        A face of middle albedo comes out at a middle tone, however bright the place is.
        """
        key, key_colour, rim, rim_colour, harmonics = self._measure(turn)
        gain = exposure(key, key_colour, harmonics)
        key_colour, rim_colour, harmonics = key_colour * gain, rim_colour * gain, harmonics * gain
        rim_colour *= MOST_RIM / max(float(rim_colour @ LUMINANCE), MOST_RIM)
        return Light(
            key=tuple(key.tolist()),
            key_colour=tuple(key_colour.tolist()),
            rim=tuple(rim.tolist()),
            rim_colour=tuple(rim_colour.tolist()),
            harmonics=tuple(map(tuple, harmonics.tolist())),
        )

    def background(self, turn: float, fov: float, seed: int) -> np.ndarray:
        """Return what a camera that looks along -z sees behind the face, out of focus.

        Args:
            turn: Of the environment, in radians.
            fov: Angle of view in radians.
            seed: Of the camera's tilt and of how far the background is out of focus.

        Returns:
            (SIDE, SIDE, 3) uint8 sRGB, first row at the bottom.
        """
        rng = np.random.default_rng(seed)
        view = self._view(turn, fov, tilt=rng.uniform(-0.2, 0.2))
        view = defocus(view, radius=0.6 + 5.4 * rng.random() ** 2)[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
        key, key_colour, _, _, harmonics = self._measure(turn)
        view = np.moveaxis(view, 0, -1) * exposure(key, key_colour, harmonics)
        # exposed half for the face, half for itself, as cameras do where one of them would be lost
        level = max(float((view @ LUMINANCE).mean()), 1e-6)
        view *= min(math.sqrt(level * BACKGROUND_LEVEL), BRIGHTEST_BACKGROUND) / level
        view = view / (1 + view**4) ** 0.25
        image = Image.fromarray((view ** (1 / GAMMA) * 255 + 0.5).astype(np.uint8))
        return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))

    @cached_property
    def _power(self) -> np.ndarray:
        """Radiance times solid angle (N, 3)."""
        return self.radiance.reshape(-1, 3) * map_directions()[1][:, None]

    @cached_property
    def _planes(self) -> np.ndarray:
        """The panorama by channels (3, N)."""
        return np.ascontiguousarray(self.panorama.reshape(-1, 3).T)

    @cached_property
    def _glow(self) -> np.ndarray:
        """How much comes from within a lamp's radius of each pixel (N,)."""
        directions, _ = map_directions()
        return (directions @ directions.T > math.cos(LAMP_RADIUS)) @ (self._power @ LUMINANCE)

    def _measure(self, turn: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return key, its colour, rim, its colour and harmonics as they are in the place."""
        directions = map_directions()[0] @ rotation(turn, 0, 0).T
        in_front = directions[:, 2] >= FRONT
        key, key_power = self._lamp(in_front, directions)
        rim, rim_power = self._lamp(~in_front, directions)
        harmonics = irradiance_harmonics(self._power - key_power - rim_power, directions)
        key_colour, rim_colour = key_power.sum(0) / math.pi, rim_power.sum(0) / math.pi
        return key, key_colour, rim, rim_colour, fill(harmonics, BOUNCE * key_colour)

    def _lamp(self, where: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the direction (3,) and power (N, 3) of the strongest lamp there: what outshines the average."""
        where = where & (directions[:, 1] >= LOWEST_LAMP) & (directions[:, 1] <= HIGHEST_LAMP)
        peak = directions[np.argmax(np.where(where, self._glow, -1))]
        lamp = where & (directions @ peak > math.cos(LAMP_RADIUS))
        brightness = self.radiance.reshape(-1, 3) @ LUMINANCE
        average = float(self._power.sum(0) @ LUMINANCE) / (4 * math.pi)
        excess = lamp * np.maximum(1 - average / np.maximum(brightness, 1e-9), 0)
        power = self._power * excess[:, None]
        centre = directions.T @ (power @ LUMINANCE)
        length = float(np.linalg.norm(centre))
        return (centre / length if length > 0 else peak), power

    def _view(self, turn: float, fov: float, tilt: float) -> np.ndarray:
        """Return linear RGB (3, GRID, GRID) of a picture with margins, first row at the bottom."""
        reach = math.tan(fov / 2) * GRID / (GRID - 2 * MARGIN)
        across = np.linspace(-reach, reach, GRID, dtype=np.float32)
        rays = np.stack([*np.meshgrid(across, across), -np.ones((GRID, GRID), np.float32)], -1)
        x, y, z = np.moveaxis(rays @ (rotation(0, tilt, 0).T @ rotation(turn, 0, 0)), -1, 0)
        height, width, _ = self.panorama.shape
        column = (np.arctan2(x, -z) / (2 * math.pi) + 0.5) * width - 0.5
        row = (0.5 - np.arctan2(y, np.hypot(x, z)) / math.pi) * height - 0.5
        left, top = np.floor(column), np.floor(row)
        right, down = column - left, row - top
        columns = np.stack([left, left + 1]).astype(np.intp) % width
        rows = np.clip(np.stack([top, top + 1]).astype(np.intp), 0, height - 1) * width
        upper, lower = (
            self._planes.take(start + columns[0], 1) * (1 - right) + self._planes.take(start + columns[1], 1) * right
            for start in rows
        )
        return decode(upper * (1 - down) + lower * down)


def defocus(view: np.ndarray, radius: float) -> np.ndarray:
    """Spread each cell of a view (C, S, S) over a disc; what leaves one side comes in at the other."""
    across = np.fft.fftfreq(view.shape[-1], 1 / view.shape[-1]).astype(np.float32)
    disc = np.clip(radius + 0.5 - np.hypot(across, across[:, None]), 0, 1)
    spectrum = np.fft.rfft2(view) * np.fft.rfft2(disc / disc.sum())
    return np.maximum(np.fft.irfft2(spectrum, s=disc.shape), 0)


def encode(radiance: np.ndarray) -> np.ndarray:
    """Return linear RGB as uint8; bright values are told apart up to about 100."""
    return ((radiance / (1 + radiance)) ** (1 / GAMMA) * 255 + 0.5).astype(np.uint8)


def decode(encoded: np.ndarray) -> np.ndarray:
    """Return the linear RGB that `encode` was given, up to about 100."""
    share = (np.minimum(encoded, 254) / np.float32(255)) ** np.float32(GAMMA)
    return share / (1 - share)


def to_rgbe(radiance: np.ndarray) -> np.ndarray:
    """Return linear RGB (..., 3) as uint8 (..., 4) with a common exponent."""
    exponent = np.frexp(np.maximum(radiance.max(-1, keepdims=True), 1e-30))[1]
    return np.concatenate([radiance * np.ldexp(256.0, -exponent), exponent + 128], -1).clip(0, 255).astype(np.uint8)


def from_rgbe(encoded: np.ndarray) -> np.ndarray:
    """Return the linear RGB (..., 3) float32 that `to_rgbe` was given."""
    return np.ldexp(encoded[..., :3] + np.float32(0.5), encoded[..., 3:].astype(int) - 136).astype(np.float32)


@cache
def environment_records() -> dict[str, dict[str, str]]:
    """Return where each environment comes from, by name: `source`, `licence`, `sha256` of the source file."""
    with np.load(PACKED, allow_pickle=False) as packed:
        return json.loads(packed["records"].tobytes())


@cache
def load_environment(name: str) -> Environment:
    """Return an environment.

    Raises:
        RenderError: There is none of that name.
    """
    if name not in environment_records():
        raise RenderError(f"There is no environment {name!r}; there are {', '.join(environment_records())}.")
    with np.load(PACKED, allow_pickle=False) as packed:
        panorama = Image.open(io.BytesIO(packed[f"{name}/panorama"].tobytes()))
        return Environment(from_rgbe(packed[f"{name}/radiance"]), np.asarray(panorama.convert("RGB")))
