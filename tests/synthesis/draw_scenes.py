"""Draws what test_renderer.py and test_triplets.py look at, in a process without torch: `python draw_scenes.py OUT`.

Writes OUT/pictures.npz (`NAME/image`, `NAME/labels`, ..., `triplet_N/...`) and OUT/facts.json.
"""

import json
import sys
from pathlib import Path

import numpy as np

from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.attribute_prior import sample_attributes
from faceshifter_hub.synthesis.identity_prior import sample_identity
from faceshifter_hub.synthesis.renderer import FaceRenderer
from faceshifter_hub.synthesis.triplets import render_group

DARK, WHITE = (0, 0, 0), (1, 1, 1)
FRONTAL = {
    "expression": {},
    "pose": {"yaw": 0, "pitch": 0, "roll": 0, "torso": 0.5},
    "gaze": (0, 0),
    "camera": {
        "fov": 0.4,
        "zoom": 1,
        "shift": (0, 0),
        "exposure": 0,
        "contrast": 1,
        "blur": 0,
        "grain": 0,
        "jpeg": None,
    },
    "light": {
        "key": (0, 0.6, 0.8),
        "key_colour": WHITE,
        "rim": (1, 0, 0),
        "rim_colour": DARK,
        "harmonics": [(0.6, 0.6, 0.6), *8 * [DARK]],
    },
    "hat": None,
    "make_up": {
        "lipstick": 0,
        "lip_colour": DARK,
        "eyeshadow": 0,
        "eye_colour": DARK,
        "eyeliner": 0,
        "blush": 0,
    },
    "occluders": (),
    "background": {"environment": None, "turn": 0, "seed": 1},
}


def changed(record, **values):
    """Return a record with other values, checked."""
    return type(record)(**(dict(record) | values))


