"""Find the five landmarks of every photograph in a folder: `python trainers/prepare.py FOLDER [--output_dir DIR]`.

Copies the photographs with a face to DIR and writes DIR/landmarks.json beside them.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import cv2

from faceshifter_hub.component import load_component
from faceshifter_hub.errors import DataError, FaceShifterError, UnreadableImageError
from faceshifter_hub.media.images import read_image
from trainers.data import LANDMARKS_FILE

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
SMALL_SIDE = 512  # smaller pictures are doubled before detection: their faces are too small for sure landmarks


def prepare(folder: Path, output: Path, detector_address: str) -> None:
    """Write the photographs with a face, and their landmarks, to `output`.

    Raises:
        DataError: The folder holds no picture.
    """
    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise DataError(f"{folder} holds no picture ({', '.join(sorted(SUFFIXES))}).")
    output.mkdir(parents=True, exist_ok=True)
    detector = load_component(detector_address, "face_detector")
    landmarks: dict[str, list[list[float]]] = {}
    for n, path in enumerate(paths, 1):
        try:
            image = read_image(path)
        except UnreadableImageError as error:
            print(f"\nleft out: {error}")
            continue
        factor = 2 if max(image.shape[:2]) < SMALL_SIDE else 1
        enlarged = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        faces = detector.detect(enlarged)
        if faces:
            landmarks[path.name] = ((faces[0].landmarks + 0.5) / factor - 0.5).round(3).tolist()
            if output != folder:
                shutil.copyfile(path, output / path.name)
        print(f"\r{n} of {len(paths)} pictures, {len(landmarks)} faces", end="", flush=True)
    print()
    partial = output / f"{LANDMARKS_FILE}.partial"
    partial.write_text(json.dumps(landmarks))
    partial.rename(output / LANDMARKS_FILE)


def main() -> None:
    """Read the command line and prepare one folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="photographs, one person each")
    parser.add_argument("--output_dir", type=Path, help="default: FOLDER itself")
    parser.add_argument("--face_detector", default="mtcnn", help="address of the detector")
    args = parser.parse_args()
    prepare(args.folder, args.output_dir or args.folder, args.face_detector)


if __name__ == "__main__":
    try:
        main()
    except FaceShifterError as error:
        sys.exit(str(error))
