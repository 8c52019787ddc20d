"""The protocol `faceforensics`: swaps between the videos of FaceForensics++, ten frames a video, as in the paper.

What is said here of the data set was read in its repository, github.com/ondyari/FaceForensics (b952e41): the folders
and the names `<target>_<source>` in dataset/README.md; the names of frames in dataset/extract_compressed_videos.py;
the pairs in dataset/splits, 360 + 70 + 70 that name each of the 1000 videos once.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np

from faceshifter_hub.errors import DataError, first_line
from faceshifter_hub.evaluation.cases import Case, CaseList, Photo
from faceshifter_hub.evaluation.protocols.files import photo_file, refuse_nothing
from faceshifter_hub.media.images import read_image
from faceshifter_hub.registry import sha256_of

FRAMES = 10  # a video
COMPRESSIONS = ("raw", "c23", "c40")
SPLITS = ("train", "val", "test")
VIDEOS_HELD = 4  # decoded, ten frames each: 250 MB of the largest, 1920 x 1080
VIDEO = re.compile(r"[0-9]{3}")
SWAP = re.compile(r"([0-9]{3})_([0-9]{3})")  # target, source

Pair = tuple[str, str]  # target, source
Decoder = Callable[[Path, tuple[int, ...]], Sequence[np.ndarray]]


def list_faceforensics(folder: Path, limit: int, compression: str = "c23") -> CaseList:
    """List the swaps of FaceForensics++, ten a pair of videos.

    The originals are `original_sequences/youtube/<compression>/videos/NNN.mp4`, or, where that is missing, the frames
    that dataset/extract_compressed_videos.py makes of it, `.../images/NNN/*.png`.

    Each pair [a, b] of `splits/train.json`, `val.json` and `test.json`, those that are there, gives the face of b to a
    and that of a to b. Without these lists the pairs are those of the videos `TTT_SSS` below `manipulated_sequences`.

    The ten frames are the middles of ten equal parts of a video: of n frames, counted from 0, those of number
    floor((i + 1/2) n / 10). The i-th of the target gets the face of the i-th of the source. Both are our choice: the
    paper says "evenly sampled" and no more.

    The gallery is these frames of all videos that are a source in some pair, beyond `limit` too, so that `limit` makes
    no retrieval easier. A person is a video, as in the paper, although the 1000 are cut from 977 on YouTube, so that
    a few people may be in two.

    Args:
        folder: of the data set.
        limit: most cases, the first ones; all are 10,000.
        compression: which copy of the videos: `raw`, `c23` or `c40`.

    Raises:
        DataError: The folder has no originals of that compression, or names no pair; a list of pairs is damaged; or no
            pair is left.
    """
    if compression not in COMPRESSIONS:
        raise DataError(
            f"'{compression}' is no compression of FaceForensics++; use one of: {', '.join(COMPRESSIONS)}."
        )
    originals = folder / "original_sequences" / "youtube" / compression
    if not originals.is_dir():
        raise DataError(
            f"'{originals}' is no folder; request FaceForensics++ at github.com/ondyari/FaceForensics and put its "
            "original videos there, as videos/NNN.mp4, or their frames, as images/NNN/*.png."
        )
    pairs = _listed_pairs(folder / "splits") or _manipulated_pairs(folder / "manipulated_sequences")
    if not pairs:
        raise DataError(
            f"'{folder}' names no pairs of videos; put the folder dataset/splits of github.com/ondyari/FaceForensics "
            "there, or the manipulated videos."
        )

    photos, faults = _photographs(originals, sorted({video for pair in pairs for video in pair}))
    cases: list[Case] = []
    left_out: dict[str, str] = {}
    for (target, source), groups in pairs.items():
        sequence = f"{target}_{source}"
        fault = next((faults[video] for video in (source, target) if video in faults), None)
        if fault:
            left_out[sequence] = fault
        else:
            cases += [
                Case(f"{sequence}_{index}", *frames, groups=groups, sequence=sequence)
                for index, frames in enumerate(zip(photos[source], photos[target], strict=True))
            ]
    if not cases:
        refuse_nothing(left_out, folder)

    sources = sorted({source for _, source in pairs if source in photos})
    return CaseList(
        protocol="faceforensics",
        rule="ten frames of each target video, the middles of ten equal parts, get the faces of the same ten frames "
        "of its source video; the gallery is these frames of all source videos, and a person is a video",
        cases=cases[:limit],
        gallery=[photo for source in sources for photo in photos[source]],
        left_out=left_out,
        facts={"compression": compression, "pairs": len(pairs), "source_videos": len(sources)},
    )


def middles(count: int) -> tuple[int, ...]:
    """Return the frames in the middles of ten equal parts of a video of `count` frames, ten or more."""
    return tuple((2 * index + 1) * count // (2 * FRAMES) for index in range(FRAMES))


def decode_frames(path: Path, wanted: tuple[int, ...]) -> Sequence[np.ndarray]:
    """Decode some frames of a video.

    Args:
        path: of the video.
        wanted: numbers of frames, ascending.

    Returns:
        Each (H, W, 3) uint8 RGB, not to be written to.

    Raises:
        DataError: The video ends or breaks before the last of them.
        ImageTooLargeError: Its frames exceed the limits of the settings.
    """
    capture = _open(path)
    frames = []
    for number in range(wanted[-1] + 1):  # from the beginning: seeking misses the frame in many a video
        whole, frame = capture.grab(), None
        if whole and number in wanted:
            whole, frame = capture.retrieve()
        if not whole:
            raise DataError(f"'{path}' breaks off at frame {number} of those it should have; download it again.")
        if frame is not None:
            frames.append(read_image(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)))
            frames[-1].flags.writeable = False  # it is kept for who reads it next
    return tuple(frames)


def _count_frames(path: Path) -> int:
    """Return how many frames a video's header says it has, 0 where it cannot be read; nothing is decoded."""
    return max(0, int(_open(path).get(cv2.CAP_PROP_FRAME_COUNT)))


