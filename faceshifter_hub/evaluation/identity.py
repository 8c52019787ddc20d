"""Identity scores: centred cosine, retrieval, closer to the source or to the target, with bootstrap intervals.

Raw cosines of a face network say little, for all its embeddings lie around one average face. So they are centred: the
mean of a gallery of different people is taken off. Every metric is one number a pair; its mean is what is reported.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.metrics import FALSE_ACCEPT_RATE

BATCH = 16
SEARCHED = 1024  # swaps whose cosines to the gallery are in memory at once


@dataclass(frozen=True)
class Score:
    """Mean of a metric over `pairs` pairs, and its 95 % bootstrap interval."""

    value: float
    interval: tuple[float, float]
    pairs: int


def centre(embeddings: Tensor, gallery: Tensor) -> Tensor:
    """Normalise embeddings, subtract the mean of a normalised gallery, normalise again.

    Args:
        embeddings: (N, d).
        gallery: (G, d), one embedding a person.

    Returns:
        (N, d), unit length; cosines of such rows are centred cosines, near 0 between strangers.
    """
    return F.normalize(F.normalize(embeddings, dim=1) - F.normalize(gallery, dim=1).mean(0), dim=1)


def retrieval(results: Tensor, gallery: Tensor, people: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """ID retrieval (FaceShifter, section 4.1): is the source's person the nearest of the gallery?

    Args:
        results: (N, d).
        gallery: (G, d).
        people: (G,) whom each of the gallery shows, a number below 0 for whom it is not searched for.
        wanted: (N,) the person that gave each result its identity.

    Returns:
        Whether the source's person is the nearest (N,), and whether it is among the five nearest (N,), by the cosine
        to the person's nearest face; of equal cosines the source's counts as the farthest. Their means are retrieval
        top-1 and top-5.
    """
    names, person = people[people >= 0].unique(return_inverse=True)  # (P,), (G',)
    candidates = F.normalize(gallery[people >= 0], dim=1)
    before = []
    for some, their in zip(F.normalize(results, dim=1).split(SEARCHED), wanted.split(SEARCHED), strict=True):
        similarity = some @ candidates.T  # (n, G')
        nearest = similarity.new_full((len(some), len(names)), -2).scatter_reduce(
            1, person.expand(len(some), -1), similarity, "amax"
        )  # (n, P)
        own = nearest.gather(1, torch.searchsorted(names, their)[:, None])
        before.append((nearest >= own).sum(1) - 1)
    others_before = torch.cat(before)
    return others_before < 1, others_before < 5


def verification_threshold(gallery: Tensor, people: Tensor, false_accept_rate: float) -> float | None:
    """Return the cosine that this share of the pairs of two people exceeds, one face each.

    Args:
        gallery: (G, d), centred.
        people: (G,) whom each shows, a number below 0 for nobody's.
        false_accept_rate: in (0, 1).

    Returns:
        None where there are too few pairs to tell: fewer than one would exceed it.
    """
    _, first = np.unique(people.cpu().numpy(), return_index=True)
    chosen = F.normalize(gallery[torch.from_numpy(first[people.cpu().numpy()[first] >= 0])], dim=1)
    rows, columns = torch.triu_indices(len(chosen), len(chosen), 1, device=chosen.device)
    if len(rows) * false_accept_rate < 1:
        return None
    impostors = (chosen @ chosen.T)[rows, columns].sort(descending=True).values
    return float(impostors[int(len(rows) * false_accept_rate)])


def closer_to_source(results: Tensor, sources: Tensor, targets: Tensor) -> Tensor:
    """Whether each result (N, d) has a higher cosine to its source (N, d) than to its target (N, d): (N,) bool."""
    return F.cosine_similarity(results, sources) > F.cosine_similarity(results, targets)


def bootstrap_interval(
    values: Tensor, clusters: Tensor | None = None, *, seed: int = 0, resamples: int = 2000
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a mean.

    Args:
        values: (N,), one number a pair.
        clusters: (N,) long, which pairs belong together, as frames of a video do: clusters are then drawn, not pairs,
            for pairs of one are no independent draws.
        seed: The same values and seed give the same interval.
        resamples: How many times as many clusters as there are, are drawn with replacement.

    Returns:
        The 2.5th and the 97.5th percentile of the resampled means.
    """
    values = values.double().cpu()
    _, which = (torch.arange(len(values)) if clusters is None else clusters.cpu()).unique(return_inverse=True)
    count = int(which.max()) + 1
    sums, sizes = (torch.zeros(count, dtype=torch.float64).index_add(0, which, x) for x in (values, values * 0 + 1))
    drawn = torch.randint(count, (resamples, count), generator=torch.Generator().manual_seed(seed))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)
    low, high = means.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


