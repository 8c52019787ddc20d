"""Draws what test_occluders.py and test_hats.py look at, in a process without torch: `python draw_occluders.py OUT`.

Writes OUT/labels.npz, label maps by name, and OUT/shares.json: for each of many occluders its kind and how much of the
face region it leaves visible.
"""

import json
import sys
from pathlib import Path

import numpy as np

from faceshifter_hub.synthesis.attribute_prior import sample_attributes
from faceshifter_hub.synthesis.hats import KINDS
from faceshifter_hub.synthesis.identity_prior import sample_identity
from faceshifter_hub.synthesis.occluders import sample_occluders
from faceshifter_hub.synthesis.parameters import Hat, Mask
from faceshifter_hub.synthesis.renderer import FaceRenderer

PEOPLE, EACH, MASKED = 12, 5, 6
MASK = Mask(pattern="plain", colours=((0.5, 0.6, 0.7),) * 2)


def changed(record, **values):
    """Return a record with other values, checked."""
    return type(record)(**(dict(record) | values))


def sample_some(rng, identity, hair):
    """Return occluders that are not none."""
    while not (occluders := sample_occluders(rng, identity, hair)):
        pass
    return occluders


def main(folder):
    """Draw everything."""
    renderer = FaceRenderer(size=64, supersampling=1)
    rng = np.random.default_rng(3)
    shares, labels = [], {}
    for n in range(PEOPLE):
        identity = sample_identity(rng, renderer.catalogue)
        attributes = changed(sample_attributes(rng, identity, renderer.catalogue), occluders=(), hat=None)
        bare = renderer.render(identity, attributes)
        masked = changed(attributes, occluders=(MASK,))
        for name, face in (("masked", None), ("masked_other_face", sample_identity(rng, renderer.catalogue))):
            if n < MASKED:
                labels.setdefault(name, []).append(renderer.render(identity, masked, face=face).labels)
        for _ in range(EACH):
            occluders = sample_some(rng, identity, attributes.hair)
            seen = renderer.render(identity, changed(attributes, occluders=occluders))
            shares.append([[each.kind for each in occluders], float(seen.region.sum() / bare.region.sum())])
        if n == 0:
            labels["bare"] = bare.labels
            for kind in KINDS:
                hat = Hat(kind=kind, colour=(0.5, 0.1, 0.1), trim=(0.1, 0.1, 0.5), fullness=0.5)
                labels[kind] = renderer.render(identity, changed(attributes, hat=hat)).labels
    np.savez(folder / "labels.npz", **labels)
    (folder / "shares.json").write_text(json.dumps(shares))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
