"""Every occluder that can be placed on a face."""

from collections.abc import Sequence

import numpy as np

from faceshifter_hub.synthesis.occluders.contact import Contact
from faceshifter_hub.synthesis.occluders.glasses import Spectacles
from faceshifter_hub.synthesis.occluders.hand import HandRig, place_hand
from faceshifter_hub.synthesis.occluders.mask import MaskSheet
from faceshifter_hub.synthesis.occluders.objects import Objects
from faceshifter_hub.synthesis.occluders.strands import Locks
from faceshifter_hub.synthesis.occluders.surfaces import Surface
from faceshifter_hub.synthesis.parameters import Glasses, Hand, Mask, Object, Occluder, Skin, Strands
from faceshifter_hub.synthesis.pieces import Anatomy, Piece


class Props:
    """What occluders are made of; a face is all that they are placed by, so they are the same in target and truth.

    Args:
        base: (n, 3) vertices of the unmorphed base mesh.
        skin: indices of the skin's vertices.
        hand: indices of the left hand's vertices.

    Attributes:
        surfaces: rest coordinates and triangles of every mesh, but for the hands, which are cut out of the base mesh.
    """

    def __init__(self, base: np.ndarray, skin: np.ndarray, hand: np.ndarray):
        self.hand, self.contact = HandRig(base, hand), Contact(base, skin)
        self.spectacles, self.objects = Spectacles(base, skin), Objects()
        self.mask, self.locks = MaskSheet(base, skin), Locks(base, skin)
        sorts = (self.spectacles, self.objects, self.mask, self.locks)
        self.surfaces: dict[str, Surface] = {name: each for sort in sorts for name, each in sort.surfaces.items()}

    def place(self, occluder: Occluder, anatomy: Anatomy) -> list[Piece]:
        """Return what there is to draw of one occluder."""
        match occluder:
            case Hand():
                return place_hand(occluder, self.hand, anatomy, self.contact)
            case Glasses():
                return self.spectacles.place(occluder, anatomy)
            case Object():
                return self.objects.place(occluder, self.hand, anatomy, self.contact)
            case Mask():
                return self.mask.place(occluder, anatomy)
            case Strands():
                return self.locks.place(occluder, anatomy)


def hand_skins(occluders: Sequence[Occluder]) -> list[Skin]:
    """Return the skin of each hand among occluders, of those that hold objects, too."""
    return [each.skin for each in occluders if isinstance(each, Hand | Object) and each.skin is not None]
