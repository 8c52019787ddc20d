"""What is rendered: an `Identity` (who) and `Attributes` (everything else), typed, validated and serialisable.

Angles are in radians, lengths in decimetres, colours RGB where 1 is white.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from faceshifter_hub.errors import RenderError

Sex = Literal["female", "male"]
OccluderKind = Literal["none", "hand", "glasses", "sunglasses"]
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


class Identity(Parameters):
    """Who is shown. Adults only: `age` runs from MakeHuman's young target, 25 years, to its old one, 90."""

    sex: Sex
    ancestry: Annotated[tuple[Share, Share, Share], AfterValidator(_sum_to_one)] = Field(
        description="shares of the african, asian and caucasian targets"
    )
    age: float = Field(ge=0, le=1)
    weight: float = Field(ge=-4, le=4, description="-1 lean, 1 heavy")
    shape: dict[str, Annotated[float, Field(ge=0, le=1.5)]] = Field(description="weight of each local shape target")
    skin: Skin
    freckles: float = Field(ge=0, le=4)
    stubble: float = Field(ge=0, le=1)
    iris: str
    brow: str
    lash: str
    hair_tone: Colour = Field(description="natural hair colour: brows, lashes, stubble")
    texture_seed: float = Field(ge=0, le=1)


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
    grain: float = Field(ge=0, le=0.3, description="standard deviation of the noise")


class Light(Parameters):
    """Two lamps and the surroundings, nine spherical harmonics (constant, y, z, x, xy, yz, zz, xz, xx - yy)."""

    key: Direction
    key_colour: Colour
    rim: Direction
    rim_colour: Colour
    harmonics: Annotated[tuple[tuple[Coefficient, Coefficient, Coefficient], ...], Field(min_length=9, max_length=9)]


class Hair(Parameters):
    """A hair style of the asset pack, or none, and its colour."""

    style: str | None
    tone: Colour


class Clothing(Parameters):
    """Colours, stripes and neckline of the clothes."""

    colours: tuple[Colour, Colour]
    pattern: float = Field(ge=0, le=1, description="above 0.5: stripes, of a width that depends on the value")
    height: float = Field(ge=5, le=6.2, description="of the neckline")
    slope: float = Field(ge=-1, le=1, description="of the neckline, towards the chest")
    v_depth: float = Field(ge=0, le=1)
    v_half_width: float = Field(gt=0, le=2)


class Occluder(Parameters):
    """What stands before the face. `skin` is the hand's."""

    kind: OccluderKind
    shape: Annotated[tuple[Share, ...], Field(min_length=8, max_length=8)] = Field(
        description="where the hand is, how the glasses look"
    )
    skin: Skin


class Attributes(Parameters):
    """Everything that is not the person's identity, in groups that can be exchanged alone."""

    expression: dict[str, Share] = Field(description="weight of each ARKit unit")
    pose: Pose
    gaze: tuple[Angle, Angle] = Field(description="yaw and pitch of the eyes in the head")
    camera: Camera
    light: Light
    hair: Hair
    hat: bool
    clothing: Clothing
    occluder: Occluder
    background: int = Field(ge=0, description="seed of the background and of the grain")
