"""A hand before the face: the base mesh's own left hand and forearm, mirrored for the right one, with joints."""

import math

import numpy as np

from faceshifter_hub.synthesis.occluders.contact import LIFT, Contact
from faceshifter_hub.synthesis.parameters import Hand
from faceshifter_hub.synthesis.pieces import Anatomy, Piece
from faceshifter_hub.synthesis.skin import BARE
from faceshifter_hub.synthesis.transforms import rotation

# Joints of the left hand in the unmorphed base mesh, decimetres, from MakeHuman's joint helpers.
ELBOW, WRIST = (3.129, 3.493, 0.132), (4.312, 2.452, 1.757)
FINGERS = (  # thumb to little finger; from the knuckle to the tip
    ((4.195, 2.306, 2.134), (4.095, 2.256, 2.373), (3.984, 2.110, 2.682), (3.917, 2.000, 2.876)),
    ((4.496, 2.030, 2.644), (4.532, 1.895, 2.854), (4.534, 1.745, 3.024), (4.530, 1.589, 3.194)),
    ((4.608, 1.886, 2.479), (4.712, 1.672, 2.691), (4.747, 1.488, 2.856), (4.784, 1.303, 3.015)),
    ((4.696, 1.825, 2.309), (4.811, 1.617, 2.461), (4.859, 1.426, 2.592), (4.915, 1.223, 2.717)),
    ((4.745, 1.764, 2.124), (4.807, 1.582, 2.221), (4.830, 1.455, 2.281), (4.857, 1.289, 2.353)),
)
SHARES = (0.75, 1.0, 0.7)  # of a finger's curl at each of its joints
THUMB_SHARE = 0.35
AROUND_JOINT = 16  # vertices whose mean is a joint
BLEND = 0.045  # how softly one bone passes into the next


class HandRig:
    """The left hand's vertices and how they follow its bones.

    Its own coordinates: the middle finger's knuckle at the origin, x towards the thumb, y along the fingers, z out of
    the back of the hand.

    Args:
        base: (n, 3) vertices of the unmorphed base mesh.
        vertices: indices of the hand's vertices.
    """

    def __init__(self, base: np.ndarray, vertices: np.ndarray):
        self.vertices = vertices
        points = base[vertices]
        joints = np.array([ELBOW, WRIST, *(joint for finger in FINGERS for joint in finger)])
        order = np.argsort(np.linalg.norm(points[None] - joints[:, None], axis=-1), axis=1)
        self.rings = order[:, :AROUND_JOINT]
        wrist, knuckles = joints[1], joints[2:].reshape(5, 4, 3)
        bones = [(joints[0], wrist)] + [(wrist, knuckles[k, 0]) for k in range(5)]
        bones += [(finger[k], finger[k + 1]) for finger in knuckles for k in range(3)]
        far = np.stack([to_segment(points, *bone) for bone in bones], 1)
        far = np.concatenate([far[:, :1], far[:, 1:6].min(1, keepdims=True), far[:, 6:]], 1)  # one palm
        share = np.exp(-(far - far.min(1, keepdims=True)) / BLEND)
        self.share = (share / share.sum(1, keepdims=True)).astype(np.float32)

    def pose(self, body: np.ndarray, curl: float, spread: float, bend: float, droop: float = 0.0) -> np.ndarray:
        """Return the hand's vertices in its own coordinates, (m, 3).

        Args:
            body: (n, 3) vertices of a body.
            curl: angle of the fingers' joints, 0 as the mesh was made.
            spread: of the fingers; 1 as the mesh was made, 0 side by side.
            bend: angle of the wrist; positive turns the forearm towards the back of the hand.
            droop: angle of the wrist; positive turns the forearm towards the little finger.
        """
        points = body[self.vertices]
        joints = points[self.rings].mean(1)
        wrist, knuckles = joints[1], joints[2:].reshape(5, 4, 3)
        along = knuckles[2, 0] - wrist
        along = along / np.linalg.norm(along)
        back = np.cross(knuckles[1, 0] - knuckles[4, 0], along)
        back = back / np.linalg.norm(back)
        axes = np.stack([np.cross(along, back), along, back])
        points, joints = ((each - knuckles[2, 0]) @ axes.T for each in (points, joints))
        wrist, knuckles = joints[1], joints[2:].reshape(5, 4, 3)
        posed = self.share[:, :1] * ((points - wrist) @ rotation(0, bend, droop).T + wrist)
        posed = posed + self.share[:, 1:2] * points
        for finger in range(5):
            x, y, _ = knuckles[finger, 3] - knuckles[finger, 0]
            aside = math.atan2(x, y) * (1 - spread) if finger else 0.0
            turn, origin = rotation(0, 0, aside), knuckles[finger, 0]
            for k in range(3):
                angle = -curl * SHARES[k] * (1.0 if finger else THUMB_SHARE)
                joint = knuckles[finger, k]
                turn = turn @ rotation(0, angle, 0)
                bone = 2 + 3 * finger + k
                posed += self.share[:, bone : bone + 1] * ((points - joint) @ turn.T + origin)
                origin = origin + (knuckles[finger, min(k + 1, 3)] - joint) @ turn.T
        return posed


def to_segment(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the distance of points (n, 3) to a segment, (n,)."""
    line = end - start
    t = np.clip((points - start) @ line / (line @ line), 0, 1)
    return np.linalg.norm(points - start - t[:, None] * line, axis=1)


def place_hand(hand: Hand, rig: HandRig, anatomy: Anatomy, contact: Contact) -> list[Piece]:
    """Return the hand on or before the face."""
    points = (
        rig.pose(anatomy.vertices, hand.curl, hand.spread, hand.bend) @ rotation(hand.yaw, hand.pitch, hand.roll).T
    )
    mirror = np.array([1.0 if hand.side == "left" else -1.0, 1, 1])
    points = contact.lay(points * mirror, anatomy, hand.x * mirror[0], hand.y, hand.distance)
    return [hand_piece(points, hand.side, rig, anatomy)]


def hand_piece(points: np.ndarray, side: str, rig: HandRig, anatomy: Anatomy) -> Piece:
    """Return what to draw of a hand whose vertices (m, 3) are in place before the head is turned."""
    placed = np.zeros_like(anatomy.vertices)
    placed[rig.vertices] = anatomy.pose.turn(points)
    return Piece(f"{side}-hand", placed, "hand", "skin", "hand", BARE, lift=LIFT)
