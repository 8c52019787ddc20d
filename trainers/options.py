"""Options of a training run: a recipe (TOML) and, over it, flags of the same names."""

import argparse
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from faceshifter_hub.errors import TrainingError

RECIPES = Path(__file__).parent / "recipes"


class TrainingOptions(BaseModel):
    """What both stages share; names as in diffusers' examples where they exist there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train_data_dir: Path = Field(description="photographs, from `faceshifter prepare`")
    synthetic_data_dir: Path | None = Field(None, description="folder of `faceshifter synthesize`, with triplets")
    output_dir: Path = Field(description="where checkpoints, samples and the trained components go")
    resolution: int = Field(256, ge=32, le=512)
    train_batch_size: int = Field(8, gt=0)
    gradient_accumulation_steps: int = Field(1, gt=0, description="batches a step")
    max_train_steps: int = Field(gt=0)
    learning_rate: float = Field(4e-4, gt=0)
    adam_beta1: float = Field(0.0, ge=0, lt=1)
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    lr_warmup_steps: int = Field(0, ge=0)
    lr_decay_steps: int = Field(0, ge=0, description="the last so many steps bring the rate linearly to zero")
    different_ratio: float = Field(0.8, ge=0, le=1, description="share of pairs of different people")
    rendered_ratio: float = Field(0.5, ge=0, le=1, description="share of rendered samples, if there are any")
    ema_decay: float = Field(0.999, ge=0, lt=1)
    dataloader_num_workers: int = Field(1, ge=0)
    mixed_precision: Literal["no", "bf16"] = "no"
    torch_compile: bool = Field(False, description="compile the networks: minutes at first, then faster steps")
    seed: int = 0
    checkpointing_steps: int = Field(500, gt=0)
    checkpoints_total_limit: int = Field(1, gt=0, description="how many checkpoints are kept")
    validation_steps: int = Field(250, gt=0)
    resume_from_checkpoint: str | None = Field(None, description="a checkpoint folder, or `latest`")
    report_to: Literal["tensorboard", "wandb", "trackio"] | None = Field(None, description="tracker of the losses")
    push_to_hub: bool = Field(False, description="publish the trained components at the end, as `faceshifter publish`")
    hub_model_id: str | None = Field(None, description="OWNER/NAME of the repository for it")
    identity_encoder: str = Field("dlib-resnet", description="address of the frozen identity encoder")


Options = TypeVar("Options", bound=TrainingOptions)


def parse_options(cls: type[Options], description: str, argv: Sequence[str] | None = None) -> Options:
    """Read `--recipe` and the flags over it.

    Raises:
        TrainingError: A recipe does not exist or is no TOML, a field is unknown or its value out of range.
    """
    parser = argparse.ArgumentParser(description=description, argument_default=argparse.SUPPRESS)
    parser.add_argument("--recipe", required=True, help="name of a recipe in trainers/recipes, or a TOML file")
    for name, field in cls.model_fields.items():
        if name != "model":
            parser.add_argument(f"--{name}", help=field.description)
    given = vars(parser.parse_args(argv))
    recipe = given.pop("recipe")
    path = Path(recipe) if recipe.endswith(".toml") else RECIPES / f"{recipe}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise TrainingError(f"There is no recipe {recipe}; known are {known}, or give the path of a TOML file.")
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text("utf-8")) | given
        return cls.model_validate(values)
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{path.name} is not valid TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise TrainingError(
            f"{'.'.join(map(str, first['loc']))} in {path.name} or its flag: {first['msg']}."
        ) from None
