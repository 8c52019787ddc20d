"""The protocol `swapbench`: swaps between rendered people, whose true swap is known.

Faces are aligned by the landmarks that the renderer knows, in results as in truths, so that no detector has a say.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from faceshifter_hub.datasets.shards import Span, read_sample, scan_field
from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.cases import Case, CaseList, Photo, Truth
from faceshifter_hub.evaluation.groups import age_group, skin_group
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.datasets.samples import decode_map, decode_picture
from faceshifter_hub.synthesis.datasets.swapbench import HIDING

HIDDEN = [LABELS[name] for name in HIDING]
SAMPLES_HELD = 32

Reader = Callable[[Path, Span], Mapping[str, bytes]]


def list_swapbench(folder: Path, limit: int) -> CaseList:
    """List the triplets of a folder of `faceshifter synthesize`, SwapBench's or others.

    The gallery is all sources and targets, those beyond `limit` too, so that `limit` makes no retrieval easier.

    Args:
        folder: of the shards.
        limit: most triplets, the first ones.

    Raises:
        DataError: It holds fewer than two, or a damaged shard.
    """
    reader = lru_cache(SAMPLES_HELD)(read_sample)
    shards = sorted(folder.glob("triplets-*.tar"))
    samples = [(path, span, json.loads(facts)) for path in shards for span, facts in scan_field(path, "json")]
    if len(samples) < 2:
        raise DataError(
            f"{folder} holds {len(samples)} triplets, where two are needed; make them with: faceshifter synthesize "
            f"{folder} --benchmark swapbench"
        )
    cases = [
        read_case(f"triplet-{number:05}", partial(reader, path, span), facts)
        for number, (path, span, facts) in enumerate(samples)
    ]
    return CaseList(
        protocol="swapbench",
        rule="every triplet of the folder in its order; the gallery is all sources and targets, and everybody is "
        "somebody else",
        cases=cases[:limit],
        gallery=[photo for case in cases for photo in (case.source, case.target)],
        facts={"triplets": len(samples), "benchmark": benchmark_of(folder)},
    )


def benchmark_of(folder: Path) -> str | None:
    """Return which benchmark the folder says it is, with its version."""
    try:
        return json.loads((folder / "dataset.json").read_text("utf-8")).get("benchmark")
    except (OSError, ValueError):
        return None


def read_case(name: str, read: Callable[[], Mapping[str, bytes]], facts: Mapping[str, Any]) -> Case:
    """Return a triplet as a case; `read` gives its fields, `facts` are what its JSON says."""

    def photo(role: str) -> Photo:
        points = np.array(facts[role]["landmarks"], np.float32)
        return Photo(f"{name} {role}", f"{name} {role}", partial(decode, read, role), points)

    def tone(role: str) -> str:
        angle = facts[role]["skin_tone"]
        return skin_group(float("nan") if angle is None else angle)

    identity = facts["source"]["identity"]
    groups = {
        "skin of the source": tone("source"),
        "skin of the target": tone("target"),
        "age of the source": age_group(identity["age"]),
        "sex of the source": identity["sex"],
    }
    hides = facts.get("occluded", bool(facts["target"]["attributes"]["occluders"]))
    return Case(
        name=name,
        source=photo("source"),
        target=photo("target"),
        truth=Truth(photo("truth"), partial(parts_of, read)),
        groups={"occlusion": "occluded" if hides else "clear"} | groups,
    )


def decode(read: Callable[[], Mapping[str, bytes]], role: str) -> np.ndarray:
    """Return the picture of a role, (H, W, 3) uint8."""
    return decode_picture(read()[f"{role}.webp"])


def parts_of(read: Callable[[], Mapping[str, bytes]]) -> dict[str, np.ndarray]:
    """Return where the true swap is compared: `face`, `occluder` and `background`, (H, W) bool each.

    An occluder is in the target as well: hair that comes to light where the source's face is narrower hides nothing.
    """
    fields = read()
    region = decode_map(fields["region.png"]) > 127
    hidden = region.copy()
    for role in ("target", "truth"):
        hidden &= np.isin(decode_map(fields[f"{role}_labels.png"]), HIDDEN)
    return {"face": region & ~hidden, "occluder": region & hidden, "background": ~region}
