"""The judge of expressions: `python trainers/expression.py --data_dir data/expression --output_dir runs/expression`.

Trains the regressor of `evaluation/judging/expression.py` on faces of `trainers/expression_data.py`, whose ARKit
weights are known, and, with `--swapbench DIR`, says how well it reads people, hair and assets that it never saw. The
same command goes on where it was interrupted.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from safetensors.torch import save
from torch import Tensor

from faceshifter_hub.datasets.progress import tell
from faceshifter_hub.datasets.shards import read_samples
from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.errors import TrainingError
from faceshifter_hub.evaluation.judging.expression import (
    SHOWN,
    SIDE,
    UNITS,
    ExpressionRegressor,
    estimate_expressions,
    mirrored_units,
)
from faceshifter_hub.evaluation.judging.facemesh import FaceMesh
from faceshifter_hub.evaluation.judging.mesh import Mesh, find_mesh
from faceshifter_hub.synthesis.attribute_prior import MOODS
from faceshifter_hub.synthesis.datasets.samples import decode_picture

BATCH = 64
LEARNING_RATE = 1e-3
TURN, ZOOM, SHIFT = 0.08, 0.07, 0.05  # radians, share, share of half the side: how far crops are moved at most
GREY, BLURRED = 0.15, 0.3  # share of the pictures


def main(argv: list[str] | None = None) -> None:
    """Train, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="faces of expression_data.py")
    parser.add_argument("--output_dir", type=Path, required=True, help="checkpoints, network and report.json")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--swapbench", type=Path, help="folder of `faceshifter synthesize --benchmark swapbench`")
    options = parser.parse_args(argv)

    shards = sorted(options.data_dir.glob("faces-*.tar"))
    if not shards:
        raise TrainingError(f"{options.data_dir} holds no faces; make them with trainers/expression_data.py.")
    mesh = FaceMesh.from_package()
    options.output_dir.mkdir(parents=True, exist_ok=True)
    crops, weights = load_faces(shards, mesh)
    network = train(crops, weights, ExpressionRegressor(mesh), options)
    with written_whole(options.output_dir / "model.fp16.safetensors") as file:
        file.write(save({name: value.half().contiguous() for name, value in network.state_dict().items()}))
    if options.swapbench:
        report = measure(network, mesh, options.swapbench)
        with written_whole(options.output_dir / "report.json") as file:
            file.write(json.dumps(report, indent=2).encode())
        print(json.dumps(report, indent=2))


def load_faces(shards: list[Path], mesh: FaceMesh) -> tuple[Tensor, Tensor]:
    """Return Face Mesh's crops (N, 3, 192, 192) uint8, kept beside the shards, and the true weights (N, 44)."""
    crops, weights = [], []
    for shard in shards:
        kept = shard.with_suffix(".crops.npz")
        if not kept.exists():
            tell(f"crops of {shard.name}")
            samples = [(json.loads(s["json"]), decode_picture(s["webp"])) for s in read_samples(shard)]
            found = [find_mesh(image, np.array(facts["landmarks"]), mesh).crop for facts, image in samples]
            true = [[facts["expression"].get(unit, 0.0) for unit in UNITS] for facts, _ in samples]
            with written_whole(kept) as file:
                np.savez(file, crops=np.stack(found), weights=np.array(true, np.float32))
        with np.load(kept) as arrays:
            crops.append(torch.from_numpy(arrays["crops"]).permute(0, 3, 1, 2))
            weights.append(torch.from_numpy(arrays["weights"]))
    return torch.cat(crops), torch.cat(weights)


def train(
    crops: Tensor, weights: Tensor, network: ExpressionRegressor, options: argparse.Namespace
) -> ExpressionRegressor:
    """Train the network, or go on where an earlier run stopped; every epoch is kept.

    Raises:
        TrainingError: There are fewer faces than a batch.
    """
    if len(crops) < BATCH:
        raise TrainingError(f"{len(crops)} faces are too few to train on; a batch has {BATCH}.")
    accelerator = Accelerator()
    network.requires_grad_(True).train()
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=1e-3)
    steps = options.epochs * (len(crops) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps, pct_start=0.1)
    network, optimizer, schedule = accelerator.prepare(network, optimizer, schedule)
    importance = 1 / (weights.var(0) + 0.003)  # rare units count as much as frequent ones
    importance = (importance / importance.mean()).to(accelerator.device)
    begun = sorted(options.output_dir.glob("epoch-*"))
    if begun:
        accelerator.load_state(str(begun[-1]))
    for epoch in range(len(begun), options.epochs):
        losses = []
        for seen, true in batches(crops, weights, torch.Generator().manual_seed(options.seed * 1000 + epoch)):
            loss = ((network(seen.to(accelerator.device)) - true.to(accelerator.device)).square() * importance).mean()
            accelerator.backward(loss)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(loss.item())
            tell(f"epoch {epoch + 1}: {len(losses)} of {len(crops) // BATCH}, loss {np.mean(losses):.4f}")
        accelerator.save_state(str(options.output_dir / f"epoch-{epoch:03}"))
    return accelerator.unwrap_model(network).requires_grad_(False).eval()


