"""What stands before a face: one file a sort, all in the coordinates of the face."""

from faceshifter_hub.synthesis.occluders.prior import sample_dye, sample_occluders
from faceshifter_hub.synthesis.occluders.props import Props, hand_skins

__all__ = ["Props", "hand_skins", "sample_dye", "sample_occluders"]
