"""What was measured of a contestant, a number a case, and how a report says it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from faceshifter_hub.evaluation.identity import Score

Metrics = Mapping[str, Mapping[str, Tensor]]


@dataclass
class Scored:
    """What was measured of a contestant: a pipeline, or a baseline that it is compared with.

    Attributes:
        cases: names of the N cases it swapped.
        metrics: judge -> metric -> (N,) float64, not a number where a case has none.
        groups: of each of these cases, attribute -> value.
        failed: name of a case it did not swap -> why, in words.
        faceless: names of the cases in whose swap no face is found again; they are scored where the target's face is.
        whole: judge -> metric -> what only all swaps together have, such as a Fréchet distance.
        clusters: (N,) long, equal for frames of one video; None where there are no videos.
    """

    cases: Sequence[str]
    metrics: Metrics
    groups: Sequence[Mapping[str, str]]
    failed: Mapping[str, str] = field(default_factory=dict)
    faceless: Sequence[str] = ()
    whole: Mapping[str, Mapping[str, Score]] = field(default_factory=dict)
    clusters: Tensor | None = None


@dataclass(frozen=True)
class CasePictures:
    """A case to look at.

    Attributes:
        title: which of the cases, such as `worst 1`, and its name.
        note: its numbers, in words.
        pictures: caption and picture (H, W, 3) uint8, in order.
    """

    title: str
    note: str
    pictures: Sequence[tuple[str, np.ndarray]]
