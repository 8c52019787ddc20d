"""The Frechet distance of two sets of pictures in features of a named network."""

import torch
from torch import Tensor

FOLDS = 20  # of the jackknife


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Return the squared Frechet distance of the Gaussians that fit two sets of features.

    Source: Heusel et al., arXiv 1706.08500, equation 6. The trace of (C1 C2)^(1/2) is the sum of the singular values
    of the product of the centred features, so that fewer pictures than features need no regularisation.

    Args:
        first: (N, d), N at least 2.
        second: (M, d), M at least 2.
    """
    a, b = ((x - x.mean(0)) / (len(x) - 1) ** 0.5 for x in (first.double(), second.double()))
    cross = torch.linalg.svdvals(a @ b.T).sum() if min(len(a), len(b)) < a.shape[1] else root_trace(a, b)
    means = (first.double().mean(0) - second.double().mean(0)).square().sum()
    return float((means + a.square().sum() + b.square().sum() - 2 * cross).clamp(min=0))


def root_trace(a: Tensor, b: Tensor) -> Tensor:
    """Return the trace of (A'A B'B)^(1/2) for centred features A (N, d) and B (M, d), by matrices (d, d)."""
    values, vectors = torch.linalg.eigh(a.T @ a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    return torch.linalg.eigvalsh(root @ (b.T @ b) @ root).clamp(min=0).sqrt().sum()


def frechet_interval(first: Tensor, second: Tensor, clusters: Tensor | None = None) -> tuple[float, float]:
    """Return the 95 % interval of the distance of paired features (N, d), by the jackknife over FOLDS groups.

    Not by the bootstrap: a set drawn with repetitions lies farther off than any set of its size. Groups are every
    FOLDS-th pair, or every FOLDS-th of the `clusters` (N,) long, numbered from 0, of pairs that belong together.
    """
    value = frechet_distance(first, second)
    fold = (torch.arange(len(first)) if clusters is None else clusters) % FOLDS
    folds = [k for k in range(FOLDS) if (fold != k).sum() > 1 and (fold == k).any()]
    if len(folds) < 2:
        return value, value
    without = torch.tensor([frechet_distance(first[fold != k], second[fold != k]) for k in folds], dtype=torch.float64)
    error = ((len(folds) - 1) / len(folds) * (without - without.mean()).square().sum()).sqrt().item()
    return max(value - 1.96 * error, 0.0), value + 1.96 * error
