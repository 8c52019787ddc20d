"""Runs a protocol: looks at every photograph, lets every contestant swap every case, and looks at the swaps.

What was measured is kept by the content of what it was measured on, so a run goes on where it was interrupted, and
several processes share the work. Batches are the same however many processes there are and however often a run began.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from huggingface_hub.utils import tqdm

from faceshifter_hub.errors import DataError, MediaError
from faceshifter_hub.evaluation.album import Album
from faceshifter_hub.evaluation.cases import Case, CaseList, Photo
from faceshifter_hub.evaluation.contestants import Contestant, Scene
from faceshifter_hub.evaluation.judging.judges import Judges, TrueSwap
from faceshifter_hub.evaluation.judging.observation import Observation
from faceshifter_hub.evaluation.judging.store import Store, key_of

BATCH = 16
NUMBER, FAILURE = "number ", "failure"  # names of kept arrays
NO_FACE = "no face is found in it"

Item = TypeVar("Item")


@dataclass(frozen=True)
class Share:
    """Which part of the work this process does.

    Attributes:
        index: of this process, 0 is the main one.
        count: of the processes.
        wait: returns when all have come as far.
    """

    index: int = 0
    count: int = 1
    wait: Callable[[], None] = lambda: None

    def batches(self, items: Sequence[Item], what: str) -> Iterator[list[Item]]:
        """Yield this process's batches, saying how it goes."""
        starts = range(0, len(items), BATCH)[self.index :: self.count]
        for start in tqdm(starts, desc=what, unit="batch", disable=self.index > 0):
            yield list(items[start : start + BATCH])


@dataclass(frozen=True)
class Swapped:
    """What was measured of a swap: its face, and how its picture differs from target and truth."""

    seen: Observation
    numbers: Mapping[str, float]


