"""Every engine gives what torch gives, of every kind of network, for other batches than the traced one."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from faceshifter_hub.errors import CheckpointError, MissingPackageError, SettingsError
from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.hear import HEARRefiner
from faceshifter_hub.runtimes import ENGINES, engines, graphs
from faceshifter_hub.runtimes.choice import pick_runtime
from faceshifter_hub.runtimes.engines import open_graph
from faceshifter_hub.runtimes.graphs import FORWARD, GENERATE, MODULATE, graphs_of, write_onnx
from faceshifter_hub.runtimes.networks import EngineGenerator, OnTensors, open_networks

TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A tiny generator, of which one level sees the identity alone, a refiner, and the folder of their graphs."""
    torch.manual_seed(0)
    generator = AADGenerator(
        resolution=16,
        identity_dim=8,
        attribute_channels=(6, 4),
        stem_channels=8,
        channels=(8, 4),
        output_upscale=2,
        attribute_levels=1,
    ).eval()
    refiner = HEARRefiner(16, (4, 6)).eval()
    folder = tmp_path_factory.mktemp("graphs")
    for network in (generator, refiner):
        for name, graph in graphs_of(network, 16).items():
            write_onnx(graph, folder / f"{name}.onnx")
    return generator, refiner, folder


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("targets", "identities"), [(1, 1), (1, 2), (3, 2)])
@torch.no_grad()
def test_generator(tiny, engine, targets, identities):
    pytest.importorskip(engine)
    generator, _, folder = tiny
    opened = (OnTensors(open_graph(engine, folder / f"{name}.onnx")) for name in (MODULATE, GENERATE))
    by_engine = EngineGenerator(*opened)
    z_id, z_att = torch.randn(targets * identities, 8), [torch.randn(targets, c, s, s) for c, s in ((6, 4), (4, 8))]
    faces, masks = by_engine.generate(z_id, by_engine.modulate_attributes(z_att))
    expected, of_masks = generator.generate(z_id, generator.modulate_attributes(z_att))
    torch.testing.assert_close(faces, expected, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(masks, of_masks, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_process_takes_signals_after_its_engines_have_gone(tiny, engine):
    """Every Core of OpenVINO gave the thread a signal stack, and those that went first left it one that was gone."""
    pytest.importorskip(engine)
    program = f"""
import os, signal
from pathlib import Path
from faceshifter_hub.runtimes.engines import open_graph
opened = [open_graph("{engine}", Path({str(tiny[2] / FORWARD)!r} + ".onnx")) for _ in range(4)]
while opened:
    opened.pop(0)
signal.signal(signal.SIGUSR1, lambda *_: print("taken"))
os.kill(os.getpid(), signal.SIGUSR1)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "taken\n"), done.stderr


@pytest.mark.parametrize("engine", ENGINES)
@torch.no_grad()
def test_a_refiner_tells_its_inputs_apart(tiny, engine):
    pytest.importorskip(engine)
    _, refiner, folder = tiny
    run = open_graph(engine, folder / f"{FORWARD}.onnx")
    swapped, error = torch.rand(3, 3, 16, 16) * 2 - 1, torch.rand(3, 3, 16, 16) * 4 - 2
    [refined] = run([swapped.numpy(), error.numpy()])
    np.testing.assert_allclose(refined, refiner(swapped, error).numpy(), atol=TOLERANCE)


@pytest.mark.parametrize("engine", ENGINES)
@torch.no_grad()
def test_a_result_outlives_the_next_run(tiny, engine):
    pytest.importorskip(engine)
    run = open_graph(engine, tiny[2] / f"{FORWARD}.onnx")
    zeros, ones = np.zeros((1, 3, 16, 16), np.float32), np.ones((1, 3, 16, 16), np.float32)
    [first] = run([zeros, zeros])
    kept = first.copy()
    run([ones, ones])
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_damaged_graph_is_refused(tmp_path, engine):
    pytest.importorskip(engine)
    path = tmp_path / "graph.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(CheckpointError, match=f"cannot be run by {engine}"):
        open_graph(engine, path)


def test_an_engine_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"faceshifter-hub\[openvino\]"):
        open_graph("openvino", tmp_path / "graph.onnx")


def test_an_export_without_onnxscript_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    graph = graphs_of(HEARRefiner(16, (4, 6)), 16)[graphs.FORWARD]
    with pytest.raises(MissingPackageError, match=r"faceshifter-hub\[onnx\]"):
        write_onnx(graph, tmp_path / "graph.onnx")
    assert not list(tmp_path.iterdir())


def test_a_runtime_that_is_none_is_refused():
    with pytest.raises(SettingsError, match="There is no runtime 'tpu'"):
        pick_runtime("tpu")


def test_an_engine_of_the_cpu_does_not_serve_another_device():
    with pytest.raises(SettingsError, match="runs on the CPU"):
        open_networks({}, 64, "onnxruntime", torch.device("cuda"))
