"""Who may be drawn. The order of draws is fixed: a seed keeps its person.

Sexes evenly; ancestry shares from Dirichlet(0.45, 0.45, 0.45), so mostly one, often mixed; age evenly over
18 to 90 years, never less; skin a blend of two light and two dark textures that follows the ancestry; about 250 local
shape weights, both sides of a face nearly alike.
"""

from collections.abc import Sequence

import numpy as np

from faceshifter_hub.synthesis.beard import sample_beard
from faceshifter_hub.synthesis.catalogue import Catalogue
from faceshifter_hub.synthesis.parameters import Identity, Sex, Skin

BLACK, BROWN, FAIR = np.array([[0.10, 0.08, 0.07], [0.26, 0.17, 0.11], [0.62, 0.48, 0.30]])
RED, GREY = np.array([0.45, 0.20, 0.10]), np.array([0.62, 0.61, 0.60])
GROWING = ("incr", "up", "out", "forward", "convex")  # the first of each pair of opposite shape targets
DIRECTIONS = ("incr", "decr", "up", "down", "in", "out", "forward", "backward")


def sample_hair_tone(rng: np.random.Generator, ancestry: Sequence[float] = (0, 0, 1), age: float = 25) -> np.ndarray:
    """Return a natural hair colour (3,): dark for most, light only with European ancestry, grey with age."""
    t = rng.random() ** (1.0 + 3.0 * (ancestry[0] + ancestry[1]))
    tone = BLACK + (BROWN - BLACK) * min(2 * t, 1) + (FAIR - BROWN) * max(2 * t - 1, 0)
    if rng.random() < 0.12 * ancestry[2]:
        tone = tone * 0.4 + RED * 0.6
    amount = np.clip((age - 54) / 30 + rng.normal(0, 0.2), 0, 1)
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
    age = float(rng.uniform(18, 90))
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
        wrinkles=np.clip((age - 35) / 60 + rng.normal(0, 0.15), 0, 1),
        stubble=np.clip(rng.normal(0.1, 0.45), 0, 1) if sex == "male" else 0.0,
        beard=sample_beard(rng) if sex == "male" else None,
        texture_seed=rng.random(),
        iris=str(rng.choice(irises)),
        brow=str(rng.choice(looks.brows[sex])),
        lash=str(rng.choice(looks.lashes[sex], p=looks.lash_shares[sex])),
        hair_tone=tuple(hair_tone),
    )
