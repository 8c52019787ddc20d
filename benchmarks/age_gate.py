"""How many adults the age gate would refuse: `python benchmarks/age_gate.py FOLDER ...`, of pictures of adults alone.

Of every picture below the folders and in their tar files the largest face is judged; printed are how many would be
refused by each minimum age, with the 95 % interval of the share by Wilson, and what it costs.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from content_gate import pictures_of
from shares import share

from faceshifter_hub.faces.alignment import align
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.safety.age import estimate_age

MINIMA = (16, 18, 21, 25, 30)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--limit", type=int, default=5000)
    arguments = parser.parse_args()
    pipeline = FaceShifterPipeline.from_pretrained()
    ages: list[float] = []
    seconds = 0.0
    for _, picture in (pair for folder in arguments.folders for pair in pictures_of(folder)):
        faces = pipeline.detect(picture)
        if not faces:
            continue
        face = max(faces, key=lambda face: face.area)
        aligned, _ = align(picture, face.landmarks, pipeline.resolution)
        began = time.process_time()
        ages.append(estimate_age(aligned))
        seconds += time.process_time() - began
        if len(ages) == arguments.limit:
            break
    low, middle, high = np.percentile(ages, (1, 50, 99))
    print(f"{len(ages)} faces, {1000 * seconds / len(ages):.0f} ms of processor time each")
    print(f"estimated: median {middle:.0f} years, 98 of 100 from {low:.0f} to {high:.0f}, youngest {min(ages):.1f}\n")
    print("| minimum age | adults refused, % | faces |\n|---|---|---|")
    for minimum in MINIMA:
        count = sum(age < minimum for age in ages)
        print(f"| {minimum} | {share(count, len(ages), 2)} | {count} |")


if __name__ == "__main__":
    main()
