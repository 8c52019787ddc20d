"""The embedded default: its size, its cost, and that its manifest tells the truth about its files."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from faceshifter_hub import FaceShifterPipeline
from faceshifter_hub.registry import DATA_ROOT, KINDS, get_manifest, get_pipeline

SOURCE, TARGET = sorted((DATA_ROOT / "examples").glob("*.webp"))[:2]
TRAINED = ("attribute_encoder", "aad_generator", "hear_refiner")


@pytest.fixture(scope="module")
def pipe():
    return FaceShifterPipeline.from_pretrained("faceshifter-lite")


def test_at_most_20_million_parameters(pipe):
    assert sum(p.numel() for kind in TRAINED for p in pipe.components[kind].parameters()) <= 20e6


def test_at_most_16_gflop_for_both_stages(pipe):
    """The attributes and their modulations are computed once and shared by Y^_st and Y^_tt."""
    target, identities = torch.zeros(1, 3, 256, 256), torch.zeros(2, 128)
    encoder, generator, refiner = (pipe.components[kind] for kind in TRAINED)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        faces, _ = generator.generate(identities, generator.modulate_attributes(encoder(target)))
        refiner(faces[:1], target - faces[1:])
    assert counter.get_total_flops() <= 16e9


def test_at_most_40_megabytes_embedded():
    checkpoints = DATA_ROOT / "checkpoints"
    assert sum(path.stat().st_size for path in checkpoints.rglob("*") if path.is_file()) <= 40e6


def test_every_part_may_be_used_commercially():
    components = get_pipeline("faceshifter-lite").components
    assert set(components) == set(KINDS)
    assert all(get_manifest(name).commercial_use for name in components.values())


def test_interfaces_in_the_manifests_are_those_of_the_networks(pipe):
    components = get_pipeline("faceshifter-lite").components
    for kind in (*TRAINED, "identity_encoder"):
        assert get_manifest(components[kind]).interface == pipe.components[kind].interface


def test_the_manifest_says_how_well_it_swaps_and_how_that_was_measured():
    metrics = {metric.name: metric for metric in get_pipeline("faceshifter-lite").metrics}
    for name in ("closer_to_source, faceres", "retrieval_top1, faceres"):
        assert 0 <= metrics[name].value <= 1
        assert metrics[name].command.startswith("faceshifter evaluate ")


def test_it_changes_the_face_and_keeps_its_colours(pipe):
    """No measure of quality: what a broken checkpoint would fail."""
    output = pipe(SOURCE, TARGET, return_stages=True)
    target, refined = (np.asarray(output.stages[0][0][name]).astype(float) for name in ("target", "refined"))
    centre = np.s_[64:224, 64:192]
    difference = np.abs(target - refined)[centre].mean()
    assert 3 < difference < 60
    grey = np.corrcoef(target.mean(2).ravel(), refined.mean(2).ravel())[0, 1]
    assert grey > 0.7


def test_a_swap_fits_into_one_gigabyte(tmp_path):
    # not ru_maxrss, which a child takes over from the process that started it
    script = (
        "import re, sys; from faceshifter_hub import cli; code = cli.main(sys.argv[1:]);"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1]); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, "swap", str(SOURCE), str(TARGET), "-o", str(tmp_path / "out.png")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(lines[-1]) * 1024 < 1e9
