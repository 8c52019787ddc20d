"""Whether the cost of a face and the memory of a video stay flat: `python benchmarks/flat_cost.py`.

The time a face of ever more faces in a picture, without detection and marks, and the most memory that a process held
for ever longer videos, the swap left out; as Markdown tables, and drawn where `--pictures` says.
"""

import argparse
import os
import tempfile
from pathlib import Path

from chart import draw_chart
from video import EXAMPLES, RATE, measure_memory

from faceshifter_hub.benchmarking.timing import CLOCKS
from faceshifter_hub.cast import Assignment
from faceshifter_hub.jobs.told_runtime import tell_runtime
from faceshifter_hub.media.images import read_image
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.pipeline import FaceShifterPipeline


def milliseconds_a_face(counts: list[int], clock: str) -> dict[int, float]:
    """Return the milliseconds a face of pictures in which so many are swapped."""
    pipeline = FaceShifterPipeline.from_pretrained()
    source, target = sorted(EXAMPLES.glob("face_*.webp"))[:2]
    tell_runtime(pipeline)
    photo = read_image(target)
    one = Assignment(pipeline.detect(photo)[0], pipeline.identity(source))
    now, spent = CLOCKS[clock], {}
    pipeline.swap_faces([photo], [[one]], SwapOptions())  # what is slow once only
    for count in counts:
        started = now()
        pipeline.swap_faces([photo], [[one] * count], SwapOptions())
        spent[count] = 1000 * (now() - started) / count
    return spent


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, nargs="+", metavar="N", default=[1, 10, 100, 1000])
    parser.add_argument("--frames", type=int, nargs="+", metavar="N", default=[25, 1000, 10_000, 100_000])
    parser.add_argument("--height", type=int, default=240, help="of the videos (%(default)s)")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="folder for flat-faces.png, flat-memory.png")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, {arguments.clock} clock\n\n| faces | milliseconds a face |\n|---|---|")
    spent = milliseconds_a_face(arguments.faces, arguments.clock)
    for count, milliseconds in spent.items():
        print(f"| {count} | {milliseconds:.0f} |", flush=True)
    print(f"\n| frames of {arguments.height} lines | MB at most |\n|---|---|")
    held = {}
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (max(1, count // RATE) for count in arguments.frames):
            [held[seconds * RATE]] = measure_memory(Path(folder), [seconds], arguments.height).values()
            print(f"| {seconds * RATE} | {held[seconds * RATE]:.0f} |", flush=True)
    if arguments.pictures:
        for name, found, across, up in (
            ("flat-faces.png", spent, "faces in a picture", f"milliseconds a face, {arguments.clock} clock"),
            ("flat-memory.png", held, f"frames of {arguments.height} lines", "MB at most"),
        ):
            draw_chart(list(found.items()), across, up, decades=True).save(arguments.pictures / name, optimize=True)


if __name__ == "__main__":
    main()
