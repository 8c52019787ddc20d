"""Groups of renderings in which every pair has its true swap."""

from dataclasses import dataclass

import numpy as np

from faceshifter_hub.synthesis.renderer import FaceRenderer
from faceshifter_hub.synthesis.sampling import sample_attributes, sample_identity

PEOPLE = 4


@dataclass(frozen=True)
class Group:
    """Every identity of a group with the attributes of every one; [i, b] is the true swap of i onto any [j, b].

    Attributes:
        images: (P, P, S, S, 3) uint8, by identity and attributes.
        points: (P, P, 5, 2) float32, five landmarks.
        labels: (P, P, S, S) uint8, classes of `labels.LABELS`.
    """

    images: np.ndarray
    points: np.ndarray
    labels: np.ndarray


def render_group(renderer: FaceRenderer, seed: int, index: int, people: int = PEOPLE) -> Group:
    """Render group number `index` of the data set of that seed; the same picture comes back on the same renderer."""
    rng = np.random.default_rng([seed, index])
    identities = [sample_identity(rng, renderer.catalogue) for _ in range(people)]
    attributes = [sample_attributes(rng, identity, renderer.catalogue) for identity in identities]
    grid = [[renderer.render(identity, each) for each in attributes] for identity in identities]
    return Group(
        images=np.stack([[rendering.image for rendering in row] for row in grid]),
        points=np.stack([[rendering.landmarks for rendering in row] for row in grid]),
        labels=np.stack([[rendering.labels for rendering in row] for row in grid]),
    )