def identity_metrics(
    results: Tensor, gallery: Tensor, sources: Tensor, targets: Tensor, people: Tensor | None = None
) -> dict[str, Tensor]:
    """Every identity metric of swaps between photographs, one number a pair.

    Args:
        results: (N, d) embeddings of the swaps, as the network gives them.
        gallery: (G, d) embeddings of the photographs.
        sources: (N,) row of the gallery that gave each swap its identity.
        targets: (N,) row of the gallery that gave each swap the rest.
        people: (G,) whom each photograph shows, a number below 0 where retrieval does not look; by default everybody
            is somebody else.

    Returns:
        `closer_to_source`, `retrieval_top1`, `retrieval_top5`, `verified` (0 or 1), `cosine_to_source`,
        `cosine_to_target` (centred), each (N,) float64. Without `verified` where the gallery is too small for it.
    """
    people = torch.arange(len(gallery), device=gallery.device) if people is None else people
    searched = gallery[people >= 0]
    results, photos = centre(results, searched), centre(gallery, searched)
    top1, top5 = retrieval(results, photos, people, people[sources])
    to_source = F.cosine_similarity(results, photos[sources])
    metrics = {
        "closer_to_source": closer_to_source(results, photos[sources], photos[targets]),
        "retrieval_top1": top1,
        "retrieval_top5": top5,
        "cosine_to_source": to_source,
        "cosine_to_target": F.cosine_similarity(results, photos[targets]),
    }
    threshold = verification_threshold(photos, people, FALSE_ACCEPT_RATE)
    if threshold is not None:
        metrics["verified"] = to_source > threshold
    return {name: values.double().cpu() for name, values in metrics.items()}


def summarise(metrics: Mapping[str, Tensor], clusters: Tensor | None = None) -> dict[str, Score]:
    """Turn metrics of one number a pair, each (N,), into means with intervals, `clusters` (N,) of pairs drawn as one.

    Pairs that have no number are left out, and so is a metric of which none has one.
    """
    scores = {}
    for name, values in metrics.items():
        known = ~values.isnan()
        if known.any():
            interval = bootstrap_interval(values[known], None if clusters is None else clusters[known])
            scores[name] = Score(values[known].mean().item(), interval, int(known.sum()))
    return scores


@torch.no_grad()
def embed(faces: Tensor, encoder: Callable[[Tensor], Tensor]) -> Tensor:
    """Embed aligned faces (N, 3, R, R) in [-1, 1] a batch at a time: (N, d)."""
    return torch.cat([encoder(batch) for batch in faces.split(BATCH)])


def score_aligned(
    results: Tensor, sources: Tensor, targets: Tensor, gallery: Tensor, encoder: Callable[[Tensor], Tensor]
) -> dict[str, Score]:
    """Score aligned swaps in memory, without a pipeline, as a trainer does between steps.

    Args:
        results: (N, 3, R, R) swaps in [-1, 1], aligned by `arcface-wide`.
        sources: (N,) long, row of the gallery that gave each swap its identity.
        targets: (N,) long, row of the gallery that gave each swap the rest.
        gallery: (G, 3, R, R) faces of different people, one each.
        encoder: Aligned faces to embeddings (B, d); `FaceRes` judges independently, the encoder of the identity loss
            does not.

    Returns:
        The scores of `identity_metrics`.

    Raises:
        DataError: there are no swaps.
    """
    if not len(results):
        raise DataError("There are no swaps to score.")
    return summarise(identity_metrics(embed(results, encoder), embed(gallery, encoder), sources, targets))
