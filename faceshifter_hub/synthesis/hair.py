"""Hair: a style's mesh on a head, changed in length, volume, fringe, wave and side; hair cropped to the scalp as fur.

Shapes are in decimetres on the unmorphed base mesh: eyes at y = 7.3, hairline at 8.0, crown at 8.5.
"""

from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from faceshifter_hub.synthesis.catalogue import Catalogue
from faceshifter_hub.synthesis.fur import Fur
from faceshifter_hub.synthesis.identity_prior import sample_hair_tone
from faceshifter_hub.synthesis.parameters import Hair, Identity
from faceshifter_hub.synthesis.skin import scalp_mask
from faceshifter_hub.synthesis.transforms import smoothstep

EARS, CHIN = 7.4, 6.2  # heights: where hair begins to hang, and below which a style is a loose one
ARCH_CENTRE, ARCH_WIDTH, ARCH_HEIGHT = 6.9, 0.74, 1.0  # what a fringe that is wholly cut leaves open
ARCH_RIM = 1.3  # hair up to here, in units of the arch, makes room for what is pushed out of it
SKULL_CENTRE, SKULL_RADII = np.array([0.0, 7.5, 0.55]), np.array([0.80, 1.0, 0.97])
NEIGHBOURS = 24
FRINGE_LIFT = 0.03
UNDER = 0.8  # share of its distance to the skull that a style under another loses
WAVES = 2 * np.pi / 0.62  # radians a decimetre
CROPPED_HEIGHT = 0.16
SHAVED = 0.12  # cropped hair below is only painted
PLAIN: dict[str, object] = {  # uniforms of strands without anything special: brows and lashes
    "tips": (0.0, 0.0, 0.0),
    "ends": (-9.0, -10.0),
    "grey": 0.0,
    "coarseness": 0.5,
    "undercut": 0.0,
    "wave": 0.0,
    "tufts": 0.0,
}


class StyleShape:
    """How the mesh of a style can be changed.

    Args:
        rest: Its vertices on the base mesh, (n, 3).
        base: The base mesh, (m, 3).
        skin: Indices of the skin's vertices there.

    Attributes:
        ends: Heights of roots and tips on the base mesh.
    """

    def __init__(self, rest: np.ndarray, base: np.ndarray, skin: np.ndarray):
        distance, nearest = cKDTree(base[skin]).query(rest)
        x, y, z = rest.T
        self.root = skin[nearest]
        self.loose = float(y.min()) < CHIN
        self.ends = (EARS, float(y.min())) if self.loose else (8.0, float(y.max()))
        near = cKDTree(rest).query(rest, NEIGHBOURS)[1]
        self.rest, self.before = rest, smoothstep(z, 0.35, 0.75)
        self.opening = open_fringe(rest, self.before)[near].mean(1)  # layers that touch stay together
        self.hanging = 1 - smoothstep(y, EARS - 0.9, EARS + 0.3)
        self.on_skull = smoothstep(y, 6.5, 7.2) * np.minimum(distance / 0.05, 1)
        self.on_top = smoothstep(y, 8.0, 8.4) * smoothstep(z, -0.6, 0.2)
        self.below = np.minimum(y - EARS, 0) * self.loose
        self.phase = 2 * np.sin(5 * x) + 2 * np.cos(4 * z)
        outwards = rest * [1, 0, 1] - [0, 0, 0.3]
        self.outwards = outwards / (np.linalg.norm(outwards, axis=1, keepdims=True) + 1e-6)

    def deform(self, strands: np.ndarray, neutral: np.ndarray, hair: Hair, *, under: bool = False) -> np.ndarray:
        """Return the changed vertices (n, 3).

        Args:
            strands: The style's vertices on a head, before it is turned.
            neutral: The head's.
            hair: By how much.
            under: Whether another style lies over all but the fringe.
        """
        root = neutral[self.root]
        rise = (hair.volume - 1) * self.on_skull
        if under:
            rise -= UNDER * self.on_skull * (1 - self.before)
        if not self.loose:
            rise += (hair.length - 1) * self.on_top
        changed = strands + rise[:, None] * (strands - root) + self.cut_fringe(hair.fringe)
        changed[:, 1] += (hair.length - 1) * self.below
        swing, turns = 0.075 * hair.wave * self.hanging, hair.length * self.below * WAVES + self.phase
        changed += swing[:, None] * (np.sin(turns)[:, None] * self.outwards)
        changed[:, 0] += 0.4 * swing * np.cos(turns)
        if hair.mirrored:
            changed[:, 0] *= -1
        return changed.astype(np.float32)

    def cut_fringe(self, share: float) -> np.ndarray:
        """Return by how much a fringe that is cut moves the vertices (n, 3); it keeps its distance to the skull."""
        moved = self.rest[:, :2] + share * self.opening
        depth = front_of_skull(moved) - front_of_skull(self.rest) + FRINGE_LIFT * share
        return np.c_[share * self.opening, self.before * depth]

    def torso_share(self, hair: Hair) -> np.ndarray:
        """Return by which share (n,) the changed strands turn with the torso: those below the chin."""
        return 1 - smoothstep(EARS + hair.length * self.below, 5.2, 6.6)


