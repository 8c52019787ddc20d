"""The face parser: `python -m trainers.parser --data_dir data/synthetic --output_dir runs/parser`.

Trains `models/face_parser.py` on the label maps of rendered triplets, varied so much that what it learns carries over
to photographs, and, with `--swapbench DIR`, says how well it parses people, hair and assets that it never saw. The
same command goes on where it was interrupted.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from faceshifter_hub.datasets.progress import tell
from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.errors import DataError, TrainingError
from faceshifter_hub.faces.alignment import similarity, template
from faceshifter_hub.models.face_parser import FaceParser
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.datasets.samples import decode, decode_map, decode_picture
from trainers.pairs import finish, to_tensor
from trainers.rendered import Triplets, load_triplets

BATCH = 32
LEARNING_RATE = 3e-3
TURN, ZOOM, SHIFT = 8.0, 0.1, 0.04  # degrees, of the logarithm of the scale, of the side: standard deviations
COVERING = [LABELS[name] for name in ("glasses", "hat", "hand", "object")]
COVERED = 0.3  # share of the faces that take over what covers another's, at the same place
GREY, SHADED, BLURRED, NOISY, COMPRESSED = 0.15, 0.4, 0.4, 0.4, 0.5  # shares of the pictures

Picture = tuple[int, str]  # a triplet's number, and `target` or `truth`


def main(argv: list[str] | None = None) -> None:
    """Train, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="folder of `faceshifter synthesize`")
    parser.add_argument("--output_dir", type=Path, required=True, help="checkpoints, face_parser/ and report.json")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--swapbench", type=Path, help="folder of `faceshifter synthesize --benchmark swapbench`")
    options = parser.parse_args(argv)

    triplets = load_triplets(options.data_dir, 256)
    options.output_dir.mkdir(parents=True, exist_ok=True)
    network = train(triplets, FaceParser(), options.output_dir, options.epochs, options.seed)
    network.save_pretrained(options.output_dir / "face_parser")
    network.save_pretrained(options.output_dir / "face_parser", variant="fp16")
    if options.swapbench:
        report = measure(network, load_triplets(options.swapbench, 256))
        with written_whole(options.output_dir / "report.json") as file:
            file.write(json.dumps(report, indent=2).encode())
        print(json.dumps(report, indent=2))


def train(triplets: Triplets, network: FaceParser, folder: Path, epochs: int, seed: int) -> FaceParser:
    """Train the network, or go on where an earlier run stopped; every epoch is kept.

    Raises:
        TrainingError: There are fewer pictures than a batch.
    """
    pictures = labelled(triplets)
    if len(pictures) < BATCH:
        raise TrainingError(f"{len(pictures)} pictures are too few to train on; a batch has {BATCH}.")
    accelerator = Accelerator()
    # a third faster here, on a CPU too
    nn.Module.to(network, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=1e-3)
    length = len(pictures) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, epochs * length, pct_start=0.1)
    network, optimizer, schedule = accelerator.prepare(network, optimizer, schedule)
    importance = class_weights(triplets, pictures).to(accelerator.device)
    begun = sorted(folder.glob("epoch-*"))
    if begun:
        accelerator.load_state(str(begun[-1]))
    for epoch in range(len(begun), epochs):
        losses = []
        for faces, labels in batches(triplets, pictures, network.config.side, np.random.default_rng([seed, epoch])):
            logits = network(faces.to(accelerator.device, memory_format=torch.channels_last))
            loss = F.cross_entropy(logits, labels.to(accelerator.device), importance)
            accelerator.backward(loss)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(loss.item())
            tell(f"epoch {epoch + 1}: {len(losses)} of {length}, loss {np.mean(losses[-50:]):.4f}")
        accelerator.save_state(str(folder / f"epoch-{epoch:03}"))
    return accelerator.unwrap_model(network).eval()


def labelled(triplets: Triplets) -> list[Picture]:
    """Return the pictures that have labels: every truth and, since triplets of a group share it, every target once."""
    pictures: list[Picture] = []
    seen = set()
    for n in range(len(triplets)):
        facts = json.loads(triplets.fields(n)["json"])
        target = json.dumps(facts["target"])
        pictures += [(n, "truth")] if target in seen else [(n, "target"), (n, "truth")]
        seen.add(target)
    return pictures


