"""Two trained runs of a stage, mixed: `python trainers/interpolate.py RUN FINE_TUNED --share 0.5 --output_dir OUT`.

Every weight is taken between the two. Where the second run went on from the first, everything in between works as
well: half of what an adversary taught, say, is sharper than the first and cleaner than the second. Reference: network
interpolation, ESRGAN (arXiv 1809.00219, section 3.4).
"""

import argparse
import sys
from pathlib import Path

import torch

from faceshifter_hub.component import ComponentMixin
from faceshifter_hub.errors import FaceShifterError, TrainingError
from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from faceshifter_hub.models.hear import HEARRefiner

PARTS: dict[str, type[ComponentMixin]] = {
    "attribute_encoder": MultilevelAttributeEncoder,
    "aad_generator": AADGenerator,
    "hear_refiner": HEARRefiner,
}


def main(argv: list[str] | None = None) -> None:
    """Write the mixed components."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("first", type=Path, help="output of a run of stage 1 or 2")
    parser.add_argument("second", type=Path, help="output of one that went on from it")
    parser.add_argument("--share", type=float, default=0.5, help="of the second: 0 gives the first run, 1 the second")
    parser.add_argument("--output_dir", type=Path, required=True)
    arguments = parser.parse_args(argv)
    if not 0 <= arguments.share <= 1:
        raise TrainingError(f"--share lies between 0 and 1, not at {arguments.share}.")
    there = {part: cls for part, cls in PARTS.items() if (arguments.first / part).is_dir()}
    if not there:
        raise TrainingError(f"{arguments.first} holds none of {', '.join(PARTS)}: give the output folder of a run.")
    mixed = {
        part: interpolate(cls, str(arguments.first / part), str(arguments.second / part), arguments.share)
        for part, cls in there.items()
    }
    for part, component in mixed.items():
        component.save_pretrained(arguments.output_dir / part)


@torch.no_grad()
def interpolate(cls: type[ComponentMixin], first: str, second: str, share: float) -> ComponentMixin:
    """Return the component whose every weight lies between those of two.

    Raises:
        TrainingError: They are configured differently.
        FaceShifterError: One cannot be loaded.
    """
    mixed, other = cls.from_pretrained(first), cls.from_pretrained(second)
    weights, others = mixed.state_dict(), other.state_dict()
    if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in others.items()}:
        raise TrainingError(f"{first} and {second} are networks of different shapes: mix a run with one begun by it.")
    for name, value in weights.items():
        if value.is_floating_point():
            value.lerp_(others[name], share)
    return mixed


if __name__ == "__main__":
    try:
        main()
    except FaceShifterError as error:
        sys.exit(str(error))
