"""A report as `faceshifter evaluate` writes it, of invented numbers: 40 cases, a pipeline and two baselines."""

import copy
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from faceshifter_hub.evaluation.report import metric_entries
from faceshifter_hub.evaluation.scores import CasePictures, Scored

CASES = 40
JUDGES = {
    "faceres": "identity by a MobileNet trained on VGGFace2",
    "dlib-resnet": "identity by the pipeline's own encoder",
    "facemesh": "pose and mouth",
    "pixels": "pictures, without a network",
}
CONTESTANTS = {"faceshifter-lite": 0.0, "pasted": 1.6, "truth": 4.0}  # how close each comes to perfection


def draw_metrics(quality, rng):
    """Return what each judge measured of every case; every fifth has nothing before its face."""
    noise = rng.normal(size=(8, CASES))
    perfect = quality == CONTESTANTS["truth"]
    psnr = np.full(CASES, 100.0) if perfect else 19 + quality + 1.5 * noise[0]
    occluder = np.where(np.arange(CASES) % 5, psnr + (0 if perfect else noise[1]), np.nan)
    cosine = np.tanh(0.2 + 0.2 * quality + 0.1 * noise[2])
    own = np.tanh(0.5 + 0.2 * quality + 0.1 * noise[3])
    metrics = {
        "faceres": {
            "closer_to_source": noise[4] + quality > -0.7,
            "retrieval_top1": noise[5] + quality > 0.7,
            "cosine_to_source": cosine,
        },
        "dlib-resnet": {"closer_to_source": noise[4] + quality > -2, "cosine_to_source": own},
        "facemesh": {
            "pose_error": np.zeros(CASES) if perfect else np.exp(2 - 0.3 * quality + 0.4 * noise[6]),
            "mouth_error": 0.01 + 0.004 * noise[7] ** 2,
        },
        "pixels": {"psnr_face": psnr, "psnr_occluder": occluder},
    }
    return {
        judge: {name: torch.tensor(np.float64(values)) for name, values in found.items()}
        for judge, found in metrics.items()
    }


def fake_groups():
    """Return the groups of every case."""
    return [
        {
            "occlusion": "occluded" if n % 5 else "clear",
            "skin": ("dark", "intermediate", "light")[n % 3],
            "yaw": f"{15 * (n % 4)} to {15 * (n % 4) + 15} degrees",
        }
        for n in range(CASES)
    ]


def group_entries(scored):
    """Return attribute -> value -> entries."""
    groups = {}
    for attribute in scored.groups[0]:
        for value in dict.fromkeys(group[attribute] for group in scored.groups):
            chosen = torch.tensor([group[attribute] == value for group in scored.groups])
            some = {judge: {n: v[chosen] for n, v in found.items()} for judge, found in scored.metrics.items()}
            groups.setdefault(attribute, {})[value] = metric_entries(some)
    return groups


def digest(name):
    """Return the hash of a file that is not there."""
    return hashlib.sha256(name.encode()).hexdigest()


def contestant(name, scored, *, step=None):
    """Return what report.json holds of a contestant."""
    pipeline = name.startswith("faceshifter")
    component = {"address": "aad-lite-256", "sha256": {"diffusion_pytorch_model.fp16.safetensors": digest("aad")}}
    return {
        "name": name,
        "kind": "pipeline" if pipeline else "baseline",
        "address": name if pipeline else None,
        "step": step,
        "components": {"aad_generator": component} if pipeline else None,
        "cases": {"swapped": CASES, "failed": dict(scored.failed), "faceless": list(scored.faceless)},
        "metrics": metric_entries(scored.metrics),
        "groups": group_entries(scored),
    }


def fake_scored():
    """Return what was measured of each contestant."""
    rng = np.random.default_rng(0)
    names = [f"triplet-{n:04}" for n in range(CASES)]
    scored = {name: Scored(names, draw_metrics(q, rng), fake_groups()) for name, q in CONTESTANTS.items()}
    scored["faceshifter-lite"].failed = {f"triplet-{n}": "no face was found in the target" for n in (40, 41)}
    scored["faceshifter-lite"].faceless = ["triplet-0007"]
    return scored


def fake_report(scored):
    """Return what report.json holds, as it is read back."""
    report = {
        "protocol": "swapbench",
        "command": "faceshifter evaluate swapbench data/swapbench --pipeline faceshifter-lite --baseline pasted",
        "version": "0.1.0",
        "rule": "every triplet of SwapBench 1 is a case, in the order of its shards",
        "data": {"triplets": 47, "identities": 30, "shards": ["triplets-00.tar"]},
        "left_out": {f"triplet-{n}": "the shard is damaged" for n in (42, 43, 44)}
        | {"triplet-45": "the target has no landmarks"},
        "judges": {
            name: {"independent": name != "dlib-resnet", "sha256": {f"{name}.bin": digest(name)}, "measures": what}
            for name, what in JUDGES.items()
        },
        "contestants": [contestant(name, found) for name, found in scored.items()],
        "seconds": {"swaps": 71.5, "judging": 102.25},
    }
    return json.loads(json.dumps(report))


def with_checkpoints(report, scored):
    """Return a report, and what was measured, of three checkpoints instead of the pipeline."""
    report, scored = copy.deepcopy(report), dict(scored)
    rng = np.random.default_rng(1)
    report["contestants"] = report["contestants"][1:]
    for quality, step in ((0.0, 120_000), (-1.0, 60_000), (-2.0, 30_000)):
        name = f"faceshifter-{step}"
        scored[name] = Scored(scored["truth"].cases, draw_metrics(quality, rng), fake_groups())
        report["contestants"].insert(0, contestant(name, scored[name], step=step))
    return json.loads(json.dumps(report)), scored


def fake_pictures():
    """Return cases to look at: rendered people."""
    folder = Path(__file__).parent / "triplets"
    return [
        CasePictures(
            f"{which}, triplet-{number}",
            "psnr_face 19.1 dB, pose_error 7.0 degrees",
            [
                (kind, np.asarray(Image.open(folder / f"{number}_{kind}.webp").convert("RGB")))
                for kind in ("source", "target", "truth")
            ],
        )
        for which, number in (("worst 1", "01"), ("median", "02"), ("best 1", "04"))
    ]
