"""Components: the one place where an address becomes a network, and a network becomes files again."""

import json
import os
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import torch
from accelerate import init_empty_weights
from diffusers.configuration_utils import ConfigMixin
from diffusers.models.modeling_utils import ModelMixin
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from faceshifter_hub.errors import UNPARSABLE, CheckpointError, ComponentError, first_line
from faceshifter_hub.registry import (
    Interface,
    Kind,
    Manifest,
    RegistryAddress,
    Resolved,
    UntrainedSource,
    get_manifest,
    hub_errors,
    list_components,
    parse_address,
    resolve,
)

CONFIG = "config.json"
Variant = Literal["fp16"] | None
WEIGHTS: dict[Variant, str] = {
    None: "diffusion_pytorch_model.safetensors",
    "fp16": "diffusion_pytorch_model.fp16.safetensors",
}
CARD = "README.md"
HUB_LICENCES = ("apache-2.0", "cc-by-4.0", "cc0-1.0", "mit")  # those we use that the Hub has an identifier for


class ComponentMixin(ModelMixin, ConfigMixin):  # type: ignore[misc]  # two config_name
    """What a component adds to a diffusers model: strict loading, whole saving, an interface.

    A subclass names its `kind`, implements `interface_of`, and `from_files` where its weights come in a format of
    their own.
    """

    kind: ClassVar[str]
    _no_split_modules: list[str] = []  # type: ignore[assignment]  # noqa: RUF012  (declared as None upstream)
    if TYPE_CHECKING:
        config_name: Any  # type: ignore[assignment]

        @property
        def config(self) -> Any:
            """Arguments of the constructor, as attributes too, which diffusers' types do not say."""

    @classmethod
    def interface_of(cls, config: Mapping[str, Any]) -> Interface:
        """Return the interface of a network of this configuration, without building it."""
        raise NotImplementedError

    @classmethod
    def from_files(cls, files: dict[str, Path]) -> Self:
        """Build the component from verified files of a foreign format, by file name."""
        raise CheckpointError(
            f"A {cls.__name__} is loaded from {CONFIG} and {WEIGHTS[None]}, but among the files is no {CONFIG}: "
            f"{', '.join(files) or 'there are none'}."
        )

    @property
    def interface(self) -> Interface:
        """What decides whether this component fits together with others."""
        return self.interface_of(self.config)

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, address: str | Path, *, dtype: torch.dtype = torch.float32
    ) -> Self:
        """Load a component; safetensors only, every key and shape must match.

        Args:
            address: Registry name, `hf://owner/repo[/subfolder][@revision]`, or folder.
            dtype: Of the parameters, whatever the file holds.

        Returns:
            The component in eval mode; an untrained preset has random weights.

        Raises:
            CheckpointError: Files are missing, damaged, not the pinned ones, or belong to another class.
            HubUnavailableError: The Hub cannot be reached, or refuses.
            UnknownComponentError: The address leads nowhere.
        """
        resolved = resolve(address)
        manifest = resolved.manifest
        if manifest is not None and _class_in(manifest) != cls.__name__:
            raise CheckpointError(f"'{address}' is a {_class_in(manifest)}, not a {cls.__name__}.")
        if manifest is not None and isinstance(manifest.source, UntrainedSource):
            component = cls._from_config(manifest.source.config, str(address))
        elif CONFIG in resolved.files:
            component = cls._from_safetensors(resolved, str(address))
        else:
            try:
                component = cls.from_files(resolved.files)
            except KeyError as error:
                raise CheckpointError(f"'{address}' lacks the file {error}, which a {cls.__name__} needs.") from error
        # not component.to(): diffusers' own warns of modules to be kept in float32, of which there are none
        return super(ModelMixin, component).to(dtype).eval()  # type: ignore[misc]

    @classmethod
    def _from_config(cls, config: Mapping[str, Any], origin: str) -> Self:
        try:
            return cls(**{key: value for key, value in config.items() if not key.startswith("_")})
        except Exception as error:  # of values that nobody foresaw, constructors fail in any way
            raise CheckpointError(
                f"The configuration in {origin} is not one of a {cls.__name__}: {first_line(error)}."
            ) from error

    @classmethod
    def _from_safetensors(cls, resolved: Resolved, origin: str) -> Self:
        config_path = resolved.files[CONFIG]
        config = read_config(config_path)
        if config["_class_name"] != cls.__name__:
            raise CheckpointError(f"'{origin}' holds a {config['_class_name']}, not a {cls.__name__}.")
        path = next((resolved.files[name] for name in WEIGHTS.values() if name in resolved.files), None)
        if path is None:
            raise CheckpointError(f"'{origin}' holds no {WEIGHTS[None]}; weights in other formats are not loaded.")
        with init_empty_weights(include_buffers=False):  # the parameters come from the file
            component = cls._from_config(config, str(config_path))
        try:
            state = load_file(path)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path} is damaged and cannot be read ({error}); fetch or copy it again."
            ) from error
        _check_state(state, component.state_dict(), path, cls.__name__)
        component.load_state_dict(state, assign=True)
        return component

    def save_pretrained(  # type: ignore[override]
        self, folder: str | Path, *, variant: Variant = None, manifest: Manifest | None = None
    ) -> None:
        """Write config.json, the weights and a model card to a folder; a save that fails leaves nothing.

        Args:
            folder: Made if missing; files of the same names are replaced.
            variant: None keeps the parameters' dtype, `fp16` halves them, in a file of its own name.
            manifest: What the model card tells; without it a card that is there already stays.

        Raises:
            CheckpointError: The folder cannot be written.
        """
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        if variant == "fp16":
            state = {name: t.half() if t.is_floating_point() else t for name, t in state.items()}
        folder = Path(folder)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as unfinished:
                save_file(state, Path(unfinished, WEIGHTS[variant]), metadata={"format": "pt"})
                Path(unfinished, CONFIG).write_text(self.to_json_string(), "utf-8")
                if manifest is not None or not Path(folder, CARD).exists():
                    Path(unfinished, CARD).write_text(model_card(self, manifest, f"./{folder.name}"), "utf-8")
                folder.mkdir(exist_ok=True)
                for path in Path(unfinished).iterdir():
                    os.replace(path, folder / path.name)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{folder} cannot be written ({error}); choose another folder.") from error

    def push_to_hub(  # type: ignore[override]
        self, repo_id: str, *, variant: Variant = None, manifest: Manifest | None = None, private: bool = False
    ) -> str:
        """Publish the component as a Hub model repository, which is made if missing.

        Args:
            repo_id: `owner/repo`.
            variant: As for `save_pretrained`.
            manifest: What the model card tells.
            private: Whether a new repository is hidden from others.

        Returns:
            The commit, 40 hexadecimal digits: the revision to name in an address that should never change.

        Raises:
            HubUnavailableError: The Hub cannot be reached, or refuses: no token, or not your repository.
        """
        from huggingface_hub import HfApi

        api, message = HfApi(), f"Upload {type(self).__name__}"
        with tempfile.TemporaryDirectory() as temporary, hub_errors(repo_id):
            folder = Path(temporary, "component")
            self.save_pretrained(folder, variant=variant, manifest=manifest)
            Path(folder, CARD).write_text(model_card(self, manifest, f"hf://{repo_id}"), "utf-8")
            api.create_repo(repo_id, exist_ok=True, private=private)
            return api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message).oid


