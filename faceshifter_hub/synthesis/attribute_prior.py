"""What else may be in the picture: random attributes. The order of draws is fixed: a seed keeps its picture."""

from collections.abc import Sequence

import numpy as np

from faceshifter_hub.synthesis.catalogue import Catalogue
from faceshifter_hub.synthesis.environments import load_environment
from faceshifter_hub.synthesis.hair import sample_hair
from faceshifter_hub.synthesis.hats import KINDS
from faceshifter_hub.synthesis.occluders import sample_dye, sample_occluders
from faceshifter_hub.synthesis.parameters import (
    Attributes,
    Background,
    Camera,
    Clothing,
    Hat,
    Identity,
    Light,
    MakeUp,
    Pose,
)

MOODS: dict[str, tuple[float, dict[str, tuple[float, float]]]] = {  # frequency, range of each unit
    "neutral": (0.28, {}),
    "smile": (0.32, {"mouthSmile": (0.2, 0.8), "cheekSquint": (0.0, 0.5), "mouthUpperUp": (0.0, 0.3)}),
    "laugh": (0.08, {"mouthSmile": (0.6, 1.0), "cheekSquint": (0.4, 0.9), "jawOpen": (0.2, 0.5)}),
    "speech": (0.14, {"jawOpen": (0.05, 0.35), "mouthFunnel": (0.0, 0.4), "mouthLowerDown": (0.0, 0.4)}),
    "surprise": (
        0.06,
        {"jawOpen": (0.1, 0.6), "browInnerUp": (0.3, 0.9), "browOuterUp": (0.3, 0.9), "eyeWide": (0.2, 0.8)},
    ),
    "anger": (0.05, {"browDown": (0.3, 0.9), "noseSneer": (0.0, 0.6), "mouthFrown": (0.0, 0.6)}),
    "sadness": (0.04, {"browInnerUp": (0.3, 0.8), "mouthFrown": (0.3, 0.8), "mouthShrugLower": (0.0, 0.5)}),
    "pout": (0.03, {"mouthPucker": (0.3, 0.9), "cheekPuff": (0.0, 0.5)}),
}
NOT_MOODS = ("tongueOut", "jawForward", "mouthClose")  # and eyeLook...: the gaze turns the eyes


def sample_expression(rng: np.random.Generator, units: Sequence[str]) -> dict[str, float]:
    """Return ARKit weights: one of `MOODS`, in two of five faces up to three units more, weakly; 1 in 25 blinks."""
    weights: dict[str, float] = {}

    def put(unit: str, value: float) -> None:
        for name in [unit] if unit in units else [f"{unit}Left", f"{unit}Right"]:
            weights[name] = float(np.clip(value * (1 + 0.12 * rng.normal()), 0, 1))

    shares = [share for share, _ in MOODS.values()]
    _, ranges = MOODS[str(rng.choice(list(MOODS), p=shares))]
    for unit, (low, high) in ranges.items():
        put(unit, rng.uniform(low, high))
    others = [name for name in units if not name.startswith(("eyeLook", "eyeBlink")) and name not in NOT_MOODS]
    if rng.random() < 0.4:
        for name in rng.choice(others, rng.integers(1, 4), replace=False):
            weights[str(name)] = max(weights.get(str(name), 0.0), float(rng.uniform(0, 0.35)))
    put("eyeBlink", 1.0 if rng.random() < 0.04 else abs(rng.normal(0, 0.15)))
    return {name: weight for name, weight in weights.items() if weight > 0}


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


def sample_studio(rng: np.random.Generator) -> Light:
    """Return two lamps and soft surroundings."""
    key, rim = sample_lamps(rng)
    harmonics = sample_surroundings(rng)
    return Light(
        key=tuple(key),
        key_colour=tuple(rng.uniform(0.5, 1.4) * sample_white(rng)),
        rim=tuple(rim),
        rim_colour=tuple(rng.uniform(0, 0.6) * sample_white(rng)),
        harmonics=tuple(map(tuple, harmonics)),
    )


def sample_place(rng: np.random.Generator, catalogue: Catalogue) -> tuple[Light, Background]:
    """Return light and what is behind: two of three of one environment, else a studio with a painted backdrop."""
    environment = str(rng.choice(catalogue.environments)) if rng.random() < 2 / 3 else None
    turn, seed = float(rng.uniform(-np.pi, np.pi)), int(rng.integers(1 << 30))
    light = sample_studio(rng) if environment is None else load_environment(environment).light(turn)
    return light, Background(environment=environment, turn=turn, seed=seed)


