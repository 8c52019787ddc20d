"""FaceShifterPipeline: a source's identity into a target's photograph, out of chosen components.

Reference: arXiv 1912.13457, figure 2 (AEI-Net) and figure 5 (HEAR-Net).
"""

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.utils import BaseOutput
from PIL import Image
from torch import nn

from faceshifter_hub.component import ComponentMixin, component_interface, load_component
from faceshifter_hub.errors import CheckpointError, ComponentError, NoFaceError, SettingsError
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.faces.detection import Face
from faceshifter_hub.faces.pasting import face_mask, paste
from faceshifter_hub.media.images import ImageSource, read_image
from faceshifter_hub.registry import (
    KINDS,
    Kind,
    RegistryAddress,
    check_compatible,
    get_pipeline,
    hub_errors,
    list_pipelines,
    parse_address,
    resolve,
    sha256_of,
)
from faceshifter_hub.settings import get_settings

INDEX = "model_index.json"
MOST_STRENGTH = 2
OPTIONAL_KINDS: tuple[Kind, ...] = ("hear_refiner",)


@dataclass
class AlignedSwap:
    """What the two stages make of aligned faces.

    Attributes:
        swapped: Y^_st, (B, 3, R, R) in [-1, 1].
        reconstructed: Y^_tt, (B, 3, R, R); None without stage 2.
        error: dY_t = X_t - Y^_tt, (B, 3, R, R); None without stage 2.
        refined: Y_st, (B, 3, R, R); None without stage 2.
        masks: M^k a level, coarsest first, (B, 1, S_k, S_k).
    """

    swapped: torch.Tensor
    reconstructed: torch.Tensor | None
    error: torch.Tensor | None
    refined: torch.Tensor | None
    masks: list[torch.Tensor]

    @property
    def result(self) -> torch.Tensor:
        """The last stage's faces, (B, 3, R, R)."""
        return self.swapped if self.refined is None else self.refined


@dataclass
class FaceShifterPipelineOutput(BaseOutput):
    """What a call of the pipeline gives, one entry a swap.

    Attributes:
        images: The target photographs with the source's identity.
        faces: The target's face that was swapped.
        stages: Pictures by name (`source`, `target`, `swapped`, `reconstructed`, `error`, `refined`, `mask_4`, ...),
            where they were asked for.
        notes: What a user should know, in sentences.
        milliseconds: Time spent a stage, over all swaps of the call.
    """

    images: list[Image.Image]
    faces: list[Face]
    stages: list[dict[str, Image.Image]]
    notes: list[str]
    milliseconds: dict[str, float]


@dataclass
class _Stopwatch:
    """Adds up the milliseconds of named stages."""

    milliseconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        spent = 1000 * (time.perf_counter() - started)
        self.milliseconds[stage] = round(self.milliseconds.get(stage, 0.0) + spent, 1)


