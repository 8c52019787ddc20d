"""Random identities and attributes. The order of draws is fixed: a seed keeps its picture.

The prior of an identity: sexes evenly; ancestry shares from Dirichlet(0.45, 0.45, 0.45), so mostly one, often mixed;
age from Beta(1, 1.5) over 25 to 90 years, never less; skin a blend of two light and two dark textures that follows the
ancestry; about 250 local shape weights, both sides of a face nearly alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from faceshifter_hub.synthesis.parameters import (
    Attributes,
    Camera,
    Clothing,
    Hair,
    Identity,
    Light,
    Occluder,
    OccluderKind,
    Pose,
    Sex,
    Skin,
)

BLACK, BROWN, FAIR = np.array([[0.10, 0.08, 0.07], [0.26, 0.17, 0.11], [0.62, 0.48, 0.30]])
RED, GREY = np.array([0.45, 0.20, 0.10]), np.array([0.62, 0.61, 0.60])
GROWING = ("incr", "up", "out", "forward", "convex")  # the first of each pair of opposite shape targets
DIRECTIONS = ("incr", "decr", "up", "down", "in", "out", "forward", "backward")


@dataclass(frozen=True)
class HairStyle:
    """A hair mesh; `share` is how often it is chosen among its like: fringes that hide an eye are rarer."""

    name: str
    long: bool = False
    curly: bool = False
    share: float = 1.0


@dataclass(frozen=True)
class Looks:
    """The names that an asset pack gives to choose from; `sex` is `female` or `male`."""

    light_skins: Mapping[str, Sequence[str]]
    dark_skins: Mapping[str, Sequence[str]]
    brown_irises: Sequence[str]
    pale_irises: Sequence[str]
    brows: Mapping[str, Sequence[str]]
    lashes: Mapping[str, Sequence[str]]
    lash_shares: Mapping[str, Sequence[float] | None]
    hair: Sequence[HairStyle]
    hat: str


@dataclass(frozen=True)
class Catalogue:
    """All that is sampled from: looks, shape targets with their families, expression units."""

    looks: Looks
    targets: dict[str, str]
    units: Sequence[str]


def sample_hair_tone(rng: np.random.Generator, ancestry: Sequence[float] = (0, 0, 1), age: float = 0.0) -> np.ndarray:
    """Return a natural hair colour (3,): dark for most, light only with European ancestry, grey with age."""
    t = rng.random() ** (1.0 + 3.0 * (ancestry[0] + ancestry[1]))
    tone = BLACK + (BROWN - BLACK) * min(2 * t, 1) + (FAIR - BROWN) * max(2 * t - 1, 0)
    if rng.random() < 0.12 * ancestry[2]:
        tone = tone * 0.4 + RED * 0.6
    amount = np.clip((age - 0.45) * 2.2 + rng.normal(0, 0.2), 0, 1)
    return (tone * (1 - amount) + GREY * amount).astype(np.float32)


def sample_shape(rng: np.random.Generator, targets: dict[str, str]) -> dict[str, float]:
    """Return weights of local shape targets: half-normal, one of each opposite pair, sides alike up to 6 percent."""
    weights: dict[str, float] = {}
    strengths: dict[str, float] = {}
    for name, family in targets.items():
        pair = name[2:] if name[:2] in ("l-", "r-") else name
        stem, _, side = pair.rpartition("-")
        if family == "head" and side not in DIRECTIONS:
            continue  # head-oval, head-square, ...: one of them is chosen below
        strength = strengths.setdefault(stem, rng.normal(0, 0.31))
        weight = max(strength if side in GROWING else -strength, 0.0)
        if "trans" in stem and side in ("in", "out") and family in ("mouth", "nose", "head", "chin"):
            weight *= 0.12  # a sideways shift, not a shape
        elif "age" in stem or stem.startswith(("head-trans", "head-scale-vert", "head-angle")):
            weight *= 0.35
        elif family in ("ears", "forehead", "neck", "eyebrows"):
            weight *= 0.6
        weights[name] = min(weight, 0.8) * (1 + 0.06 * rng.normal())
    outlines = [n for n, family in targets.items() if family == "head" and n.count("-") == 1 and "age" not in n]
    amount = min(abs(rng.normal(0, 0.35)), 0.7)
    weights[str(rng.choice(outlines))] = amount
    return {name: float(weight) for name, weight in weights.items() if weight > 0}


def sample_identity(rng: np.random.Generator, catalogue: Catalogue) -> Identity:
    """Return a random adult."""
    looks = catalogue.looks
    sex: Sex = "male" if rng.random() < 0.5 else "female"
    ancestry = tuple(rng.dirichlet([0.45, 0.45, 0.45]))
    african, asian, european = ancestry
    age = float(rng.beta(1, 1.5))
    shape = sample_shape(rng, catalogue.targets)
    dark, a, b = float(np.clip(african * 1.6 - 0.25, 0, 1)), rng.random(), rng.random()
    textures = [rng.choice(skins[sex], 2, replace=False) for skins in (looks.light_skins, looks.dark_skins)]
    shares = ((1 - dark) * a, (1 - dark) * (1 - a), dark * b, dark * (1 - b))
    hair_tone = sample_hair_tone(rng, ancestry, age)
    irises = looks.pale_irises if rng.random() < european * 1.3 - 0.25 else looks.brown_irises
    weight, tan = rng.normal(0, 0.45), rng.normal(0.10 * asian + 0.04, 0.14)
    return Identity(
        sex=sex,
        ancestry=ancestry,
        age=age,
        weight=weight,
        shape=shape,
        skin=Skin(
            mixture=dict(zip(map(str, np.concatenate(textures)), shares, strict=True)),
            melanin=tan,
            haemoglobin=rng.uniform(-0.3, 0.7),
        ),
        freckles=max(0, rng.normal(-0.35, 0.5)) * european,
        stubble=np.clip(rng.normal(0.1, 0.45), 0, 1) if sex == "male" else 0.0,
        texture_seed=rng.random(),
        iris=str(rng.choice(irises)),
        brow=str(rng.choice(looks.brows[sex])),
        lash=str(rng.choice(looks.lashes[sex], p=looks.lash_shares[sex])),
        hair_tone=tuple(hair_tone),
    )


def sample_expression(rng: np.random.Generator, units: Sequence[str]) -> dict[str, float]:
    """Return ARKit weights: a third neutral, a third smiles, else surprise, anger, a pout; a few units at random."""
    weights = dict.fromkeys(units, 0.0)

    def put(value: float, *names: str) -> None:
        for name in names:
            for side in [name] if name in weights else [f"{name}Left", f"{name}Right"]:
                weights[side] = np.clip(value * (1 + 0.12 * rng.normal()), 0, 1)

    kind = rng.random()
    if kind < 0.35:  # smile
        put(rng.uniform(0.3, 0.9), "mouthSmile")
        put(rng.uniform(0, 0.6), "cheekSquint")
        put(rng.uniform(0, 0.3), "jawOpen")
    elif kind < 0.48:  # surprise
        put(rng.uniform(0.15, 0.7), "jawOpen")
        put(rng.uniform(0, 0.8), "browInnerUp", "browOuterUp")
        put(rng.uniform(0, 0.6), "eyeWide")
    elif kind < 0.60:  # anger, disgust, sadness
        put(rng.uniform(0.2, 0.8), "browDown")
        put(rng.uniform(0, 0.6), "noseSneer")
        put(rng.uniform(0, 0.6), "mouthFrown")
    elif kind < 0.68:  # pout
        put(rng.uniform(0.2, 0.8), "mouthPucker")
        put(rng.uniform(0, 0.4), "cheekPuff")
    for k in rng.choice(len(units), 4, replace=False):
        weights[units[k]] = max(weights[units[k]], np.clip(rng.normal(0, 0.2), 0, 0.6))
    for name in units:
        if name.startswith("eyeLook") or name in ("tongueOut", "jawForward", "mouthClose"):
            weights[name] = 0
    put(1.0 if rng.random() < 0.05 else np.clip(rng.normal(0, 0.2), 0, 0.6), "eyeBlink")
    return {name: float(weight) for name, weight in weights.items() if weight > 0}


def sample_white(rng: np.random.Generator) -> np.ndarray:
    """Return a white (3,) between warm and cold."""
    warm = rng.normal()
    return np.array([1 + 0.07 * warm + 0.02 * rng.normal(), 1.0, 1 - 0.08 * warm + 0.02 * rng.normal()]).clip(0.6, 1.5)


def sample_lamps(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions of a key light, from above and in front, and of a rim light from the other side."""
    key = np.array([rng.normal(), abs(rng.normal()) * 0.8 + 0.1, abs(rng.normal()) + 0.4])
    key /= np.linalg.norm(key)
    rim = np.array([-np.sign(key[0]) * rng.uniform(0.3, 1), rng.uniform(0, 0.6), rng.uniform(-0.8, 0.3)])
    return key, rim / np.linalg.norm(rim)


