"""Rendered people side by side, and where each stands."""

import cv2
import numpy as np
from PIL import Image

from faceshifter_hub.registry import DATA_ROOT

PEOPLE = sorted((DATA_ROOT / "examples").glob("*.webp"))
PLACE = 320  # pixels a person


def group(*people, sides=(320, 320, 320)):
    """Return people (numbers of examples) from left to right, (320, 320 N, 3) uint8, each drawn `side` pixels wide."""
    canvas = np.full((PLACE, PLACE * len(people), 3), 120, np.uint8)
    for place, (person, side) in enumerate(zip(people, sides, strict=False)):
        picture = Image.open(PEOPLE[person]).convert("RGB").resize((side, side))
        canvas[:side, place * PLACE : place * PLACE + side] = picture
    return canvas


def changed_places(before, after):
    """Return the numbers, from 0, of the people of a group who differ between two pictures, by more than a mark."""
    difference = cv2.blur(after.astype(np.float32) - before, (32, 32))  # a watermark is 0 on average
    differs = (np.abs(difference) > 3).any(axis=(0, 2))  # (320 N,)
    return [place for place in range(len(differs) // PLACE) if differs[place * PLACE : (place + 1) * PLACE].any()]