def class_weights(triplets: Triplets, pictures: Sequence[Picture]) -> Tensor:
    """Return what a pixel of each class counts, (12,): the rarer the more, by the square root; 1 on average."""
    counts = np.zeros(len(LABELS))
    for n, name in pictures[:: -(-len(pictures) // 200)]:
        counts += np.bincount(decode_map(triplets.fields(n)[f"{name}_labels.png"]).ravel(), minlength=len(LABELS))
    share = counts / counts.sum()
    weights = 1 / np.sqrt(share + 1e-3)
    return torch.tensor(weights / (share * weights).sum(), dtype=torch.float32)


def batches(
    triplets: Triplets, pictures: Sequence[Picture], side: int, rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield an epoch: faces (B, 3, S, S) in [-1, 1] and their labels (B, S, S)."""
    order = rng.permutation(len(pictures))
    for chosen in np.split(order, range(BATCH, len(order), BATCH))[: len(order) // BATCH]:
        aligned = [cut(triplets, pictures[n], jitter(rng, side), side) for n in chosen]
        faces, labels = (np.stack(arrays) for arrays in zip(*aligned, strict=True))  # (B, S, S, 3), (B, S, S)
        covers = np.isin(np.roll(labels, 1, axis=0), COVERING) & (rng.random(len(labels)) < COVERED)[:, None, None]
        faces = np.where(covers[..., None], np.roll(faces, 1, axis=0), faces)
        labels = np.where(covers, np.roll(labels, 1, axis=0), labels)
        flipped = rng.random(len(faces)) < 0.5
        seen = [finish(photograph(face, rng), flip, light(rng)) for face, flip in zip(faces, flipped, strict=True)]
        labels = np.where(flipped[:, None, None], labels[..., ::-1], labels)
        yield torch.stack(seen), torch.from_numpy(labels.astype(np.int64))


def cut(triplets: Triplets, picture: Picture, error: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an aligned face (S, S, 3) and its labels (S, S), uint8; `error` (2, 3) is that of the alignment."""
    n, name = picture
    fields = triplets.fields(n)
    points = np.array(json.loads(fields["json"])[name]["landmarks"])
    matrix = error @ np.vstack([similarity(points, template(side)), [0, 0, 1]])
    image, labels = decode_picture(fields[f"{name}.webp"]), decode_map(fields[f"{name}_labels.png"])
    size, border = (side, side), cv2.BORDER_REPLICATE
    return (
        cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border),
        cv2.warpAffine(labels, matrix, size, flags=cv2.INTER_NEAREST, borderMode=border),
    )


def jitter(rng: np.random.Generator, side: int) -> np.ndarray:
    """Draw the error (2, 3) of an alignment, in pixels of the aligned face."""
    half = (side - 1) / 2
    error: np.ndarray = cv2.getRotationMatrix2D((half, half), rng.normal(0, TURN), np.exp(rng.normal(0, ZOOM)))
    error[:, 2] += rng.normal(0, SHIFT * side, 2)
    return error


def light(rng: np.random.Generator) -> tuple[np.ndarray, float, bool]:
    """Draw a colour gain a channel, a gamma, and whether the picture loses its colours; cameras differ far less."""
    gain = np.exp(rng.normal(0, 0.25) + rng.normal(0, 0.12, 3)).astype(np.float32)
    return gain, float(np.exp(rng.normal(0, 0.35))), bool(rng.random() < GREY)


def photograph(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shade, blur, grain and compress a face (S, S, 3) uint8, each by chance."""
    side = len(face)
    if rng.random() < SHADED:
        y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        slope = rng.normal(0, 0.5, 2)
        face = np.clip(face * np.exp(slope[0] * x + slope[1] * y)[..., None], 0, 255).astype(np.uint8)
    if rng.random() < BLURRED:
        face = cv2.GaussianBlur(face, (0, 0), rng.uniform(0.3, 1.5))
    if rng.random() < NOISY:
        noise = rng.normal(0, rng.uniform(1, 14), (side, side, 3 if rng.random() < 0.5 else 1))
        face = np.clip(face + noise, 0, 255).astype(np.uint8)
    if rng.random() < COMPRESSED:
        _, file = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 95))])
        face = decode(file.tobytes(), cv2.IMREAD_COLOR)
    return face


@torch.inference_mode()
def measure(network: FaceParser, triplets: Triplets) -> dict:
    """Return `pictures`, the intersection over union of each class over all of their pixels, and `mean_iou`.

    Args:
        network: in eval mode.
        triplets: whose targets training never saw.

    Raises:
        DataError: A class is nowhere to be seen.
    """
    side, classes = network.config.side, len(LABELS)
    pictures = [picture for picture in labelled(triplets) if picture[1] == "target"]
    confusion = np.zeros((classes, classes), np.int64)
    for picture in pictures:
        face, true = cut(triplets, picture, np.eye(3)[:2], side)
        found = network(to_tensor(face)[None]).argmax(1)[0].numpy()  # (S, S)
        confusion += np.bincount(classes * true.ravel() + found.ravel(), minlength=classes**2).reshape(classes, -1)
    common = confusion.diagonal()
    union = confusion.sum(0) + confusion.sum(1) - common
    if not union.all():
        raise DataError(f"The pictures show no {list(LABELS)[int(union.argmin())]}; measure on more.")
    iou = {name: float(common[n] / union[n]) for name, n in LABELS.items()}
    return {"pictures": len(pictures), "mean_iou": float(np.mean(list(iou.values()))), "iou": iou}


if __name__ == "__main__":
    main()