def open_fringe(rest: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return the shift (n, 2), in x and y, that moves whatever hangs before the face to the rim of an arch.

    Polar coordinates about the middle of the face, 1 at the arch: what lies within is pushed out to it, what lies
    just outside makes room.

    Args:
        rest: Hair on the base mesh, (n, 3).
        before: How far each vertex is before the ears, (n,), 0 to 1.
    """
    x, y, _ = rest.T
    above = np.maximum(y - ARCH_CENTRE, 0)
    radius = np.hypot(x / ARCH_WIDTH, above / ARCH_HEIGHT) + 1e-6
    inside = (before > 0.5) & (radius < ARCH_RIM)
    if not inside.any():
        return np.zeros_like(rest[:, :2])
    nearest = min(float(np.percentile(radius[inside], 0.5)), 1.0)
    squeezed = ARCH_RIM - (ARCH_RIM - radius) * (ARCH_RIM - 1) / (ARCH_RIM - nearest)
    growth = before * np.where(radius < ARCH_RIM, np.maximum(squeezed / radius - 1, 0), 0)
    return np.stack([x * growth, above * growth], 1)


def front_of_skull(points: np.ndarray) -> np.ndarray:
    """Return z of the skull, an ellipsoid above the eyes and a cylinder below, at the x and y of points (n, 3)."""
    across = points[:, 0] / SKULL_RADII[0]
    up = np.maximum(points[:, 1] - SKULL_CENTRE[1], 0) / SKULL_RADII[1]
    return SKULL_CENTRE[2] + SKULL_RADII[2] * np.sqrt(np.maximum(1 - across**2 - up**2, 0))


def cropped_fur(tri: np.ndarray, tri_uv: np.ndarray, base: np.ndarray) -> Fur:
    """Return fur over the scalp; `tri` and `tri_uv` are the skin's."""
    inside = (scalp_mask(base) > 0)[tri].any(1) & (base[tri][..., 1] > 6.4).all(1)
    return Fur(tri[inside], tri_uv[inside])


def scalp(hair: Hair) -> tuple[float, float]:
    """Return how dark the scalp is of cropped hair, and how far that has receded."""
    return min(0.35 + 2.5 * hair.cropped, 1.0) * (hair.cropped > 0), 0.82 * hair.receding


def strand_look(hair: Hair, shape: StyleShape, curly: bool) -> dict[str, Any]:
    """Return strands as the shaders want them."""
    return {
        "tint": hair.tone,
        "tips": hair.tips,
        "ends": shape.ends,
        "grey": hair.grey,
        "coarseness": hair.roughness,
        "undercut": 0.0 if shape.loose else hair.undercut,
        "wave": hair.wave if shape.loose else 0.0,
        "tufts": 1.0 if curly else 0.0,
        "sheen": 0.0 if curly else hair.gloss,
        "cut": 0.55,
    }


# ---------------------------------------------------------------------------------------------------- prior


def sample_hair(rng: np.random.Generator, identity: Identity, catalogue: Catalogue) -> Hair:
    """Return random hair, in the identity's own colour for six of seven."""
    looks, male, african = catalogue.looks, identity.sex == "male", identity.ancestry[0]
    want_long = rng.random() < (0.12 if male else 0.75)
    styles = [style for style in looks.hair if style.long == want_long and not style.curly]
    curls = [style for style in looks.hair if style.curly]
    own, other = np.array(identity.hair_tone, np.float32), sample_hair_tone(rng)
    vivid = 0.1 + 0.5 * rng.random(3) ** 1.5
    dyed = rng.random()
    tone = vivid if dyed < 0.02 else other if dyed < 0.14 else own
    curly = bool(rng.random() < 0.5 * african - 0.08 and curls)
    styles = curls if curly else styles
    style = styles[int(rng.integers(len(styles)))]
    bald = rng.random() < ((0.13 if male else 0.02) + (0.25 if male else 0.15) * african) * (not curly)
    bangs = rng.random() < 0.4
    fringes = [each for each in looks.hair if each.fringe and not each.long] if style.long else []
    second = fringes[int(rng.integers(len(fringes)))] if fringes and bangs and not style.fringe else None
    hides = max((each.hides for each in (style, second) if each), default=0.0)
    fringe = float(rng.uniform(0, 1) if rng.random() < 0.06 else rng.uniform(hides, 1))
    thin, little, much = rng.random() * (0.5 + identity.maturity), rng.uniform(0.05, 0.35), rng.uniform(0.75, 1)
    receding = much if thin > 0.55 else little if thin > 0.3 else 0.0
    cropped = float(np.clip(rng.beta(1.2, 1.8) * (1.3 if african > 0.5 else 0.8), 0.02, 1))
    volume, wave = rng.normal(1.05, 0.22), max(rng.normal(0.15, 0.4), 0)
    tips = tone * rng.uniform(0.8, 1.2) if rng.random() < 0.7 else tone * rng.uniform(0.7, 1) + rng.uniform(0, 0.3)
    grey = np.clip(rng.normal(1.6 * identity.maturity - 0.5, 0.25), 0, 1) if dyed >= 0.14 else 0.0
    undercut = rng.uniform(0.3, 1) if rng.random() < (0.4 if male else 0.1) else 0.0
    undercut *= not (style.long or style.fringe or style.curly)
    return Hair(
        style=None if bald else style.name,
        second=None if bald or second is None else second.name,
        tone=tuple(tone),
        tips=tuple(np.clip(tips, 0, 1)),
        grey=grey,
        length=rng.uniform(*style.lengths),
        volume=np.clip(volume, 0.6, 1.7),
        fringe=fringe,
        wave=min(wave, 1.0),
        undercut=undercut,
        mirrored=rng.random() < 0.5,
        cropped=cropped if bald else 0.5 if curly else 0.05 if undercut else 0.0,
        receding=receding if bald and male else 0.0,
        gloss=np.clip(rng.normal(0.45, 0.2), 0, 1),
        roughness=rng.uniform(0.2, 0.9),
    )
