"""What a trainer leaves behind: a folder with components, its recipe, losses and samples."""

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from faceshifter_hub.errors import UNPARSABLE, CheckpointError, DataError, UnknownComponentError
from faceshifter_hub.registry import Kind

TRAINED_KINDS: tuple[Kind, ...] = tuple(k for k in get_args(Kind) if k not in ("identity_encoder", "face_detector"))
DATA = {
    "train_data_dir": "photographs",
    "dataset_name": "photographs, streamed,",
    "synthetic_data_dir": "rendered triplets",
}
UNTOLD = {"output_dir", "resume_from_checkpoint", "push_to_hub", "hub_model_id"}  # nothing to do with the result


@dataclass(frozen=True)
class TrainedFolder:
    """The folder, the kinds of the components in it, and the recipe: the options of the run, {} if it is not there."""

    path: Path
    kinds: tuple[Kind, ...]
    recipe: dict[str, Any]

    @property
    def data(self) -> str:
        """What the recipe says of the data."""
        places = {key: self.recipe.get(key) or [] for key in DATA}
        named = [
            f"{DATA[key]} `{place if key == 'dataset_name' else Path(place).name}`"
            for key, found in places.items()
            for place in ([found] if isinstance(found, str) else found)
        ]
        return ", ".join(named + ["triplets rendered on the fly"] * bool(self.recipe.get("synthesize_on_the_fly")))

    @property
    def samples(self) -> Path | None:
        """The last sample grid: they are named by their step."""
        return max((self.path / "samples").glob("*.png"), key=lambda path: (len(path.stem), path.stem), default=None)


def read_trained(path: Path) -> TrainedFolder:
    """Look at what a trainer left.

    Raises:
        UnknownComponentError: There is no such folder.
        CheckpointError: No component is in it, or its recipe.toml is damaged.
    """
    if not path.is_dir():
        raise UnknownComponentError(f"There is no folder '{path}' to publish.")
    kinds = tuple(kind for kind in TRAINED_KINDS if (path / kind / "config.json").is_file())
    if not kinds:
        raise CheckpointError(
            f"'{path}' holds no component to publish: name the output folder of a trainer, with one of "
            f"{', '.join(f'{kind}/' for kind in TRAINED_KINDS)} in it."
        )
    recipe = path / "recipe.toml"
    try:
        options = tomllib.loads(recipe.read_text("utf-8")) if recipe.exists() else {}
    except (OSError, *UNPARSABLE) as error:
        raise CheckpointError(f"{recipe} cannot be read ({error}); repair or remove it.") from error
    return TrainedFolder(path, kinds, {name: bare(value) for name, value in options.items() if name not in UNTOLD})


def bare(value: Any) -> Any:
    """Return an option without the folders of an absolute path: where somebody keeps data is nobody's business."""
    if isinstance(value, list):
        return [bare(each) for each in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


@dataclass(frozen=True)
class Report:
    """What a report.json says of its main pipeline: the command, and name, network and value of each metric."""

    command: str
    metrics: list[dict[str, Any]] = field(default_factory=list)


def read_report(path: Path) -> Report:
    """Read a report.json.

    Raises:
        DataError: It cannot be read, or is no such report.
    """
    try:
        report = json.loads(path.read_text("utf-8"))
        metrics = [
            {"name": str(m["name"]), "measured_by": str(m["measured_by"]), "value": float(m["value"])}
            for m in report["contestants"][0]["metrics"]
        ]
        return Report(str(report["command"]), metrics)
    except (OSError, *UNPARSABLE, KeyError, IndexError, TypeError) as error:
        raise DataError(
            f"{path} cannot be read as a report ({error}); give the report.json of `faceshifter evaluate`."
        ) from error
