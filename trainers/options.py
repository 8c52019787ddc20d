"""Options of a training run: a recipe (TOML) and, over it, flags of the same names."""

import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    CliSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings.exceptions import SettingsError

from faceshifter_hub.errors import UNPARSABLE, TrainingError

RECIPES = Path(__file__).parent / "recipes"


def one_or_several(value: Any) -> Any:
    """Let a single string stand for a list of one."""
    return [value] if isinstance(value, str | Path) else value


Places = Annotated[list[str], BeforeValidator(one_or_several)]


class TrainingOptions(BaseSettings):
    """What both stages share; names as in diffusers' examples where they exist there."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)
    stage: ClassVar[str]  # ends the names of its recipes

    recipe: str = Field(exclude=True, description="name of a recipe in trainers/recipes, or a TOML file")
    train_data_dir: Places = Field(
        [], description="photographs: a folder of `faceshifter prepare`, or several as DIR=WEIGHT"
    )
    synthetic_data_dir: Path | None = Field(None, description="folder of `faceshifter synthesize`, with triplets")
    output_dir: Path = Field(description="where checkpoints, samples and the trained components go")
    init_model: Path | None = Field(None, description="output of another run whose tensors are taken where they fit")
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
    exchanged_ratio: float = Field(
        0.0, ge=0, le=1, description="ours: share of the photographs whose swap is made by exchanging faces, and known"
    )
    ema_decay: float = Field(0.999, ge=0, lt=1)
    dataloader_num_workers: int = Field(1, ge=0)
    mixed_precision: Literal["no", "bf16"] = "no"
    torch_compile: bool = Field(False, description="compile the networks: minutes at first, then faster steps")
    seed: int = 0
    checkpointing_steps: int = Field(500, gt=0)
    checkpoints_total_limit: int = Field(1, gt=0, description="how many checkpoints are kept")
    validation_steps: int = Field(250, gt=0)
    resume_from_checkpoint: str | None = Field(None, description="a checkpoint folder, or `latest`")
    report_to: Literal["tensorboard", "wandb", "trackio"] | None = Field(
        None, description="tracker of losses and sample grids"
    )
    push_to_hub: bool = Field(False, description="publish the trained components at the end, as `faceshifter publish`")
    hub_model_id: str | None = Field(None, description="OWNER/NAME of the repository for it")
    identity_encoder: str = Field("dlib-resnet", description="address of the frozen identity encoder")
    model: dict[str, dict[str, Any]] = Field(
        description="configurations of the networks; --model.SECTION.NAME VALUE sets one of them"
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the recipe alone, below the flags: no variable of the environment changes a run."""
        return (RecipeSource(settings_cls),)


class RecipeSource(InitSettingsSource):
    """The recipe that the flags name."""

    def __init__(self, settings_cls: type[BaseSettings]):
        super().__init__(settings_cls, init_kwargs={})

    def __call__(self) -> dict[str, Any]:
        """Return the recipe's values.

        Raises:
            TrainingError: There is no such recipe, or it is no TOML.
        """
        recipe = self.current_state.get("recipe")
        return {} if recipe is None else read_recipe(recipe, self.settings_cls.stage)  # type: ignore[attr-defined]


def read_recipe(recipe: str, stage: str) -> dict[str, Any]:
    """Read a recipe: a TOML file, or the name of one in trainers/recipes, with or without its stage.

    Raises:
        TrainingError: There is no such recipe, or it is no TOML.
    """
    if recipe.endswith(".toml"):
        candidates = [Path(recipe)]
    else:
        candidates = [RECIPES / f"{recipe}.toml", RECIPES / f"{recipe}-{stage}.toml"]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        known = ", ".join(sorted(path.stem for path in RECIPES.glob("*.toml")))
        raise TrainingError(f"There is no recipe {recipe}; known are {known}, or give the path of a TOML file.")
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except UNPARSABLE as error:
        raise TrainingError(f"{path.name} is not valid TOML: {error}.") from None


Options = TypeVar("Options", bound=TrainingOptions)


def parse_options(cls: type[Options], argv: Sequence[str] | None = None) -> Options:
    """Read `--recipe` and the flags over it.

    Raises:
        TrainingError: The recipe does not exist or is no TOML, a flag or field is unknown or its value out of range.
    """
    try:
        flags: CliSettingsSource = CliSettingsSource(
            cls, cli_parse_args=gather_model(sys.argv[1:] if argv is None else argv), cli_exit_on_error=False
        )
        return cls(_cli_settings_source=flags)  # type: ignore[call-arg]
    except SettingsError as error:
        raise TrainingError(f"{str(error).removeprefix('error parsing CLI: ')}; --help lists the flags.") from None
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if name == "recipe":
            raise TrainingError("Name a recipe: --recipe lite, or the path of a TOML file.") from None
        raise TrainingError(f"{name} in the recipe or its flag: {first['msg']}.") from None


def gather_model(argv: Sequence[str]) -> list[str]:
    """Turn every `--model.SECTION.NAME VALUE` into the one `--model` that pydantic-settings lays over the recipe's."""
    rest, model = [], dict[str, dict[str, Any]]()
    words = iter(argv)
    for word in words:
        path, equals, value = word.partition("=")
        if not path.startswith("--model."):
            rest.append(word)
            continue
        section, _, name = path.removeprefix("--model.").partition(".")
        model.setdefault(section, {})[name] = plain(value if equals else next(words, ""))
    return rest + (["--model", json.dumps(model)] if model else [])


def plain(text: str) -> Any:
    """Return what a text stands for in TOML; the text itself where it stands for nothing."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except UNPARSABLE:
        return text
