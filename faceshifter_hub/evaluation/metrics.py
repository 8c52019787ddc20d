"""Every metric that a report may hold: its unit, which way is better, and what it is."""

from dataclasses import dataclass
from typing import Literal

FALSE_ACCEPT_RATE = 1e-3  # of `verified`

PARTS = {
    "face": "the part of the face that shows",
    "occluder": "what hides a part of the face, in the target and in the true swap",
    "background": "all that a swap may not change",
}


@dataclass(frozen=True)
class Metric:
    """What a report says of a metric.

    Attributes:
        unit: of its values; a `share` is a part of 1.
        better: which way.
        meaning: what it is, beginning in lower case, no full stop.
    """

    unit: str
    better: Literal["higher", "lower"]
    meaning: str


METRICS: dict[str, Metric] = {
    "closer_to_source": Metric(
        "share", "higher", "swaps whose cosine to the source's face exceeds that to the target's"
    ),
    "retrieval_top1": Metric("share", "higher", "swaps whose nearest person in the gallery is the source"),
    "retrieval_top5": Metric("share", "higher", "swaps whose source is among the five nearest people of the gallery"),
    "verified": Metric(
        "share",
        "higher",
        "swaps taken for the source's person by the cosine that one in a thousand pairs of two people exceeds",
    ),
    "cosine_to_source": Metric("cosine", "higher", "mean centred cosine to the source's face"),
    "cosine_to_target": Metric("cosine", "lower", "mean centred cosine to the target's face"),
    "cosine_to_truth": Metric("cosine", "higher", "mean centred cosine to the true swap"),
    "pose_error": Metric("degrees", "lower", "length of the difference in yaw, pitch and roll"),
    "expression_error": Metric("weights", "lower", "length of the difference of the ARKit weights"),
    "same_emotion": Metric("share", "higher", "swaps in which a classifier sees the same of seven expressions"),
    "gaze_error": Metric(
        "eye widths", "lower", "difference in where the irises are between the corners of the eyes, across"
    ),
    "mouth_error": Metric("eye distances", "lower", "difference in how far the lips are apart"),
    "psnr_outside": Metric("dB", "higher", "likeness to the target around the face, 100 at most"),
    "ssim_outside": Metric("similarity", "higher", "structural similarity to the target around the face"),
    "colour_difference": Metric("Lab", "lower", "difference of the mean colour (a, b) inside the face"),
    "light_difference": Metric("Lab", "lower", "difference of the blurred lightness L inside the face"),
    "frechet_faceres": Metric(
        "squared distance", "lower", "Frechet distance of swaps and targets in features of faceres, not of Inception"
    ),
    "frechet_inception": Metric(
        "squared distance",
        "lower",
        "Frechet distance of aligned swaps and targets in pool3 features of FID's Inception",
    ),
    **{
        f"psnr_{part}": Metric("dB", "higher", f"likeness to the true swap over {what}")
        for part, what in PARTS.items()
    },
    **{
        f"ssim_{part}": Metric("similarity", "higher", f"structural similarity to the true swap over {what}")
        for part, what in PARTS.items()
    },
    **{
        f"feature_distance_{part}": Metric(
            "distance", "lower", f"distance to the true swap in the layers of an identity network over {what}"
        )
        for part, what in PARTS.items()
    },
    "occluder_error": Metric("levels", "lower", f"mean difference to the true swap over {PARTS['occluder']}, of 255"),
    "occluder_error_removed": Metric("share", "higher", "how much of stage 1's `occluder_error` stage 2 removes"),
    "identity_jitter": Metric(
        "cosine distance", "lower", "change of the face's identity from frame to frame, beyond that of the target"
    ),
    "landmark_jitter": Metric(
        "eye distances", "lower", "movement of the face's points from frame to frame that the target's do not make"
    ),
}
