"""Who is who: faces of a picture and people known by a photograph, by the cosine of their identities."""

import torch
import torch.nn.functional as F


def likeness(z_faces: torch.Tensor, z_people: torch.Tensor) -> torch.Tensor:
    """Return how alike faces (N, d) and people (M, d) are, (N, M) in [-1, 1]."""
    return F.normalize(z_faces) @ F.normalize(z_people).T


def recognise(z_faces: torch.Tensor, z_people: torch.Tensor, min_likeness: float) -> list[int | None]:
    """Return for each face the number of the person it shows, None if nobody known.

    Nobody is in a picture twice: of all ways to match faces with people, the likeliest as a whole.

    Args:
        z_faces: (N, d).
        z_people: (M, d).
        min_likeness: Of whoever is known.
    """
    from scipy.optimize import linear_sum_assignment  # takes longer to load than most photographs to swap

    alike = likeness(z_faces, z_people).cpu().numpy()
    found: list[int | None] = [None] * len(z_faces)
    for face, person in zip(*linear_sum_assignment(-alike), strict=True):
        if alike[face, person] >= min_likeness:
            found[face] = int(person)
    return found
