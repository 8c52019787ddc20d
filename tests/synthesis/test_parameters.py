import math

import pytest
from pydantic import ValidationError

from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.parameters import Attributes, Identity, Light, Pose, Skin

FRONT, SIDE, DARK = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)
MASK = {"kind": "mask", "pattern": "plain", "colours": (DARK, DARK)}
LIGHT = {"key": FRONT, "key_colour": (1, 1, 1), "rim": SIDE, "rim_colour": DARK, "harmonics": 9 * [DARK]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("age", 90.1),
        ("age", math.nan),
        ("weight", math.inf),
        ("sex", "robot"),
        ("ancestry", (1, 1, 1)),
        ("ancestry", (2, -1, 0)),
        ("ancestry", (0.5, 0.5, math.nan)),
        ("shape", {"chin-width-incr": 1.6}),
        ("shape", {"chin-width-incr": math.nan}),
        ("hair_tone", (0.1, 0.1, -0.1)),
        ("iris", None),
        ("moustache", 1),
    ],
)
def test_an_impossible_identity_is_refused_by_the_name_of_its_field(identity, field, value):
    with pytest.raises(RenderError, match=rf"^Identity\.{field}\b.* is impossible: .*; got .*\.$"):
        Identity(**(identity.model_dump() | {field: value}))


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("pose", "yaw"), 1.7, "Pose.yaw"),
        (("camera", "zoom"), 0, "Camera.zoom"),
        (("camera", "shift"), (0, math.nan), "Camera.shift.1"),
        (("light", "key"), (0, 0, 2), "Light.key"),
        (("light", "harmonics"), [DARK], "Light.harmonics"),
        (("hair", "colour"), DARK, "Hair.colour"),
        (("clothing", "v_half_width"), 0, "Clothing.v_half_width"),
        (("occluders",), ({"kind": "scarf"},), "Attributes.occluders.0"),
        (("occluders",), ({"kind": "glasses"},), "Glasses.width"),
        (("occluders",), 5 * (MASK,), "Attributes.occluders"),
        (("expression", "jawOpen"), 1.1, "Attributes.expression.jawOpen"),
        (("background", "seed"), -1, "Background.seed"),
        (("camera", "jpeg"), 101, "Camera.jpeg"),
    ],
)
def test_impossible_attributes_are_refused_by_the_name_of_their_field(attributes, path, value, named):
    values = attributes.model_dump()
    record = values
    for key in path[:-1]:
        record = record[key]
    record[path[-1]] = value
    with pytest.raises(RenderError) as refused:
        Attributes(**values)
    assert str(refused.value).startswith(f"{named} is impossible: ")


def test_a_missing_field_is_named_in_a_short_sentence(identity):
    values = identity.model_dump()
    del values["age"]
    with pytest.raises(RenderError, match=r"^Identity\.age is impossible: Field required\.$"):
        Identity(**values)


@pytest.mark.parametrize("vertical", [(0, 1, 0), (0, -1, 0)])
def test_a_lamp_straight_above_or_below_is_refused(vertical):
    assert Light(**LIGHT).key == FRONT
    with pytest.raises(RenderError, match=r"Light\.rim is impossible: must have length 1"):
        Light(**(LIGHT | {"rim": vertical}))


def test_nobody_is_a_minor(identity):
    assert Identity(**(identity.model_dump() | {"age": 18})).maturity > -0.11
    with pytest.raises(RenderError, match=r"Identity\.age .* greater than or equal to 18"):
        Identity(**(identity.model_dump() | {"age": 17.9}))


def test_a_baby_or_a_child_has_no_morph_target(catalogue):
    assert len(catalogue.targets) > 200
    assert not [name for name in catalogue.targets if "baby" in name or "child" in name]


def test_json_brings_back_the_same_parameters(identity, attributes):
    for record in (identity, attributes):
        assert type(record).model_validate_json(record.model_dump_json()) == record
        assert type(record)(**record.model_dump()) == record


def test_json_is_checked_like_everything_else(attributes):
    text = attributes.model_dump_json().replace('"roll":', '"role":')
    with pytest.raises(RenderError, match=r"Pose\.roll is impossible: Field required"):
        Attributes.model_validate_json(text)


def test_parameters_cannot_be_changed(identity, attributes):
    for record, field in ((identity, "age"), (identity.skin, "melanin"), (attributes.pose, "yaw")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(record, field, 0.5)


def test_records_are_equal_by_value():
    angles = {"yaw": 0.1, "pitch": 0.2, "roll": 0.3, "torso": 0.4}
    assert Pose(**angles) == Pose(**angles) != Pose(**(angles | {"yaw": -0.1}))
    assert Skin(mixture={"a": 1}, melanin=0, haemoglobin=0).mixture == {"a": 1.0}
