"""Which occluders a picture has, and how they are held."""

import colorsys
from dataclasses import dataclass

import numpy as np

from faceshifter_hub.synthesis.parameters import (
    Glasses,
    Hair,
    Hand,
    Identity,
    Mask,
    MaskPattern,
    Object,
    ObjectShape,
    Occluder,
    Rim,
    Skin,
    Strands,
)

Range = tuple[float, float]
HELD_MICROPHONES = 1 / 3
GREY = (0.62, 0.61, 0.60)
HELD = 0.9  # of other objects that a hand can hold


@dataclass(frozen=True)
class Gesture:
    """Ranges of a hand's parameters; see `parameters.Hand`."""

    share: float
    yaw: Range
    pitch: Range
    roll: Range
    x: Range
    y: Range
    distance: Range
    curl: Range
    spread: Range
    bend: Range


GESTURES = {
    "chin rest": Gesture(
        share=0.22,
        yaw=(-0.3, 0.4),
        pitch=(-0.2, 0.2),
        roll=(0.3, 0.9),
        x=(-0.1, 0.4),
        y=(-0.75, -0.5),
        distance=(0.0, 0.03),
        curl=(0.9, 1.4),
        spread=(0.0, 0.4),
        bend=(-0.3, 0.1),
    ),
    "at the cheek": Gesture(
        share=0.24,
        yaw=(0.6, 1.2),
        pitch=(-0.1, 0.2),
        roll=(0.0, 0.35),
        x=(0.75, 1.0),
        y=(-0.25, 0.3),
        distance=(0.0, 0.03),
        curl=(0.0, 0.4),
        spread=(0.0, 0.6),
        bend=(-0.3, 0.1),
    ),
    "over the mouth": Gesture(
        share=0.16,
        yaw=(-0.1, 0.5),
        pitch=(-0.1, 0.15),
        roll=(0.9, 1.4),
        x=(0.3, 0.7),
        y=(-0.5, -0.2),
        distance=(0.0, 0.04),
        curl=(0.0, 0.35),
        spread=(0.0, 0.5),
        bend=(-0.2, 0.2),
    ),
    "before the face": Gesture(
        share=0.18,
        yaw=(-0.4, 0.4),
        pitch=(-0.3, 0.3),
        roll=(0.0, 0.7),
        x=(0.5, 0.95),
        y=(-0.3, 0.3),
        distance=(0.1, 0.4),
        curl=(0.0, 0.6),
        spread=(0.0, 1.0),
        bend=(-0.3, 0.3),
    ),
    "wave": Gesture(
        share=0.20,
        yaw=(2.8, 3.5),
        pitch=(-0.3, 0.2),
        roll=(-0.5, 0.1),
        x=(1.0, 1.5),
        y=(-0.3, 0.6),
        distance=(0.1, 0.5),
        curl=(-0.1, 0.3),
        spread=(0.3, 1.0),
        bend=(-0.2, 0.3),
    ),
}


@dataclass(frozen=True)
class Hold:
    """Ranges of an object's parameters before the face; x is towards either side."""

    share: float
    yaw: Range
    pitch: Range
    roll: Range
    x: Range
    y: Range
    distance: Range


HOLDS: dict[ObjectShape, Hold] = {
    "microphone": Hold(0.30, (-0.4, 0.4), (-0.9, -0.3), (0.0, 0.6), (0.0, 0.25), (-0.30, -0.05), (0.05, 0.35)),
    "paper cup": Hold(0.10, (-0.5, 0.5), (-0.9, -0.2), (0.0, 0.3), (0.0, 0.35), (-0.15, 0.1), (0.0, 0.08)),
    "mug": Hold(0.10, (-2.4, -0.6), (-0.6, -0.1), (0.0, 0.2), (0.0, 0.35), (-0.25, 0.05), (0.0, 0.15)),
    "bottle": Hold(0.10, (-0.5, 0.5), (-1.1, -0.5), (0.0, 0.5), (0.0, 0.15), (-0.12, 0.05), (0.0, 0.03)),
    "phone": Hold(0.16, (0.8, 1.2), (-0.2, 0.1), (0.0, 0.3), (0.95, 1.15), (0.2, 0.5), (0.0, 0.03)),
    "book": Hold(0.08, (-0.3, 0.3), (-0.3, 0.3), (-0.25, 0.25), (-0.3, 0.3), (-0.45, 0.0), (0.2, 0.6)),
    "apple": Hold(0.08, (-0.6, 0.6), (-0.8, -0.3), (0.0, 0.4), (0.0, 0.35), (-0.55, -0.3), (0.0, 0.2)),
    "ice cream": Hold(0.08, (-0.5, 0.5), (-0.9, -0.3), (0.0, 0.5), (0.0, 0.25), (-0.35, -0.15), (0.0, 0.2)),
}


