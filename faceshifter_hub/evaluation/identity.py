"""Identity scores: centred cosine, retrieval, closer to the source or to the target, with bootstrap intervals.

Raw cosines of a face network say little, for all its embeddings lie around one average face. So they are centred: the
mean of a gallery of different people is taken off. Every metric is one number a pair; its mean is what is reported.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from faceshifter_hub.errors import DataError

BATCH = 16


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


def retrieval(results: Tensor, gallery: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """ID retrieval (FaceShifter, section 4.1): is the source the nearest of the gallery?

    Args:
        results: (N, d).
        gallery: (G, d), one embedding a person.
        labels: (N,) row of the gallery that is the source of each result.

    Returns:
        Whether the source is the nearest (N,), and whether it is among the five nearest (N,), by cosine; of equal
        cosines the source's counts as the farthest. Their means are retrieval top-1 and top-5.
    """
    similarity = F.normalize(results, dim=1) @ F.normalize(gallery, dim=1).T  # (N, G)
    others_before = (similarity >= similarity.gather(1, labels[:, None])).sum(1) - 1
    return others_before < 1, others_before < 5


def closer_to_source(results: Tensor, sources: Tensor, targets: Tensor) -> Tensor:
    """Whether each result (N, d) has a higher cosine to its source (N, d) than to its target (N, d): (N,) bool."""
    return F.cosine_similarity(results, sources) > F.cosine_similarity(results, targets)


def bootstrap_interval(values: Tensor, seed: int = 0, resamples: int = 2000) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a mean.

    Args:
        values: (N,), one number a pair.
        seed: The same values and seed give the same interval.
        resamples: How many times N values are drawn with replacement.

    Returns:
        The 2.5th and the 97.5th percentile of the resampled means.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(values), (resamples, len(values)), generator=generator)
    means = values.double().cpu()[drawn].mean(1)
    low, high = means.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


def identity_metrics(results: Tensor, gallery: Tensor, sources: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Every identity metric of swaps between people of a gallery, one number a pair.

    Args:
        results: (N, d) embeddings of the swaps, as the network gives them.
        gallery: (G, d) embeddings of the people, one each.
        sources: (N,) row of the gallery that gave each swap its identity.
        targets: (N,) row of the gallery that gave each swap the rest.

    Returns:
        `closer_to_source`, `retrieval_top1`, `retrieval_top5` (0 or 1), `cosine_to_source`, `cosine_to_target`
        (centred), each (N,) float64.
    """
    results, gallery = centre(results, gallery), centre(gallery, gallery)
    top1, top5 = retrieval(results, gallery, sources)
    metrics = {
        "closer_to_source": closer_to_source(results, gallery[sources], gallery[targets]),
        "retrieval_top1": top1,
        "retrieval_top5": top5,
        "cosine_to_source": F.cosine_similarity(results, gallery[sources]),
        "cosine_to_target": F.cosine_similarity(results, gallery[targets]),
    }
    return {name: values.double().cpu() for name, values in metrics.items()}


def summarise(metrics: Mapping[str, Tensor]) -> dict[str, Score]:
    """Turn metrics of one number a pair, each (N,), into means with intervals.

    Pairs that have no number are left out, and so is a metric of which none has one.
    """
    known = {name: values[~values.isnan()] for name, values in metrics.items()}
    return {
        name: Score(values.mean().item(), bootstrap_interval(values), len(values))
        for name, values in known.items()
        if len(values)
    }


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
