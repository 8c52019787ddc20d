"""How much a swapped face trembles from frame to frame, beyond what the target does."""

import numpy as np
import torch.nn.functional as F
from torch import Tensor


def identity_jitter(swaps: Tensor, targets: Tensor) -> Tensor:
    """Return how much the identity changes from each frame to the next, less the change in the target.

    Args:
        swaps: (T, d) embeddings of consecutive frames, centred.
        targets: (T, d) of the targets.

    Returns:
        (T - 1,), cosine distances; below 0 where the target changes more.
    """
    changes = [1 - F.cosine_similarity(x[1:], x[:-1]) for x in (swaps, targets)]
    return changes[0] - changes[1]


def landmark_jitter(swaps: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return how far points move from each frame to the next otherwise than the target's.

    Args:
        swaps: (T, P, 2) points of consecutive frames, in distances of the eyes.
        targets: (T, P, 2) of the targets.

    Returns:
        (T - 1,), mean distance.
    """
    return np.linalg.norm(np.diff(swaps, axis=0) - np.diff(targets, axis=0), axis=2).mean(1)
