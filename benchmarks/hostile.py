"""Malformed input for every parser and decoder: what is neither read nor refused with one of our own errors?

`python benchmarks/hostile.py --inputs 100000` takes valid files of every kind, changes one of them at a time, and
gives it to what reads such files, in a process of its own: a crash is counted, not suffered. The same command with
`--resume` goes on after Ctrl-C. The report is JSON; inputs that were neither read nor refused are kept beside it.

Counted as wrong: a crash of the interpreter, an input that takes longer than a minute, an exception that is not ours,
and an input that is accepted though it must not be (`wrong accepts`: a picture or a frame beyond the limits; content
credentials that are said to fit a picture whose pixels are others than those signed).
"""

import argparse
import contextlib
import itertools
import json
import multiprocessing
import os
import platform
import re
import resource
import shutil
import struct
import sys
import tempfile
import time
import traceback
import zlib
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

LONGEST = 60  # seconds an input may take, on a machine that may be busy
SAVED_EVERY = 100  # inputs
MEMORY = 12 * 2**30  # bytes of address space: a bomb shall fail here, not on the machine
MOST_PIXELS = 2_000_000  # FACESHIFTER_MAX_IMAGE_PIXELS of the process: bombs are small ones
MOST_MOVING_PIXELS = 8_000_000
FRAMES = 20  # decoded of a film
OUTCOMES = ("read", "refused", "other exceptions", "crashes", "hangs", "wrong accepts")
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
WORDS = (
    *(b"[" * 20_000, b"{" * 20_000, b'{"a":' * 5_000, b"a=[" + b"[" * 5_000, b"9" * 5_000),
    *(b"-1", b"0", b"-99", b"1e999", b"nan", b"inf", b"0x7fffffffffffffff", b"99999999999999999999"),
    *(b"null", b"true", b"''", b'""', b"[]", b"{}", b"../" * 9, b"a.b.c", b"1979-05-27T07:32:00Z"),
    *(b"\0", b"\xff\xfe", b"\xed\xa0\x80", "\N{RIGHT-TO-LEFT OVERRIDE}".encode(), b"\r\n" * 50, b"%s%n"),
    *(b"\n[job]\n", b"\n[[job]]\n", b"__proto__", b"_class_name", b"F8_E4M3", b"I64", b"BOOL", b"C64"),
)


class WrongAcceptError(Exception):
    """Something was accepted that must not be."""


# ---- what reads, in the child; each door gets the file that was changed, among its valid neighbours


def try_all(*calls: Callable[[], object]) -> None:
    """Call each; if all refuse, so does this."""
    from faceshifter_hub.errors import FaceShifterError

    refusals = []
    for call in calls:
        try:
            call()
        except FaceShifterError as error:
            refusals.append(error)
    if len(refusals) == len(calls):
        raise refusals[0]


def within_limits(pixels: np.ndarray) -> None:
    """Raise WrongAcceptError for a picture (H, W, 3) beyond the limits."""
    if pixels.shape[0] * pixels.shape[1] > MOST_PIXELS:
        raise WrongAcceptError(f"a picture of {pixels.shape[1]} x {pixels.shape[0]} pixels was read")


def read_picture(path: Path) -> None:
    """Read as a photograph, whole, and as an animation."""
    from faceshifter_hub.media.animations import is_animation, read_frames
    from faceshifter_hub.media.images import read_image
    from faceshifter_hub.media.photographs import read_photograph

    def frames() -> None:
        if is_animation(path):
            for frame in itertools.islice(read_frames(path), FRAMES):
                within_limits(frame.photograph.pixels)

    try_all(lambda: within_limits(read_image(path)), lambda: within_limits(read_photograph(path).pixels), frames)


def read_film(path: Path) -> None:
    """Read what a video says and its first frames."""
    from faceshifter_hub.media.video import read_frames, read_video_info

    info = read_video_info(path)
    for frame in itertools.islice(read_frames(path, info), FRAMES):
        within_limits(frame.pixels)


def check_marked(path: Path) -> None:
    """Read content credentials and watermark; whether they fit is compared with the pixels that were signed."""
    from faceshifter_hub.errors import FaceShifterError
    from faceshifter_hub.media.images import read_image
    from faceshifter_hub.provenance.check import check_file

    report = check_file(path)
    if report.signature in ("development key", "unknown signer", "trusted") and path.suffix != ".mp4":
        signed = path.parent.parent.parent / "valid" / path.parent.name / path.name
        with contextlib.suppress(FaceShifterError):
            if not np.array_equal(read_image(path), read_image(signed)):
                raise WrongAcceptError(f"credentials fit other pixels: {report.signature}")