class FrozenMixin:
    """For components that are never trained: always in eval mode, parameters without gradients.

    Goes before the other bases. Gradients still flow through the component, to its input.
    """

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode and frozen, whatever is asked."""
        self.requires_grad_(False)  # type: ignore[attr-defined]
        return super().train(False)  # type: ignore[misc]


def _check_state(
    state: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor], path: Path, class_name: str
) -> None:
    missing, unexpected = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    shared = expected.keys() & state.keys()
    reshaped = [name for name in shared if state[name].shape != expected[name].shape]
    mistaken = [name for name in shared if state[name].is_floating_point() != expected[name].is_floating_point()]
    for names, problem in ((missing, "lacks"), (unexpected, "has, unknown to the class,")):
        if names:
            raise CheckpointError(f"{path} does not fit this {class_name}: it {problem} {len(names)}: {names[0]}, ...")
    if reshaped:
        name = min(reshaped)
        raise CheckpointError(
            f"{path} does not fit this {class_name}: {name} is {tuple(state[name].shape)} in the file and "
            f"{tuple(expected[name].shape)} in the configuration."
        )
    if mistaken:
        name = min(mistaken)
        raise CheckpointError(
            f"{path} does not fit this {class_name}: {name} cannot be of the type {state[name].dtype}."
        )


# ---- any component, by address


def read_config(path: Path) -> dict[str, Any]:
    """Read a component's config.json.

    Raises:
        CheckpointError: It is missing, no JSON object, or does not say its class.
    """
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, *UNPARSABLE) as error:
        raise CheckpointError(f"{path} cannot be read as JSON ({error}).") from error
    if not isinstance(config, dict) or not isinstance(config.get("_class_name"), str):
        raise CheckpointError(f"{path} does not say of which class it is a configuration (`_class_name`).")
    return config


def _class_in(manifest: Manifest) -> str:
    return manifest.class_name.partition(":")[2]


def _import_class(manifest: Manifest) -> type[ComponentMixin]:
    module, _, name = manifest.class_name.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ComponentError(
            f"'{manifest.name}' needs {manifest.class_name}, which cannot be imported: {error}."
        ) from error


def _find(address: str | Path) -> tuple[Manifest, dict[str, Any] | None]:
    """Return the manifest that names an address's class, and the configuration if the address has no manifest."""
    parsed, config = parse_address(address), None
    if isinstance(parsed, RegistryAddress):
        manifest = get_manifest(parsed.name)
    else:
        folder = resolve(address, only=CONFIG).folder
        assert folder is not None
        config = read_config(folder / CONFIG)
        class_name = config["_class_name"]
        manifests = {_class_in(manifest): manifest for manifest in list_components()}
        if class_name not in manifests:
            raise ComponentError(
                f"'{address}' holds a {class_name}, a class that no registered component or plugin names; there are: "
                f"{', '.join(sorted(manifests))}."
            )
        manifest = manifests[class_name]
    return manifest, config


