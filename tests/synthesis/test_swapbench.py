import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from processes import RUN, command

from faceshifter_hub.synthesis.datasets.swapbench import HIDING, load_swapbench, rounded, to_toml

DRAW = """
import json
import numpy as np
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.renderer import FaceRenderer
from faceshifter_hub.synthesis.datasets.swapbench import draw_swapbench, load_swapbench
bench = load_swapbench()
first = [bench.groups().index(groups[0]) for groups in (bench.clear, bench.occluded)]
renderer, facts = FaceRenderer(64), []
held = renderer.catalogue.of_split("train").looks
for n in first:
    (triplet, more), = draw_swapbench(renderer, n, n + 1)
    names = {value: name for name, value in LABELS.items()}
    facts.append({
        **more,
        "labels": [names[value] for value in np.unique(triplet.target.labels)],
        "occluders": len(triplet.target_person.attributes.occluders),
        "hair": triplet.target_person.attributes.hair.style,
        "trained_hair": [style.name for style in held.hair],
    })
print(json.dumps(facts))
"""


def test_it_is_500_triplets_of_other_people_200_of_them_occluded():
    bench = load_swapbench()
    assert (len(bench.clear), len(bench.occluded), len(set(bench.groups()))) == (300, 200, 500)
    assert bench.groups() == sorted(bench.groups())


def test_its_definition_comes_back_as_it_is_written(monkeypatch, tmp_path):
    bench = replace(load_swapbench(), version=7)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "swapbench.toml").write_text(to_toml(bench))
    monkeypatch.setattr("faceshifter_hub.synthesis.datasets.swapbench.DATA_ROOT", tmp_path)
    assert load_swapbench.__wrapped__() == bench


def test_the_last_bits_of_parameters_do_not_count():
    assert rounded({"a": [0.1 + 1e-9, -1e-12], "b": "name"}) == rounded({"a": [0.1, 0.0], "b": "name"})
    assert json.dumps(rounded([-1e-12])) == "[0.0]"


def test_other_assets_are_refused_in_one_sentence(tmp_path):
    process = subprocess.run(command(tmp_path / "out", "--benchmark", "swapbench"), check=False, **RUN)
    assert process.returncode == 1
    assert process.stderr.startswith("faceshifter: SwapBench 1 is drawn with assets ")
    assert process.stderr.endswith(", not procedural: set FACESHIFTER_ASSETS to the folder that has them.\n")
    assert not (tmp_path / "out").exists()


def test_a_number_of_triplets_contradicts_a_benchmark(tmp_path):
    words = command(tmp_path / "out", "--benchmark", "swapbench", "--triplets", "3")
    process = subprocess.run(words, check=False, **RUN)
    assert process.returncode == 1
    assert process.stderr.startswith("faceshifter: --benchmark renders its own triplets: leave out")


@pytest.mark.skipif("FACESHIFTER_ASSETS" not in os.environ, reason="FACESHIFTER_ASSETS names no asset pack")
def test_it_is_drawn_as_it_was_defined_with_hair_that_training_never_shows():
    process = subprocess.run([sys.executable, "-c", DRAW], cwd=RUN["cwd"], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    clear, occluded = json.loads(process.stdout)
    assert (clear["occluded"], occluded["occluded"]) == (False, True)
    assert clear["occluders"] == 0 and occluded["occluders"] > 0
    assert set(HIDING) & set(occluded["labels"])
    for facts in (clear, occluded):
        assert facts["hair"] is None or facts["hair"] not in facts["trained_hair"]


HASH = """
from itertools import islice
from faceshifter_hub.synthesis.renderer import FaceRenderer
from faceshifter_hub.synthesis.datasets.swapbench import hash_people, load_swapbench, people_of
bench, renderer = load_swapbench(), FaceRenderer(64)
print(hash_people(people_of(renderer, bench.seed, group) for group in islice(bench.groups(), 40)))
"""


def test_another_processor_finds_the_same_people():
    """Processors round matrix products, by which the light of environments is measured, differently."""
    hashes = set()
    for kernels in ("", "Prescott", "Haswell"):
        environment = os.environ | {"OPENBLAS_CORETYPE": kernels}
        process = subprocess.run(
            [sys.executable, "-c", HASH], cwd=RUN["cwd"], env=environment, capture_output=True, text=True, check=True
        )
        hashes.add(process.stdout)
    assert len(hashes) == 1
