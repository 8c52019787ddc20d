"""An invisible watermark over a whole picture: put there, and found in any part of it at any size.

The tile of `lattice.py` is repeated over the picture's brightness, stronger where there is more to be seen. Whoever
looks for it flattens the picture, so that its own content weighs little, takes its spectrum, tries sizes of the tile
until the pilot stands out, and reads the bits there. Spread spectrum with a repeated tile: Kutter, "Watermarking
resistant to translation, rotation and scaling", SPIE 3528 (1998).
"""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from scipy.ndimage import uniform_filter1d

from faceshifter_hub.provenance.lattice import AREA, HIGHEST, IS_PILOT, KX, KY, LOWEST, OWNER, PHASE, TILE, tile
from faceshifter_hub.provenance.payload import BITS, decode, encode

LEAST, MOST = 1.1, 3.0  # standard deviation of the mark, in levels of 255: in smooth areas, and in busy ones
OF_ACTIVITY = 0.35  # in between: this part of the picture's own
LEAST_PSNR = 42.3  # dB, before rounding
SIZES = np.exp(np.arange(np.log(0.4), np.log(3.3), 0.003))  # of the tile: screenshots show less, crops are enlarged
FINER = np.linspace(-0.0015, 0.0015, 5)
CANDIDATES = 4
RINGS = 6  # of frequencies, which survive to different degrees
SMOOTHING = 31  # coefficients of like frequency
PILOT_GRID = 64  # places a tile's side where it may begin, tried at once


@dataclass(frozen=True)
class Watermark:
    """What was found in a picture.

    Attributes:
        id: 8 hexadecimal digits.
        confidence: How many of its bits, of 1, were read right before any were corrected.
        size: Of what was marked, in the picture as it is, of 1: less in a screenshot, more where edges were cut off.
    """

    id: str
    confidence: float
    size: float


def embed(photo: np.ndarray, mark_id: str) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 RGB with a watermark over all of it; the PSNR is at least 42 dB.

    Args:
        photo: (H, W, 3) uint8 RGB.
        mark_id: 8 hexadecimal digits.
    """
    height, width = photo.shape[:2]
    small = _scaled(photo)
    pattern = _repeated(encode(mark_id), *small.shape) * np.clip(OF_ACTIVITY * _activity(small), LEAST, MOST)
    pattern *= min(1, 255 / 10 ** (LEAST_PSNR / 20) / float(pattern.std()))
    mark = cv2.resize(pattern, (width, height), interpolation=_interpolation(small.shape, (height, width)))
    return cv2.add(photo, cv2.merge([mark, mark, mark]), dtype=cv2.CV_8U)  # rounds and keeps within 0 and 255


def detect(photo: np.ndarray) -> Watermark | None:
    """Return the watermark of a picture (H, W, 3) uint8 RGB, None if there is none to be read."""
    scaled = _scaled(photo)
    if min(scaled.shape) < TILE // LOWEST:  # a strip without a period of the slowest wave, which may be very long
        return None
    residual = _flattened(scaled)
    return _read(residual, np.ones(1)) or _read(residual, _likely_sizes(residual))


def _scaled(photo: np.ndarray) -> np.ndarray:
    """Return a picture's brightness, of AREA pixels, (h, w) float32."""
    height, width = photo.shape[:2]
    factor = (AREA / (height * width)) ** 0.5
    size = max(1, round(height * factor)), max(1, round(width * factor))
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    scaled = cv2.resize(grey, size[::-1], interpolation=_interpolation((height, width), size))
    return scaled.astype(np.float32)


def _interpolation(before: tuple[int, ...], after: tuple[int, ...]) -> int:
    return cv2.INTER_AREA if after[0] < before[0] else cv2.INTER_CUBIC


def _activity(grey: np.ndarray) -> np.ndarray:
    """Return how busy a picture is, as a standard deviation (h, w); a single edge, where it would be seen, is not."""
    mean = cv2.blur(grey, (15, 15))
    deviation = np.sqrt((cv2.blur(grey * grey, (15, 15)) - mean * mean).clip(0))
    return cv2.blur(cv2.erode(deviation, np.ones((5, 5), np.uint8)), (9, 9))