def sample_occluders(rng: np.random.Generator, identity: Identity, hair: Hair) -> tuple[Occluder, ...]:
    """Return random occluders.

    Of 100 faces 54 have none, 22 glasses (6 of these dark), 8 a hand, 8 an object, 3 a mask, 5 strands of hair. One in
    ten that has a hand, an object or strands has clear glasses, too. How often which object is shown, and
    where, is in `HOLDS`; a hand holds a third of the microphones and nine in ten of what else can be held. Hands make
    the `GESTURES`.
    """
    kind = rng.choice(["none", "glasses", "hand", "object", "mask", "strands"], p=[0.54, 0.22, 0.08, 0.08, 0.03, 0.05])
    match kind:
        case "none":
            return ()
        case "glasses":
            return (sample_glasses(rng, dark=rng.random() < 6 / 22),)
        case "hand":
            other: Occluder = sample_hand(rng, identity.skin)
        case "object":
            other = sample_object(rng, identity.skin)
        case "mask":
            other = sample_mask(rng)
        case _:
            other = sample_strands(rng, hair)
    if kind != "mask" and rng.random() < 0.1:
        return (sample_glasses(rng, dark=False), other)
    return (other,)


def sample_dye(rng: np.random.Generator) -> np.ndarray:
    """Return the colour (3,) of cloth or plastic: any hue, mostly muted, from nearly black to nearly white."""
    hue, saturation, value = rng.random(), 0.9 * rng.random() ** 1.5, rng.uniform(0.05, 0.9)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value))


def sample_glasses(rng: np.random.Generator, *, dark: bool) -> Glasses:
    """Return clear glasses, six in ten with a black, brown or clear acetate frame, or sunglasses."""
    width, height, roundness, chance = rng.random(4)
    metal = rng.random() < 0.4
    black, brown = np.array([0.05, 0.05, 0.05]), np.array([0.32, 0.18, 0.09]) * rng.uniform(0.5, 1.4)
    gold, silver = np.array([0.75, 0.58, 0.32]), np.array([0.62, 0.62, 0.64])
    vivid = rng.random(3) ** 1.5 * 0.8
    choices = [gold, silver, black] if metal else [black, black, brown, vivid]
    colour = choices[int(rng.integers(len(choices)))]
    rims: list[Rim] = ["full", "half", "none"]
    rim = "full" if not metal or dark else rims[int(rng.choice(3, p=[0.6, 0.25, 0.15]))]
    lens = np.array([0.05, 0.05, 0.05]) + (rng.random(3) * [0.25, 0.16, 0.16] if dark and chance < 0.5 else 0.0)
    thickness = rng.uniform(0.0, 0.2) if metal else rng.uniform(0.3, 1.0)
    lift = rng.uniform(0.4, 1.0) if rng.random() < 0.15 else 0.0
    opacity, gradient = (rng.uniform(0.78, 0.95), float(rng.random() < 0.3)) if dark else (rng.uniform(0.02, 0.1), 0.0)
    return Glasses(
        width=width,
        height=height,
        thickness=thickness,
        roundness=roundness,
        lift=lift,
        rim=rim,
        colour=tuple(colour),
        gloss=0.9 if metal else rng.uniform(0.3, 1.0),
        lens=tuple(lens),
        opacity=opacity,
        gradient=gradient,
    )


