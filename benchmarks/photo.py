"""Where the time of a swap goes, file to file, when networks are warm: `python benchmarks/photo.py`.

Two rendered examples, enlarged, are source and target. Every part takes turns with all others and with the whole;
printed are medians as a Markdown table, the whole against the networks alone, and what a further face of the same
photograph costs of the first.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from faceshifter_hub.benchmarking.stages import Stages
from faceshifter_hub.benchmarking.timing import CLOCKS, take_turns
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.media.images import read_image, write_image
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.provenance.payload import new_id
from faceshifter_hub.provenance.watermark import embed
from faceshifter_hub.registry import DATA_ROOT
from faceshifter_hub.runtimes import RUNTIMES
from faceshifter_hub.safety.content import check_content

NETWORKS, WHOLE = "networks, both faces", "the whole"
GATE, DETECTOR = "content gate, three times", "detect, twice"
OF_ONE, OF_FOUR = "a photograph of one face, a known source", "the same of four faces"


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runtime", choices=RUNTIMES[1:], default="onnxruntime", help="of the networks (%(default)s)")
    parser.add_argument("--side", type=int, default=1024, help="of both photographs (%(default)s)")
    parser.add_argument("--format", choices=("png", "jpg"), default="png", help="of all three files (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    arguments = parser.parse_args()
    side, suffix, threads = arguments.side, arguments.format, torch.get_num_threads()
    pipeline = FaceShifterPipeline.from_pretrained(runtime=arguments.runtime)
    with tempfile.TemporaryDirectory() as folder:
        calls = parts_of_a_swap(pipeline, Path(folder), side, suffix)
        calls |= swaps_of_one_and_four(pipeline, Path(folder), side, suffix)
        found = take_turns(calls, arguments.rounds, CLOCKS[arguments.clock])
    print(f"{side}x{side}, {suffix}, {pipeline.runtime}, {threads} threads\n")
    print("| part | milliseconds | quartiles |\n|---|---|---|")
    for name, timing in found.items():
        print(f"| {name} | {timing.median:.0f} | {timing.low:.0f} to {timing.high:.0f} |")
    whole, of_one, of_four = (found[name].median for name in (WHOLE, OF_ONE, OF_FOUR))
    all_networks = sum(found[name].median for name in (NETWORKS, GATE, DETECTOR))
    print(f"\nthe whole / networks of the swap: {whole / found[NETWORKS].median:.2f}")
    print(f"the whole / networks, the gate's and the detector's too: {whole / all_networks:.2f}")
    print(f"a further face / the first: {(of_four - of_one) / 3 / of_one:.2f}")


def parts_of_a_swap(
    pipeline: FaceShifterPipeline, folder: Path, side: int, suffix: str
) -> dict[str, Callable[[], object]]:
    """Return what is done of a swap, as calls, and the whole; a source's and a target's share of a part as one."""
    examples = sorted((DATA_ROOT / "examples").glob("face_*.webp"))[:2]
    files = [folder / f"{example.stem}.{suffix}" for example in examples]
    for example, file in zip(examples, files, strict=True):
        write_image(cv2.resize(read_image(example), (side, side), interpolation=cv2.INTER_CUBIC), file)
    photos = [read_image(file) for file in files]
    landmarks = [pipeline.detect(photo)[0].landmarks for photo in photos]
    source, (target, matrix) = (
        align(photo, points, pipeline.resolution) for photo, points in zip(photos, landmarks, strict=True)
    )
    z_source = pipeline.identify(source[0])
    stages = Stages(pipeline.networks, pipeline.to_tensor(target), z_source).calls()
    swapped = stages["swap"]()[0]
    result = pipeline(*files)

    def networks() -> None:
        pipeline.identify(source[0])
        stages["swap"]()

    return {
        "read both photographs": lambda: [read_image(file) for file in files],
        GATE: lambda: [check_content(photo, "picture") for photo in (*photos, photos[1])],
        DETECTOR: lambda: [pipeline.detect(photo) for photo in photos],
        "align, twice": lambda: [
            align(photo, points, pipeline.resolution) for photo, points in zip(photos, landmarks, strict=True)
        ],
        NETWORKS: networks,
        "paste, colour and grain": lambda: pipeline.put_back(photos[1], swapped, target, matrix),
        "watermark": lambda: embed(photos[1], new_id()),
        "encode the result and sign it": lambda: result.save(folder / f"result.{suffix}"),
        WHOLE: lambda: pipeline(*files).save(folder / f"result.{suffix}"),
    }


def swaps_of_one_and_four(
    pipeline: FaceShifterPipeline, folder: Path, side: int, suffix: str
) -> dict[str, Callable[[], object]]:
    """Return swaps, file to file, into photographs of the same size and of one and of four faces."""
    examples = sorted((DATA_ROOT / "examples").glob("face_*.webp"))[1:5]
    people = [cv2.resize(read_image(example), (side // 2, side // 2)) for example in examples]
    blurred = [people[0], *(cv2.GaussianBlur(person, (0, 0), side / 16) for person in people[1:])]
    source = pipeline.identity(examples[0])
    calls: dict[str, Callable[[], object]] = {}
    for name, quarters in ((OF_ONE, blurred), (OF_FOUR, people)):
        file = folder / f"{len(calls)}.{suffix}"
        write_image(np.vstack([np.hstack(quarters[:2]), np.hstack(quarters[2:])]), file)
        calls[name] = lambda file=file: pipeline(source, file, faces="all").save(folder / f"result.{suffix}")
    return calls


if __name__ == "__main__":
    main()
