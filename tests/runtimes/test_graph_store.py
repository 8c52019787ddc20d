"""Exported graphs are found by what they were made of, and made again where they are damaged."""

import pytest
import torch

from faceshifter_hub.errors import UnwritableOutputError
from faceshifter_hub.models.hear import HEARRefiner
from faceshifter_hub.runtimes import store
from faceshifter_hub.runtimes.store import find_graphs, graph_store, key_of, make_graphs


@pytest.fixture
def refiner():
    torch.manual_seed(0)
    return HEARRefiner(16, (4,)).eval()


def test_the_key_is_the_content(refiner):
    key = key_of(refiner, 16, "onnx")
    assert key == key_of(refiner, 16, "onnx")
    assert key != key_of(refiner, 32, "onnx")
    torch.manual_seed(0)
    assert key == key_of(HEARRefiner(16, (4,)).eval(), 16, "onnx")
    assert key != key_of(HEARRefiner(16, (4,), residual=True).eval(), 16, "onnx")
    with torch.no_grad():
        refiner.to_rgb.bias[0] += 1
    assert key != key_of(refiner, 16, "onnx")


def test_what_is_compiled_is_of_a_precision_and_a_machine(refiner, monkeypatch):
    keys = {key_of(refiner, 16, form) for form in ("onnx", "inductor", "inductor-bf16")}
    monkeypatch.setattr(store.compiled, "machine_of", lambda device: "another")
    keys |= {key_of(refiner, 16, form) for form in ("onnx", "inductor", "inductor-bf16")}
    assert len(keys) == 5


@pytest.mark.fault
def test_what_is_stored_is_not_exported_again_unless_it_is_damaged(refiner, cache, monkeypatch):
    assert find_graphs(key_of(refiner, 16, "onnx"), "onnx") is None
    [path] = make_graphs(refiner, 16, "onnx").values()
    written = path.read_bytes()
    again = []
    whole = store.write_graphs
    monkeypatch.setattr(store, "write_graphs", lambda *given: (again.append(1), whole(*given)))
    assert make_graphs(refiner, 16, "onnx") == {"forward": path}
    assert not again
    path.write_bytes(written[:-7] + b"damaged")
    assert find_graphs(key_of(refiner, 16, "onnx"), "onnx") is None
    make_graphs(refiner, 16, "onnx")
    assert again and find_graphs(key_of(refiner, 16, "onnx"), "onnx") == {"forward": path}


@pytest.mark.fault
def test_an_export_that_fails_leaves_nothing(refiner, cache, monkeypatch):
    def interrupted(component, resolution, form, folder):
        folder.mkdir()
        (folder / "forward.onnx").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "write_graphs", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_graphs(refiner, 16, "onnx")
    assert not list(graph_store().iterdir())


@pytest.mark.fault
def test_a_store_that_cannot_be_written_is_named(refiner, cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(UnwritableOutputError, match="FACESHIFTER_CACHE"):
        make_graphs(refiner, 16, "onnx")
