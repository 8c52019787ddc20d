"""Who is who: faces of a picture and people known by a photograph, by the cosine of their identities."""

import torch
import torch.nn.functional as F

# dlib's centred embeddings of different portraits are beyond it in one pair of 150, those of one rendered person, from
# other sides and in other light, in seven of eight
LEAST_LIKENESS = 0.45


def recognise(z_faces: torch.Tensor, z_people: torch.Tensor) -> list[int | None]:
    """Return for each face the number of the person it shows, None if nobody known.

    Nobody is in a picture twice: of all ways to match faces with people, the likeliest as a whole.

    Args:
        z_faces: (N, d).
        z_people: (M, d).
    """
    from scipy.optimize import linear_sum_assignment  # takes longer to load than most photographs to swap

    likeness = (F.normalize(z_faces) @ F.normalize(z_people).T).cpu().numpy()  # (N, M)
    found: list[int | None] = [None] * len(z_faces)
    for face, person in zip(*linear_sum_assignment(-likeness), strict=True):
        if likeness[face, person] >= LEAST_LIKENESS:
            found[face] = int(person)
    return found