def _find_kind(address: str | Path, kind: Kind) -> tuple[Manifest, dict[str, Any] | None]:
    manifest, config = _find(address)
    if manifest.kind != kind:
        raise ComponentError(f"'{address}' is a component of kind {manifest.kind}, not {kind}.")
    return manifest, config


def component_kind(address: str | Path) -> Kind:
    """Return the kind of component an address holds; no weights are fetched.

    Raises:
        ComponentError: It cannot be found, or its class is unknown.
    """
    return _find(address)[0].kind


def load_component(address: str | Path, kind: Kind, *, dtype: torch.dtype = torch.float32) -> ComponentMixin:
    """Load a component of whatever class the address holds; as `from_pretrained` of that class.

    Raises:
        ComponentError: It is of another kind, its class is unknown, or it cannot be loaded.
    """
    return _import_class(_find_kind(address, kind)[0]).from_pretrained(address, dtype=dtype)


def component_interface(address: str | Path, kind: Kind) -> Interface:
    """Return a component's interface from its manifest or its config.json; no weights are fetched.

    Raises:
        ComponentError: It is of another kind, its class is unknown, or its configuration cannot be read.
    """
    manifest, config = _find_kind(address, kind)
    if config is None:
        return manifest.interface
    try:
        return _import_class(manifest).interface_of(config)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The configuration in {address} is not one of a {_class_in(manifest)}: {first_line(error)}."
        ) from error


# ---- the model card


def model_card(component: ComponentMixin, manifest: Manifest | None, address: str) -> str:
    """Return the README.md of a component: what it is, what it fits, how it was made, what it is not for."""
    class_name = type(component).__name__
    licence = (manifest.weights_licence or "").lower() if manifest else ""
    facts = {"kind": component.kind} | {name: value for name, value in component.interface if value is not None}
    if manifest is not None:
        facts |= manifest.model_dump(include={"weights_licence", "commercial_use", "training_data", "paper"})
        facts |= {
            metric.name: f"{metric.value:g} on {metric.data}, by `{metric.command}`" for metric in manifest.metrics
        }
    table = "\n".join(f"| {name.replace('_', ' ')} | {value} |" for name, value in facts.items())
    return f"""---
library_name: faceshifter-hub
license: {licence if licence in HUB_LICENCES else "other"}
tags: [face-swapping, faceshifter, {component.kind.replace("_", "-")}]
---

# {manifest.name if manifest else class_name}

{manifest.description if manifest else f"A {class_name} for FaceShifter Hub."}

| | |
|---|---|
{table}

```python
from {type(component).__module__} import {class_name}

component = {class_name}.from_pretrained("{address}")
```

Intended for face swapping with the consent of everyone shown. Out of scope: pictures of people who did not agree,
deception, and anything that presents a swapped face as a true recording.
"""
