"""What is rendered: an `Identity` (who) and `Attributes` (everything else), typed, validated and serialisable.

Angles are in radians, lengths in decimetres, colours RGB where 1 is white.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from faceshifter_hub.errors import RenderError

Sex = Literal["female", "male"]
BeardStyle = Literal["moustache", "goatee", "chin", "full"]
MaskPattern = Literal["plain", "pleats", "print"]
Rim = Literal["full", "half", "none"]
ObjectShape = Literal["microphone", "paper cup", "mug", "bottle", "phone", "book", "apple", "ice cream"]
ANCESTRIES = ("african", "asian", "caucasian")


def _of_unit_length(vector: tuple[float, float, float]) -> tuple[float, float, float]:
    if abs(math.hypot(*vector) - 1) > 1e-3 or abs(vector[1]) > 0.999:
        raise ValueError("must have length 1 and not point straight up or down")
    return vector


def _sum_to_one(shares: Any) -> Any:
    if abs(sum(shares.values() if isinstance(shares, dict) else shares) - 1) > 1e-3:
        raise ValueError("must sum to 1")
    return shares


Share = Annotated[float, Field(ge=0, le=1)]
Channel = Annotated[float, Field(ge=0, le=10)]
Colour = tuple[Channel, Channel, Channel]
Direction = Annotated[tuple[float, float, float], AfterValidator(_of_unit_length)]
Coefficient = Annotated[float, Field(ge=-10, le=10)]
Shares = Annotated[tuple[Share, ...], Field(min_length=8, max_length=8)]
FaceUnit = Annotated[float, Field(ge=-3, le=3)]
Angle = Annotated[float, Field(ge=-1.6, le=1.6)]


class Parameters(BaseModel):
    """A record of parameters that cannot be changed and was checked when made.

    Raises:
        RenderError: A parameter is out of its range, missing or unknown; the message names it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values: Any):
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, (type(self).__name__, *first["loc"])))
            reason = first["msg"].removeprefix("Value error, ")
            got = "" if first["type"] == "missing" else f"; got {first['input']!r}"
            raise RenderError(f"{name} is impossible: {reason}{got}.") from error


class Skin(Parameters):
    """Skin of a face and its hands."""

    mixture: Annotated[dict[str, Share], AfterValidator(_sum_to_one)] = Field(description="share of each skin texture")
    melanin: float = Field(ge=-1, le=1, description="darkening of the mixture")
    haemoglobin: float = Field(ge=-1, le=1, description="reddening of the mixture")


class Beard(Parameters):
    """Hair of the face that is longer than stubble; its colour follows the identity's hair tone."""

    style: BeardStyle
    length: float = Field(ge=0, le=1, description="0 is 3 mm, 1 is 3 cm")
    density: Share


class Identity(Parameters):
    """Who is shown. Adults only: minors are not drawn."""

    sex: Sex
    ancestry: Annotated[tuple[Share, Share, Share], AfterValidator(_sum_to_one)] = Field(
        description="shares of the african, asian and caucasian targets"
    )
    age: float = Field(ge=18, le=90, description="years")
    weight: float = Field(ge=-4, le=4, description="-1 lean, 1 heavy")
    shape: dict[str, Annotated[float, Field(ge=0, le=1.5)]] = Field(description="weight of each local shape target")
    skin: Skin
    freckles: float = Field(ge=0, le=4)
    wrinkles: Share
    stubble: Share
    beard: Beard | None
    iris: str
    brow: str
    lash: str
    hair_tone: Colour = Field(description="natural hair colour: brows, lashes, stubble, beard")
    texture_seed: float = Field(ge=0, le=1, description="places freckles, pores and blotches")

    @property
    def maturity(self) -> float:
        """Age between MakeHuman's young target, 25 years, which is 0, and its old one, 90, which is 1."""
        return (self.age - 25) / 65


