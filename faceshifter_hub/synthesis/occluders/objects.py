"""Everyday objects before a face: turned profiles, boxes and tubes, some with a hand that holds them."""

import math
from dataclasses import dataclass

import numpy as np

from faceshifter_hub.synthesis.occluders.contact import LIFT, Contact
from faceshifter_hub.synthesis.occluders.hand import HandRig, hand_piece
from faceshifter_hub.synthesis.occluders.surfaces import Surface, join, slab, tube, turned
from faceshifter_hub.synthesis.parameters import Object
from faceshifter_hub.synthesis.pieces import Anatomy, Piece
from faceshifter_hub.synthesis.transforms import rotation

TWO_COLOURS, GRILLE = -3.0, -4.0  # patterns of the cloth shader
STANDING = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # stands what lies on its back up, its face to the camera
UPRIGHT, FLAT = (-0.75, 0.12, 0.66), (0.35, 0.95, 0.0)  # along a left hand's fingers: round a stick, on a back


@dataclass(frozen=True)
class Form:
    """How an object is made; its origin is the point that is laid on the face, y points up along it.

    Attributes:
        surface: vertices, decimetres, and triangles.
        border: height at which its second colour begins.
        gloss: 0 dull, 1 polished.
        grip: where a hand holds it, how thick it is there, and how far the fingers curl; None for no hand.
        fingers: where they point.
        lying: whether it is modelled lying on its back.
        pattern: of the cloth shader.
    """

    surface: Surface
    border: float
    gloss: float
    grip: tuple[tuple[float, float, float], float, float] | None
    fingers: tuple[float, float, float] = UPRIGHT
    lying: bool = False
    pattern: float = TWO_COLOURS


def microphone() -> Form:
    ball = [(0.25 * math.sin(a), -0.25 * math.cos(a)) for a in np.linspace(0.55, math.pi, 12)]
    stick = [(0.0, -2.3), (0.10, -2.3), (0.105, -1.6), (0.15, -0.34), (0.17, -0.24), (0.17, -0.21)]
    return Form(turned(stick + ball), -0.19, 0.35, ((0, -0.95, 0), 0.13, 1.15), pattern=GRILLE)


def paper_cup() -> Form:
    body = [
        (0.0, -1.12),
        (0.28, -1.12),
        (0.37, -0.13),
        (0.40, -0.13),
        (0.40, -0.05),
        (0.36, 0.0),
        (0.34, -0.03),
        (0.0, -0.03),
    ]
    return Form(turned(body, 32), -0.135, 0.2, ((0, -0.62, 0), 0.33, 0.75))


def mug() -> Form:
    body = [(0.0, -0.95), (0.36, -0.95), (0.40, -0.90), (0.41, 0.0), (0.385, 0.0), (0.37, -0.15), (0.0, -0.16)]
    angle = np.linspace(-1.35, 1.35, 12)
    handle = np.stack([0.38 + 0.24 * np.cos(angle), -0.47 + 0.30 * np.sin(angle), 0 * angle], 1)
    return Form(join([turned(body, 32), tube(handle, 0.05)]), -0.152, 0.8, ((0, -0.5, 0), 0.38, 0.65))


def bottle() -> Form:
    body = [(0.0, -2.2), (0.31, -2.2), (0.33, -2.1), (0.33, -0.95), (0.29, -0.75), (0.13, -0.35), (0.12, -0.18)]
    cap = [(0.14, -0.18), (0.14, 0.0), (0.0, 0.0)]
    return Form(turned(body + cap), -0.19, 0.9, ((0, -1.35, 0), 0.30, 0.85))


def phone() -> Form:
    lens = slab(0.26, 0.30, 0.03, 0.065, 0.3, 0.01)
    body = slab(0.73, 1.50, -0.04, 0.04, 0.2, 0.02)
    parts = join([body, (lens[0] + [-0.19, 0, -0.55], lens[1])])
    return Form(parts, 0.0405, 0.9, ((0, -0.45, 0.0), 0.06, 0.55), FLAT, lying=True)


