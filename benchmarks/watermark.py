"""What the watermark survives, how often it is found where it is not, how much it changes, and what it costs.

`python benchmarks/watermark.py FOLDER` marks every picture below a folder (`--limit` of them, drawn evenly), does to
it what happens to pictures, and prints the share that is read right, with its 95 % interval by Wilson; what is read
wrong; and how many of the unmarked pictures seem to be marked. Without a folder it takes the rendered examples.
"""

import argparse
import io
import json
import time
from collections.abc import Callable, Iterator
from math import sqrt
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image
from shares import share

from faceshifter_hub.errors import MediaError
from faceshifter_hub.media.images import read_image
from faceshifter_hub.provenance.payload import new_id
from faceshifter_hub.provenance.watermark import detect, embed
from faceshifter_hub.registry import DATA_ROOT

Attack = Callable[[np.ndarray], np.ndarray]


def jpeg(quality: int) -> Attack:
    """Return compression as JPEG."""

    def compress(picture: np.ndarray) -> np.ndarray:
        with io.BytesIO() as file:
            Image.fromarray(picture).save(file, "JPEG", quality=quality)
            return np.asarray(Image.open(file))

    return compress


def resize(factor: float) -> Attack:
    """Return what makes a picture smaller or larger."""
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return lambda picture: cv2.resize(picture, None, fx=factor, fy=factor, interpolation=method)


def crop(share: float, random: np.random.Generator) -> Attack:
    """Return what keeps a share of the area, of the picture's own shape, somewhere."""

    def cut(picture: np.ndarray) -> np.ndarray:
        height, width = (round(side * sqrt(share)) for side in picture.shape[:2])
        top, left = (int(random.integers(0, a - b + 1)) for a, b in zip(picture.shape, (height, width), strict=False))
        return np.ascontiguousarray(picture[top : top + height, left : left + width])

    return cut


def screenshot(picture: np.ndarray) -> np.ndarray:
    """Return a page that shows a picture at 0.8 of its size."""
    shown = resize(0.8)(picture)
    height, width = shown.shape[:2]
    page = np.full((round(1.35 * height) + 40, round(1.5 * width) + 60, 3), 245, np.uint8)
    page[:24] = 120
    page[40 : 40 + height, 60 : 60 + width] = shown
    return jpeg(80)(page)


def h264(crf: int) -> Attack:
    """Return the last of some frames of a video."""

    def film(picture: np.ndarray) -> np.ndarray:
        even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
        with io.BytesIO() as file:
            with av.open(file, "w", format="mp4") as video:
                stream = video.add_stream("libx264", rate=25, options={"crf": str(crf), "threads": "1"})
                stream.height, stream.width = even.shape[:2]
                stream.pix_fmt = "yuv420p"
                for _ in range(3):
                    video.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")))
                video.mux(stream.encode())
            file.seek(0)
            with av.open(file) as video:
                *_, last = video.decode(video=0)
                return last.to_ndarray(format="rgb24")

    return film


def attacks() -> dict[str, Attack]:
    """Return what happens to pictures, by name."""
    random = np.random.default_rng(0)
    half, small_jpeg = resize(0.5), jpeg(70)
    third = crop(1 / 3, random)
    return {
        "nothing": lambda picture: picture,
        "JPEG, quality 50": jpeg(50),
        "half the size": half,
        "twice the size": resize(2),
        "half the size, JPEG 70": lambda picture: small_jpeg(half(picture)),
        "a third of the area": third,
        "a third of the area, JPEG 70": lambda picture: small_jpeg(third(picture)),
        "a third of each side": crop(1 / 9, random),
        "screenshot at 0.8, JPEG 80": screenshot,
        "H.264, crf 28": h264(28),
    }


def pictures_of(folder: Path, limit: int) -> Iterator[np.ndarray]:
    """Yield pictures below a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths[:: max(1, len(paths) // limit)][:limit]:
        try:
            yield read_image(path)
        except MediaError:
            continue


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=DATA_ROOT / "examples")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--side", type=int, help="scale pictures to this longer side first")
    parser.add_argument("--report", type=Path, metavar="REPORT.json", help="for docs/reliability.md")
    arguments = parser.parse_args()
    todo = attacks()
    read, wrong = dict.fromkeys(todo, 0), dict.fromkeys(todo, 0)
    count = false = 0
    psnr, embedding, detecting, searching, pixels = [], 0.0, 0.0, 0.0, 0
    for picture in pictures_of(arguments.folder, arguments.limit):
        if arguments.side:
            picture = resize(arguments.side / max(picture.shape))(picture)
        count += 1
        mark_id = new_id()
        began = time.perf_counter()
        marked = embed(picture, mark_id)
        embedding += time.perf_counter() - began
        pixels += picture.shape[0] * picture.shape[1]
        psnr.append(10 * np.log10(255**2 / np.mean((marked.astype(float) - picture) ** 2)))
        began = time.perf_counter()
        detect(marked)
        detecting += time.perf_counter() - began
        began = time.perf_counter()
        false += detect(picture) is not None
        searching += time.perf_counter() - began
        for name, attack in todo.items():
            found = detect(attack(marked))
            read[name] += found is not None and found.id == mark_id
            wrong[name] += found is not None and found.id != mark_id
    print(f"{count} pictures, {pixels / count / 1e6:.2f} megapixels on average")
    print(f"PSNR {np.mean(psnr):.1f} dB on average, {min(psnr):.1f} at least")
    print(f"put there in {1e9 * embedding / pixels:.0f} ms a megapixel; found in {1000 * detecting / count:.0f} ms")
    print(
        f"found to be missing in {1000 * searching / count:.0f} ms; seemingly there in {false} of {count} unmarked\n"
    )
    print("| after | read right, % | read wrong |\n|---|---|---|")
    for name in todo:
        print(f"| {name} | {share(read[name], count)} | {wrong[name]} |")
    if arguments.report:
        report = {
            "command": f"python benchmarks/watermark.py PICTURES --limit {arguments.limit} --side {arguments.side}",
            "pictures": count,
            "psnr": {"mean": float(np.mean(psnr)), "least": float(min(psnr))},
            "seemingly marked": false,
            "attacks": {
                name: {"read": read[name], "percent": share(read[name], count), "wrong": wrong[name]} for name in todo
            },
        }
        arguments.report.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