class Pose(Parameters):
    """How the head is turned, and by which share the torso follows."""

    yaw: Angle
    pitch: Angle
    roll: Angle
    torso: Share


class Camera(Parameters):
    """Where the picture is taken from, and how it is developed."""

    fov: float = Field(ge=0.05, le=2, description="angle of view")
    zoom: float = Field(ge=0.5, le=3, description="width of the frame; 1 is FFHQ's framing of eyes and mouth")
    shift: tuple[Coefficient, Coefficient] = Field(description="of the frame's centre")
    exposure: float = Field(ge=-3, le=3, description="logarithm of the gain")
    contrast: float = Field(ge=0.5, le=2, description="slope of the tone curve at mid grey")
    blur: float = Field(ge=0, le=0.02, description="standard deviation of the lens's blur, as a share of the side")
    grain: float = Field(ge=0, le=0.3, description="standard deviation of the noise")
    jpeg: int | None = Field(ge=10, le=100, description="quality of the compression the picture went through, if any")


class Light(Parameters):
    """Two lamps and the surroundings, nine spherical harmonics (constant, y, z, x, xy, yz, zz, xz, xx - yy)."""

    key: Direction
    key_colour: Colour
    rim: Direction
    rim_colour: Colour
    harmonics: Annotated[tuple[tuple[Coefficient, Coefficient, Coefficient], ...], Field(min_length=9, max_length=9)]


class Hair(Parameters):
    """A hair style of the assets, or none, and hair cropped to the scalp; colours, and how meshes are changed."""

    style: str | None
    second: str | None = Field(description="a second style worn with it, such as a fringe with long hair")
    tone: Colour
    tips: Colour = Field(description="colour of the ends")
    grey: Share = Field(description="share of grey strands at the temples; half as many elsewhere")
    length: float = Field(ge=0.2, le=1.6, description="of loose strands, or of short hair on top; 1 as it was made")
    volume: float = Field(ge=0.6, le=1.7, description="distance from the skull; 1 as the style was made")
    fringe: Share = Field(description="how much of what falls over the face is cut; 0 as the style was made")
    wave: Share
    undercut: Share = Field(description="how high the sides are shaved; 0 not at all")
    mirrored: bool = Field(description="parted on the other side")
    cropped: Share = Field(description="hair close to the scalp, under a style or alone: 0 none, 0.1 shaved, 1 16 mm")
    receding: Share = Field(description="how far cropped hair has receded from the forehead; 1 leaves sides and back")
    gloss: Share
    roughness: Share = Field(description="contrast of the strands")


class Hat(Parameters):
    """What covers the hair: a kind of `hats.KINDS`, or a hat of the assets."""

    kind: str
    colour: Colour
    trim: Colour = Field(description="of the fold of a beanie and of the visor of a cap")
    fullness: Share = Field(description="slack of a beanie, height of a cap or a turban, folds of a headscarf")


class MakeUp(Parameters):
    """Colour on lips, lids and cheeks; all shares 0 is none."""

    lipstick: Share
    lip_colour: Colour
    eyeshadow: Share
    eye_colour: Colour
    eyeliner: Share
    blush: Share


class Clothing(Parameters):
    """Colours, stripes and neckline of the clothes."""

    colours: tuple[Colour, Colour]
    pattern: float = Field(ge=0, le=1, description="above 0.5: stripes, of a width that depends on the value")
    height: float = Field(ge=5, le=6.2, description="of the neckline")
    slope: float = Field(ge=-1, le=1, description="of the neckline, towards the chest")
    v_depth: float = Field(ge=0, le=1)
    v_half_width: float = Field(gt=0, le=2)