def sample_surroundings(rng: np.random.Generator) -> np.ndarray:
    """Return spherical harmonics (9, 3) of a dim, soft light, brighter from above."""
    sky = rng.uniform(0.35, 0.8)
    harmonics = np.zeros((9, 3))
    harmonics[0], harmonics[1] = sky * sample_white(rng), sky * 0.35 * rng.random() * sample_white(rng)
    harmonics[2:] = sky * 0.10 * rng.normal(size=(7, 3))
    return harmonics


def sample_attributes(rng: np.random.Generator, identity: Identity, catalogue: Catalogue) -> Attributes:
    """Return random attributes for a picture of `identity`, whose hair colour and whose hand they take."""
    looks, male, african = catalogue.looks, identity.sex == "male", identity.ancestry[0]
    key, rim = sample_lamps(rng)
    harmonics = sample_surroundings(rng)
    want_long = rng.random() < (0.12 if male else 0.8)
    styles = [style for style in looks.hair if style.long == want_long and not style.curly]
    tone = sample_hair_tone(rng) if rng.random() < 0.1 else np.array(identity.hair_tone, np.float32)
    curls = [style for style in looks.hair if style.curly]
    if rng.random() < 0.55 * african - 0.1 and curls:
        styles, tone = curls, np.minimum(tone, 0.3)  # light curls look knitted
    kind: OccluderKind = rng.choice(["none", "hand", "glasses", "sunglasses"], p=[0.68, 0.10, 0.16, 0.06]).item()
    expression = sample_expression(rng, catalogue.units)
    pose = Pose(
        yaw=np.clip(rng.normal(0, 0.36), -1.05, 1.05),
        pitch=np.clip(rng.normal(0, 0.16), -0.5, 0.5),
        roll=rng.normal(0, 0.08),
        torso=rng.uniform(0.1, 0.9),
    )
    gaze = (rng.normal(0, 0.18), rng.normal(0, 0.10))
    fov, zoom, shift = rng.uniform(0.28, 0.6), rng.uniform(0.95, 1.12), rng.normal(0, 0.02, 2)
    key_colour = rng.uniform(0.5, 1.4) * sample_white(rng)
    rim_colour = rng.uniform(0, 0.6) * sample_white(rng)
    style = None
    if rng.random() < (0.90 if male else 0.98):
        share = np.array([style.share for style in styles])
        style = str(rng.choice([style.name for style in styles], p=share / share.sum()))
    hat = bool(rng.random() < 0.04)
    colours = (tuple(rng.random(3) ** 1.6 * 0.9), tuple(rng.random(3) ** 1.2 * 0.9))
    clothing = Clothing(
        colours=colours,
        pattern=rng.choice([0.0, rng.uniform(0.55, 0.99)], p=[0.7, 0.3]),
        height=np.clip(rng.normal(5.80, 0.05), 5.7, 5.9),
        slope=-0.22,
        v_depth=rng.choice([0.0, rng.uniform(0.15, 0.4)], p=[0.65, 0.35]),
        v_half_width=rng.uniform(0.35, 0.7),
    )
    occluder = Occluder(kind=kind, shape=tuple(rng.random(8)), skin=identity.skin)
    background = int(rng.integers(1 << 30))
    exposure, grain = rng.normal(0, 0.15), rng.uniform(0, 0.015)
    return Attributes(
        expression=expression,
        pose=pose,
        gaze=gaze,
        camera=Camera(fov=fov, zoom=zoom, shift=tuple(shift), exposure=exposure, grain=grain),
        light=Light(
            key=tuple(key),
            key_colour=tuple(key_colour),
            rim=tuple(rim),
            rim_colour=tuple(rim_colour),
            harmonics=tuple(map(tuple, harmonics)),
        ),
        hair=Hair(style=style, tone=tuple(tone)),
        hat=hat,
        clothing=clothing,
        occluder=occluder,
        background=background,
    )