def draw_scenes(renderer):
    """Return renderings by name, each differing from `plain` in what its name says."""
    rng = np.random.default_rng(4)
    people = {}
    while len(people) < 2:
        identity = sample_identity(rng, renderer.catalogue)
        people[identity.sex] = identity
    looks = renderer.catalogue.looks
    she = with_skin(people["female"], looks.light_skins["female"][0])
    he = with_skin(people["male"], looks.dark_skins["male"][0])
    sampled = sample_attributes(rng, she, renderer.catalogue)
    plain = changed(sampled, **FRONTAL, hair=changed(sampled.hair, style=None, second=None, cropped=0))
    style = next(style.name for style in renderer.catalogue.looks.hair if style.long)
    hat = next(each.hat for each in many(renderer.catalogue, she) if each.hat)
    hand, glasses = (
        next(o for each in many(renderer.catalogue, she) for o in each.occluders if o.kind == kind)
        for kind in ("hand", "glasses")
    )
    variations = {
        "other_background": {"background": {"environment": None, "turn": 0, "seed": 2}},
        "environment": {"background": {"environment": renderer.catalogue.environments[0], "turn": 0, "seed": 2}},
        "hair": {"hair": changed(plain.hair, style=style)},
        "hat": {"hat": hat},
        "made_up": {"make_up": changed(plain.make_up, lipstick=1, eyeshadow=1, eyeliner=1, blush=1)},
        "other_clothes": {"clothing": changed(plain.clothing, colours=(DARK, WHITE), height=5.7)},
        "open_mouth": {"expression": {"jawOpen": 0.8}},
        "closed_eyes": {"expression": {"eyeBlinkLeft": 1, "eyeBlinkRight": 1}},
        "turned": {"pose": changed(plain.pose, yaw=0.6)},
        "gazing": {"gaze": (0.4, 0.0)},
        "dark": {"camera": changed(plain.camera, exposure=-1)},
        "grainy": {"camera": changed(plain.camera, grain=0.05, blur=0.01, jpeg=30)},
        "other_light": {"light": changed(plain.light, key=(0.6, 0, 0.8), key_colour=(1, 0.5, 0.2))},
        "hand": {"occluders": (hand,)},
        "glasses": {"occluders": (changed(glasses, opacity=0.05),)},
        "sunglasses": {"occluders": (changed(glasses, opacity=0.9, gradient=0),)},
    }
    scenes = {"plain": renderer.render(she, plain), "other_identity": renderer.render(he, plain)}
    scenes |= {name: renderer.render(she, changed(plain, **values)) for name, values in variations.items()}
    scenes["other_face"] = renderer.render(she, plain, face=he)
    scenes["plain_again"] = renderer.render(type(she).model_validate_json(she.model_dump_json()), plain)
    soft = {"light": changed(plain.light, key_colour=DARK)}  # without a lamp there is no shadow
    scenes["soft"] = renderer.render(she, changed(plain, **soft))
    for name in (
        "hair",
        "hat",
        "made_up",
        "other_clothes",
        "open_mouth",
        "turned",
        "gazing",
        "hand",
        "other_background",
    ):
        scenes[f"soft_{name}"] = renderer.render(she, changed(plain, **soft, **variations[name]))
    edge = changed(plain.camera, fov=2, zoom=0.5, exposure=3, grain=0.3, contrast=2, blur=0.02, jpeg=10)
    scenes["edge"] = renderer.render(
        changed(she, age=90, weight=4, freckles=4, stubble=1, wrinkles=1),
        changed(plain, camera=edge, pose={"yaw": 1.6, "pitch": -1.6, "roll": 1.6, "torso": 1}, gaze=(1.6, -1.6)),
    )
    foreign = {
        "iris": lambda: renderer.render(changed(she, iris="purple"), plain),
        "brow": lambda: renderer.render(changed(she, brow=she.iris), plain),
        "lash": lambda: renderer.render(she, plain, face=changed(he, lash="none")),
        "hair.style": lambda: renderer.render(she, changed(plain, hair=changed(plain.hair, style=she.iris))),
        "hat.kind": lambda: renderer.render(she, changed(plain, hat=changed(hat, kind="crown"))),
        "mixture": lambda: renderer.render(changed(she, skin=changed(she.skin, mixture={"tin": 1})), plain),
        "shape": lambda: renderer.render(changed(she, shape={"horns": 1}), plain),
        "expression": lambda: renderer.render(she, changed(plain, expression={"wink": 1})),
        "environment": lambda: renderer.render(
            she, changed(plain, background={"environment": "moon", "turn": 0, "seed": 0})
        ),
        "pixels wide": lambda: FaceRenderer(size=63),
        "Supersampling": lambda: FaceRenderer(size=64, supersampling=4),
    }
    return scenes, {name: refusal(action) for name, action in foreign.items()}


def with_skin(identity, name):
    """Return an identity whose skin is one texture alone."""
    return changed(identity, skin=changed(identity.skin, mixture={name: 1}))


def many(catalogue, identity):
    """Yield attributes without end, as the prior draws them."""
    rng = np.random.default_rng(0)
    while True:
        yield sample_attributes(rng, identity, catalogue)


def refusal(action):
    """Return the message with which an action is refused."""
    try:
        action()
    except RenderError as error:
        return str(error)
    return None


def main(folder):
    """Draw everything."""
    renderer = FaceRenderer(size=96, supersampling=1.5)
    scenes, refusals = draw_scenes(renderer)
    for truth in ("face", "head"):
        for n, triplet in enumerate(render_group(renderer, seed=0, index=0, people=2, truth=truth)):
            scenes |= {f"{truth}_{n}/{role}": getattr(triplet, role) for role in ("source", "target", "truth")}
            np.save(folder / f"{truth}_{n}.npy", triplet.region)
    pictures = {f"{name}/{part}": array for name, scene in scenes.items() for part, array in vars(scene).items()}
    np.savez(folder / "pictures.npz", **pictures)
    facts = {"refusals": refusals, "modules": sorted(sys.modules)}
    (folder / "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