def _repeated(bits: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.tile(tile(bits.tobytes()), (height // TILE + 1, width // TILE + 1))[:height, :width]


def _flattened(grey: np.ndarray) -> np.ndarray:
    """Return a picture (h, w) without what is slow in it, and of like contrast everywhere."""
    period = TILE // LOWEST
    fast = grey - cv2.GaussianBlur(grey, (0, 0), period / 3)
    contrast = np.sqrt(cv2.blur(fast * fast, (period + 1, period + 1)).clip(0) + 4)
    return (fast / contrast).clip(-2.5, 2.5)


def _likely_sizes(residual: np.ndarray) -> np.ndarray:
    """Return sizes of the tile at which the pilot stands out, each with some beside it, the likeliest first."""
    height, width = (2 * scipy.fft.next_fast_len(side) for side in residual.shape)
    padded = np.zeros((height, width), np.float32)
    padded[: residual.shape[0], : residual.shape[1]] = residual
    # from the middle, where phases hardly depend on the size
    spectrum = scipy.fft.fft2(np.roll(padded, [-(side // 2) for side in residual.shape], (0, 1)))
    cycles = np.outer(1 / (TILE * SIZES), [KY, KX]).reshape(len(SIZES), 2, -1)  # a pixel
    rows, columns = (np.rint(cycles[:, axis] * side).astype(int) for axis, side in enumerate((height, width)))
    stands_out, _, _ = _place(_level(spectrum[rows, columns]))
    best = SIZES[np.argsort(-stands_out)[:CANDIDATES]]
    return (best[:, None] * (1 + FINER)).ravel()


def _read(residual: np.ndarray, sizes: np.ndarray) -> Watermark | None:
    """Return what is read at the size where the pilot stands out most."""
    coefficients = _level(np.stack([_coefficients(residual, size) for size in sizes]))  # (S, n)
    stands_out, down, right = _place(coefficients)
    best = stands_out.argmax()
    turned = coefficients[best] * PHASE.conj() * np.exp(2j * np.pi * (KY * down[best] + KX * right[best]))
    read = decode(_bits(turned.real))
    return Watermark(*read, size=float(sizes[best])) if read else None


def _coefficients(residual: np.ndarray, size: float) -> np.ndarray:
    """Return the spectrum (n,) at the lattice's frequencies, exactly."""
    k = np.arange(-HIGHEST, HIGHEST + 1) / (TILE * size)
    waves = [np.exp(-2j * np.pi * np.outer(k, np.arange(side))).astype(np.complex64) for side in residual.shape]
    spectrum = waves[0] @ residual @ waves[1].T
    return spectrum[KY + HIGHEST, KX + HIGHEST]


def _level(coefficients: np.ndarray) -> np.ndarray:
    """Return coefficients (S, n) so that all frequencies are of like strength."""
    power = uniform_filter1d(np.abs(coefficients) ** 2, SMOOTHING, mode="nearest")
    return coefficients / np.sqrt(power + 1e-9)


def _place(coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how much the pilot stands out where it does most, and how far down and right of there the tile begins.

    Args:
        coefficients: (S, n), of as many sizes.
    """
    grid = np.zeros((len(coefficients), PILOT_GRID, PILOT_GRID), np.complex64)
    grid[:, KY[IS_PILOT] % PILOT_GRID, KX[IS_PILOT] % PILOT_GRID] = (coefficients * PHASE.conj())[:, IS_PILOT]
    found = scipy.fft.ifft2(grid, overwrite_x=True).real.reshape(len(grid), -1)
    down, right = np.unravel_index(found.argmax(axis=1), grid.shape[1:])
    return found.max(axis=1), down / PILOT_GRID, right / PILOT_GRID


def _bits(turned: np.ndarray) -> np.ndarray:
    """Return how surely each bit is 0, (127,); the pilot tells how much a frequency is worth."""
    ring = np.arange(len(turned)) * RINGS // len(turned)
    weight = np.zeros(len(turned))
    for number in range(RINGS):
        pilot = turned[IS_PILOT & (ring == number)]
        weight[ring == number] = max(pilot.mean(), 0) / (pilot.var() + 1e-9)
    return np.bincount(OWNER[~IS_PILOT], (turned * weight)[~IS_PILOT], BITS)
