"""What the judge of expressions learns from: `python trainers/expression_data.py --output_dir data/expression`.

Renders faces whose ARKit weights are known, in shards; the same command goes on where it was interrupted.

Moods of the renderer's prior move units together; in half of the faces units move one by one instead, so that each can
be told from the others.
"""

import argparse
import io
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from faceshifter_hub.datasets.folder import filling
from faceshifter_hub.datasets.progress import tell
from faceshifter_hub.datasets.shards import write_shard
from faceshifter_hub.datasets.workers import heed_stop, map_in_processes
from faceshifter_hub.synthesis.attribute_prior import sample_attributes
from faceshifter_hub.synthesis.identity_prior import sample_identity

PEOPLE = 50  # of a shard
PICTURES = 4  # of a person
SIZE = 256
INDEPENDENT = 0.5  # share of the faces whose units are drawn one by one
MOVED = 0.15  # share of the units that move in such a face


def main(argv: list[str] | None = None) -> None:
    """Render what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--people", type=int, default=3000, help=f"each is drawn {PICTURES} times (%(default)s)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=2, help="rendering processes (%(default)s)")
    options = parser.parse_args(argv)
    draw_shards(options.output_dir, options.seed, options.people, options.workers)


def draw_shards(folder: Path, seed: int, people: int, workers: int) -> list[Path]:
    """Render what a folder lacks; returns its shards, PEOPLE people each.

    Raises:
        RenderError: The renderer cannot start.
        UnwritableOutputError: The folder cannot be written, or is being filled by another run.
        WorkerError: A process was ended.
    """
    paths = [folder / f"faces-{number:05}.tar" for number in range(-(-people // PEOPLE))]
    with filling(folder):
        missing = [number for number, path in enumerate(paths) if not path.exists()]
        for done, number in enumerate(map_in_processes(partial(draw_shard, folder, seed), missing, workers), 1):
            tell(f"{paths[number].name}: {done} of {len(missing)} shards")
    return paths


def draw_shard(folder: Path, seed: int, number: int) -> int:
    """Render one shard, in a worker; returns its number."""
    people = range(number * PEOPLE, (number + 1) * PEOPLE)
    samples = (sample for person in people for sample in draw_person(seed, person))
    write_shard(folder / f"faces-{number:05}.tar", samples)
    return number


def draw_person(seed: int, person: int) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Render one person PICTURES times, nothing before the face: key, picture, and what is true of it."""
    from faceshifter_hub.synthesis.renderer import get_renderer

    renderer = get_renderer(SIZE)
    rng = np.random.default_rng([seed, person])
    identity = sample_identity(rng, renderer.catalogue)
    for picture in range(PICTURES):
        heed_stop()
        attributes = sample_attributes(rng, identity, renderer.catalogue)
        changes: dict = {"occluders": ()}
        if rng.random() < INDEPENDENT:
            changes["expression"] = draw_units(rng, renderer.catalogue.units)
        attributes = attributes.model_copy(update=changes)
        rendering = renderer.render(identity, attributes)
        file = io.BytesIO()
        Image.fromarray(rendering.image).save(file, "webp", quality=95)
        facts = {
            "person": person,
            "landmarks": rendering.landmarks.round(3).tolist(),
            "expression": attributes.expression,
            "gaze": attributes.gaze,
        }
        yield f"{person:06}-{picture}", {"webp": file.getvalue(), "json": json.dumps(facts).encode()}


def draw_units(rng: np.random.Generator, units: Sequence[str]) -> dict[str, float]:
    """Return weights of ARKit units that know nothing of each other; the gaze, not a unit, turns the eyes."""
    return {unit: float(rng.random()) for unit in units if rng.random() < MOVED and not unit.startswith("eyeLook")}


if __name__ == "__main__":
    main()