def sample_camera(rng: np.random.Generator, identity: Identity, catalogue: Catalogue) -> Camera:
    """Return a camera that frames the face, exposed for its skin; its pictures are a studio's or a telephone's."""
    light = {name for names in catalogue.looks.light_skins.values() for name in names}
    lightness = sum(share for name, share in identity.skin.mixture.items() if name in light)
    return Camera(
        fov=rng.uniform(0.28, 0.6),
        zoom=rng.uniform(0.95, 1.12),
        shift=tuple(rng.normal(0, 0.02, 2)),
        exposure=rng.normal(0.15 - 0.45 * lightness, 0.2),
        contrast=float(np.exp(rng.normal(0.03, 0.1))),
        blur=rng.choice([0.0, rng.uniform(0.001, 0.005)], p=[0.6, 0.4]),
        grain=rng.uniform(0, 0.015),
        jpeg=int(rng.integers(50, 97)) if rng.random() < 0.5 else None,
    )


def sample_pose(rng: np.random.Generator) -> Pose:
    """Return a head pose: mostly towards the camera."""
    return Pose(
        yaw=np.clip(rng.normal(0, 0.36), -1.05, 1.05),
        pitch=np.clip(rng.normal(0, 0.19), -0.6, 0.6),
        roll=np.clip(rng.normal(0, 0.08), -0.4, 0.4),
        torso=rng.uniform(0.1, 0.9),
    )


def sample_make_up(rng: np.random.Generator, identity: Identity) -> MakeUp:
    """Return make-up for a third of the women, none for men."""
    strength = rng.random() if identity.sex == "female" and rng.random() < 0.35 else 0.0
    lip = np.array([0.55, 0.09, 0.12]) * rng.uniform(0.6, 1.2) + rng.uniform(0, 0.12, 3)
    eye = rng.uniform(0.02, 0.35) + rng.uniform(0, 0.15, 3)
    lipstick, eyeshadow, eyeliner, blush = strength * rng.random(4)
    return MakeUp(
        lipstick=lipstick,
        lip_colour=tuple(lip),
        eyeshadow=eyeshadow,
        eye_colour=tuple(eye),
        eyeliner=eyeliner,
        blush=blush,
    )


def sample_clothing(rng: np.random.Generator) -> Clothing:
    """Return clothes of two colours, three in ten striped, a third with a V neck."""
    greys = rng.random((2, 1)) ** 1.4 * 0.85
    colours = np.clip(greys + rng.uniform(0, 0.35, (2, 1)) * rng.uniform(-1, 1, (2, 3)), 0.02, 0.95)
    return Clothing(
        colours=(tuple(colours[0]), tuple(colours[1])),
        pattern=rng.choice([0.0, rng.uniform(0.55, 0.99)], p=[0.7, 0.3]),
        height=np.clip(rng.normal(5.80, 0.05), 5.7, 5.9),
        slope=-0.22,
        v_depth=rng.choice([0.0, rng.uniform(0.15, 0.4)], p=[0.65, 0.35]),
        v_half_width=rng.uniform(0.35, 0.7),
    )


def sample_hat(rng: np.random.Generator, identity: Identity, catalogue: Catalogue) -> Hat | None:
    """Return what 10 in 100 wear on the head; a headscarf is a woman's, every other kind as often as the next."""
    kinds = [*catalogue.looks.hats, *(kind for kind in KINDS if kind != "headscarf" or identity.sex == "female")]
    if rng.random() >= 0.10:
        return None
    return Hat(
        kind=str(rng.choice(kinds)),
        colour=tuple(sample_dye(rng)),
        trim=tuple(sample_dye(rng)),
        fullness=rng.random(),
    )


def sample_attributes(rng: np.random.Generator, identity: Identity, catalogue: Catalogue) -> Attributes:
    """Return random attributes for a picture of `identity`, whose hair colour and whose hand they take."""
    light, background = sample_place(rng, catalogue)
    hair = sample_hair(rng, identity, catalogue)
    return Attributes(
        expression=sample_expression(rng, catalogue.units),
        pose=sample_pose(rng),
        gaze=(rng.normal(0, 0.18), rng.normal(0, 0.10)),
        camera=sample_camera(rng, identity, catalogue),
        light=light,
        hair=hair,
        hat=sample_hat(rng, identity, catalogue),
        make_up=sample_make_up(rng, identity),
        clothing=sample_clothing(rng),
        occluders=sample_occluders(rng, identity, hair),
        background=background,
    )