def _open(path: Path) -> cv2.VideoCapture:
    return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)  # other backends take 000.mp4 for the first of many pictures


def _listed_pairs(folder: Path) -> dict[Pair, Mapping[str, str]]:
    pairs: dict[Pair, Mapping[str, str]] = {}
    for split in SPLITS:
        path = folder / f"{split}.json"
        try:
            listed = json.loads(path.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise DataError(f"'{path}' is no JSON that can be read ({first_line(error)}); fetch it again.") from error
        if not isinstance(listed, list) or not all(map(_is_pair, listed)):
            raise DataError(f'\'{path}\' is no list of pairs such as ["000", "003"]; fetch it again.')
        for one, other in listed:
            pairs |= {(one, other): {"split": split}, (other, one): {"split": split}}
    return pairs


def _is_pair(entry: object) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and all(isinstance(video, str) and VIDEO.fullmatch(video) for video in entry)
    )


def _manipulated_pairs(folder: Path) -> dict[Pair, Mapping[str, str]]:
    names = {path.stem for kind in ("videos/*.mp4", "images/*") for path in folder.glob(f"*/*/{kind}")}
    matches = [SWAP.fullmatch(name) for name in sorted(names)]  # others are those of the DeepFakeDetection data set
    return {(match[1], match[2]): {} for match in matches if match}


def _photographs(originals: Path, videos: Iterable[str]) -> tuple[dict[str, list[Photo]], dict[str, str]]:
    """Return the ten photographs of each video, and for videos without them what is wrong, in words."""
    decode = lru_cache(maxsize=VIDEOS_HELD)(decode_frames)
    photos, faults = {}, {}
    for video in videos:
        path = originals / "videos" / f"{video}.mp4"
        files = [] if path.is_file() else list((originals / "images" / video).glob("*.png"))
        files.sort(key=lambda file: (len(file.name), file.name))  # 10000.png comes after 9999.png
        count = _count_frames(path) if path.is_file() else len(files)
        if not count and not path.is_file():
            faults[video] = f"the video {video} is missing"
        elif not count:
            faults[video] = f"the video {video} is damaged or empty"
        elif count < FRAMES:
            faults[video] = f"the video {video} has {count} frames, fewer than {FRAMES}"
        else:
            photos[video] = [
                photo_file(files[number], f"{video}_{number:04}", video)
                if files
                else Photo(
                    f"{video}_{number:04}",
                    video,
                    partial(_read_frame, decode, path, middles(count), index),
                    digest=partial(_hash_frame, path, number),
                )
                for index, number in enumerate(middles(count))
            ]
    return photos, faults


def _read_frame(decode: Decoder, path: Path, wanted: tuple[int, ...], index: int) -> np.ndarray:
    return decode(path, wanted)[index]


def _hash_frame(path: Path, number: int) -> str:
    """Return what tells a frame from all others, the video's SHA-256 and its number: cheaper than decoding it."""
    return f"{_hash_video(path)} {number}"


@lru_cache(maxsize=1024)
def _hash_video(path: Path) -> str:
    return sha256_of(path)
