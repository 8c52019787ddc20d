"""How many times faster our swaps are than the same networks, plainly written: `python benchmarks/inference.py`.

Plainly written means: stage 1 runs whole, encoder and all, once for the swapped face and once for the
reconstruction, by the networks as they are trained; then HEAR. All calls take turns in one run; printed are medians,
quartiles, ratios.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from faceshifter_hub.benchmarking.run import example_faces
from faceshifter_hub.benchmarking.stages import Stages, cost_of
from faceshifter_hub.benchmarking.timing import CLOCKS, take_turns
from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from faceshifter_hub.models.hear import HEARRefiner
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.registry import Kind
from faceshifter_hub.runtimes import RUNTIMES
from faceshifter_hub.runtimes.networks import open_networks


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paper", choices=RUNTIMES[1:], default="torch", help="who runs our paper-256 (torch)")
    parser.add_argument("--lite", choices=RUNTIMES[1:], default="onnxruntime", help="who runs lite-256 (onnxruntime)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    arguments = parser.parse_args()

    lite = FaceShifterPipeline.from_pretrained(runtime=arguments.lite)
    face, z_source = example_faces(lite, 1)
    torch.manual_seed(0)  # what was compiled of these weights is found again
    paper: dict[Kind, Any] = {
        "identity_encoder": lite.components["identity_encoder"],
        "attribute_encoder": MultilevelAttributeEncoder().eval(),
        "aad_generator": AADGenerator(identity_space="dlib-centred", identity_dim=z_source.shape[1]).eval(),
        "hear_refiner": HEARRefiner().eval(),
    }
    _, fused = open_networks(paper, 256, arguments.paper, lite.device)

    def stage_one(z_id: torch.Tensor) -> torch.Tensor:
        return paper["aad_generator"](z_id, paper["attribute_encoder"](face))

    def plain() -> torch.Tensor:
        swapped, reconstructed = stage_one(z_source), stage_one(paper["identity_encoder"](face))
        return paper["hear_refiner"](swapped, face - reconstructed)

    written_plainly: dict[str, Callable[[], Any]] = {
        "paper-256, plain": torch.inference_mode()(plain),
        "paper-256, plain, stage 1 alone": torch.inference_mode()(lambda: stage_one(z_source)),
    }
    calls = written_plainly | {
        f"paper-256, {arguments.paper}": Stages(fused, face, z_source).calls()["swap"],
        "lite-256, eager": Stages(lite.components, face, z_source).calls()["swap"],
        f"lite-256, {arguments.lite}": Stages(lite.networks, face, z_source).calls()["swap"],
    }
    found = take_turns(calls, arguments.rounds, CLOCKS[arguments.clock])
    ours = [found[f"paper-256, {arguments.paper}"].median, found[f"lite-256, {arguments.lite}"].median]
    print(
        json.dumps(
            {
                "threads": torch.get_num_threads(),
                "clock": arguments.clock,
                "milliseconds": {name: asdict(timing) for name, timing in found.items()},
                "gflop": {name: round(cost_of(call).gflop, 1) for name, call in written_plainly.items()},
                "paper-256: plain / ours": round(found["paper-256, plain"].median / ours[0], 2),
                "plain paper-256 stage 1 / our lite-256": round(
                    found["paper-256, plain, stage 1 alone"].median / ours[1], 2
                ),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
