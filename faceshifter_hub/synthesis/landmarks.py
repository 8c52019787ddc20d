"""The 68 landmarks of iBUG 300-W on MakeHuman's base mesh hm08.

Their order is that of a picture of the face from before, so the person's right comes first. They are fixed to the
mesh, the jaw's, too: on a turned head they stay on the jaw and do not wander along the outline in the picture.
"""

import numpy as np

LANDMARKS_68: tuple[tuple[int, ...], ...] = (
    # jaw, from beside the right eye along the face's outline from before, over the bottom of the chin, to the left eye
    (5195, 5202),
    (5201, 5203),
    (270, 910),
    (5241,),
    (893, 894),
    (892, 3697),
    (922,),
    (918,),
    (732,),
    (7620,),
    (7624,),
    (7594, 10365),
    (7595, 7596),
    (11850,),
    (7039, 7612),
    (11812, 11814),
    (11806, 11813),
    # right brow from its outer end, left brow from its inner end; the middle line of an average of twelve brows
    (211, 255),
    (178, 206),
    (170, 176, 177),
    (174, 180),
    (166, 181),
    (6943, 6957),
    (6950, 6956),
    (6946, 6952, 6953),
    (6954, 6981),
    (6986, 7024),
    # nose, from between the eyes down to its tip
    (134,),
    (5063,),
    (291,),
    (297,),
    # under the nose: wing, nostril, septum, nostril, wing
    (286,),
    (285, 314),
    (317,),
    (7054, 7077),
    (7055,),
    # right eye: outer corner, upper lid, inner corner, lower lid
    (6781,),
    (6757,),
    (6763,),
    (6764, 6769),
    (6772,),
    (6776,),
    # left eye: inner corner, upper lid, outer corner, lower lid
    (13360, 13365),
    (13359,),
    (13353,),
    (13377,),
    (13372,),
    (13368,),
    # outer edge of the lips: right corner, upper lip, left corner, lower lip
    (425, 426),
    (5351, 5354),
    (450,),
    (455,),
    (7210,),
    (11953, 11956),
    (7185, 7186),
    (7130, 7235),
    (7241,),
    (492, 5337),
    (486,),
    (370, 480),
    # inner edge of the lips, where they touch: right corner, upper lip, left corner, lower lip
    (431, 432),
    (522,),
    (520,),
    (7268,),
    (7191, 7192),
    (7264,),
    (523,),
    (517,),
)
"""Vertices of the base mesh whose mean is the landmark."""

LANDMARK_VERTICES = np.unique(np.concatenate(LANDMARKS_68))
"""All of those vertices, (n,)."""

LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))  # upper and lower point of a pair that meets
LIPS = ((61, 67), (62, 66), (63, 65))


def landmarks_68(vertices: np.ndarray, renumber: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Return the landmarks, (68, 3).

    The expression units let lids and lips pass through each other, which in a picture looks closed: points that would
    pass stay together, lids on the upper one, lips half way.

    Args:
        vertices: Vertices of a face as it is drawn, (n, 3).
        renumber: From an index into the base mesh to one into `vertices`, (m,).
        up: Upward direction of the head, (3,), of length 1.
    """
    points = np.stack([vertices[renumber[list(indices)]].mean(0) for indices in LANDMARKS_68])
    for pairs, upper_share in ((LIDS, 1.0), (LIPS, 0.5)):
        for upper, lower in pairs:
            if (points[upper] - points[lower]) @ up < 0:
                points[[upper, lower]] = points[upper] * upper_share + points[lower] * (1 - upper_share)
    return points