def book() -> Form:
    cover = slab(1.35, 1.9, -0.10, 0.10, 0.08, 0.01)
    label = slab(0.8, 0.3, 0.09, 0.104, 0.15, 0.002)
    down = np.array([0, 0, 0.95])
    return Form(
        join([(cover[0] + down, cover[1]), (label[0] + down - [0, 0, 0.4], label[1])]), 0.1012, 0.3, None, lying=True
    )


def apple() -> Form:
    angle = np.linspace(0, math.pi, 15)
    radius = 0.40 * np.sin(angle) * (1 - 0.08 * np.cos(angle)) + 0.01
    height = -0.36 * np.cos(angle) - 0.13 * np.exp(-((math.pi - angle) ** 2) * 4) + 0.06 * np.exp(-(angle**2) * 6)
    fruit = turned([(0.0, height[0]), *zip(radius, height, strict=True), (0.0, height[-1])])
    stem = tube(np.array([[0.0, 0.2, 0], [0.01, 0.34, 0.01], [0.05, 0.46, 0.02]]), 0.018)
    return Form(join([fruit, stem]), 0.38, 0.6, ((0, -0.08, 0), 0.36, 0.75))


def ice_cream() -> Form:
    scoop = [(0.30 * math.sin(a) + 0.01 * math.sin(9 * a), -0.28 * math.cos(a)) for a in np.linspace(0.9, math.pi, 14)]
    cone = [(0.0, -1.35), (0.05, -1.32), (0.25, -0.24), (0.29, -0.2)]
    return Form(turned(cone + scoop), -0.195, 0.35, ((0, -0.8, 0), 0.14, 1.1))


class Objects:
    """Every object, and the hand that may hold it."""

    def __init__(self) -> None:
        self.forms = {
            "microphone": microphone(),
            "paper cup": paper_cup(),
            "mug": mug(),
            "bottle": bottle(),
            "phone": phone(),
            "book": book(),
            "apple": apple(),
            "ice cream": ice_cream(),
        }
        self.surfaces = {name: form.surface for name, form in self.forms.items()}

    def place(self, thing: Object, rig: HandRig, anatomy: Anatomy, contact: Contact) -> list[Piece]:
        """Return an object on or before the face, and the hand that holds it."""
        form = self.forms[thing.shape]
        lean = rotation(0, thing.pitch, thing.roll)
        if form.lying:
            lean = rotation(thing.yaw, thing.pitch, thing.roll)
            points = form.surface[0] @ STANDING @ lean.T
        else:
            points = form.surface[0] @ (lean @ rotation(thing.yaw, 0, 0)).T
        side = "left" if thing.x >= 0 else "right"
        held = np.zeros((0, 3))
        if thing.skin is not None and form.grip is not None:
            held = grasp(form, rig, anatomy, side) @ lean.T
        placed = contact.lay(np.concatenate([points, held]), anatomy, thing.x, thing.y, thing.distance)
        uniforms = {
            "tint": thing.colours[0],
            "tint2": thing.colours[1],
            "pattern": form.pattern,
            "cut": form.border,
            "sheen": form.gloss,
        }
        shown = anatomy.pose.turn(placed[: len(points)])
        pieces = [Piece(thing.shape, shown, "white", "cloth", "object", uniforms, lift=LIFT)]
        if len(held):
            pieces.append(hand_piece(placed[len(points) :], side, rig, anatomy))
        return pieces


def grasp(form: Form, rig: HandRig, anatomy: Anatomy, side: str) -> np.ndarray:
    """Return a hand's vertices (m, 3) around an upright object: the thumb on top, the forearm from the side."""
    assert form.grip is not None
    place, radius, curl = form.grip
    along = np.array(form.fingers) / np.linalg.norm(form.fingers)
    aside = np.array([0, 1.0, 0]) if form.fingers == UPRIGHT else np.array([1.0, 0, 0])
    thumb = aside - aside @ along * along
    thumb /= np.linalg.norm(thumb)
    axes = np.stack([thumb, along, np.cross(thumb, along)])
    hand = rig.pose(anatomy.vertices, curl, 0.25, 0.1, 0.45) + np.array([0, -0.02, radius + 0.16])
    mirror = np.array([1.0 if side == "left" else -1.0, 1, 1])
    return hand @ axes * mirror + place