class Hand(Parameters):
    """A hand on or before the face: its middle knuckle lies at (x, y) of the face.

    With all angles 0 the fingers point up and the back of the hand faces the camera. Angles and x are a left hand's;
    a right hand is its mirror image.
    """

    kind: Literal["hand"] = "hand"
    side: Literal["left", "right"] = Field(description="whose of the person's hands it is")
    yaw: float = Field(ge=-1.6, le=4, description="about the vertical axis; pi shows the palm")
    pitch: Angle = Field(description="of the fingers away from the face")
    roll: Angle = Field(description="of the fingers over the face, and of the forearm to the hand's own side")
    x: FaceUnit = Field(description="from the middle of the face to the hand's own side, in distances mouth to eyes")
    y: FaceUnit = Field(description="upwards from the mouth, in the same unit; the eyes are at 1")
    distance: float = Field(ge=0, le=2, description="between hand and face")
    curl: float = Field(ge=-0.3, le=1.6, description="of the fingers' joints, beyond the relaxed hand")
    spread: Share = Field(description="of the fingers; 1 as the mesh was made, 0 side by side")
    bend: Angle = Field(description="of the wrist; positive turns the forearm towards the back of the hand")
    skin: Skin


class Glasses(Parameters):
    """Glasses on the nose."""

    kind: Literal["glasses"] = "glasses"
    width: Share
    height: Share
    thickness: Share
    roundness: Share
    lift: Share = Field(description="of the outer corners: cat's eyes")
    rim: Rim
    colour: Colour
    gloss: Share
    lens: Colour
    opacity: Share = Field(description="of the lenses: clear glasses about 0.05, sunglasses about 0.9")
    gradient: Share = Field(description="how much clearer the lenses become towards the cheeks")


class Object(Parameters):
    """An everyday object on or before the face, alone or in a hand."""

    kind: Literal["object"] = "object"
    shape: ObjectShape
    yaw: float = Field(ge=-4, le=4, description="about its own axis, for what stands upright")
    pitch: Angle = Field(description="negative: its lower end comes towards the camera")
    roll: Angle = Field(description="positive: its lower end goes to the person's left")
    x: FaceUnit = Field(description="from the middle of the face to the person's left, in distances mouth to eyes")
    y: FaceUnit = Field(description="upwards from the mouth, in the same unit; the eyes are at 1")
    distance: float = Field(ge=0, le=2, description="between object and face")
    colours: tuple[Colour, Colour] = Field(description="of its upper and of its lower part")
    skin: Skin | None = Field(description="of the hand that holds it, if one does")


class Mask(Parameters):
    """A surgical mask or one of cloth over mouth and nose."""

    kind: Literal["mask"] = "mask"
    pattern: MaskPattern
    colours: tuple[Colour, Colour]


class Strands(Parameters):
    """Loose strands of hair over the face."""

    kind: Literal["strands"] = "strands"
    count: int = Field(ge=1, le=12)
    x: FaceUnit = Field(description="where they begin, from the middle of the face to the person's left")
    drift: FaceUnit = Field(description="how far to the person's left they fall")
    length: float = Field(ge=0.2, le=3, description="in distances from mouth to eyes")
    width: float = Field(ge=0.002, le=0.1, description="half of it, of the widest")
    tone: Colour
    gloss: Share
    seed: int = Field(ge=0)


Occluder = Annotated[Hand | Glasses | Object | Mask | Strands, Field(discriminator="kind")]


class Background(Parameters):
    """What is behind: an environment turned about the vertical axis, or a painted backdrop."""

    environment: str | None
    turn: float = Field(ge=-7, le=7)
    seed: int = Field(ge=0, description="of the defocus or the backdrop, and of the grain")


class Attributes(Parameters):
    """Everything that is not the person's identity, in groups that can be exchanged alone."""

    expression: dict[str, Share] = Field(description="weight of each ARKit unit")
    pose: Pose
    gaze: tuple[Angle, Angle] = Field(description="yaw and pitch of the eyes in the head")
    camera: Camera
    light: Light
    hair: Hair
    hat: Hat | None
    make_up: MakeUp
    clothing: Clothing
    occluders: Annotated[tuple[Occluder, ...], Field(max_length=4)]
    background: Background