def load_weights(path: Path) -> None:
    """Read a component's interface, and load it."""
    from faceshifter_hub.component import component_interface, load_component

    component_interface(path.parent, "hear_refiner")
    load_component(path.parent, "hear_refiner")


def load_arrays(path: Path) -> None:
    """Read the face detector's file, a pickle that is not trusted."""
    from faceshifter_hub.faces.mtcnn import read_joblib_arrays

    read_joblib_arrays(path)


def read_registry(path: Path) -> None:
    """Read a manifest."""
    from faceshifter_hub.registry import Manifest, PipelineManifest, read_manifest

    if path.stem == "faceshifter-lite":
        read_manifest(path, PipelineManifest)
    else:
        read_manifest(path, Manifest)


def read_index(path: Path) -> None:
    """Read the index of a pipeline's folder."""
    from faceshifter_hub.composition import pipeline_addresses

    pipeline_addresses(path.parent)


def read_job_file(path: Path) -> None:
    """Read a file of jobs."""
    from faceshifter_hub.jobs.job_file import read_jobs

    read_jobs(path)


def read_record(path: Path) -> None:
    """Read what a batch has done."""
    from faceshifter_hub.jobs.record import Record

    Record(path.parent)


def read_training_recipe(path: Path) -> None:
    """Read a training run's options."""
    from trainers.aei import AEIOptions
    from trainers.options import parse_options

    parse_options(AEIOptions, ["--recipe", str(path), "--output_dir", "nowhere"])


def read_shard(path: Path) -> None:
    """Read every sample of a shard."""
    from faceshifter_hub.datasets.shards import read_samples

    for _ in read_samples(path):
        pass


def read_settings(path: Path) -> None:
    """Take lines NAME=VALUE for the environment's settings."""
    from faceshifter_hub.settings import get_settings

    before = dict(os.environ)
    try:
        for line in path.read_bytes().replace(b"\0", b"").splitlines():
            name, equals, value = line.partition(b"=")
            if name and equals:
                os.environb[name] = value
        get_settings.cache_clear()
        get_settings()
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
        get_settings.cache_clear()


def read_keys(path: Path) -> None:
    """Read a signing key."""
    from faceshifter_hub.provenance.signing_key import read_key

    read_key(path, path)


DOORS: dict[str, Callable[[Path], None]] = {
    "pictures": read_picture,
    "videos": read_film,
    "content credentials and watermarks": check_marked,
    "safetensors and configurations": load_weights,
    "detector weights": load_arrays,
    "registry manifests": read_registry,
    "pipeline indices": read_index,
    "job files": read_job_file,
    "batch records": read_record,
    "training recipes": read_training_recipe,
    "shards": read_shard,
    "settings": read_settings,
    "signing keys": read_keys,
}


# ---- valid files, in the child