@dataclass
class Measured:
    """What a run has measured.

    Attributes:
        photos: by the photograph's name.
        cases: those of which both photographs show a face.
        left_out: name of a photograph or case -> why.
        swaps: contestant -> case -> what was measured, or in words why there is no swap.
        seconds: that swaps took in this run, by contestant.
    """

    photos: dict[str, Observation]
    cases: list[Case]
    left_out: dict[str, str]
    swaps: dict[str, dict[str, Swapped | str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def measure(
    listed: CaseList, contestants: Sequence[Contestant], judges: Judges, store: Store, share: Share
) -> Measured:
    """Measure all cases of all contestants; every process returns the same, but for `seconds`.

    Raises:
        DataError: No case is left.
        UnwritableOutputError: The store cannot be written.
    """
    album = Album()
    photos = {photo.name: photo for photo in listed.gallery}
    for case in listed.cases:
        photos |= {photo.name: photo for photo in (case.source, case.target)}
        if case.truth is not None:
            photos[case.truth.photo.name] = case.truth.photo
    observe(list(photos.values()), judges, store, album, share)
    share.wait()
    seen, unseen = recall_photos(list(photos.values()), judges, store, album)

    left_out = dict(listed.left_out) | unseen
    cases = []
    for case in listed.cases:
        roles = {"source": case.source, "target": case.target} | ({"truth": case.truth.photo} if case.truth else {})
        fault = next((f"its {role} is left out" for role, photo in roles.items() if photo.name in unseen), None)
        if fault:
            left_out[case.name] = fault
        else:
            cases.append(case)
    if not cases:
        raise DataError(
            f"Of {len(listed.cases)} cases none is left: {next(iter(left_out.values()))}; give other data."
        )

    measured = Measured(seen, cases, left_out)
    measured.seconds = swap_all(cases, contestants, seen, judges, store, album, share)
    share.wait()
    for contestant in contestants:
        keys = {case.name: swap_key(case, contestant, judges, album) for case in cases}
        measured.swaps[contestant.name] = {name: recall_swap(store, key) for name, key in keys.items()}
    return measured


def observe(photos: Sequence[Photo], judges: Judges, store: Store, album: Album, share: Share) -> None:
    """Look at photographs and keep what is seen."""
    for batch in share.batches(photos, "photographs"):
        keys = {photo.name: key for photo in batch if (key := photo_key(photo, judges, album)) is not None}
        if all(store.get(key) is not None for key in keys.values()):
            continue
        pictures = {
            photo: picture for photo in batch if (picture := try_to_read(photo, keys, store, album)) is not None
        }
        seen = judges.observe(list(pictures.values()), [photo.points for photo in pictures], [None] * len(pictures))
        for photo, observation in zip(pictures, seen, strict=True):
            store.put(keys[photo.name], failure(NO_FACE) if observation is None else observation.arrays())


def try_to_read(photo: Photo, keys: Mapping[str, str], store: Store, album: Album) -> np.ndarray | None:
    """Read a photograph; where it cannot be read, keep in words why."""
    if photo.name not in keys:
        return None
    try:
        return album.read(photo)
    except (MediaError, DataError) as error:
        store.put(keys[photo.name], failure(str(error)))
        return None


def recall_photos(
    photos: Sequence[Photo], judges: Judges, store: Store, album: Album
) -> tuple[dict[str, Observation], dict[str, str]]:
    """Return what was seen of each photograph by its name, and why others are left out."""
    seen, unseen = {}, {}
    for photo in photos:
        key = photo_key(photo, judges, album)
        if key is None:
            unseen[photo.name] = album.faults[photo.name]
            continue
        kept = recall(store, key)
        if FAILURE in kept:
            unseen[photo.name] = kept[FAILURE].tobytes().decode()
        else:
            seen[photo.name] = Observation.from_arrays(kept)
    return seen, unseen


def swap_all(
    cases: Sequence[Case],
    contestants: Sequence[Contestant],
    seen: Mapping[str, Observation],
    judges: Judges,
    store: Store,
    album: Album,
    share: Share,
) -> dict[str, float]:
    """Swap and measure what is not known yet; returns the seconds that swaps took, by contestant."""
    seconds = {contestant.name: 0.0 for contestant in contestants}
    for batch in share.batches(cases, "swaps"):
        wanted = [
            contestant
            for contestant in contestants
            if any(store.get(swap_key(case, contestant, judges, album)) is None for case in batch)
        ]
        scenes = [make_scene(case, seen, album) for case in batch] if wanted else []
        truths = [true_swap(scene) for scene in scenes]
        for contestant in wanted:
            begun = time.perf_counter()
            results = contestant.swapper.swap(scenes)
            seconds[contestant.name] += time.perf_counter() - begun
            kept = judge(scenes, results, truths, seen, judges)
            for case, arrays in zip(batch, kept, strict=True):
                store.put(swap_key(case, contestant, judges, album), arrays)
    return {name: round(spent, 3) for name, spent in seconds.items()}


def make_scene(case: Case, seen: Mapping[str, Observation], album: Album) -> Scene:
    """Read the pictures of a case."""
    return Scene(
        case=case,
        source=album.read(case.source),
        source_points=seen[case.source.name].points,
        target=album.read(case.target),
        target_points=seen[case.target.name].points,
        truth=album.read(case.truth.photo) if case.truth else None,
    )


def true_swap(scene: Scene) -> TrueSwap | None:
    """Return what a swap of a scene is held against, where it is known."""
    truth = scene.case.truth
    if truth is None or scene.truth is None or truth.photo.points is None:
        return None
    return TrueSwap(scene.truth, truth.photo.points, truth.parts())


def judge(
    scenes: Sequence[Scene],
    results: Sequence[np.ndarray | str],
    truths: Sequence[TrueSwap | None],
    seen: Mapping[str, Observation],
    judges: Judges,
) -> list[dict[str, np.ndarray]]:
    """Return what is to be kept of each result."""
    made = [k for k, result in enumerate(results) if isinstance(result, np.ndarray)]
    pictures = [result for result in results if isinstance(result, np.ndarray)]
    known = [truths[k].points if truths[k] is not None else None for k in made]  # type: ignore[union-attr]
    expected = [scenes[k].target_points for k in made]
    targets = [seen[scenes[k].case.target.name] for k in made]
    numbers = judges.compare(pictures, [scenes[k].target for k in made], targets, [truths[k] for k in made])
    observations = judges.observe(pictures, known, expected)
    kept = [failure(result) if isinstance(result, str) else {} for result in results]
    for k, observation, measured in zip(made, observations, numbers, strict=True):
        assert observation is not None  # where the face should be is known
        kept[k] = observation.arrays() | {NUMBER + name: np.array(value) for name, value in measured.items()}
    return kept


def recall_swap(store: Store, key: str) -> Swapped | str:
    """Return what was measured of a swap."""
    kept = recall(store, key)
    if FAILURE in kept:
        return kept[FAILURE].tobytes().decode()
    numbers = {name.removeprefix(NUMBER): value.item() for name, value in kept.items() if name.startswith(NUMBER)}
    return Swapped(Observation.from_arrays({n: a for n, a in kept.items() if not n.startswith(NUMBER)}), numbers)


def recall(store: Store, key: str) -> dict[str, np.ndarray]:
    """Return what was kept.

    Raises:
        DataError: It is gone.
    """
    kept = store.get(key)
    if kept is None:
        raise DataError(f"What was measured is gone from {store.folder}; give the same command again.")
    return kept


def photo_key(photo: Photo, judges: Judges, album: Album) -> str | None:
    """Return under what a photograph's observation is kept; None where it cannot be read."""
    try:
        return key_of("photo", album.digest(photo), judges.digest)
    except (MediaError, DataError):
        return None


def swap_key(case: Case, contestant: Contestant, judges: Judges, album: Album) -> str:
    """Return under what the measurements of a swap are kept."""
    photos = [case.source, case.target] + ([case.truth.photo] if case.truth else [])
    return key_of("swap", contestant.swapper.key(case), [album.digest(photo) for photo in photos], judges.digest)


def failure(why: str) -> dict[str, np.ndarray]:
    """Return a reason as an array."""
    return {FAILURE: np.frombuffer(why.encode(), np.uint8)}
