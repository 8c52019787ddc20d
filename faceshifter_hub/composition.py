"""Which components a pipeline is made of: by its registered name, or by what a folder or repository holds."""

import json
from pathlib import Path

from faceshifter_hub.errors import UNPARSABLE, CheckpointError
from faceshifter_hub.registry import KINDS, Kind, RegistryAddress, get_pipeline, list_pipelines, parse_address, resolve
from faceshifter_hub.settings import get_settings

INDEX = "model_index.json"
OPTIONAL_KINDS: tuple[Kind, ...] = ("hear_refiner", "face_parser")


def pipeline_addresses(address: str | Path) -> dict[Kind, str]:
    """Return the addresses of a pipeline's components, by kind.

    A folder without an index that holds both components of stage 1, a training run's or one of its checkpoints, is the
    default pipeline with these, and with a refiner only where the folder has one.

    Raises:
        ComponentError: There is no such pipeline, or its index cannot be read.
    """
    parsed = parse_address(address)
    if isinstance(parsed, RegistryAddress) and parsed.name in {p.name for p in list_pipelines()}:
        return dict(get_pipeline(parsed.name).components)
    if isinstance(parsed, RegistryAddress):
        get_pipeline(parsed.name)  # names the nearest
    trained = {kind: f"{address}/{kind}" for kind in KINDS if (Path(address) / kind / "config.json").is_file()}
    if {"attribute_encoder", "aad_generator"} <= trained.keys() and not (Path(address) / INDEX).exists():
        default = pipeline_addresses(get_settings().pipeline)
        return {kind: part for kind, part in default.items() if kind != "hear_refiner"} | trained
    resolved = resolve(address, only=INDEX)
    if INDEX not in resolved.files:
        raise CheckpointError(f"'{address}' holds no {INDEX}, so it is no pipeline; `save_pretrained` writes one.")
    try:
        index = json.loads(resolved.files[INDEX].read_text("utf-8"))["components"]
        base, _, revision = str(address).partition("@") if str(address).startswith("hf://") else (address, "", "")
        at = f"@{resolved.revision or revision}" if resolved.revision or revision else ""
        return {
            kind: entry["address"] if "address" in entry else f"{base}/{entry['subfolder']}{at}"
            for kind, entry in index.items()
        }
    except (*UNPARSABLE, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{resolved.files[INDEX]} is not the index of a pipeline ({error}).") from error
