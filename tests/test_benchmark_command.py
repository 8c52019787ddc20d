"""`faceshifter benchmark`: what it measures is said, as JSON and as a table, and compared with what was."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import cli
from faceshifter_hub.benchmarking.command import as_table, read_measurements
from faceshifter_hub.benchmarking.stages import cost_of
from faceshifter_hub.benchmarking.timing import take_turns


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The measurements of a tiny pipeline, as printed."""
    folder = save_tiny_pipeline(tmp_path_factory.mktemp("pipeline"))
    with pytest.MonkeyPatch.context() as patch:
        told = []
        patch.setattr("builtins.print", lambda *words, **_: told.append(*words))
        words = ["benchmark", "--pipeline", str(folder), "--batch", "1", "2", "--rounds", "2", "--json"]
        assert cli.main(words) == 0
    return json.loads(told[-1])


def test_every_stage_is_measured_for_every_runtime_and_batch(measured):
    rows = {(row["stage"], row["runtime"], row["batch"]): row for row in measured["rows"]}
    stages = {"identity", "attributes", "modulations", "generator", "refiner", "swap"}
    assert rows.keys() == {(s, who, n) for s in stages for who in ("eager", "torch") for n in (1, 2)}
    for row in rows.values():
        assert 0 < row["low"] <= row["milliseconds"] <= row["high"]
        assert row["gflop"] > 0 and row["gigabytes"] > 0 and row["difference"] < 1e-4
    assert rows["swap", "eager", 2]["gflop"] == pytest.approx(2 * rows["swap", "eager", 1]["gflop"], rel=0.01)
    assert measured["bandwidth_gbs"] > 0.1 and measured["peak_gflops"] > 1
    assert measured["start_seconds"] > 0.1 and measured["memory_mb"] > 50


def test_an_earlier_run_is_compared_with(measured, tmp_path):
    slower = measured | {"rows": [row | {"milliseconds": 3 * row["milliseconds"]} for row in measured["rows"]]}
    (tmp_path / "old.json").write_text(json.dumps(slower))
    *_, swap = as_table(measured, read_measurements(tmp_path / "old.json"))
    assert swap.split()[:3] == ["swap", "torch", "2"] and swap.split()[-1] == "3.00"
    assert "old: " in "".join(as_table(measured, slower))
    assert "times old" not in "".join(as_table(measured, None))


def test_a_roofline_is_drawn_of_it(measured, tmp_path):
    (tmp_path / "here.json").write_text(json.dumps(measured))
    script = Path(__file__).parents[1] / "benchmarks" / "roofline.py"
    subprocess.run([sys.executable, script, tmp_path / "here.json", tmp_path / "roofline.png"], check=True)
    with Image.open(tmp_path / "roofline.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(2**16)}
    assert {(120, 120, 120), (20, 70, 170)} <= colours  # points of the networks as trained, and of torch


def test_what_is_no_measurement_is_refused_before_anything_is_measured(tmp_path, capsys):
    (tmp_path / "old.json").write_text("[]")
    assert cli.main(["benchmark", "--compare", str(tmp_path / "old.json")]) == 1
    assert "holds no measurements" in capsys.readouterr().err


def test_calls_take_turns_and_the_first_round_does_not_count():
    order = []
    ticks = iter(range(1000))
    timings = take_turns(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2, lambda: float(next(ticks))
    )
    assert order == ["a", "b"] * 3
    assert timings["a"].median == timings["b"].high == 1000 and math.isfinite(timings["a"].low)


def test_the_cost_of_a_product_is_what_it_says():
    a, b = torch.rand(8, 16), torch.rand(16, 4)
    cost = cost_of(lambda: a @ b)
    assert cost.gflop == pytest.approx(2e-9 * 8 * 16 * 4)
    assert cost.gigabytes == pytest.approx(4e-9 * (8 * 16 + 16 * 4 + 8 * 4))
