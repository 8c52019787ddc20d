"""The watermark's pattern: a square tile, repeated, whose Fourier coefficients each say one bit by their sign.

A repeated tile has its energy on a lattice of frequencies, whose spacing tells its size and whose phases tell where it
begins. A part of the coefficients, the pilot, always has the same sign, so that both can be found in any part of a
picture at any size. Everything here follows from a hash of a constant, and is the same for ever and everywhere.
"""

import hashlib
from functools import cache

import numpy as np

from faceshifter_hub.provenance.payload import BITS

AREA = 640**2  # pixels to which every picture is scaled before the tile is laid over it
TILE = 128  # side of the tile, in these pixels
LOWEST, HIGHEST = 4, 20  # periods a tile: lower ones would be seen, higher ones do not survive compression
PILOT_SHARE = 0.25
PILOT = -1  # owner of coefficients that say no bit
SEED = b"FaceShifter Hub watermark 1"


def _frequencies() -> tuple[np.ndarray, np.ndarray]:
    k = np.arange(-HIGHEST, HIGHEST + 1)
    ky, kx = (axis.ravel() for axis in np.meshgrid(k, k, indexing="ij"))
    radius = np.hypot(ky, kx)
    half = (ky > 0) | ((ky == 0) & (kx > 0))  # the other half is its conjugate, as pictures are real
    chosen = np.flatnonzero(half & (radius >= LOWEST) & (radius <= HIGHEST))
    order = chosen[np.argsort(radius[chosen], kind="stable")]
    return ky[order], kx[order]


def _numbers(name: bytes, count: int) -> np.ndarray:
    return np.frombuffer(hashlib.shake_256(SEED + name).digest(4 * count), ">u4")


def _owners(count: int) -> np.ndarray:
    """Return the bit that each coefficient says: from low to high all bits, shuffled, then all again."""
    owners = np.zeros(count, np.int64)
    owners[np.linspace(0, count - 1, int(count * PILOT_SHARE)).round().astype(int)] = PILOT
    free = np.flatnonzero(owners != PILOT)
    rounds = -(-len(free) // BITS)
    shuffled = _numbers(b"owners", rounds * BITS).reshape(rounds, BITS).argsort(axis=1, kind="stable")
    owners[free] = shuffled.ravel()[: len(free)]
    return owners


KY, KX = _frequencies()  # (n,) each, from low to high
PHASE = np.exp(2j * np.pi * _numbers(b"phases", len(KY)) / 2**32)  # (n,) of unit length
OWNER = _owners(len(KY))  # (n,)
IS_PILOT = OWNER == PILOT


@cache
def tile(bits: bytes) -> np.ndarray:
    """Return the tile (TILE, TILE) float32, of mean 0 and standard deviation 1.

    Args:
        bits: The payload's, a byte each.
    """
    signs = np.where(IS_PILOT, 1, 1 - 2 * np.append(np.frombuffer(bits, np.uint8).astype(int), 0)[OWNER])
    spectrum = np.zeros((TILE, TILE), complex)
    spectrum[KY % TILE, KX % TILE] = signs * PHASE
    drawn = np.fft.ifft2(spectrum).real
    return (drawn / drawn.std()).astype(np.float32)
