"""Tiny training data: rendered people of both sides of the split, triplets of black squares with two white bars."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from accelerate.state import AcceleratorState
from bars import BARS, SIDE, barred
from PIL import Image
from torch import nn

from faceshifter_hub.datasets.shards import write_shard
from faceshifter_hub.evaluation.split import is_validation
from faceshifter_hub.faces.alignment import template
from faceshifter_hub.models.dlib_resnet import DlibIdentityEncoder
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.preparation.examine import Task, encode_jpeg, examine_all
from faceshifter_hub.preparation.photographs import list_photographs
from faceshifter_hub.synthesis.datasets.samples import encode_facts, encode_map, encode_picture
from trainers import aei

EXAMPLES = Path(__file__).parents[2] / "registry" / "examples"


def triplet(i: int, j: int) -> dict[str, bytes]:
    """Return the fields of a triplet; identities show as a bar in the upper half, attributes in the lower half."""
    pictures = {"source": (i, i), "target": (j, j), "truth": (i, j)}
    labels = np.zeros((SIDE, SIDE), np.uint8)
    if j == 1:
        labels[20:40, 10:30] = LABELS["hand"]
    return {
        **{f"{name}.webp": encode_picture(barred(who, BARS // 2 + how)) for name, (who, how) in pictures.items()},
        "target_labels.png": encode_map(labels),
        "json": encode_facts({name: {"landmarks": template(SIDE).tolist()} for name in pictures}),
    }


@pytest.fixture(scope="session")
def triplets_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shards of the twelve triplets of four people: every ordered pair."""
    folder = tmp_path_factory.mktemp("triplets")
    pairs = list(permutations(range(4), 2))
    for shard in range(2):
        samples = ((f"triplet-{12 * shard + n:08}", triplet(i, j)) for n, (i, j) in enumerate(pairs))
        write_shard(folder / f"triplets-{shard:06}.tar", samples)
    return folder


@pytest.fixture(scope="session")
def photos_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six rendered people whose names are of the training side, two of the validation side, prepared."""
    folder = tmp_path_factory.mktemp("photos")
    originals = tmp_path_factory.mktemp("originals")
    names = [f"person_{n:03}.png" for n in range(100)]
    chosen = [n for n in names if not is_validation(n)][:6] + [n for n in names if is_validation(n)][:2]
    for name, path in zip(chosen, sorted(EXAMPLES.glob("face_*.webp")), strict=False):
        Image.open(path).resize((256, 256)).save(originals / name)
    examined = examine_all(Task(originals, list_photographs(originals), size=256, min_face=128))
    samples = ((f"photo-{n:08}", each.fields) for n, each in enumerate(examined))
    write_shard(folder / "photos-000000.tar", samples)
    return folder


@dataclass
class Run:
    """A finished run of stage 1."""

    folder: Path
    encoders: set[nn.Module]  # every identity encoder that the run called
    training: bool  # whether one of them was ever in training mode or open to gradients when called


@pytest.fixture(scope="session")
def flags(photos_dir: Path, triplets_dir: Path) -> Callable[..., list[str]]:
    """Make a trainer's flags: `flags("tiny-aei", folder, max_train_steps=4)`."""

    def make(recipe: str, output: Path, **values: object) -> list[str]:
        given = {
            "recipe": recipe,
            "train_data_dir": photos_dir,
            "synthetic_data_dir": triplets_dir,
            "output_dir": output,
            **values,
        }
        return [part for name, value in given.items() for part in (f"--{name}", str(value))]

    return make


@pytest.fixture(scope="session")
def tiny_aei(tmp_path_factory: pytest.TempPathFactory, flags: Callable[..., list[str]]) -> Run:
    """Four steps of stage 1 with the recipe `tiny-aei`."""
    run = Run(tmp_path_factory.mktemp("aei"), set(), False)

    def watch(module: nn.Module, _: object) -> None:
        if isinstance(module, DlibIdentityEncoder):
            run.encoders.add(module)
        if any(module is inner for encoder in run.encoders for inner in encoder.modules()):
            run.training |= module.training or any(p.requires_grad for p in module.parameters())

    with nn.modules.module.register_module_forward_pre_hook(watch):
        aei.main(flags("tiny-aei", run.folder, max_train_steps=4, checkpointing_steps=2, validation_steps=2))
    return run


@pytest.fixture
def bf16() -> Iterator[None]:
    """Accelerate keeps its precision for the life of a process: forget it before and after."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def make_photos(tmp_path: Path) -> Callable[[str, list[tuple[str | None, int]]], Path]:
    """Write a shard of bars; `make_photos("a", [("ann", 0), (None, 1)])` shows ann as bar 0, somebody as bar 1."""

    def make_photos(name: str, people: list[tuple[str | None, int]]) -> Path:
        (tmp_path / name).mkdir()
        samples = []
        for n, (person, bar) in enumerate(people):
            facts = {"file": f"{n}.png", "person": person, "split": "training", "landmarks": template(SIDE).tolist()}
            samples.append((f"photo-{n:08}", {"json": encode_facts(facts), "jpg": encode_jpeg(barred(bar))}))
        write_shard(tmp_path / name / "photos-000000.tar", samples)
        return tmp_path

    return make_photos
