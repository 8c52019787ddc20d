"""What a protocol hands over: photographs, pairs of them, and who may be mistaken for whom."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph of one person.

    Attributes:
        name: unique in its protocol.
        person: whom it shows; photographs of one person share it.
        read: gives the picture, (H, W, 3) uint8 RGB; raises MediaError or DataError where it cannot be read.
        points: its five landmarks (5, 2) in pixels, where they are known; else a detector finds them.
        digest: gives a SHA-256 of its content at less cost than `read`; by default that of the pixels.
    """

    name: str
    person: str
    read: Callable[[], np.ndarray]
    points: np.ndarray | None = None
    digest: Callable[[], str] | None = None


@dataclass(frozen=True, eq=False)
class Truth:
    """The true swap of a case.

    Attributes:
        photo: the true swap.
        parts: gives where pictures are compared, (H, W) bool by name, each pixel in one part: `face`, what a swap may
            change, less what hides it; `occluder`, what hides it; `background`, the rest.
    """

    photo: Photo
    parts: Callable[[], Mapping[str, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Case:
    """A source and the target that gets its face.

    Attributes:
        name: unique in its protocol and fit for a file name.
        source: gives the identity.
        target: gives everything else.
        truth: the true swap, where there is one.
        groups: what is known of it: attribute -> value, such as `occlusion` -> `occluded`.
        sequence: of which video it is a frame, in their order: frames of one are no independent draws.
    """

    name: str
    source: Photo
    target: Photo
    truth: Truth | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    sequence: str | None = None


@dataclass(frozen=True, eq=False)
class CaseList:
    """The cases of a protocol.

    Attributes:
        protocol: its name.
        rule: how the cases come about, in a sentence.
        cases: in their order, on which batches depend.
        gallery: photographs among which a swap's source is looked for; those of the cases' sources are among them.
        left_out: name of a photograph or pair that has no case -> why, in words.
        facts: what else the report says of the data.
        consecutive: whether the frames of a sequence follow each other as in its video, so that they can tremble.
    """

    protocol: str
    rule: str
    cases: Sequence[Case]
    gallery: Sequence[Photo]
    left_out: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    consecutive: bool = False
