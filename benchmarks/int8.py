"""What eight bits would bring on a CPU: `python benchmarks/int8.py`, ONNX Runtime in float32 against int8.

Convolutions and linear layers of `faceshifter-lite` are quantised (per channel, activations by what rendered examples
give), but for those that begin or end a network, or read z_id, which cost little and lose most. Printed are the time
of a swap by either, in turns, and how near each swap is to that in float32, as Markdown.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from faceshifter_hub.benchmarking.run import example_faces
from faceshifter_hub.benchmarking.stages import Stages
from faceshifter_hub.benchmarking.timing import CLOCKS, take_turns
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.runtimes.engines import open_graph
from faceshifter_hub.runtimes.graphs import FORWARD, GENERATE, MODULATE, graphs_of, write_onnx
from faceshifter_hub.runtimes.networks import EngineGenerator, FirstOf, OnTensors, with_graphs

QUANTISED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
FACES = 12  # rendered examples


class Remembering:
    """A graph that remembers what it was given."""

    def __init__(self, path: Path):
        self.run, self.given = open_graph("onnxruntime", path), list[Sequence[np.ndarray]]()

    def __call__(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run it."""
        self.given.append([array.copy() for array in arrays])
        return self.run(arrays)


class Inputs(CalibrationDataReader):
    """What a graph was given, by the names of its inputs."""

    def __init__(self, path: Path, given: Sequence[Sequence[np.ndarray]]):
        names = [value.name for value in onnx.load(path).graph.input]
        self.feeds = iter([dict(zip(names, arrays, strict=True)) for arrays in given])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next, None after the last."""
        return next(self.feeds, None)


def quantise(path: Path, given: Sequence[Sequence[np.ndarray]], quantised: Path) -> None:
    """Write a graph in int8, by the ranges of what it was given."""
    prepared = quantised.with_suffix(".prepared")
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    nodes = [node for node in onnx.load(prepared).graph.node if node.op_type in QUANTISED]
    of_maps = [node.name for node in nodes if node.op_type in ("Conv", "ConvTranspose")]
    kept = {of_maps[0], *of_maps[-2:]} | {node.name for node in nodes if node.op_type in ("Gemm", "MatMul")}
    quantize_static(
        prepared,
        quantised,
        Inputs(prepared, given),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=list(QUANTISED),
        nodes_to_exclude=[] if path.stem.startswith("identity") else sorted(kept),
    )


def networks_of(graphs: Mapping[str, Callable]) -> dict:
    """Return what a pipeline calls, of graphs by kind and method."""
    on = {name: OnTensors(run) for name, run in graphs.items()}
    return {
        "identity_encoder": FirstOf(on[f"identity_encoder {FORWARD}"]),
        "attribute_encoder": on[f"attribute_encoder {FORWARD}"],
        "aad_generator": EngineGenerator(on[f"aad_generator {MODULATE}"], on[f"aad_generator {GENERATE}"]),
        "hear_refiner": FirstOf(on[f"hear_refiner {FORWARD}"]),
    }


def main() -> None:
    """Quantise, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    arguments = parser.parse_args()
    pipeline = FaceShifterPipeline.from_pretrained(runtime="torch")
    components = {kind: c for kind, c in with_graphs(pipeline.components).items() if kind != "face_parser"}
    faces, z_ids = example_faces(pipeline, FACES)  # (FACES, 3, R, R), (FACES, d)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        paths = {}
        for kind, component in components.items():
            for name, graph in graphs_of(component, pipeline.resolution).items():
                paths[f"{kind} {name}"] = Path(folder, f"{kind}-{name}.onnx")
                write_onnx(graph, paths[f"{kind} {name}"])
        graphs = {name: Remembering(path) for name, path in paths.items()}
        float32 = networks_of(graphs)
        expected = [swap(float32, faces[n : n + 1], z_ids[n : n + 1]) for n in range(FACES)]
        for name, path in paths.items():
            quantise(path, graphs[name].given, path.with_suffix(".int8"))
        int8 = networks_of(
            {name: open_graph("onnxruntime", path.with_suffix(".int8")) for name, path in paths.items()}
        )
        found = [swap(int8, faces[n : n + 1], z_ids[n : n + 1]) for n in range(FACES)]
        psnr = [float(-10 * ((a - b) / 2).square().mean().log10()) for a, b in zip(expected, found, strict=True)]
        float32 = networks_of({name: open_graph("onnxruntime", path) for name, path in paths.items()})
        calls = {
            "float32": lambda: swap(float32, faces[:1], z_ids[:1]),
            "int8": lambda: swap(int8, faces[:1], z_ids[:1]),
        }
        timed = take_turns(calls, arguments.rounds, CLOCKS[arguments.clock])
    print(f"{torch.get_num_threads()} threads, ONNX Runtime\n\n| | milliseconds | quartiles |\n|---|---|---|")
    for name, timing in timed.items():
        print(f"| {name} | {timing.median:.0f} | {timing.low:.0f} to {timing.high:.0f} |")
    print(f"\n{timed['float32'].median / timed['int8'].median:.2f} times as fast")
    print(f"dB to float32, of {FACES} swaps: {min(psnr):.1f} to {max(psnr):.1f}, {np.mean(psnr):.1f} in the mean")


def swap(networks: dict, face: torch.Tensor, z_source: torch.Tensor) -> torch.Tensor:
    """Return Y_st (1, 3, R, R) of a target (1, 3, R, R) and z_id of the source (1, d)."""
    return Stages(networks, face, z_source).calls()["swap"]()[0]


if __name__ == "__main__":
    main()