class FaceShifterPipeline:
    """Detect, align, swap in two stages, paste back.

    Args:
        components: One component a kind; `hear_refiner` may be missing, then stage 1's result is the result.
        addresses: Where each came from; in what the pipeline writes.
        device: Of the networks.
    """

    def __init__(
        self, components: Mapping[Kind, ComponentMixin], addresses: Mapping[Kind, str], device: str | None = None
    ):
        self.device = pick_device(device)
        self.components: dict[Kind, Any] = {kind: nn.Module.to(part, self.device) for kind, part in components.items()}
        self.addresses = dict(addresses)

    @classmethod
    def from_pretrained(
        cls, address: str | Path | None = None, *, device: str | None = None, **components: str | Path
    ) -> Self:
        """Load a pipeline, whole or with some components replaced.

        Args:
            address: Of a pipeline: a registered name, a folder, `hf://owner/repo[@revision]`. By default the setting
                `FACESHIFTER_PIPELINE`.
            device: Torch device; by default the setting `FACESHIFTER_DEVICE`.
            **components: Address of a component to use instead of the pipeline's own, by kind:
                `hear_refiner="hear-lite-256"`.

        Raises:
            IncompatibleComponentsError: Two components do not fit together; nothing was fetched.
            ComponentError: The pipeline or a component cannot be found, trusted or loaded.
            SettingsError: The device does not exist.
        """
        addresses = pipeline_addresses(address or get_settings().pipeline)
        for kind, replacement in components.items():
            if kind not in KINDS:
                raise ComponentError(f"There is no kind of component '{kind}'; there are: {', '.join(KINDS)}.")
            addresses[kind] = str(replacement)
        return cls.from_components(addresses, device=device)

    @classmethod
    def from_components(cls, addresses: Mapping[Kind, str], *, device: str | None = None) -> Self:
        """Compose a pipeline from the addresses of its components, by kind.

        Raises:
            IncompatibleComponentsError: Two components do not fit together; nothing was fetched.
            ComponentError: A kind is missing, or a component cannot be found, trusted or loaded.
        """
        missing = [kind for kind in KINDS if kind not in addresses and kind not in OPTIONAL_KINDS]
        if missing:
            raise ComponentError(f"A pipeline needs a component of kind {missing[0]}; name one.")
        check_compatible({kind: (address, component_interface(address, kind)) for kind, address in addresses.items()})
        return cls({kind: load_component(a, kind) for kind, a in addresses.items()}, addresses, device)

    # ---- swapping

    def __call__(
        self,
        source: ImageSource | Sequence[ImageSource],
        target: ImageSource | Sequence[ImageSource],
        *,
        refine: bool = True,
        strength: float = 1.0,
        return_stages: bool = False,
    ) -> FaceShifterPipelineOutput:
        """Swap the largest face of each source into the largest face of each target.

        Args:
            source: A path, PIL image or array (H, W, 3) uint8 RGB, or a list of them.
            target: The same; lists are taken pair by pair, a single picture goes with every one of the other.
            refine: Whether stage 2 runs.
            strength: How far the identity goes from the target's, 0, to the source's, 1, and beyond it, up to 2: away
                from the target.
            return_stages: Whether the pictures of every stage are returned too.

        Raises:
            NoFaceError: A picture shows no face.
            MediaError: A picture cannot be read.
            ComponentError: `refine` without a refiner.
            SettingsError: Lists of different length, or a strength out of range.
        """
        sources, targets = pair_up(source, target)
        check_strength(strength)
        if refine and "hear_refiner" not in self.components:
            raise ComponentError("This pipeline has no hear_refiner; give it one or call it with refine=False.")
        output = FaceShifterPipelineOutput([], [], [], [], {})
        watch = _Stopwatch()
        identities: dict[int, tuple[torch.Tensor, np.ndarray]] = {}
        for n, (one_source, one_target) in enumerate(zip(sources, targets, strict=True)):
            of = f" {n + 1}" if len(targets) > 1 else ""
            if id(one_source) not in identities:  # one source for many targets is read once
                with watch.time("read"):
                    photo = read_image(one_source)
                face = self._largest_face(photo, f"source{of}", output.notes, watch)
                with watch.time("identity"):
                    source_face, _ = align(photo, face.landmarks, self.resolution)
                    identities[id(one_source)] = self.identify(source_face), source_face
            z_source, source_face = identities[id(one_source)]
            with watch.time("read"):
                photo = read_image(one_target)
            face = self._largest_face(photo, f"target{of}", output.notes, watch)
            target_face, matrix = align(photo, face.landmarks, self.resolution)
            swap = self.swap_aligned(
                z_source, self.to_tensor(target_face), refine=refine, strength=strength, watch=watch
            )
            with watch.time("paste"):
                output.images.append(Image.fromarray(self.put_back(photo, swap.result[0], matrix)))
            output.faces.append(face)
            if return_stages:
                output.stages.append(stage_pictures(source_face, target_face, swap))
        output.milliseconds = watch.milliseconds
        return output

    @property
    def resolution(self) -> int:
        """Side of the aligned faces in pixels."""
        return self.components["aad_generator"].config.resolution

    @torch.inference_mode()
    def identify(self, face: np.ndarray) -> torch.Tensor:
        """Return z_id (1, d) of an aligned face (R, R, 3) uint8."""
        return self.components["identity_encoder"](self.to_tensor(face))

    @torch.inference_mode()
    def swap_aligned(
        self,
        z_source: torch.Tensor,
        target: torch.Tensor,
        *,
        refine: bool = True,
        strength: float = 1.0,
        watch: _Stopwatch | None = None,
    ) -> AlignedSwap:
        """Run both stages on aligned faces; attributes and their modulations are computed once a target.

        Args:
            z_source: (B, d).
            target: X_t, (B, 3, R, R) in [-1, 1].
            refine: Whether stage 2 runs.
            strength: See the call.
            watch: Takes the time of each stage.
        """
        watch = watch or _Stopwatch()
        generator = self.components["aad_generator"]
        with watch.time("stage one"):
            modulations = generator.modulate_attributes(self.components["attribute_encoder"](target))
            if refine or strength != 1:
                z_target = self.components["identity_encoder"](target)  # (B, d)
            if strength != 1:
                z_source = mix_identities(z_target, z_source, strength)
            if not refine:
                swapped, masks = generator.generate(z_source, modulations)
                return AlignedSwap(swapped, None, None, None, masks)
            identities = torch.stack([z_source, z_target], dim=1).flatten(0, 1)  # (2B, d)
            both, masks = generator.generate(identities, modulations)  # (2B, 3, R, R)
            swapped, reconstructed = both[0::2], both[1::2]
        with watch.time("stage two"):
            error = target - reconstructed
            refined = self.components["hear_refiner"](swapped, error)
        return AlignedSwap(swapped, reconstructed, error, refined, [m[0::2] for m in masks])

    def put_back(self, photo: np.ndarray, face: torch.Tensor, matrix: np.ndarray) -> np.ndarray:
        """Paste an aligned face (3, R, R) in [-1, 1] into its photograph (H, W, 3); `matrix` is that of `align`."""
        return paste(photo, to_picture(face), matrix, face_mask(self.resolution))

    def detect(self, photo: np.ndarray) -> list[Face]:
        """Return the faces of a photograph (H, W, 3) uint8 RGB, the largest first."""
        return self.components["face_detector"].detect(photo)

    def _largest_face(self, photo: np.ndarray, role: str, notes: list[str], watch: _Stopwatch) -> Face:
        with watch.time("detect"):
            faces = self.detect(photo)
        if not faces:
            raise NoFaceError(f"No face was found in the {role} picture; use one that shows a face clearly.")
        if len(faces) > 1:
            notes.append(f"The {role} picture shows {len(faces)} faces; the largest was taken.")
        return faces[0]

    def to_tensor(self, face: np.ndarray) -> torch.Tensor:
        """Turn an aligned face (R, R, 3) uint8 into (1, 3, R, R) in [-1, 1] on the pipeline's device."""
        return torch.from_numpy(face.copy()).to(self.device).permute(2, 0, 1)[None].float() / 127.5 - 1

    # ---- what it is made of

    def describe_components(self) -> dict[Kind, dict[str, Any]]:
        """Return for each kind the component's address and the SHA-256 of its files."""
        description: dict[Kind, dict[str, Any]] = {}
        for kind, address in self.addresses.items():
            resolved = resolve(address)
            hashes = {name: sha256_of(path) for name, path in resolved.files.items() if path.suffix != ".md"}
            description[kind] = {"address": address, "sha256": hashes}
        return description

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the pipeline to a folder that `from_pretrained` takes: an index and a subfolder a component.

        Components whose weights may not be copied on (insightface's) stay named by their registry name.

        Raises:
            CheckpointError: The folder cannot be written.
        """
        folder = Path(folder)
        index: dict[str, Any] = {"_class_name": type(self).__name__, "components": {}}
        for kind, component in self.components.items():
            if any(True for _ in component.parameters()):
                component.save_pretrained(folder / kind)
                index["components"][kind] = {"subfolder": kind}
            else:
                index["components"][kind] = {"address": self.addresses[kind]}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            partial = folder / f".{INDEX}"
            partial.write_text(json.dumps(index, indent=2) + "\n", "utf-8")
            partial.replace(folder / INDEX)
        except OSError as error:
            raise CheckpointError(f"{folder} cannot be written ({error.strerror}); choose another folder.") from error

    def push_to_hub(self, repo_id: str, *, private: bool = False) -> str:
        """Publish the pipeline as a Hub model repository, which is made if missing.

        Returns:
            The commit, 40 hexadecimal digits.

        Raises:
            HubUnavailableError: The Hub cannot be reached, or refuses.
        """
        from huggingface_hub import HfApi

        api = HfApi()
        with tempfile.TemporaryDirectory() as temporary, hub_errors(repo_id):
            folder = Path(temporary, "pipeline")
            self.save_pretrained(folder)
            api.create_repo(repo_id, exist_ok=True, private=private)
            message = f"Upload {type(self).__name__}"
            return api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message).oid


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
        return {kind: part for kind, part in default.items() if kind not in OPTIONAL_KINDS} | trained
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
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{resolved.files[INDEX]} is not the index of a pipeline ({error}).") from error


def pair_up(
    source: ImageSource | Sequence[ImageSource], target: ImageSource | Sequence[ImageSource]
) -> tuple[list[ImageSource], list[ImageSource]]:
    """Return as many sources as targets.

    Raises:
        SettingsError: Two lists of different length, or an empty one.
    """
    sources: list[Any] = list(source) if isinstance(source, (list, tuple)) else [source]
    targets: list[Any] = list(target) if isinstance(target, (list, tuple)) else [target]
    if len(sources) == 1:
        sources *= len(targets)
    if len(targets) == 1:
        targets *= len(sources)
    if len(sources) != len(targets) or not sources:
        raise SettingsError(
            f"{len(sources)} sources and {len(targets)} targets do not pair up; give one of either, or as many."
        )
    return sources, targets


def check_strength(strength: float) -> None:
    """Raise SettingsError unless `strength` is in [0, 2]."""
    if not 0 <= strength <= MOST_STRENGTH:
        raise SettingsError(
            f"A strength of {strength} is out of range; 0 keeps the target's identity, 1 takes the source's, "
            f"{MOST_STRENGTH} is the most."
        )


def mix_identities(z_target: torch.Tensor, z_source: torch.Tensor, strength: float) -> torch.Tensor:
    """Return the identity on the line from z_target, 0, through z_source, 1, of unit length; all (B, d)."""
    return F.normalize(torch.lerp(F.normalize(z_target), F.normalize(z_source), strength))


def pick_device(device: str | None) -> torch.device:
    """Return the device asked for, or by setting; `auto` is CUDA where there is one, else the CPU.

    Raises:
        SettingsError: It does not exist here.
    """
    name = device or get_settings().device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError):
        raise SettingsError(f"There is no device '{name}' on this machine; use 'cpu' or 'auto'.") from None


def to_picture(face: torch.Tensor) -> np.ndarray:
    """Turn a face (3, R, R) in [-1, 1] into (R, R, 3) uint8."""
    return ((face.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()


def stage_pictures(source: np.ndarray, target: np.ndarray, swap: AlignedSwap) -> dict[str, Image.Image]:
    """Return the pictures of one swap, by stage; `error` is shown around grey, a mask white where identity rules."""
    pictures = {"source": source, "target": target, "swapped": to_picture(swap.swapped[0])}
    if swap.refined is not None and swap.reconstructed is not None and swap.error is not None:
        pictures["reconstructed"] = to_picture(swap.reconstructed[0])
        pictures["error"] = to_picture(swap.error[0])
        pictures["refined"] = to_picture(swap.refined[0])
    side = target.shape[:2]
    images = {name: Image.fromarray(picture) for name, picture in pictures.items()}
    for mask in swap.masks:
        grey = Image.fromarray((mask[0, 0] * 255).round().to(torch.uint8).cpu().numpy())
        images[f"mask_{mask.shape[-1]}"] = grey.resize(side, Image.Resampling.NEAREST)
    return images
