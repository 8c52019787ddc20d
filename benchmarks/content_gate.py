"""How many harmless pictures the content gate refuses.

`python benchmarks/content_gate.py FOLDER ...` scores every picture below the folders and in their tar files, and
prints how many reach each threshold, with the 95 % interval of the share by Wilson, and the names of the highest.
"""

import argparse
import hashlib
import io
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from shares import share

from faceshifter_hub.errors import MediaError
from faceshifter_hub.media.images import read_image
from faceshifter_hub.safety.content import THRESHOLD, score_content

THRESHOLDS = (0.2, 0.5, THRESHOLD, 0.9)
SUFFIXES = (".jpg", ".png", ".webp")
HIGHEST = 5


def pictures_of(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield pictures by name; of data sets of triplets the source and the target."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".tar":
            with tarfile.open(path) as shard:
                for member in shard:
                    content = shard.extractfile(member)
                    if member.name.endswith((".source.webp", ".target.webp")) and content:
                        yield f"{path.name} {member.name}", read_image(Image.open(io.BytesIO(content.read())))
        elif path.suffix.lower() in SUFFIXES:
            try:
                yield path.name, read_image(path)
            except MediaError:
                continue


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--limit", type=int, default=5000)
    arguments = parser.parse_args()
    scores: dict[str, float] = {}
    began = time.perf_counter()
    seen: set[bytes] = set()  # a picture may be the target of several triplets
    for name, picture in (pair for folder in arguments.folders for pair in pictures_of(folder)):
        digest = hashlib.sha256(picture.tobytes()).digest()
        if digest in seen:
            continue
        seen.add(digest)
        scores[name] = score_content(picture)
        if len(scores) == arguments.limit:
            break
    seconds = time.perf_counter() - began
    print(f"{len(scores)} pictures, {1000 * seconds / len(scores):.0f} ms each\n")
    print("| threshold | refused, % | pictures |\n|---|---|---|")
    for threshold in THRESHOLDS:
        count = sum(score >= threshold for score in scores.values())
        print(f"| {threshold} | {share(count, len(scores), 2)} | {count} |")
    highest = sorted(scores.items(), key=lambda item: -item[1])[:HIGHEST]
    print("\nhighest:", ", ".join(f"{name} {score:.3f}" for name, score in highest))


if __name__ == "__main__":
    main()
