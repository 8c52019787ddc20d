"""How much of a video's decoding and encoding is hidden behind the swap, and whether memory stays flat.

`python benchmarks/video.py` does a short and a long video and compares the most memory that each process held; then it
makes one of a rendered face that moves, times each stage alone, then the whole program, and prints ratios.
"""

import argparse
import json
import multiprocessing
import os
import re
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

EXAMPLES = Path(__file__).parents[1] / "registry" / "examples"
RATE, BATCH = 25, 4


def make_film(path: Path, seconds: int, height: int) -> Path:
    """Write a video, 16:9, of the second example, who walks from left to right and back."""
    import av
    from PIL import Image

    width = height * 16 // 9
    with Image.open(sorted(EXAMPLES.glob("face_*.webp"))[1]) as photo:
        face = np.asarray(photo.convert("RGB").resize((height, height)))
    wide = np.pad(face, ((0, 0), (0, width - height), (0, 0)), "edge")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        stream.height, stream.width = height, width
        for n in range(seconds * RATE):
            x = round((width - height) * abs((n / RATE) % 4 - 2) / 2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(wide, x, 1), format="rgb24")))
        container.mux(stream.encode())
    return path


class Inverting:
    """A swapper that costs next to nothing: it inverts frames."""

    def assign(self, frame: np.ndarray) -> Sequence[Any]:
        """Return that the whole frame changes."""
        return (True,)

    def swap(self, frames: Sequence[np.ndarray], assigned: Sequence[Any]) -> list[np.ndarray]:
        """Return the frames inverted."""
        return [255 - frame for frame in frames]

    def reset(self) -> None:
        """Forget nothing."""

    def state(self) -> dict[str, Any]:
        """Return that nothing is remembered."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Remember nothing."""

    def fingerprint(self) -> str:
        """Return its name."""
        return "inverting"

    def credentials(self, target: Path) -> None:
        """Return that the file says nothing of itself."""


def time_stages(film: Path, swapper: Any, folder: Path) -> dict[str, float]:
    """Return the seconds of each stage alone."""
    from faceshifter_hub.media.video import read_frames, read_video_info
    from faceshifter_hub.media.video_writing import PieceWriter

    info = read_video_info(film)
    seconds = dict.fromkeys(("decode", "swap", "encode"), 0.0)
    frames = read_frames(film, info)
    with PieceWriter(folder / "alone.mp4", info, info.start) as writer:
        while True:
            begin = time.perf_counter()
            chunk = list(islice(frames, BATCH))
            decoded = time.perf_counter()
            if not chunk:
                break
            pixels = [frame.pixels for frame in chunk]
            swapper.swap(pixels, [swapper.assign(frame) for frame in pixels])
            swapped = time.perf_counter()
            for frame in chunk:
                writer.write(frame)
            encoded = time.perf_counter()
            for stage, spent in zip(seconds, (decoded - begin, swapped - decoded, encoded - swapped), strict=True):
                seconds[stage] += spent
        begin = time.perf_counter()
        writer.finish()
        seconds["encode"] += time.perf_counter() - begin
    return seconds


def peak_memory(film: Path, folder: Path, result: Connection) -> None:
    """Send the most memory, in MB, that this process held while it did a video."""
    from faceshifter_hub.jobs.video import swap_video

    swap_video(Inverting(), film, folder / "memory.mp4", batch=BATCH)
    # not ru_maxrss, which a child takes over from the process that started it
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    result.send(int(peak[1]) / 1000)


def measure_speed(folder: Path, seconds: int, height: int) -> dict[str, Any]:
    """Return the seconds of each stage alone, of the whole program, and what it takes of the slowest stage's."""
    from faceshifter_hub.frames import FrameSwapper
    from faceshifter_hub.jobs.video import swap_one_frame, swap_video
    from faceshifter_hub.options import SwapOptions
    from faceshifter_hub.pipeline import FaceShifterPipeline

    film = make_film(folder / "film.mp4", seconds, height)
    source = sorted(EXAMPLES.glob("face_*.webp"))[0]
    swapper = FrameSwapper(FaceShifterPipeline.from_pretrained(), source, SwapOptions())
    swap_one_frame(swapper, film, 0)  # what is slow once only
    swapper.reset()
    stages = time_stages(film, swapper, folder)
    begin = time.perf_counter()
    swap_video(swapper, film, folder / "out.mp4", batch=BATCH)
    whole = time.perf_counter() - begin
    return {"stages": stages, "whole": whole, "ratio": whole / max(stages.values())}


def measure_memory(folder: Path, lengths: Sequence[int], height: int) -> dict[int, float]:
    """Return the most memory, in MB, that a process held for a video of each length, in seconds."""
    context = multiprocessing.get_context("spawn")
    memory = {}
    for seconds in lengths:
        film = make_film(folder / "memory-film.mp4", seconds, height)
        result, sender = context.Pipe(duplex=False)
        process = context.Process(target=peak_memory, args=(film, folder, sender))
        process.start()
        sender.close()
        memory[seconds] = result.recv()
        process.join()
    return memory


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of the video that is timed (%(default)s)")
    parser.add_argument("--lengths", type=int, nargs=2, default=(60, 600), help="of which memory is compared")
    parser.add_argument("--height", type=int, default=720, help="of the videos (%(default)s)")
    parser.add_argument("--only", choices=("speed", "memory"), help="measure nothing else")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()

    facts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.only != "speed":
            facts["memory_mb"] = measure_memory(Path(scratch), arguments.lengths, arguments.height)
        if arguments.only != "memory":
            facts |= measure_speed(Path(scratch), arguments.seconds, arguments.height)
    if arguments.json:
        print(json.dumps({**vars(arguments), "cores": os.cpu_count(), **facts}, indent=2))
        return
    print(f"{arguments.height} lines, {RATE} frames a second, one face, {os.cpu_count()} cores")
    if "memory_mb" in facts:
        (short, held), (long, held_long) = facts["memory_mb"].items()
        print(f"memory: {held:.0f} MB for {short} s, {held_long:.0f} MB for {long} s, {held_long / held:.2f}")
    if "stages" in facts:
        slowest, together = max(facts["stages"].values()), sum(facts["stages"].values())
        for stage, seconds in facts["stages"].items():
            print(f"{stage:8} alone {seconds:7.1f} s, {seconds / slowest:5.2f} of the slowest")
        whole = facts["whole"]
        print(f"whole          {whole:7.1f} s, {whole / slowest:5.2f} of the slowest, {whole / together:.2f} of all")


if __name__ == "__main__":
    main()
