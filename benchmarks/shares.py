"""Shares of what was counted, with their intervals."""

from math import sqrt


def share(count: int, total: int, digits: int = 1) -> str:
    """Return a share in percent with its 95 % interval by Wilson."""
    z = 1.96
    p, shrink = count / total, 1 + z * z / total
    middle, half = (p + z * z / (2 * total)) / shrink, z / shrink * sqrt(p * (1 - p) / total + (z / total / 2) ** 2)
    low, high = (f"{100 * min(max(end, 0), 1):.{digits}f}" for end in (middle - half, middle + half))
    return f"{100 * p:.{digits}f} ({low} to {high})"
