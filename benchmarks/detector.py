"""What the face detector finds of small faces, how much its landmarks tremble, and its time: `benchmarks/detector.py`.

On the rendered examples: each is moved and scaled a little, and the landmarks found are compared with their median;
each is set, ever smaller, beside a large one into a photograph of 2048x1152.
"""

import argparse
import json
import time
from collections.abc import Iterator

import cv2
import numpy as np

from faceshifter_hub.component import load_component
from faceshifter_hub.media.images import read_image
from faceshifter_hub.registry import DATA_ROOT

MOVES = ((0, 1.0), (13, 1.0), (31, 1.0), (50, 1.0), (0, 0.83), (0, 0.91), (0, 1.13), (0, 1.3))  # pixels, scale
FRACTIONS = (12, 16, 20, 24, 28, 32)  # of the longest side
LARGE, WIDTH, HEIGHT = 1024, 2048, 1152


def moved(photo: np.ndarray) -> Iterator[tuple[np.ndarray, int, float]]:
    """Give a photograph (H, W, 3) moved by so many pixels down and right, and then scaled."""
    for shift, scale in MOVES:
        padded = cv2.copyMakeBorder(photo, shift, 20, shift, 10, cv2.BORDER_REPLICATE)
        height, width = padded.shape[:2]
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        resized = cv2.resize(padded, (round(width * scale), round(height * scale)), interpolation=how)
        yield resized, shift, resized.shape[1] / width


def main() -> None:
    """Measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--component", default="mtcnn", metavar="ADDRESS", help="of the detector (%(default)s)")
    arguments = parser.parse_args()
    detector = load_component(arguments.component, "face_detector")
    photos = [read_image(path) for path in sorted((DATA_ROOT / "examples").glob("face_*.webp"))]

    trembling, faces = [], []
    for photo in photos:
        found = []
        for picture, shift, scale in moved(photo):
            face = detector.detect(picture)[0]
            found.append((face.landmarks + 0.5) / scale - 0.5 - shift)
        faces.append(detector.detect(photo)[0])
        apart = np.linalg.norm(found - np.median(found, axis=0), axis=2)  # (moves, 5)
        trembling.append(float(apart.mean()) / faces[-1].area ** 0.5)

    recall = {}
    beside = cv2.resize(photos[0], (LARGE, LARGE), interpolation=cv2.INTER_CUBIC)
    for fraction in FRACTIONS:
        seen = 0
        for photo, face in zip(photos, faces, strict=True):
            scale = WIDTH / fraction / face.area**0.5
            small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            whole = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
            whole[:LARGE, -LARGE:] = beside
            whole[: len(small), : len(small)] = small
            seen += any(found.landmarks.max() < len(small) for found in detector.detect(whole))
        recall[f"1/{fraction}"] = round(seen / len(photos), 2)

    milliseconds = {}
    for side in (512, 1024, 2048):
        resized = [cv2.resize(photo, (side, side), interpolation=cv2.INTER_CUBIC) for photo in photos]
        detector.detect(resized[0])
        started = time.process_time()
        for photo in resized:
            detector.detect(photo)
        milliseconds[side] = round(1000 * (time.process_time() - started) / len(photos), 1)
    facts = {
        "landmarks tremble, of the face's size": round(float(np.mean(trembling)), 4),
        "small faces found beside a large one": recall,
        "milliseconds of processor time, by side": milliseconds,
    }
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
