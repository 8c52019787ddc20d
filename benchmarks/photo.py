"""Where the time of a swap goes, file to file, when networks are warm: `python benchmarks/photo.py`.

Two rendered examples, enlarged, are source and target. Every part takes turns with all others and with the whole;
printed are medians as a Markdown table, and the whole against the networks alone.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
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


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runtime", choices=RUNTIMES[1:], default="onnxruntime", help="of the networks (%(default)s)")
    parser.add_argument("--side", type=int, default=1024, help="of both photographs (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    arguments = parser.parse_args()
    pipeline = FaceShifterPipeline.from_pretrained(runtime=arguments.runtime)
    with tempfile.TemporaryDirectory() as folder:
        calls = parts_of_a_swap(pipeline, Path(folder), arguments.side)
        found = take_turns(calls, arguments.rounds, CLOCKS[arguments.clock])
    print(f"{arguments.side}x{arguments.side}, {pipeline.runtime}, {torch.get_num_threads()} threads\n")
    print("| part | milliseconds | quartiles |\n|---|---|---|")
    for name, timing in found.items():
        print(f"| {name} | {timing.median:.0f} | {timing.low:.0f} to {timing.high:.0f} |")
    print(f"\nthe whole / networks: {found[WHOLE].median / found[NETWORKS].median:.2f}")


def parts_of_a_swap(pipeline: FaceShifterPipeline, folder: Path, side: int) -> dict[str, Callable[[], object]]:
    """Return what is done of a swap, as calls, and the whole; a source's and a target's share of a part as one."""
    examples = sorted((DATA_ROOT / "examples").glob("face_*.webp"))[:2]
    files = [folder / f"{example.stem}.png" for example in examples]
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
        "read two PNG": lambda: [read_image(file) for file in files],
        "content gate, three times": lambda: [check_content(photo, "picture") for photo in (*photos, photos[1])],
        "detect, twice": lambda: [pipeline.detect(photo) for photo in photos],
        "align, twice": lambda: [
            align(photo, points, pipeline.resolution) for photo, points in zip(photos, landmarks, strict=True)
        ],
        NETWORKS: networks,
        "paste, colour and grain": lambda: pipeline.put_back(photos[1], swapped, target, matrix),
        "watermark": lambda: embed(photos[1], new_id()),
        "encode a PNG and sign it": lambda: result.save(folder / "result.png"),
        WHOLE: lambda: pipeline(*files).save(folder / "result.png"),
    }


if __name__ == "__main__":
    main()
