"""Renders the samples of a shard, in a worker."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from faceshifter_hub.datasets.shards import write_shard
from faceshifter_hub.datasets.workers import heed_stop
from faceshifter_hub.synthesis.attribute_prior import sample_attributes
from faceshifter_hub.synthesis.datasets.plan import TRIPLETS_A_GROUP, Plan, Shard
from faceshifter_hub.synthesis.datasets.samples import encode_face, encode_triplet
from faceshifter_hub.synthesis.datasets.swapbench import draw_swapbench
from faceshifter_hub.synthesis.identity_prior import sample_identity
from faceshifter_hub.synthesis.renderer import get_renderer
from faceshifter_hub.synthesis.triplets import Person, Triplet, render_group

FACES = 1  # keeps the draws of faces apart from those of triplets
Sample = tuple[str, dict[str, bytes]]


def draw_shard(task: tuple[Path, Plan, Shard]) -> Shard:
    """Render and write one shard, which depends on plan and shard alone.

    Raises:
        RenderError: It cannot be drawn.
        UnwritableOutputError: It cannot be written.
    """
    folder, plan, shard = task
    samples = draw_faces(plan, shard) if shard.kind == "faces" else draw_triplets(plan, shard)
    write_shard(folder / shard.name, samples)
    return shard


def draw_faces(plan: Plan, shard: Shard) -> Iterator[Sample]:
    """Yield faces by key: person number n // K, with attributes of their own each."""
    renderer = get_renderer(plan.size)
    catalogue = renderer.catalogue.of_split("train")
    for n in range(shard.first, shard.last):
        heed_stop()
        who, which = divmod(n, plan.per_identity)
        identity = sample_identity(generator(plan.seed, who, 0), catalogue)
        attributes = sample_attributes(generator(plan.seed, who, 1 + which), identity, catalogue)
        rendering = renderer.render(identity, attributes)
        facts = {"index": n, "person": who, **known_facts(plan)}
        yield f"face-{n:08}", encode_face(Person(identity, attributes), rendering, facts)


def generator(seed: int, who: int, which: int) -> np.random.Generator:
    """Return the generator of one draw of one person."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(FACES, who, which)))


def draw_triplets(plan: Plan, shard: Shard) -> Iterator[Sample]:
    """Yield triplets by key; of a data set, number n is the (n mod 12)th of group n // 12."""
    renderer = get_renderer(plan.size)
    triplets = draw_swapbench(renderer, shard.first, shard.last) if plan.benchmark else draw_groups(plan, shard)
    for n, (triplet, more) in enumerate(triplets, shard.first):
        heed_stop()
        facts = {"index": n, **more, "truth_of": plan.truth, **known_facts(plan)}
        yield f"triplet-{n:08}", encode_triplet(triplet, facts)


def draw_groups(plan: Plan, shard: Shard) -> Iterator[tuple[Triplet, dict[str, Any]]]:
    """Yield the triplets of a shard, which begins with a group, and the numbers of their groups."""
    for first in range(shard.first, shard.last, TRIPLETS_A_GROUP):
        group = first // TRIPLETS_A_GROUP
        triplets = render_group(get_renderer(plan.size), plan.seed, group, truth=plan.truth)
        for triplet in islice(triplets, shard.last - first):
            yield triplet, {"group": group}


def known_facts(plan: Plan) -> dict[str, Any]:
    """Return what every sample of a data set says of it."""
    return {"seed": plan.seed, "assets": plan.assets, "geometry": plan.geometry, "version": plan.version}