def sample_hand(rng: np.random.Generator, skin: Skin) -> Hand:
    """Return a hand in one of `GESTURES`; its forearm leaves the picture downwards or to its own side."""
    shares = np.array([each.share for each in GESTURES.values()])
    gesture = list(GESTURES.values())[int(rng.choice(len(shares), p=shares / shares.sum()))]
    return Hand(
        side="left" if rng.random() < 0.5 else "right",
        yaw=rng.uniform(*gesture.yaw),
        pitch=rng.uniform(*gesture.pitch),
        roll=rng.uniform(*gesture.roll),
        x=rng.uniform(*gesture.x),
        y=rng.uniform(*gesture.y),
        distance=rng.uniform(*gesture.distance),
        curl=rng.uniform(*gesture.curl),
        spread=rng.uniform(*gesture.spread),
        bend=rng.uniform(*gesture.bend),
        skin=skin,
    )


def sample_object(rng: np.random.Generator, skin: Skin) -> Object:
    """Return an object of `HOLDS` on or before the face, most of them held by a hand."""
    shapes = list(HOLDS)
    shares = np.array([HOLDS[shape].share for shape in shapes])
    shape = shapes[int(rng.choice(len(shapes), p=shares / shares.sum()))]
    hold, side = HOLDS[shape], 1 if rng.random() < 0.5 else -1
    yaw, pitch, roll, x, y, distance = (
        rng.uniform(*bounds) for bounds in (hold.yaw, hold.pitch, hold.roll, hold.x, hold.y, hold.distance)
    )
    held = rng.random() < (HELD_MICROPHONES if shape == "microphone" else HELD)
    main, other = sample_dye(rng), sample_dye(rng)
    grey = rng.uniform(0.03, 0.9)
    match shape:
        case "microphone":
            colours = np.full(3, 0.12 + 0.4 * grey), np.full(3, 0.04) if grey < 0.7 else main
        case "phone" | "bottle":
            colours = (np.full(3, 0.03), np.full(3, grey)) if shape == "phone" else (other, main)
        case "paper cup":
            colours = np.full(3, 0.9 if grey < 0.6 else 0.06), main
        case "apple":
            green = rng.uniform(0, 0.2) if rng.random() < 0.6 else rng.uniform(0.7, 1.0)
            colours = np.array([0.25, 0.15, 0.07]), np.array([0.60 - 0.18 * green, 0.06 + 0.50 * green, 0.07])
        case "ice cream":
            colours = 0.35 + 0.6 * rng.random(3) * [1, 0.9, 0.8], np.array([0.68, 0.44, 0.2]) * rng.uniform(0.7, 1.1)
        case _:
            colours = other, main
    return Object(
        shape=shape,
        yaw=yaw * side,
        pitch=pitch,
        roll=roll * side,
        x=x * side,
        y=y,
        distance=distance,
        colours=(tuple(colours[0]), tuple(colours[1])),
        skin=skin if held else None,
    )


def sample_mask(rng: np.random.Generator) -> Mask:
    """Return a mask over mouth and nose: half of them surgical, the others of cloth, plain or printed."""
    patterns: list[MaskPattern] = ["pleats", "plain", "print"]
    pattern = patterns[int(rng.choice(3, p=[0.5, 0.3, 0.2]))]
    surgical = np.array([[0.48, 0.68, 0.78], [0.85, 0.86, 0.86], [0.04, 0.04, 0.045], [0.55, 0.75, 0.66]])
    pale, main, other = surgical[int(rng.integers(4))], sample_dye(rng), sample_dye(rng)
    colour = pale if pattern == "pleats" else main
    return Mask(pattern=pattern, colours=(tuple(colour), tuple(colour if pattern != "print" else other)))


def sample_strands(rng: np.random.Generator, hair: Hair) -> Strands:
    """Return strands in the tone of the hair, over forehead, eye or cheek."""
    tone = np.array(hair.tone) * (1 - hair.grey) + np.array(GREY) * hair.grey
    return Strands(
        count=int(rng.integers(1, 13)),
        x=rng.uniform(-0.7, 0.7),
        drift=rng.uniform(-0.5, 0.5),
        length=rng.uniform(0.6, 2.2),
        width=rng.uniform(0.015, 0.06),
        tone=tuple(tone),
        gloss=hair.gloss,
        seed=int(rng.integers(1 << 30)),
    )