def write_valid(folder: Path) -> None:
    """Write valid files of every kind, a folder a door."""
    import torch
    from PIL import Image

    from faceshifter_hub.datasets.shards import write_shard
    from faceshifter_hub.models.hear import HEARRefiner
    from faceshifter_hub.provenance.credentials import Credentials
    from faceshifter_hub.provenance.payload import new_id
    from faceshifter_hub.provenance.watermark import embed
    from faceshifter_hub.registry import DATA_ROOT, resolve
    from trainers.options import RECIPES

    places = {door: folder / door for door in DOORS}
    for place in places.values():
        place.mkdir(parents=True)
    example = sorted((DATA_ROOT / "examples").glob("*.webp"))[0]
    with Image.open(example) as picture:
        face = np.asarray(picture.convert("RGB").resize((72, 64)))
        large = np.asarray(picture.convert("RGB").resize((256, 256)))
    write_pictures(places["pictures"], face)
    write_films(places["videos"], face)

    mark_id = new_id()
    credentials = Credentials({"aad_generator": {"address": "a", "commit": None, "sha256": {}}}, mark_id)
    write_marked(places["content credentials and watermarks"], embed(large, mark_id), credentials)

    torch.manual_seed(0)
    HEARRefiner(64, (8, 8, 8)).save_pretrained(places["safetensors and configurations"])
    (places["safetensors and configurations"] / "README.md").unlink()
    shutil.copy(min(resolve("mtcnn").files.values(), key=lambda path: path.stat().st_size), places["detector weights"])
    for name in ("aad_generators/aad-lite-256", "face_detectors/mtcnn", "pipelines/faceshifter-lite"):
        shutil.copy(DATA_ROOT / f"{name}.toml", places["registry manifests"])
    index = {"_class_name": "FaceShifterPipeline", "components": {"hear_refiner": {"subfolder": "hear_refiner"}}}
    index["components"]["face_detector"] = {"address": "mtcnn"}
    (places["pipeline indices"] / "model_index.json").write_text(json.dumps(index))
    for name in ("me.png", "party.png"):
        shutil.copy(places["pictures"] / "still.png", places["job files"] / name)
    (places["job files"] / "jobs.toml").write_text(
        '[[job]]\nsource = "me.png"\ntarget = "party.png"\noutput = "done.png"\nstrength = 0.8\nfaces = "1,3"\n\n'
        '[[job]]\nmap = { 1 = "me.png", "party.png" = "me.png" }\ntarget = "party.png"\noutput = "b.png"\n'
        'keep = ["eyes"]\n'
    )
    line = json.dumps({"output": "a/b.png", "made_of": "0123456789abcdef"})
    (places["batch records"] / ".faceshifter-batch.jsonl").write_text(f"\n{line}\n\n{line}\n")
    for name in ("tiny-aei", "lite-aei"):
        shutil.copy(RECIPES / f"{name}.toml", places["training recipes"])
    samples = [(f"{n:06}", {"json": b'{"a": 1}', "png": bytes(700)}) for n in range(3)]
    write_shard(places["shards"] / "faces.tar", samples)
    (places["settings"] / "environment").write_text(
        "FACESHIFTER_PIPELINE=faceshifter-lite\nFACESHIFTER_MAX_IMAGE_PIXELS=1000\nFACESHIFTER_MAX_UPLOAD_BYTES=5\n"
        "FACESHIFTER_RUNTIME=torch\nFACESHIFTER_CACHE=/tmp/cache\nFACESHIFTER_AUDIT_LOG=log\n"
    )
    key = Path(os.environ["FACESHIFTER_CONFIG"]) / "development-key.pem"  # made when the pictures were signed
    shutil.copy(key, places["signing keys"])


def write_pictures(folder: Path, face: np.ndarray) -> None:
    """Write a face (H, W, 3) in every format, still and moving, of 8 and 16 bits."""
    import cv2
    from PIL import Image

    from faceshifter_hub.media.animations import Frame, write_animation
    from faceshifter_hub.media.photographs import Photograph

    image = Image.fromarray(face)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a face"
    for suffix in ("png", "jpg", "webp", "gif", "tif", "avif", "bmp"):
        extra = {"exif": exif} if suffix in ("png", "jpg", "webp", "avif") else {}
        image.save(folder / f"still.{suffix}", **extra)
    image.save(folder / "lossless.webp", lossless=True)
    image.save(folder / "deflated.tif", compression="tiff_adobe_deflate")
    image.convert("CMYK").save(folder / "cmyk.jpg", progressive=True)
    image.convert("P").save(folder / "palette.png", transparency=3)
    for suffix in ("png", "tif"):
        cv2.imwrite(str(folder / f"deep.{suffix}"), face.astype(np.uint16) * 257)
    frames = [Frame(Photograph(np.roll(face, n, 1)), 100) for n in range(3)]
    for suffix in ("gif", "webp", "png", "avif"):
        write_animation(frames, folder / f"moving.{suffix}")


def write_films(folder: Path, face: np.ndarray) -> None:
    """Write a face (H, W, 3) as a film in several containers and codecs."""
    import av

    kinds = (("mp4", "libx264"), ("mov", "mpeg4"), ("mkv", "ffv1"), ("webm", "libvpx-vp9"), ("avi", "mjpeg"))
    for suffix, codec in kinds:
        with av.open(str(folder / f"film.{suffix}"), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width = face.shape[:2]
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for n in range(6):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(face, n, 1), format="rgb24")))
            container.mux(stream.encode())


