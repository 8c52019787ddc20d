"""The protocol `casia2026`: the benchmark CASIA FaceSwapping of "Towards High-Fidelity Face Swapping".

What is said here of it (arXiv 2605.00883) was read in its repository, github.com/CASIA-NLPRAI/face-swapping-survey
(b6f28bd): the folders and the lists of pairs in README.md and benchmark/; names, landmarks and retrieval in
eval_faceswap/; what a person's two videos are in an annotation file since withdrawn (7509292^), which is not needed.
The pictures are given only to those who sign the licence, and were not at hand.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.cases import Case, CaseList, Photo
from faceshifter_hub.evaluation.protocols.files import photo_file, refuse_nothing

PAIR_LISTS = {  # protocol -> the list below benchmark/, and its SHA-256 as published
    "normal": ("image_pairs_normal.txt", "a7db2e0d478ffd65113207541d95ee17f8d7ea9ac0f5192127e9a991259f56a9"),
    "cross-ethnicity": (
        "image_pairs_cross_ethnicity.txt",
        "84fbef323dcab6cf4f77b0b65a810f5a1775122de55b6efddf1feb93e18959cb",
    ),
    "cross-attribute": (
        "image_pairs_cross_attribute.txt",
        "244b558f1c29ddb39a6541040277a421bc44214287afcf3a03b6569740c15cec",
    ),
}
IMAGE = re.compile(r"([0-9]{4})-([0-9]+)_[0-9]+\.png")  # person, video of the person, frame
CONDITIONS = {"0": "normal", "1": "varied"}  # of a person's videos; varied are the pose, the expression or the light


def list_casia2026(folder: Path, limit: int, protocol: str) -> CaseList:
    """List the swaps of one of the benchmark's three protocols.

    `folder` holds `faces/` of the data set, `benchmark/` of the repository and, where one has it, `faces_landmarks/`,
    which comes with the benchmark's models. The lists have a line `<source>.png <target>.png` a swap: ten frames of
    each pair of videos, so ten times the pairs that the paper counts. `0041-0_7.png` is frame 7 of video 0 of person
    0041. Video 0 is the normal one, in video 1 the pose, expression or light varies; the pairs of `cross-attribute`
    are grouped by which of them the target is of.

    The benchmark looks for the source among one photograph a person, frame 0 of video 0. These are the gallery, beyond
    `limit` too, but with the sources, which a gallery must hold: so retrieval is somewhat easier here.

    Args:
        folder: of the data set.
        limit: most cases, the first ones.
        protocol: `normal`, `cross-ethnicity` or `cross-attribute`.

    Raises:
        DataError: The folder lacks the faces or the list of pairs; the list or a file of landmarks is damaged; or no
            pair is left.
    """
    if protocol not in PAIR_LISTS:
        raise DataError(f"'{protocol}' is no protocol of CASIA FaceSwapping; use one of: {', '.join(PAIR_LISTS)}.")
    name, published = PAIR_LISTS[protocol]
    path = folder / "benchmark" / name
    if not (folder / "faces").is_dir() or not path.is_file():
        raise DataError(
            f"'{folder}' lacks faces/ or benchmark/{name}; sign the licence at "
            "github.com/CASIA-NLPRAI/face-swapping-survey, and put faces/ of the data set and benchmark/ of that "
            "repository there."
        )
    pairs = _read_pairs(path)
    there = {file.name for file in (folder / "faces").iterdir()}
    left_out = {_case_name(*pair): f"{image} is missing" for pair in pairs for image in pair if image not in there}
    used = [pair for pair in pairs if there.issuperset(pair)][:limit]
    if not used:
        refuse_nothing(left_out, folder)

    looked_for = sorted(image for image in there if image.endswith("-0_0.png") and IMAGE.fullmatch(image))
    looked_for = list(dict.fromkeys([*looked_for, *(source for source, _ in used)]))
    photos = {image: _photograph(folder, image) for image in {*looked_for, *(target for _, target in used)}}
    return CaseList(
        protocol=f"casia2026 {protocol}",
        rule="the published pairs of frames, in their order; the gallery is frame 0 of everyone's normal video, and "
        "the sources",
        cases=[
            Case(_case_name(source, target), photos[source], photos[target], groups=_groups(target, protocol))
            for source, target in used
        ],
        gallery=[photos[image] for image in looked_for],
        left_out=left_out,
        facts={
            "pairs": len(pairs),
            "pairs_as_published": hashlib.sha256(path.read_bytes()).hexdigest() == published,
            "people": len({photos[image].person for image in looked_for}),
            "photographs_with_landmarks": sum(photo.points is not None for photo in photos.values()),
        },
    )


def _read_pairs(path: Path) -> list[tuple[str, str]]:
    """Return source and target of each line, none twice."""
    pairs = []
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
        images = line.split()
        if len(images) != 2 or not all(map(IMAGE.fullmatch, images)):
            raise DataError(
                f"Line {number} of '{path}' is no pair such as '0041-0_0.png 1268-0_0.png'; fetch the file again."
            )
        pairs.append((images[0], images[1]))
    if not pairs:
        raise DataError(f"'{path}' is empty; fetch it again.")
    return list(dict.fromkeys(pairs))


def _case_name(source: str, target: str) -> str:
    return f"{source.removesuffix('.png')}-{target.removesuffix('.png')}"  # as the benchmark calls its results


def _groups(target: str, protocol: str) -> Mapping[str, str]:
    match = IMAGE.fullmatch(target)
    condition = CONDITIONS.get(match[2]) if match else None
    return {"target": condition} if protocol == "cross-attribute" and condition else {}


def _photograph(folder: Path, image: str) -> Photo:
    return photo_file(folder / "faces" / image, image, image.split("-")[0], _landmarks(folder, image))


def _landmarks(folder: Path, image: str) -> np.ndarray | None:
    """Return a face's five landmarks (5, 2) in pixels of its picture, a line each; None where there is no file."""
    path = (folder / "faces_landmarks" / image).with_suffix(".txt")
    points: np.ndarray
    try:
        points = np.array([line.split() for line in path.read_text("utf-8").splitlines() if line.strip()], np.float32)
    except FileNotFoundError:
        return None
    except ValueError:  # words, lines of different lengths, no text
        points = np.empty(0)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise DataError(f"'{path}' holds no five landmarks, x and y a line; download it again.")
    return points
