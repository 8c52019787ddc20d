"""The protocol `portraits`: swaps between photos of different people, one photo a person."""

import random
from pathlib import Path

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.cases import Case, CaseList, Photo
from faceshifter_hub.evaluation.protocols.files import fit_name, photo_file
from faceshifter_hub.evaluation.split import is_validation
from faceshifter_hub.registry import sha256_of

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def list_portraits(folder: Path, limit: int, seed: int = 0) -> CaseList:
    """List swaps between the validation photos of a folder.

    The gallery is all of them. A photo of the same content as another is left out: nobody is in the gallery twice.

    Args:
        folder: One photo a person; those for which `is_validation` holds are used.
        limit: Most pairs drawn.
        seed: Draws the pairs.

    Raises:
        DataError: The folder is missing, or holds too few photos.
    """
    photos: dict[str, Photo] = {}  # by content
    left_out = {}
    for path in validation_portraits(folder):
        photo = photo_file(path, path.name, path.name)
        first = photos.setdefault(sha256_of(path), photo)
        if first is not photo:
            left_out[path.name] = f"it is the photograph {first.name} again"
    gallery = list(photos.values())
    if len(gallery) < 2:
        raise DataError(f"The validation photos of {folder} are one and the same; give photos of different people.")
    cases: list[Case] = []
    for source, target in draw_pairs(len(gallery), limit, seed):
        names = [fit_name(Path(gallery[index].name).stem) for index in (source, target)]
        cases.append(Case(fit_name(f"{len(cases):05}-{'-'.join(names)}"), gallery[source], gallery[target]))
    return CaseList(
        protocol="portraits",
        rule="ordered pairs of different people, drawn by the seed out of the photos whose file name's SHA-1, as an "
        "integer, is divisible by 10; the gallery is all these photos",
        cases=cases,
        gallery=gallery,
        left_out=left_out,
        facts={"photographs": len(gallery), "seed": seed},
    )


def validation_portraits(folder: Path) -> list[Path]:
    """Return a folder's validation photos, sorted by name.

    Raises:
        DataError: The folder is missing or holds fewer than two of them.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; give one with a photo for each person.")
    paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and is_validation(path.name)]
    if len(paths) < 2:
        raise DataError(
            f"{folder} holds {len(paths)} validation photos, where a swap needs two; of photos (jpg, png, webp) those "
            "are taken whose name's SHA-1 is divisible by 10, so give some fifty or more."
        )
    return paths


def draw_pairs(people: int, limit: int, seed: int) -> list[tuple[int, int]]:
    """Draw ordered pairs (source, target) of different people, none twice; all of them where `limit` exceeds them."""
    possible = people * (people - 1)
    chosen = random.Random(seed).sample(range(possible), min(limit, possible))
    pairs = [divmod(index, people - 1) for index in chosen]
    return [(source, target + (target >= source)) for source, target in pairs]