def write_marked(folder: Path, marked: np.ndarray, credentials: Any) -> None:
    """Write pictures (H, W, 3) and a film with watermark and credentials."""
    from faceshifter_hub.media.images import write_image

    for suffix in ("png", "jpg", "webp", "tif"):
        write_image(marked, folder / f"marked.{suffix}", credentials)
    write_films(folder, marked)
    for path in folder.glob("film.*"):
        if path.suffix == ".mp4":
            with path.open("rb") as film, (folder / "marked.mp4").open("w+b") as signed:
                credentials.sign(film, ".mp4", signed)
        path.unlink()


# ---- changes, in the parent


def change(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Return a file's content with one to three things wrong; `other` is another file of the kind."""
    for _ in range(random.integers(1, 4)):
        content = CHANGES[random.integers(len(CHANGES))](content, other, random)
    return content


def place_in(content: bytes, random: np.random.Generator) -> int:
    """Return where to change something: headers are worth half of the tries."""
    end = max(1, min(len(content), 256) if random.random() < 0.5 else len(content))
    return int(random.integers(end))


def cut_off(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Leave out the end."""
    return content[: place_in(content, random)]


def flip_bits(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Flip some bits."""
    changed = bytearray(content)
    for _ in range(random.integers(1, 9)) if changed else ():
        changed[place_in(content, random)] ^= 1 << int(random.integers(8))
    return bytes(changed)


def overwrite(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Put a number at the edge of some range in place of two or four bytes."""
    place, number = place_in(content, random), NUMBERS[random.integers(len(NUMBERS))]
    form = ("<H", ">H", "<I", ">I")[random.integers(4)]
    size = struct.calcsize(form)
    return content[:place] + struct.pack(form, number & (2 ** (8 * size) - 1)) + content[place + size :]


def add_noise(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Put random bytes in."""
    place = place_in(content, random)
    return content[:place] + random.bytes(int(random.integers(1, 64))) + content[place:]


def add_word(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Put in what parsers stumble over."""
    place = place_in(content, random)
    return content[:place] + WORDS[random.integers(len(WORDS))] + content[place:]


def replace_value(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Replace a number or a quoted word, of a text, by another value."""
    values = list(re.finditer(rb'-?\d+(?:\.\d+)?|"[^"\n]{0,200}"', content[:20_000]))
    if not values:
        return content
    value = values[random.integers(len(values))]
    words = [*WORDS, *(one.group() for one in values)]
    return content[: value.start()] + words[random.integers(len(words))] + content[value.end() :]


def leave_out(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Leave out a part."""
    place = place_in(content, random)
    return content[:place] + content[place + int(random.integers(1, 512)) :]


def repeat(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Have a part twice."""
    place = place_in(content, random)
    return content[: place + int(random.integers(1, 512))] + content[place:]


def splice(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Go on as another file does."""
    return content[: place_in(content, random)] + other[place_in(other, random) :]


def declare_size(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Declare another size of a PNG or a GIF, and whatever else is there at that place."""
    width, height = (NUMBERS[n] for n in random.integers(1, len(NUMBERS), 2))
    if content[:4] == b"\x89PNG":
        return content[:16] + struct.pack(">II", width, height) + content[24:]
    return content[:6] + struct.pack("<HH", width & 0xFFFF, height & 0xFFFF) + content[10:]


def mend_checksums(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """Mend the checksums of a PNG, so that what is wrong in a chunk comes through."""
    place, mended = 8, content[:8]
    while content[:4] == b"\x89PNG" and place + 12 <= len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        body = content[place + 4 : place + 8 + length]
        mended += content[place : place + 4] + body + struct.pack(">I", zlib.crc32(body))
        place += 12 + length
    return mended + content[place:]


CHANGES = (
    cut_off, flip_bits, flip_bits, overwrite, overwrite, add_noise, add_word, replace_value, replace_value, leave_out,
    repeat, splice, declare_size, mend_checksums,
)  # fmt: skip


# ---- the child and its parent


def serve(connection: Connection, folder: Path) -> None:
    """Be the child: write valid files if there are none, then read what the parent names and tell the outcome."""
    os.environ |= {
        "FACESHIFTER_CONFIG": str(folder / "config"),
        "FACESHIFTER_MAX_IMAGE_PIXELS": str(MOST_PIXELS),
        "FACESHIFTER_MAX_ANIMATION_PIXELS": str(MOST_MOVING_PIXELS),
        "HF_HUB_OFFLINE": "1",
    }
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from faceshifter_hub.errors import FaceShifterError

    if not (folder / "valid").exists():
        write_valid(folder / "unfinished")
        os.replace(folder / "unfinished", folder / "valid")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # codecs tell of every fault
    connection.send("ready")
    with contextlib.suppress(EOFError):
        while True:
            door, path = connection.recv()
            try:
                DOORS[door](path)
                connection.send(("read", ""))
            except FaceShifterError as error:
                connection.send(("refused", str(error)))
            except WrongAcceptError as error:
                connection.send(("wrong accepts", str(error)))
            except Exception:
                connection.send(("other exceptions", traceback.format_exc()))


class Child:
    """A process that reads files; one that crashes or hangs is replaced.

    Args:
        folder: Where valid files and those that are changed lie.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.start()

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, self.folder), daemon=True)
        self.process.start()
        theirs.close()
        self.connection.recv()

    def read(self, door: str, path: Path) -> tuple[str, str]:
        """Have a file read; return the outcome and what is to be known of it."""
        self.connection.send((door, path))
        if not self.connection.poll(LONGEST):
            self.process.kill()
            self.process.join()
            self.start()
            return "hangs", f"took longer than {LONGEST} s"
        try:
            return self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            code = self.process.exitcode
            self.start()
            return "crashes", f"exit code {code}"

    def end(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.join(10)
        self.process.kill()


def try_input(child: Child, number: int, seed: int, kept: Path, report: dict[str, Any]) -> None:
    """Change one file, have it read and count what happened."""
    random = np.random.default_rng([seed, number])
    door = list(DOORS)[number % len(DOORS)]
    valid, inputs = child.folder / "valid" / door, child.folder / "inputs" / door
    if not inputs.exists():
        shutil.copytree(valid, inputs)
    names = sorted(path.name for path in valid.iterdir())
    name = names[random.integers(len(names))]
    content, other = (valid / name).read_bytes(), (valid / names[random.integers(len(names))]).read_bytes()
    changed = change(content, other, random)
    (inputs / name).write_bytes(changed)
    outcome, told = child.read(door, inputs / name)
    report["doors"][door][outcome] += 1
    report["inputs"] = number + 1
    if outcome not in ("read", "refused"):
        kept.mkdir(parents=True, exist_ok=True)
        (kept / f"{number}-{name}").write_bytes(changed)
        report["findings"].append({"input": number, "door": door, "file": name, "outcome": outcome, "told": told})
    (inputs / name).write_bytes(content)


def begin_report(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the report of no input, or the one to go on with."""
    if arguments.resume and arguments.out.exists():
        return json.loads(arguments.out.read_text("utf-8"))
    return {
        "command": "",
        "python": platform.python_version(),
        "seed": arguments.seed,
        "inputs": 0,
        "doors": {door: dict.fromkeys(OUTCOMES, 0) for door in DOORS},
        "findings": [],
    }


def save(report: dict[str, Any], path: Path) -> None:
    """Write the report, whole or not at all; its command is the one that tries what was tried, and no more."""
    report["command"] = f"python benchmarks/hostile.py --inputs {report['inputs']} --seed {report['seed']}"
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    os.replace(unfinished, path)


def main() -> int:
    """Try so many inputs; returns 1 if any was neither read nor refused as it should be, 130 if interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on with the report that is there")
    parser.add_argument("--out", type=Path, default=Path("docs/reliability/hostile.json"))
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    report = begin_report(arguments)
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        child = Child(Path(folder))
        told = time.monotonic()
        try:
            for number in range(report["inputs"], arguments.inputs):
                try_input(child, number, report["seed"], arguments.out.with_suffix(""), report)
                if report["inputs"] % SAVED_EVERY == 0:
                    save(report, arguments.out)
                if time.monotonic() - told > 10:
                    told = time.monotonic()
                    print(f"{number + 1} of {arguments.inputs}, findings: {len(report['findings'])}", file=sys.stderr)
        except KeyboardInterrupt:
            save(report, arguments.out)
            print("Stopped. The same command with --resume goes on.", file=sys.stderr)
            return 130
        finally:
            child.end()
    save(report, arguments.out)
    totals = {outcome: sum(door[outcome] for door in report["doors"].values()) for outcome in OUTCOMES}
    print(f"{report['inputs']} inputs: " + ", ".join(f"{count} {outcome}" for outcome, count in totals.items()))
    return 1 if report["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
