"""A pipeline pushed to and pulled from a real Hub server."""

import numpy as np
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import FaceShifterPipeline
from faceshifter_hub.registry import DATA_ROOT

SOURCE, TARGET = sorted((DATA_ROOT / "examples").glob("*.webp"))[:2]


def test_pushed_and_pulled_it_swaps_alike(unmarked, hub, tmp_path):
    pipe = FaceShifterPipeline.from_pretrained(save_tiny_pipeline(tmp_path))
    commit = pipe.push_to_hub("alice/tiny-pipeline")
    expected = np.asarray(pipe(SOURCE, TARGET).images[0], int)
    for address in ("hf://alice/tiny-pipeline", f"hf://alice/tiny-pipeline@{commit}"):
        pulled = FaceShifterPipeline.from_pretrained(address)
        result = np.asarray(pulled(SOURCE, TARGET).images[0], int)
        assert np.abs(result - expected).max() <= 1  # weights that lie elsewhere in memory may round otherwise


def test_parts_of_a_published_pipeline_can_be_used_alone(hub, tmp_path):
    FaceShifterPipeline.from_pretrained(save_tiny_pipeline(tmp_path / "first", seed=1)).push_to_hub("alice/parts")
    folder = save_tiny_pipeline(tmp_path / "second", seed=2)
    mixed = FaceShifterPipeline.from_pretrained(folder, hear_refiner="hf://alice/parts/hear_refiner")
    assert mixed(SOURCE, TARGET).images
