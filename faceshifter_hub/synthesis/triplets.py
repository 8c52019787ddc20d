"""Triplets: a source, a target, and the true swap of the one onto the other."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Literal

import cv2
import numpy as np

from faceshifter_hub.synthesis.attribute_prior import sample_attributes
from faceshifter_hub.synthesis.catalogue import Catalogue, Split
from faceshifter_hub.synthesis.identity_prior import sample_identity
from faceshifter_hub.synthesis.parameters import Attributes, Identity
from faceshifter_hub.synthesis.renderer import FaceRenderer, Rendering

Truth = Literal["face", "head"]
PEOPLE = 4
SPLIT_SEEDS: dict[Split, int] = {"train": 0, "benchmark": 1}


@dataclass(frozen=True)
class Person:
    """The parameters of one picture: who, and everything else."""

    identity: Identity
    attributes: Attributes


@dataclass(frozen=True)
class Triplet:
    """Two people and the true swap of the first onto the second.

    Attributes:
        source: A with A's attributes.
        target: B with B's attributes.
        truth: A with B's attributes: all of A (`head`), or A's face in B's head (`face`).
        region: (S, S) bool, where truth and target differ; everywhere else they are equal, pixel by pixel. All True
            for a `head` truth.
        source_person, target_person: their parameters.
    """

    source: Rendering
    target: Rendering
    truth: Rendering
    region: np.ndarray
    source_person: Person
    target_person: Person


def render_group(
    renderer: FaceRenderer,
    seed: int,
    index: int,
    *,
    people: int = PEOPLE,
    truth: Truth = "face",
    split: Split = "train",
) -> Iterator[Triplet]:
    """Render all ordered pairs of a group of n people: n (n - 1) triplets out of n squared pictures.

    Group `index` depends on seed, index and split alone: the same pixels come back on the same renderer.

    Args:
        renderer: draws.
        seed: of the data set, 0 or more.
        index: of the group, 0 or more.
        people: in the group.
        truth: which of the two truths.
        split: whose assets and random numbers are used; what one split shows the other never does.
    """
    persons = sample_people(renderer.catalogue.of_split(split), (SPLIT_SEEDS[split], seed, index), people)
    own = [renderer.render(person.identity, person.attributes) for person in persons]
    for b, a in permutations(range(people), 2):
        source, target = persons[a], persons[b]
        if truth == "head":
            swapped = renderer.render(source.identity, target.attributes)
            region = np.ones((renderer.size, renderer.size), bool)
        else:
            swapped = renderer.render(target.identity, target.attributes, face=source.identity)
            swapped, region = keep_surroundings(own[b], swapped, target.attributes.camera.blur)
        yield Triplet(own[a], own[b], swapped, region, source, target)


def sample_people(catalogue: Catalogue, seed: tuple[int, ...], count: int) -> list[Person]:
    """Return random people; the same for the same seed and catalogue."""
    rng = np.random.default_rng(seed)
    identities = [sample_identity(rng, catalogue) for _ in range(count)]
    return [Person(identity, sample_attributes(rng, identity, catalogue)) for identity in identities]


def keep_surroundings(target: Rendering, truth: Rendering, blur: float) -> tuple[Rendering, np.ndarray]:
    """Give a `face` truth the target's own pixels wherever the light that made them is the same.

    Compression and blur spread a change over pixels that it does not concern; those pixels are the target's.

    Args:
        target: rendering of B.
        truth: rendering of B with A's face.
        blur: standard deviation of the lens's blur, as a share of the side.

    Returns:
        The truth, and where it differs, (S, S) bool.
    """
    changed = (target.undeveloped != truth.undeveloped).any(-1).astype(np.uint8)
    reach = round(2 * blur * len(changed))
    region = cv2.dilate(changed, np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    return replace(truth, image=np.where(region[..., None], truth.image, target.image)), region
