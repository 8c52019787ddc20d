"""Runs of real processes: killed and resumed, spread over two, in smaller batches; all must be the same run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from faceshifter_hub.models.aad import AADGenerator
from trainers import aei
from trainers.options import RECIPES

SCRIPT = str(Path(__file__).parents[2] / "trainers" / "aei.py")


def differences(a, b, where=""):
    """Name what differs between two nests of dictionaries, lists, tensors and numbers."""
    if isinstance(a, torch.Tensor):
        return [] if torch.equal(a, b) else [where]
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        return [d for key in a for d in differences(a[key], b[key], f"{where}/{key}")]
    if isinstance(a, list | tuple):
        assert len(a) == len(b), where
        return [d for n, pair in enumerate(zip(a, b, strict=True)) for d in differences(*pair, f"{where}/{n}")]
    return [] if a == b else [where]


def training_state(folder):
    """Return all that a checkpoint holds but the states of random generators."""
    state = {path.name: load_file(path) for path in folder.glob("*.safetensors")}
    paths = [*folder.glob("optimizer*.bin"), *folder.glob("custom_checkpoint_*.pkl")]
    return state | {path.name: torch.load(path, weights_only=True) for path in paths}


@pytest.mark.fault
def test_a_run_killed_at_any_moment_goes_on_bit_for_bit_as_if_nothing_had_been(tiny_aei, flags, tmp_path):
    metrics = tmp_path / "metrics.jsonl"
    often = {"checkpointing_steps": 2, "validation_steps": 2}
    command = [sys.executable, SCRIPT, *flags("tiny-aei", tmp_path, max_train_steps=99, **often)]
    # sums are rounded as they are split over threads
    with subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}) as run:
        while not metrics.is_file() or metrics.read_text().count("\n") < 3:
            assert run.poll() is None
            time.sleep(0.01)
        run.kill()
    assert run.returncode == -signal.SIGKILL
    (tmp_path / "partial-checkpoint-3").mkdir()  # a checkpoint that was being written
    (tmp_path / "partial-checkpoint-3" / "model.safetensors").write_bytes(b"half")
    with metrics.open("a") as lines:
        lines.write('{"step": 4, "attr')  # and a line
    assert (tmp_path / "checkpoint-2").is_dir()
    assert differences(training_state(tiny_aei.folder / "checkpoint-4"), training_state(tmp_path / "checkpoint-2"))

    aei.main(flags("tiny-aei", tmp_path, max_train_steps=4, resume_from_checkpoint="latest", **often))
    assert metrics.read_text() == (tiny_aei.folder / "metrics.jsonl").read_text()
    expected, found = (training_state(folder / "checkpoint-4") for folder in (tiny_aei.folder, tmp_path))
    assert len(expected) == 2 + 2 + 2  # models, optimisers, average and schedule
    assert differences(expected, found) == []


# ---- the same batch, cut differently


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    """A recipe whose losses are means over samples that do not know of each other, so that gradients must agree."""
    path = tmp_path_factory.mktemp("recipe") / "linear.toml"
    tiny = (RECIPES / "tiny-aei.toml").read_text()
    tiny = tiny.replace('attribute_space = "tiny-64"', 'attribute_space = "tiny-64"\nnormalization = "instance"')
    path.write_text("discriminator_learning_rate = 1e-12\n" + tiny)  # else its first step amplifies what is rounded
    return {"recipe": str(path), "identity_views": False, "feature_weight": 0, "checkpointing_steps": 1}


def gradients(folder):
    """Return the first gradient of both networks, (N,) each: with a beta1 of 0 it is Adam's first moment."""
    found = []
    for name in ("optimizer.bin", "optimizer_1.bin"):
        state = torch.load(folder / "checkpoint-1" / name, weights_only=True)
        assert {group["betas"][0] for group in state["param_groups"]} == {0.0}
        found.append(torch.cat([moments["exp_avg"].flatten() for moments in state["state"].values()]))
    return found


def assert_same_gradients(folder, reference):
    for found, expected in zip(gradients(folder), gradients(reference), strict=True):
        assert expected.norm() > 0
        # of seeds 0 to 3 the kinks of ReLU and L1 made 0.004 out of rounding at most; another batch gives over 0.1
        assert (found - expected).norm() < 0.01 * expected.norm()


@pytest.fixture(scope="module")
def one_process(flags, linear, tmp_path_factory):
    """One step with a batch of four."""
    folder = tmp_path_factory.mktemp("one")
    aei.main(flags(output=folder, max_train_steps=1, train_batch_size=4, **linear))
    return folder


def test_accumulated_gradients_are_those_of_the_whole_batch(one_process, flags, linear, tmp_path):
    given = {"train_batch_size": 2, "gradient_accumulation_steps": 2}
    aei.main(flags(output=tmp_path, max_train_steps=1, **given, **linear))
    assert_same_gradients(tmp_path, one_process)


def test_two_processes_have_the_gradients_of_one_with_the_doubled_batch(one_process, flags, linear, tmp_path):
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    given = {"train_batch_size": 2, "max_train_steps": 2, "checkpoints_total_limit": 2}
    done = subprocess.run(
        [*launch, SCRIPT, *flags(output=tmp_path, **given, **linear)],
        env={**os.environ, "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    # a state of the random generators for each process: there were two, and they wrote one checkpoint
    assert len(list((tmp_path / "checkpoint-1").glob("random_states_*.pkl"))) == 2
    assert_same_gradients(tmp_path, one_process)
    assert (tmp_path / "metrics.jsonl").read_text().count("\n") == 2
    AADGenerator.from_pretrained(tmp_path / "aad_generator")