def batches(crops: Tensor, weights: Tensor, random: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield an epoch: what the network sees (B, 3, 128, 128) in [-1, 1], and the true weights (B, 44)."""
    mirrored = torch.tensor(mirrored_units())
    order = torch.randperm(len(crops), generator=random)
    for chosen in order.split(BATCH)[: len(crops) // BATCH]:
        true, turned = weights[chosen], torch.rand(BATCH, generator=random) < 0.5
        seen = vary(crops[chosen].float() / 255, turned, random)
        yield seen * 2 - 1, torch.where(turned[:, None], true[:, mirrored], true)


def vary(x: Tensor, mirrored: Tensor, random: torch.Generator) -> Tensor:
    """Cut crops (B, 3, 192, 192) in [0, 1] to what the network sees, as other cameras and light would show it.

    Args:
        x: the crops.
        mirrored: (B,) bool, which are shown as a mirror does.
        random: of all draws.

    Returns:
        (B, 3, 128, 128) in [0, 1].
    """

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(len(x), *shape, generator=random)

    angle, zoom = uniform(-TURN, TURN), SHOWN / x.shape[-1] * (1 + uniform(-ZOOM, ZOOM))
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    sign = 1 - 2 * mirrored.float()
    shift_x, shift_y = uniform(-SHIFT, SHIFT), uniform(-SHIFT, SHIFT)
    matrix = torch.stack([cosine * sign, -sine, shift_x, sine * sign, cosine, shift_y], 1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, [len(x), 3, SIDE, SIDE], align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)  # (B, 3, 128, 128)

    grey = (torch.rand(len(x), generator=random) < GREY)[:, None, None, None]
    x = torch.where(grey, x.mean(1, keepdim=True), x * uniform(0.88, 1.12, 3, 1, 1))
    x = (x - 0.5) * uniform(0.7, 1.3, 1, 1, 1) + 0.5 + uniform(-0.15, 0.15, 1, 1, 1)
    blurred = (torch.rand(len(x), generator=random) < BLURRED)[:, None, None, None]
    small = F.interpolate(x, scale_factor=0.4, mode="bilinear", antialias=True)
    share = uniform(0.4, 1, 1, 1, 1) * blurred
    x = x + share * (F.interpolate(small, x.shape[-2:], mode="bilinear") - x)
    noise = torch.randn(x.shape, generator=random) * uniform(0, 0.03, 1, 1, 1)
    return (x + noise).clamp(0, 1)


def measure(network: ExpressionRegressor, mesh: FaceMesh, folder: Path) -> dict:
    """Correlate true with estimated weights over the sources and targets of SwapBench, whom training never saw.

    Returns:
        `correlation` of each unit that moves there, and `mean_of_moods`, over the units that the renderer's moods
        move: others move by a third at most, a few at a time.
    """
    true, estimated = [], []
    for shard in sorted(folder.glob("triplets-*.tar")):
        for sample in read_samples(shard):
            facts = json.loads(sample["json"])
            for role in ("source", "target"):
                points = np.array(facts[role]["landmarks"])
                found: Mesh = find_mesh(decode_picture(sample[f"{role}.webp"]), points, mesh)
                estimated.append(estimate_expressions([found], network)[0])
                weights = facts[role]["attributes"]["expression"]
                true.append([weights.get(unit, 0.0) for unit in UNITS])
    a, b = np.array(true), np.array(estimated)
    moves = a.std(0) > 0
    correlation = {unit: float(np.corrcoef(a[:, k], b[:, k])[0, 1]) for k, unit in enumerate(UNITS) if moves[k]}
    of_moods = {name for _, ranges in MOODS.values() for name in ranges} | {"eyeBlink"}
    mean = np.mean(
        [r for unit, r in correlation.items() if unit.removesuffix("Left").removesuffix("Right") in of_moods]
    )
    return {"pictures": len(a), "mean_of_moods": float(mean), "correlation": correlation}


if __name__ == "__main__":
    main()
