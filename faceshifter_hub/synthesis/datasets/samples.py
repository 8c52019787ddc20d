"""What stands in a sample of a data set: pictures, maps and what is known of them, as files in memory.

Pictures are lossless, because a compressed truth is none: WebP, written and read in half of PNG's time. Maps are PNG.
"""

import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from faceshifter_hub.errors import DataError
from faceshifter_hub.models.labels import LABELS

if TYPE_CHECKING:  # who reads samples needs no renderer
    from faceshifter_hub.synthesis.renderer import Rendering
    from faceshifter_hub.synthesis.triplets import Person, Triplet

DEPTH_UNIT = 1e-3  # decimetres, so tenths of a millimetre
NO_DEPTH = 65535  # nothing but background


def encode_face(person: "Person", rendering: "Rendering", facts: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the fields of a face; `facts` go into its JSON, before what the parameters and landmarks are."""
    return {
        "webp": encode_picture(rendering.image),
        "labels.png": encode_map(rendering.labels),
        "depth.png": encode_map(quantise_depth(rendering.depth)),
        "region.png": encode_map(rendering.region),
        "json": encode_facts({**facts, **describe(person), **describe_picture(rendering)}),
    }


def encode_triplet(triplet: "Triplet", facts: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the fields of a triplet."""
    people = {"source": triplet.source_person, "target": triplet.target_person}
    pictures = {name: getattr(triplet, name) for name in ("source", "target", "truth")}
    known = {name: describe_picture(rendering) for name, rendering in pictures.items()}
    return {
        **{f"{name}.webp": encode_picture(rendering.image) for name, rendering in pictures.items()},
        "region.png": encode_map(np.uint8(255) * triplet.region),
        "target_labels.png": encode_map(triplet.target.labels),
        "truth_labels.png": encode_map(triplet.truth.labels),
        "json": encode_facts(
            {**facts, **known, **{name: {**describe(person), **known[name]} for name, person in people.items()}}
        ),
    }


def describe(person: "Person") -> dict[str, Any]:
    """Return who and how, as plain data."""
    return {
        "identity": person.identity.model_dump(mode="json"),
        "attributes": person.attributes.model_dump(mode="json"),
    }


def describe_picture(rendering: "Rendering") -> dict[str, Any]:
    """Return landmarks and skin tone of a picture, as plain data."""
    return {
        "landmarks": rendering.landmarks.astype(float).round(3).tolist(),
        "landmarks68": rendering.landmarks68.astype(float).round(3).tolist(),
        "skin_tone": skin_tone(rendering),
    }


def skin_tone(rendering: "Rendering") -> float | None:
    """Return the individual typology angle of the skin, degrees, as photographed; None where no skin shows."""
    return typology_angle(rendering.image[rendering.labels == LABELS["skin"]])


def typology_angle(skin: np.ndarray) -> float | None:
    """Return the individual typology angle of pixels (N, 3) uint8 RGB of skin, degrees; None of no pixels.

    Above 55 very light, 41 light, 28 intermediate, 10 tan, -30 brown, below it dark (Chardon et al. 1991).
    """
    if not len(skin):
        return None
    colour = np.median(skin, axis=0).astype(np.float32)[None, None] / 255
    lightness, _, b = cv2.cvtColor(colour, cv2.COLOR_RGB2LAB)[0, 0]
    return round(float(np.degrees(np.arctan2(lightness - 50, b))), 1)


def quantise_depth(depth: np.ndarray) -> np.ndarray:
    """Turn depth (S, S) in decimetres, infinite where there is background, into uint16 of DEPTH_UNIT and NO_DEPTH."""
    return np.clip(np.nan_to_num(depth / DEPTH_UNIT, posinf=NO_DEPTH).round(), 0, NO_DEPTH).astype(np.uint16)


def encode_picture(image: np.ndarray) -> bytes:
    """Return a picture (S, S, 3) uint8 RGB as a lossless WebP."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "webp", lossless=True, quality=50, method=0)
    return file.getvalue()


def encode_map(values: np.ndarray) -> bytes:
    """Return a map (S, S) uint8 or uint16 as a PNG."""
    file = io.BytesIO()
    Image.fromarray(values).save(file, "png", compress_level=1)
    return file.getvalue()


def encode_facts(facts: Mapping[str, Any]) -> bytes:
    """Return plain data as JSON."""
    return json.dumps(facts, separators=(",", ":")).encode()


def decode_picture(content: bytes) -> np.ndarray:
    """Return a picture (S, S, 3) uint8 RGB.

    Raises:
        DataError: It is damaged.
    """
    return decode(content, cv2.IMREAD_COLOR_RGB)


def decode_map(content: bytes) -> np.ndarray:
    """Return a map (S, S) uint8 or uint16.

    Raises:
        DataError: It is damaged.
    """
    return decode(content, cv2.IMREAD_UNCHANGED)


def decode(content: bytes, flags: int) -> np.ndarray:
    """Return what OpenCV decodes.

    Raises:
        DataError: Nothing.
    """
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if image is None:
        raise DataError("A picture of a shard is damaged; delete the shard and give the command that made it again.")
    return image
