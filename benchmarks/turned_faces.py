"""How far a face may be turned to the side: `python benchmarks/turned_faces.py --people 40 --picture turned.webp`.

Rendered people turn their heads; printed is how many the detector finds, and how far its landmarks lie from where they
are. A face counts as found if they lie nearer than a quarter of the landmarks' extent. The picture shows the first
people, and beneath each the swap by the default pipeline, black where there is none. People are made of the assets
that `FACESHIFTER_ASSETS` names; procedural ones, without it, are found less often.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from faceshifter_hub.errors import NoFaceError
from faceshifter_hub.faces.detection import detect_turned
from faceshifter_hub.media.images import write_image
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.registry import DATA_ROOT
from faceshifter_hub.synthesis.attribute_prior import sample_attributes
from faceshifter_hub.synthesis.identity_prior import sample_identity
from faceshifter_hub.synthesis.renderer import FaceRenderer, Rendering

YAWS = (0, 15, 30, 45, 60, 75, 90)  # degrees
FOUND, SIZE, SHOWN = 0.25, 384, 2


def turning(renderer: FaceRenderer, rng: np.random.Generator) -> list[Rendering]:
    """Render somebody, nothing before the face, head upright, at each of `YAWS`."""
    identity = sample_identity(rng, renderer.catalogue)
    attributes = sample_attributes(rng, identity, renderer.catalogue)
    poses = [attributes.pose.model_copy(update={"yaw": np.radians(yaw), "pitch": 0, "roll": 0}) for yaw in YAWS]
    return [renderer.render(identity, attributes.model_copy(update={"pose": pose, "occluders": ()})) for pose in poses]


def main() -> None:
    """Measure, print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=40, help="rendered (%(default)s)")
    parser.add_argument("--picture", type=Path, help="of the first swaps, to write")
    arguments = parser.parse_args()
    renderer, rng, pipeline = FaceRenderer(SIZE), np.random.default_rng(0), FaceShifterPipeline.from_pretrained()
    source = pipeline.identity(DATA_ROOT / "examples" / "face_01.webp")
    errors, rows = np.full((arguments.people, len(YAWS)), np.inf), []
    for person in range(arguments.people):
        renderings = turning(renderer, rng)
        for n, rendering in enumerate(renderings):
            extent = np.linalg.norm(np.ptp(rendering.landmarks, axis=0))
            for face in detect_turned(pipeline.components["face_detector"], rendering.image)[0]:
                error = np.linalg.norm(face.landmarks - rendering.landmarks, axis=1).mean() / extent
                errors[person, n] = min(errors[person, n], error)
        if person < SHOWN:
            rows += [
                np.hstack([rendering.image for rendering in renderings]),
                np.hstack(swaps(pipeline, source, renderings)),
            ]
    print("| degrees | found | landmarks off, of their extent (median of those found) |\n|---|---|---|")
    for yaw, its in zip(YAWS, errors.T, strict=True):
        found = its < FOUND
        print(f"| {yaw} | {found.mean():.0%} | {np.median(its[found]) if found.any() else np.nan:.3f} |")
    if arguments.picture:
        picture = np.vstack(rows)
        write_image(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), arguments.picture)


def swaps(pipeline: FaceShifterPipeline, source: object, renderings: list[Rendering]) -> list[np.ndarray]:
    """Return the swaps into rendered people, black where no face is found."""
    results = []
    for rendering in renderings:
        try:
            results.append(np.asarray(pipeline(source, rendering.image).images[0]))
        except NoFaceError:
            results.append(np.zeros_like(rendering.image))
    return results


if __name__ == "__main__":
    main()
