"""Draws what test_renderer.py and test_triplets.py look at, in a process without torch: `python draw_scenes.py OUT`.

Writes OUT/pictures.npz (`NAME/image`, `NAME/landmarks`, `NAME/labels`, `group/...`) and OUT/facts.json.
"""

import json
import sys
from pathlib import Path

import numpy as np

from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.renderer import FaceRenderer
from faceshifter_hub.synthesis.sampling import sample_attributes, sample_identity
from faceshifter_hub.synthesis.triplets import render_group

FRONTAL = {
    "expression": {},
    "pose": {"yaw": 0, "pitch": 0, "roll": 0, "torso": 0.5},
    "gaze": (0, 0),
    "camera": {"fov": 0.4, "zoom": 1, "shift": (0, 0), "exposure": 0, "grain": 0},
    "light": {
        "key": (0, 0.6, 0.8),
        "key_colour": (1, 1, 1),
        "rim": (1, 0, 0),
        "rim_colour": (0, 0, 0),
        "harmonics": [(0.6, 0.6, 0.6), *8 * [(0, 0, 0)]],
    },
    "hat": False,
    "background": 1,
}


def changed(record, **values):
    """Return a record with other values, checked."""
    return type(record)(**(dict(record) | values))


def draw_scenes(renderer):
    """Return renderings by name, each but the last differing from `plain` in what its name says."""
    rng = np.random.default_rng(4)
    looks, people = renderer.catalogue.looks, {}
    while len(people) < 2:
        identity = sample_identity(rng, renderer.catalogue)
        people[identity.sex] = identity
    she, he = people["female"], people["male"]
    sampled = sample_attributes(rng, she, renderer.catalogue)
    occluder = changed(sampled.occluder, kind="none", shape=8 * (0.5,))
    plain = changed(sampled, **FRONTAL, hair=changed(sampled.hair, style=None), occluder=occluder)
    style = next(style.name for style in looks.hair if style.long)
    variations = {
        "other_background": {"background": 2},
        "hair": {"hair": changed(plain.hair, style=style)},
        "hat": {"hat": True},
        "open_mouth": {"expression": {"jawOpen": 0.8}},
        "closed_eyes": {"expression": {"eyeBlinkLeft": 1, "eyeBlinkRight": 1}},
        "turned": {"pose": changed(plain.pose, yaw=0.6)},
        "dark": {"camera": changed(plain.camera, exposure=-1)},
        **{kind: {"occluder": changed(occluder, kind=kind)} for kind in ("hand", "glasses", "sunglasses")},
    }
    scenes = {"plain": renderer.render(she, plain), "other_identity": renderer.render(he, plain)}
    scenes |= {name: renderer.render(she, changed(plain, **values)) for name, values in variations.items()}
    scenes["plain_again"] = renderer.render(type(she).model_validate_json(she.model_dump_json()), plain)
    edge = changed(plain.camera, fov=2, zoom=0.5, exposure=3, grain=0.3)
    scenes["edge"] = renderer.render(
        changed(she, age=1, weight=4, freckles=4, stubble=1),
        changed(plain, camera=edge, pose={"yaw": 1.6, "pitch": -1.6, "roll": 1.6, "torso": 1}, gaze=(1.6, -1.6)),
    )
    foreign = {
        "iris": lambda: renderer.render(changed(she, iris="purple"), plain),
        "brow": lambda: renderer.render(changed(she, brow=she.iris), plain),
        "lash": lambda: renderer.render(changed(she, lash="none"), plain),
        "hair.style": lambda: renderer.render(she, changed(plain, hair=changed(plain.hair, style=she.iris))),
        "mixture": lambda: renderer.render(changed(she, skin=changed(she.skin, mixture={"tin": 1})), plain),
        "shape": lambda: renderer.render(changed(she, shape={"horns": 1}), plain),
        "expression": lambda: renderer.render(she, changed(plain, expression={"wink": 1})),
        "pixels wide": lambda: FaceRenderer(size=63),
        "samples a pixel": lambda: FaceRenderer(size=64, samples=3),
    }
    return scenes, {name: refusal(action) for name, action in foreign.items()}


def refusal(action):
    """Return the message with which an action is refused."""
    try:
        action()
    except RenderError as error:
        return str(error)
    return None


def main(folder):
    """Draw everything."""
    renderer = FaceRenderer(size=96, samples=2)
    scenes, refusals = draw_scenes(renderer)
    pictures = {f"{name}/{part}": array for name, scene in scenes.items() for part, array in vars(scene).items()}
    group = render_group(renderer, seed=0, index=0)
    pictures |= {f"group/{part}": array for part, array in vars(group).items()}
    np.savez(folder / "pictures.npz", **pictures)
    facts = {"refusals": refusals, "modules": sorted(sys.modules)}
    (folder / "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
