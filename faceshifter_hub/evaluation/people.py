"""Rendered people to be judged: drawn in processes of their own, which never load torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from faceshifter_hub.datasets.workers import heed_stop, map_in_processes
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.attribute_prior import sample_attributes
from faceshifter_hub.synthesis.datasets.samples import skin_tone
from faceshifter_hub.synthesis.identity_prior import sample_identity

if TYPE_CHECKING:  # only workers load the renderer
    from faceshifter_hub.synthesis.renderer import Rendering


@dataclass(frozen=True)
class RenderedPicture:
    """A picture of a person, and what is true of it.

    Attributes:
        person: The person's number.
        image: (S, S, 3) uint8 RGB.
        landmarks: (5, 2) float32, pixels.
        pose: Yaw, pitch and roll in degrees.
        occluders: Kinds of what stands before the face, `hair` where it hides an eye, the nose or a corner of the
            mouth; empty if nothing does.
        skin_tone: Individual typology angle in degrees, None where no skin shows.
    """

    person: int
    image: np.ndarray
    landmarks: np.ndarray
    pose: tuple[float, float, float]
    occluders: tuple[str, ...]
    skin_tone: float | None


def draw_people(
    identities: int, per_identity: int, *, seed: int, size: int, workers: int
) -> Iterator[list[RenderedPicture]]:
    """Render people, each with attributes sampled independently; person n depends on `seed` and n alone.

    Args:
        identities: Number of people.
        per_identity: Pictures of each.
        seed: Of all draws.
        size: Side of the pictures in pixels.
        workers: Number of rendering processes.

    Yields:
        The pictures of one person after another.

    Raises:
        RenderError: The renderer cannot start.
        WorkerError: Its process was ended.
    """
    return map_in_processes(partial(draw_person, seed, size, per_identity), range(identities), workers)


def draw_person(seed: int, size: int, count: int, person: int) -> list[RenderedPicture]:
    """Render one person, in a worker."""
    from faceshifter_hub.synthesis.renderer import get_renderer

    renderer = get_renderer(size)
    rng = np.random.default_rng([seed, person])
    identity = sample_identity(rng, renderer.catalogue)
    pictures = []
    for _ in range(count):
        heed_stop()
        attributes = sample_attributes(rng, identity, renderer.catalogue)
        rendering = renderer.render(identity, attributes)
        yaw, pitch, roll = np.degrees([attributes.pose.yaw, attributes.pose.pitch, attributes.pose.roll]).tolist()
        occluders = tuple(occluder.kind for occluder in attributes.occluders) + ("hair",) * hair_over_face(rendering)
        pictures.append(
            RenderedPicture(
                person, rendering.image, rendering.landmarks, (yaw, pitch, roll), occluders, skin_tone(rendering)
            )
        )
    return pictures


def hair_over_face(rendering: "Rendering") -> bool:
    """Return whether hair hides one of the five landmarks."""
    last = len(rendering.labels) - 1
    columns, rows = np.clip(np.rint(rendering.landmarks), 0, last).astype(int).T
    return bool((rendering.labels[rows, columns] == LABELS["hair"]).any())
