"""FaceShifterPipeline: a source's identity into a target's photograph, out of chosen components.

Reference: arXiv 1912.13457, figure 2 (AEI-Net) and figure 5 (HEAR-Net).
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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

from faceshifter_hub.cast import (
    Assignment,
    Identity,
    Role,
    assign_roles,
    best_likeness,
    is_everyone_meant,
    why_nobody,
)
from faceshifter_hub.component import ComponentMixin, component_interface, load_component
from faceshifter_hub.composition import INDEX, OPTIONAL_KINDS, pipeline_addresses
from faceshifter_hub.errors import (
    CheckpointError,
    ComponentError,
    DeviceMemoryError,
    NoFaceError,
    SettingsError,
)
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.faces.colour import match_colour
from faceshifter_hub.faces.detection import Face, detect_everyone, detect_turned
from faceshifter_hub.faces.masks import paste_mask
from faceshifter_hub.faces.pasting import paste
from faceshifter_hub.media.animations import count_pages, is_animation
from faceshifter_hub.media.images import ImageSource, read_image
from faceshifter_hub.media.photographs import Photograph, read_photograph, write_photograph
from faceshifter_hub.models.identity_mixing import mix_identities
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.provenance.credentials import Credentials
from faceshifter_hub.provenance.marks import draw_id, mark_pixels, mark_stages
from faceshifter_hub.registry import (
    KINDS,
    FolderAddress,
    Kind,
    check_compatible,
    hub_errors,
    parse_address,
    resolve,
    sha256_of,
)
from faceshifter_hub.runtimes import Runtime
from faceshifter_hub.runtimes.choice import pick_device, pick_runtime
from faceshifter_hub.runtimes.networks import open_networks
from faceshifter_hub.safety.age import check_age, open_age_gate
from faceshifter_hub.safety.content import check_content, content_checked
from faceshifter_hub.settings import get_settings
from faceshifter_hub.stages import AlignedSwap, split_phases, stage_pictures, to_picture

DEFAULT_OPTIONS = SwapOptions()
# of the networks' resolution: memory does not grow with the faces of a picture; a CPU's caches hold what four need
FACES_AT_ONCE, FACES_AT_ONCE_ON_CPU = 16, 4

Person = ImageSource | Identity
Source = Person | Mapping[Person | int, Person]


@dataclass
class FaceShifterPipelineOutput(BaseOutput):
    """What a call of the pipeline gives, one entry a target.

    Attributes:
        images: The target photographs with the source's identity, 8 bits a colour, sRGB.
        faces: The target's faces that were swapped, from left to right.
        stages: Of each of these faces, pictures by name (`source`, `target`, `swapped`, `reconstructed`, `error`,
            `refined`, `mask_4`, ...), where they were asked for.
        notes: What a user should know, in sentences.
        milliseconds: Time spent a stage, over all swaps of the call.
        mark_ids: Of the watermark of each picture; None where marks are off.
        credentials: What each picture's file says of itself; None likewise.
        photographs: The targets as they came, with what `save` keeps of them.
    """

    images: list[Image.Image]
    faces: list[list[Face]]
    stages: list[list[dict[str, Image.Image]]]
    notes: list[str]
    milliseconds: dict[str, float]
    mark_ids: list[str | None]
    credentials: list[Credentials | None]
    photographs: list[Photograph]

    def save(self, path: str | Path, number: int = 0) -> None:
        """Write a picture, whole or not at all, with its content credentials and what its target had.

        16 bits, transparency, colour profile and metadata stay, as far as the format can hold them. Of an animation
        this is the first frame; `swap_file` swaps all of them.

        Args:
            path: The extension chooses the format; a file of that name is replaced.
            number: Of the picture.

        Raises:
            UnwritableOutputError: The extension is unknown, or the file cannot be written there.
            CredentialsError: It cannot be signed.
        """
        photograph = self.photographs[number].with_pixels(np.asarray(self.images[number]))
        write_photograph(photograph, path, self.credentials[number])


@dataclass
class Stopwatch:
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
        runtime: What runs the networks: `torch`, `inductor`, `inductor-bf16`, `onnxruntime`, `openvino`, or `auto`,
            the fastest of those exported; by default the setting `FACESHIFTER_RUNTIME`. The attribute of this name
            says which it is.

    Raises:
        SettingsError: The device does not exist, or the runtime does not run on it.
        MissingPackageError: The runtime is not installed.
        ComponentError: The runtime cannot run a component.
    """

    def __init__(
        self,
        components: Mapping[Kind, ComponentMixin],
        addresses: Mapping[Kind, str],
        device: str | None = None,
        runtime: Runtime | None = None,
    ):
        self.device = pick_device(device)
        self.components: dict[Kind, Any] = {kind: nn.Module.to(part, self.device) for kind, part in components.items()}
        self.addresses = dict(addresses)
        asked = pick_runtime(runtime)
        self.runtime, self.networks = open_networks(self.components, self.resolution, asked, self.device)
        open_age_gate()
        self._public_components: dict[Kind, dict[str, Any]] | None = None
        # fewer once the device ran out of memory
        self._faces_at_once = FACES_AT_ONCE_ON_CPU if self.device.type == "cpu" else FACES_AT_ONCE

    @classmethod
    def from_pretrained(
        cls,
        address: str | Path | None = None,
        *,
        device: str | None = None,
        runtime: Runtime | None = None,
        **components: str | Path,
    ) -> Self:
        """Load a pipeline, whole or with some components replaced.

        Args:
            address: Of a pipeline: a registered name, a folder, `hf://owner/repo[@revision]`. By default the setting
                `FACESHIFTER_PIPELINE`.
            device: Torch device; by default the setting `FACESHIFTER_DEVICE`.
            runtime: See the class; what it lacks is exported first, which takes half a minute to three minutes, once.
            **components: Address of a component to use instead of the pipeline's own, by kind:
                `hear_refiner="hear-lite-256"`.

        Raises:
            IncompatibleComponentsError: Two components do not fit together; nothing was fetched.
            ComponentError: The pipeline or a component cannot be found, trusted or loaded.
            SettingsError: The device does not exist, or the runtime does not run on it.
            MissingPackageError: The runtime is not installed.
        """
        addresses = pipeline_addresses(address or get_settings().pipeline)
        for kind, replacement in components.items():
            if kind not in KINDS:
                raise ComponentError(f"There is no kind of component '{kind}'; there are: {', '.join(KINDS)}.")
            addresses[kind] = str(replacement)
        return cls.from_components(addresses, device=device, runtime=runtime)

    @classmethod
    def from_components(
        cls, addresses: Mapping[Kind, str], *, device: str | None = None, runtime: Runtime | None = None
    ) -> Self:
        """Compose a pipeline from the addresses of its components, by kind.

        Raises:
            IncompatibleComponentsError: Two components do not fit together; nothing was fetched.
            ComponentError: A kind is missing, or a component cannot be found, trusted or loaded.
        """
        missing = [kind for kind in KINDS if kind not in addresses and kind not in OPTIONAL_KINDS]
        if missing:
            raise ComponentError(f"A pipeline needs a component of kind {missing[0]}; name one.")
        check_compatible({kind: (address, component_interface(address, kind)) for kind, address in addresses.items()})
        return cls({kind: load_component(a, kind) for kind, a in addresses.items()}, addresses, device, runtime)

    # ---- swapping

    def __call__(
        self,
        source: Source | Sequence[Source],
        target: ImageSource | Sequence[ImageSource],
        *,
        return_stages: bool = False,
        **options: Any,
    ) -> FaceShifterPipelineOutput:
        """Swap the identity of each source into each target.

        Args:
            source: Whose identity is taken: a path, PIL image or array (H, W, 3) uint8 RGB, of which the largest face
                counts; an `Identity`; a mapping from people of the target to such, where people are photographs,
                identities, or numbers of faces from left to right: `{"anna.jpg": "new.jpg", 3: "other.jpg"}`. Or a
                list of them.
            target: A picture or a list; lists are taken pair by pair, a single one goes with every one of the other.
            return_stages: Whether the pictures of every stage are returned too.
            **options: Fields of `SwapOptions`: `faces`, `strength`, `refine`, `keep`, ...

        Raises:
            ContentError: A picture or the result seems to show nudity, or someone younger than the settings allow.
            NoFaceError: A picture shows no face, or none that is meant.
            MediaError: A picture cannot be read.
            ComponentError: `refine` without a refiner, `keep` without a parser.
            SettingsError: Lists of different length, an option that does not exist or is out of range.
        """
        sources, targets = pair_up(source, target)
        chosen = SwapOptions.of(**options)
        self.check(chosen)
        output = FaceShifterPipelineOutput([], [], [], [], {}, [], [], [])
        watch = Stopwatch()
        casts: dict[int, list[Role]] = {}
        for n, (one_source, one_target) in enumerate(zip(sources, targets, strict=True)):
            of = f" {n + 1}" if len(targets) > 1 else ""
            if id(one_source) not in casts:  # one source for many targets is read once
                casts[id(one_source)] = self.cast(one_source, f"source{of}", output.notes, watch)
            roles = casts[id(one_source)]
            with watch.time("read"):
                photograph = read_photograph(one_target)
                photo = photograph.pixels
                file = one_target if isinstance(one_target, str | Path) else None
                if file is not None and is_animation(file):
                    output.notes.append(f"The target{of} picture moves; its first frame was taken.")
                if file is not None and (pages := count_pages(file)) > 1:
                    output.notes.append(f"The target{of} picture has {pages} pages; only the first was taken.")
            with watch.time("detect"), content_checked(photo, f"target{of} picture"):
                faces = self.detect(photo, everyone=is_everyone_meant(roles, chosen))
            assigned = self._assign(roles, photo, faces, chosen, f"target{of}", output.notes)
            mark_id = draw_id(chosen)
            [result], swaps = self.swap_faces([photo], [assigned], chosen, mark_id=mark_id, watch=watch)
            with watch.time("content"):
                check_content(result, "result")
            output.images.append(Image.fromarray(result))
            output.faces.append([one.face for one in assigned])
            output.mark_ids.append(mark_id)
            output.photographs.append(photograph)
            output.credentials.append(self.credentials(mark_id, file, [one.source for one in assigned]))
            if return_stages:
                stages = [stage_pictures(one.source.face, swap) for one, swap in zip(assigned, swaps, strict=True)]
                output.stages.append([mark_stages(pictures, mark_id) for pictures in stages])
        output.milliseconds = watch.milliseconds
        return output

    @property
    def resolution(self) -> int:
        """Side of the aligned faces in pixels."""
        return self.components["aad_generator"].config.resolution

    def identity(self, *photos: ImageSource) -> Identity:
        """Return who somebody is, from one photograph or the mean of several; every call takes it as a source.

        Raises:
            NoFaceError: A picture shows no face.
            MediaError: A picture cannot be read.
            SettingsError: No photograph is given.
        """
        if not photos:
            raise SettingsError("An identity needs a photograph; give one or more.")
        roles = ("source",) if len(photos) == 1 else tuple(f"source {n + 1}" for n in range(len(photos)))
        return self._identity(photos, roles, [], Stopwatch())

    def cast(
        self,
        source: Source,
        name: str = "source",
        notes: list[str] | None = None,
        watch: Stopwatch | None = None,
    ) -> list[Role]:
        """Return the roles that a source, or a mapping from people to sources, stands for.

        Args:
            source: See the call; no list.
            name: What messages call it.
            notes: Takes what a user should know.
            watch: Takes the time of each stage.

        Raises:
            NoFaceError: A picture shows no face.
            MediaError: A picture cannot be read.
            SettingsError: The mapping is empty, or a number of a face is below 1.
        """
        notes, watch = [] if notes is None else notes, watch or Stopwatch()
        if not isinstance(source, Mapping):
            return [Role(self._identity((source,), (name,), notes, watch))]
        if not source:
            raise SettingsError("The mapping from people to sources is empty; name a person and a source.")
        roles = []
        for number, (person, its_source) in enumerate(source.items(), 1):
            if isinstance(person, int) and person < 1:
                raise SettingsError(f"There is no face {person}; faces are numbered from left to right, from 1.")
            if not isinstance(person, int):
                person = self._identity((person,), (f"person {number}",), notes, watch)
            roles.append(Role(self._identity((its_source,), (f"{name} {number}",), notes, watch), person))
        return roles

    def _identity(
        self, photos: Sequence[ImageSource | Identity], names: Sequence[str], notes: list[str], watch: Stopwatch
    ) -> Identity:
        known: list[Identity] = []
        for photo, name in zip(photos, names, strict=True):
            if isinstance(photo, Identity):
                known.append(photo)
                continue
            with watch.time("read"):
                pixels = read_image(photo)
            with watch.time("detect"), content_checked(pixels, f"{name} picture"):
                faces = self.detect(pixels)
            face = largest(faces, name, notes)
            with watch.time("identity"):
                aligned, _ = align(pixels, face.landmarks, self.resolution)
                check_age(aligned, f"{name} picture")
                files = (Path(photo),) if isinstance(photo, str | Path) else ()
                known.append(Identity(self.identify(aligned), aligned, files))
        if len(known) == 1:
            return known[0]
        z = F.normalize(torch.cat([one.z for one in known]).mean(0, keepdim=True))
        return Identity(z, known[0].face, tuple(file for one in known for file in one.files))

    def _assign(
        self,
        roles: Sequence[Role],
        photo: np.ndarray,
        faces: Sequence[Face],
        options: SwapOptions,
        name: str,
        notes: list[str],
    ) -> list[Assignment]:
        if not faces:
            raise NoFaceError(f"No face was found in the {name} picture; use one that shows a face clearly.")
        wrong = why_nobody(roles, faces, options)
        if wrong:
            raise NoFaceError(f"The {name} picture {wrong}.")
        assigned = assign_roles(roles, faces, options, self.embedder(photo))
        missed = [number for number, role in enumerate(roles, 1) if all(role.source is not a.source for a in assigned)]
        if not assigned:
            best = best_likeness(roles, faces, options, self.embedder(photo))
            raise NoFaceError(
                f"Nobody in the {name} picture looks like a person that was named: the likeliest has a likeness of "
                f"{best:.2f}, and min_likeness is {options.min_likeness}; use another photo, or lower it."
            )
        for number in missed:
            notes.append(f"Nobody in the {name} picture looks like person {number}.")
        if len(faces) > 1 and not is_everyone_meant(roles, options):
            notes.append(f"The {name} picture shows {len(faces)} faces; the largest was taken.")
        return assigned

    def embedder(self, photo: np.ndarray) -> Callable[[Face], torch.Tensor]:
        """Return what tells the identity (1, d) of a face of a photograph (H, W, 3)."""
        return lambda face: self.identify(align(photo, face.landmarks, self.resolution)[0])

    @torch.inference_mode()
    def identify(self, face: np.ndarray) -> torch.Tensor:
        """Return z_id (1, d) of an aligned face (R, R, 3) uint8."""
        return self.networks["identity_encoder"](self.to_tensor(face))

    def check(self, options: SwapOptions) -> None:
        """Raise ComponentError if the options ask for a component that the pipeline lacks."""
        if options.refine and "hear_refiner" not in self.components:
            raise ComponentError("This pipeline has no hear_refiner; give it one or call it with refine=False.")
        if options.keep and "face_parser" not in self.components:
            raise ComponentError("This pipeline has no face_parser; give it one or call it without keep.")

    def swap_faces(
        self,
        photos: Sequence[np.ndarray],
        assigned: Sequence[Sequence[Assignment]],
        options: SwapOptions,
        *,
        mark_id: str | None = None,
        watch: Stopwatch | None = None,
    ) -> tuple[list[np.ndarray], list[AlignedSwap]]:
        """Swap chosen faces of photographs, in batches, and paste them back.

        Args:
            photos: (H, W, 3) uint8 RGB each.
            assigned: Which faces of each get which identity.
            options: Of the swap; whose face changes is settled already.
            mark_id: Of the watermark that the photographs get where a face changed; None for none.
            watch: Takes the time of each stage.

        Returns:
            The photographs, new where a face changed, and what the stages made of each face.

        Raises:
            ContentError: A face seems younger than the settings allow.
            DeviceMemoryError: Not even one face at a time fits; of more, fewer are taken at once until they do.
        """
        watch = watch or Stopwatch()
        results = list(photos)
        jobs = [(place, one) for place, its in enumerate(assigned) for one in its]
        swaps: list[AlignedSwap] = []
        while len(swaps) < len(jobs):
            at_once = max(1, self._faces_at_once // options.boost**2)
            batch = jobs[len(swaps) : len(swaps) + at_once]
            with watch.time("align"):
                side = self.resolution * options.boost
                aligned = [align(photos[place], one.face.landmarks, side) for place, one in batch]
                target = torch.cat([self.to_tensor(face) for face, _ in aligned])  # (B, 3, R, R)
                z_source = torch.cat([one.source.z for _, one in batch])  # (B, d)
                for face, _ in aligned:
                    check_age(face, "target")
            try:
                swap = self.swap_aligned(
                    z_source,
                    target,
                    refine=options.refine,
                    strength=options.strength,
                    boost=options.boost,
                    watch=watch,
                )
                parsed = self.parse(target) if options.keep else [None] * len(batch)
            except torch.OutOfMemoryError as error:
                if len(batch) == 1:
                    raise DeviceMemoryError(
                        f"The device '{self.device}' has not enough memory for one face; lower the boost, end what "
                        "else uses the device, or take the device 'cpu'."
                    ) from error
                self._faces_at_once = len(batch) // 2 * options.boost**2
                continue
            with watch.time("paste"):
                for (place, _), (face, matrix), result, regions in zip(
                    batch, aligned, swap.result, parsed, strict=True
                ):
                    results[place] = self.put_back(results[place], result, face, matrix, options, regions)
            swaps += swap.split()
        with watch.time("mark"):
            for place, its in enumerate(assigned):
                if its:
                    boxes = [one.face.box for one in its]
                    results[place] = mark_pixels(results[place], boxes, options, mark_id)
        return results, swaps

    @torch.inference_mode()
    def swap_aligned(
        self,
        z_source: torch.Tensor,
        target: torch.Tensor,
        *,
        refine: bool = True,
        strength: float = 1.0,
        boost: int = 1,
        watch: Stopwatch | None = None,
    ) -> AlignedSwap:
        """Run both stages on aligned faces; attributes and their modulations are computed once a target.

        Args:
            z_source: (B, d).
            target: X_t, (B, 3, R, R) in [-1, 1]; with `boost`, that many times larger.
            refine: Whether stage 2 runs.
            strength: See `SwapOptions`; `boost` likewise.
            boost: The face is drawn in boost x boost interlaced phases, each of the networks' resolution.
            watch: Takes the time of each stage.
        """
        watch = watch or Stopwatch()
        if boost > 1:
            phases = self.swap_aligned(
                z_source.repeat_interleave(boost**2, dim=0),
                split_phases(target, boost),
                refine=refine,
                strength=strength,
                watch=watch,
            )
            return phases.interlaced(boost)
        generator = self.networks["aad_generator"]
        strength *= self.components["aad_generator"].config.get("identity_gain", 1.0)  # plugins' may have none
        with watch.time("stage one"):
            modulations = generator.modulate_attributes(self.networks["attribute_encoder"](target))
            if refine or strength != 1:
                z_target = self.networks["identity_encoder"](target)  # (B, d)
            if strength != 1:
                z_source = mix_identities(z_target, z_source, strength)
            if not refine:
                swapped, masks = generator.generate(z_source, modulations)
                return AlignedSwap(target, swapped, None, None, None, masks)
            identities = torch.stack([z_source, z_target], dim=1).flatten(0, 1)  # (2B, d)
            both, masks = generator.generate(identities, modulations)  # (2B, 3, R, R)
            swapped, reconstructed = both[0::2], both[1::2]
        with watch.time("stage two"):
            error = target - reconstructed
            refined = self.networks["hear_refiner"](swapped, error)
        return AlignedSwap(target, swapped, reconstructed, error, refined, [m[0::2] for m in masks])

    @torch.inference_mode()
    def parse(self, target: torch.Tensor) -> list[np.ndarray]:
        """Return the probabilities of the parser's classes in aligned faces (B, 3, R, R), (12, R, R) each."""
        return list(self.networks["face_parser"](target).softmax(dim=1).cpu().numpy())

    def put_back(
        self,
        photo: np.ndarray,
        face: torch.Tensor,
        target: np.ndarray,
        matrix: np.ndarray,
        options: SwapOptions = DEFAULT_OPTIONS,
        parsed: np.ndarray | None = None,
    ) -> np.ndarray:
        """Paste a swapped face into its photograph, in the target's colours and grain where that is wanted.

        Args:
            photo: (H, W, 3) uint8.
            face: (3, R, R) in [-1, 1].
            target: What was there, aligned, (R, R, 3) uint8.
            matrix: (2, 3), as `align` returns it.
            options: Of the swap.
            parsed: What `parse` says of the target, (12, R, R); needed to keep regions.

        Returns:
            A new photograph (H, W, 3) uint8.
        """
        mask = paste_mask(len(target), parsed, options.keep)
        drawn = match_colour(to_picture(face), target, mask, options.colour)
        return paste(photo, drawn, matrix, mask, grain=options.grain)

    def detect(self, photo: np.ndarray, *, everyone: bool = False) -> list[Face]:
        """Return the faces of a photograph, the largest first.

        Args:
            photo: (H, W, 3) uint8 RGB.
            everyone: Whether small faces are sought beside large ones, and lying ones beside those upright, which
                takes longer; without it, only where there are no others.
        """
        search = detect_everyone if everyone else detect_turned
        return search(self.components["face_detector"], photo)[0]

    def to_tensor(self, face: np.ndarray) -> torch.Tensor:
        """Turn an aligned face (R, R, 3) uint8 into (1, 3, R, R) in [-1, 1] on the pipeline's device."""
        return torch.from_numpy(face.copy()).to(self.device).permute(2, 0, 1)[None].float() / 127.5 - 1

    # ---- what it is made of

    def credentials(
        self, mark_id: str | None, target: str | Path | None = None, sources: Sequence[Identity] = ()
    ) -> Credentials | None:
        """Return what the file of a swap says of itself; None where it says nothing, marks being off.

        Args:
            mark_id: Of its watermark.
            target: Its file, whose own credentials are kept as an ingredient.
            sources: Whose identities were taken; the credentials of their files are kept likewise.
        """
        if mark_id is None:
            return None
        files = dict.fromkeys(file for source in sources for file in source.files)  # each once
        return Credentials(
            self.public_components(), mark_id, Path(target) if target is not None else None, tuple(files)
        )

    def public_components(self) -> dict[Kind, dict[str, Any]]:
        """Return what `describe_components` says, with no more than the name of a folder of this machine."""
        if self._public_components is None:
            described = self.describe_components()
            for one in described.values():
                if isinstance(parse_address(one["address"]), FolderAddress):
                    one["address"] = Path(one["address"]).name
            self._public_components = described
        return self._public_components

    def describe_components(self) -> dict[Kind, dict[str, Any]]:
        """Return for each kind the component's address, its commit where it has one, the SHA-256 of its files."""
        description: dict[Kind, dict[str, Any]] = {}
        for kind, address in self.addresses.items():
            resolved = resolve(address)
            hashes = {name: sha256_of(path) for name, path in resolved.files.items() if path.suffix != ".md"}
            description[kind] = {"address": address, "commit": resolved.revision, "sha256": hashes}
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


def pair_up(
    source: Source | Sequence[Source], target: ImageSource | Sequence[ImageSource]
) -> tuple[list[Source], list[ImageSource]]:
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


def largest(faces: Sequence[Face], name: str, notes: list[str]) -> Face:
    """Return the largest face of a picture that is to show one person.

    Raises:
        NoFaceError: It shows none.
    """
    if not faces:
        raise NoFaceError(f"No face was found in the {name} picture; use one that shows a face clearly.")
    if len(faces) > 1:
        notes.append(f"The {name} picture shows {len(faces)} faces; the largest was taken.")
    return faces[0]
