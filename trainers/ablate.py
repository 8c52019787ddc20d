"""The paper's ablations: `python trainers/ablate.py --recipe tiny --train_data_dir DIR --output_dir OUT`.

Trains stage 1 with AAD, with `add`, with `cat` and with one attribute level, then stage 2 on the first of them, each
by `accelerate launch` in a folder of OUT, and compares what they give (arXiv 1912.13457, section 4.3). The same
command goes on where it was interrupted.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from pydantic import Field

from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.errors import FaceShifterError, TrainingError
from faceshifter_hub.publishing.toml import to_toml
from trainers.ablation_report import report
from trainers.aei import AEIOptions
from trainers.data import find_folders
from trainers.hear import HEAROptions
from trainers.options import parse_options, read_recipe

VARIANTS: dict[str, dict[str, Any]] = {  # of the recipe's generator
    "aad": {"integration": "aad"},
    "add": {"integration": "add"},
    "cat": {"integration": "cat"},
    "one-level": {"integration": "aad", "attribute_levels": 1},
}
WITH_HEAR = "aad"
SHARED = ("train_data_dir", "synthetic_data_dir", "resolution", "seed", "mixed_precision", "identity_encoder")


class AblationOptions(AEIOptions):
    """Options of every stage 1, and these of stage 2 and of the comparison."""

    hear_recipe: str | None = Field(None, description="recipe of stage 2; by default the one of --recipe's name")
    hear_steps: int | None = Field(None, gt=0, description="steps of stage 2; by default as many as of stage 1")
    pairs: int = Field(200, gt=0, description="most pairs of validation photographs that are compared")


def main(argv: list[str] | None = None) -> None:
    """Train what is not trained yet, then compare."""
    options = parse_options(AblationOptions, argv)
    if not options.train_data_dir:
        raise TrainingError("Variants are compared on held-out photographs: give --train_data_dir.")
    try:
        options.output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"The output folder {options.output_dir} cannot be made: {error.strerror}.") from None
    folders = find_folders(options.train_data_dir, options.output_dir / "prepared", options.resolution, Accelerator())
    options = options.model_copy(update={"train_data_dir": [f"{folder}={weight}" for folder, weight in folders]})
    for name, switch in VARIANTS.items():
        train("aei", options.output_dir / name, stage_1_recipe(options, switch))
    train("hear", options.output_dir / "hear", stage_2_recipe(options))
    report(options, list(VARIANTS), WITH_HEAR)


def stage_1_recipe(options: AblationOptions, switch: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe of a variant of stage 1."""
    recipe = {name: value for name, value in plain(options).items() if name in AEIOptions.model_fields}
    return recipe | {"model": recipe["model"] | {"generator": recipe["model"].get("generator", {}) | switch}}


def stage_2_recipe(options: AblationOptions) -> dict[str, Any]:
    """Return the recipe of stage 2, on the same data."""
    recipe = read_recipe(options.hear_recipe or options.recipe, HEAROptions.stage)
    shared = {name: value for name, value in plain(options).items() if name in SHARED}
    steps = options.hear_steps or options.max_train_steps
    return recipe | shared | {"max_train_steps": steps, "aei_model": str(options.output_dir / WITH_HEAR)}


def plain(options: AblationOptions) -> dict[str, Any]:
    """Return options as TOML can hold them."""
    return options.model_dump(mode="json", exclude_none=True)


def train(trainer: str, folder: Path, recipe: dict[str, Any]) -> None:
    """Train one variant, or what is left of it; one that is finished is left alone.

    Raises:
        TrainingError: It failed.
        UnwritableOutputError: Its recipe cannot be written.
    """
    if (folder / f"checkpoint-{recipe['max_train_steps']}").is_dir():
        return
    path = folder.with_suffix(".toml")
    with written_whole(path) as file:
        file.write(to_toml(recipe | {"output_dir": str(folder), "resume_from_checkpoint": "latest"}).encode())
    print(f"== {folder.name}", flush=True)
    script = Path(__file__).with_name(f"{trainer}.py")
    launch = [sys.executable, "-m", "accelerate.commands.launch", str(script), "--recipe", str(path)]
    if subprocess.run(launch).returncode:
        raise TrainingError(f"{folder.name} could not be trained, see above; the same command goes on from there.")


if __name__ == "__main__":
    try:
        main()
    except FaceShifterError as error:
        sys.exit(str(error))
