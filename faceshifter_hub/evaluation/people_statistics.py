"""Statistics over several pictures each of many people, and their bootstrap intervals over the people.

Pictures of one person are no independent draws, so it is people that the bootstrap draws again. Every statistic takes
a weight for each picture: how often its person was drawn.
"""

from collections.abc import Callable

import numpy as np

Statistic = Callable[[np.ndarray], float]


def bootstrap_people(
    statistic: Statistic, people: np.ndarray, seed: int = 0, resamples: int = 500
) -> tuple[float, float]:
    """95 % percentile bootstrap interval.

    Args:
        statistic: Takes the weights of the pictures, (N,) float64.
        people: (N,) whom each picture shows.
        seed: The same pictures and seed give the same interval.
        resamples: How many times as many people as there are, are drawn with replacement.
    """
    rng = np.random.default_rng(seed)
    names, who = np.unique(people, return_inverse=True)
    values = []
    for _ in range(resamples):
        drawn = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
        values.append(statistic(drawn[who].astype(np.float64)))
    low, high = np.nanpercentile(values, [2.5, 97.5])  # draws in which the statistic is not defined do not count
    return float(low), float(high)


def mean_of(values: np.ndarray) -> Statistic:
    """Return the statistic: mean of values (N,)."""
    return lambda weights: float((weights * values).sum() / weights.sum())


def correlation_of(a: np.ndarray, b: np.ndarray) -> Statistic:
    """Return the statistic: Pearson's correlation of values (N,)."""

    def correlation(weights: np.ndarray) -> float:
        x, y = (values - np.average(values, weights=weights) for values in (a, b))
        with np.errstate(invalid="ignore"):
            return float((weights * x * y).sum() / np.sqrt((weights * x * x).sum() * (weights * y * y).sum()))

    return correlation


def verification_of(embeddings: np.ndarray, people: np.ndarray) -> Statistic:
    """Return the statistic: area under the ROC curve of telling pairs of one person from pairs of two.

    Args:
        embeddings: (N, d), unit length; a pair is scored by its cosine.
        people: (N,) whom each shows.
    """
    first, second = np.triu_indices(len(people), 1)
    scores = (embeddings @ embeddings.T)[first, second]
    same = people[first] == people[second]
    one, (left, right) = first[same], (first[~same], second[~same])
    order = np.argsort(scores[~same])
    left, right, impostors = left[order], right[order], scores[~same][order]
    below = [np.searchsorted(impostors, scores[same], side) for side in ("left", "right")]  # ties count half

    def area(weights: np.ndarray) -> float:
        total = np.concatenate([[0], np.cumsum(weights[left] * weights[right])])
        genuine = weights[one]
        with np.errstate(invalid="ignore"):
            wins = (genuine * (total[below[0]] + total[below[1]]) / 2).sum()
            return float(wins / (genuine.sum() * total[-1]))

    return area


def calibrate(estimated: np.ndarray, true: np.ndarray, people: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Map estimates to true values by a straight line that was fitted to other people.

    The people of even number give the line for those of odd number, and the other way round.

    Args:
        estimated: (N,).
        true: (N,).
        people: (N,) number of whom each picture shows.
        usable: (N,) bool, the pictures a line may be fitted to.

    Returns:
        Calibrated estimates, (N,); nan where there is nothing to fit to.
    """
    calibrated = np.full(len(estimated), np.nan)
    for half in (people % 2 == 0, people % 2 == 1):
        fitted = ~half & usable
        if len(np.unique(estimated[fitted])) > 1:
            calibrated[half] = np.polyval(np.polyfit(estimated[fitted], true[fitted], 1), estimated[half])
    return calibrated
