"""Beards: fur over cheeks, jaw and upper lip."""

import numpy as np

from faceshifter_hub.synthesis.fur import Fur
from faceshifter_hub.synthesis.parameters import Beard, BeardStyle, Identity
from faceshifter_hub.synthesis.skin import Atlas, pack, scalp_mask, stubble_mask
from faceshifter_hub.synthesis.transforms import smoothstep

SHORTEST, LONGEST = 0.03, 0.3  # decimetres
STYLES: dict[BeardStyle, float] = {"moustache": 0.25, "goatee": 0.25, "chin": 0.15, "full": 0.35}  # of the bearded
ZONES: dict[BeardStyle, tuple[float, float, float, float]] = {  # of moustache, chin, full beard, scalp
    "moustache": (1.0, 0.0, 0.0, 0.0),
    "goatee": (1.0, 1.0, 0.0, 0.0),
    "chin": (0.0, 1.0, 0.0, 0.0),
    "full": (0.7, 0.0, 1.0, 0.0),
}


def fur_masks(atlas: Atlas) -> np.ndarray:
    """Return where moustache, chin beard, full beard and cropped hair grow, (H, W, 4) uint8."""
    rest = atlas.rest
    return pack(moustache_mask(rest), chin_mask(rest), full_mask(rest), scalp_mask(rest))


def moustache_mask(rest: np.ndarray) -> np.ndarray:
    """Return the upper lip and the corners of the mouth, for points (..., 3) of the base mesh."""
    x, y, _ = np.moveaxis(rest, -1, 0)
    side = np.abs(x)
    ends = smoothstep(y, 6.42 + 0.2 * (0.4 - side), 6.60) * (1 - smoothstep(side, 0.30, 0.42))
    return stubble_mask(rest) * ends * smoothstep(y, 6.50, 6.64) * (1 - smoothstep(y, 6.77, 6.82))


def chin_mask(rest: np.ndarray) -> np.ndarray:
    """Return the chin, and a narrow strip up to the corners of the mouth."""
    x, y, _ = np.moveaxis(rest, -1, 0)
    side = np.abs(x)
    chin = (1 - smoothstep(y, 6.44, 6.54)) * (1 - smoothstep(side, 0.26, 0.40))
    strip = np.exp(-(((side - 0.345) / 0.06) ** 2)) * (1 - smoothstep(y, 6.62, 6.70))
    return stubble_mask(rest) * np.maximum(chin, strip) * smoothstep(y, 6.02, 6.2)


def full_mask(rest: np.ndarray) -> np.ndarray:
    """Return jaw, upper lip, what is just under the jaw, and the cheeks up to a line where the beard thins out."""
    x, y, z = np.moveaxis(rest, -1, 0)
    side = np.abs(x)
    under_nose = smoothstep(y, 6.77, 6.82) * (side < 0.25)
    cheek_line = 6.66 + 1.3 * np.maximum(side - 0.47, 0)
    below = 1 - smoothstep(y, cheek_line - 0.18, cheek_line + 0.08) * (side > 0.25)
    return stubble_mask(rest) * below * (1 - under_nose) * smoothstep(y + 0.2 * z, 6.32, 6.46)


def beard_fur(tri: np.ndarray, tri_uv: np.ndarray, base: np.ndarray) -> Fur:
    """Return fur over everywhere a beard can grow; `tri` and `tri_uv` are the skin's."""
    inside = (full_mask(base) > 0)[tri].any(1)
    return Fur(tri[inside], tri_uv[inside])


def beard_height(beard: Beard, rest: np.ndarray) -> np.ndarray:
    """Return how far the outermost hairs stand out at points (n, 3) of the base mesh, in decimetres."""
    _, y, _ = rest.T
    length = SHORTEST + (LONGEST - SHORTEST) * beard.length
    on_chin = 1 - smoothstep(y, 6.30, 6.72)
    neck = smoothstep(y, 6.0, 6.3)
    return length * stubble_mask(rest) * (0.22 + 0.33 * on_chin) * (0.3 + 0.7 * neck) + 0.008


def stubble(identity: Identity) -> float:
    """Return how much stubble is painted: a full beard has some along its edge."""
    full = identity.beard is not None and identity.beard.style == "full"
    return max(identity.stubble, 0.55) if full else identity.stubble


def sample_beard(rng: np.random.Generator) -> Beard | None:
    """Return a random beard, or none for three of four."""
    bearded, style = rng.random() < 0.25, list(STYLES)[int(rng.choice(len(STYLES), p=list(STYLES.values())))]
    length, density = rng.beta(1.1, 2.5), rng.uniform(0.45, 1.0)
    return Beard(style=style, length=length, density=density) if bearded else None
