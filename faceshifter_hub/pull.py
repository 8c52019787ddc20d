"""`faceshifter pull`: components come to this machine and are verified, for use without a network later."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceshifter_hub.registry import (
    HubSource,
    PipelineManifest,
    RegistryAddress,
    Resolved,
    get_entry,
    parse_address,
    resolve,
)

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


@dataclass(frozen=True)
class Pulled:
    """A component on this machine.

    Attributes:
        address: What it was asked for by.
        folder: Where its files are; None for an untrained preset, which has none.
        files: Size in bytes of each file, by its path.
        verified: Whether a manifest pins size and SHA-256 of every file.
    """

    address: str
    folder: Path | None
    files: dict[Path, int]
    verified: bool

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(self.files.values())


def pull(address: str) -> list[Pulled]:
    """Fetch what is not on this machine yet, verify it, and say where it is.

    Args:
        address: Of a component or a pipeline: registered name, `hf://owner/repo[/subfolder][@revision]` or folder.

    Returns:
        The component, or each component of the pipeline.

    Raises:
        ComponentError: It cannot be found, fetched or trusted.
    """
    return [_pull_component(part) for part in component_addresses(address)]


def component_addresses(address: str) -> list[str]:
    """Return the addresses of a pipeline's components, or a component's own."""
    parsed = parse_address(address)
    if isinstance(parsed, RegistryAddress):
        entry = get_entry(parsed.name)
        return list(entry.components.values()) if isinstance(entry, PipelineManifest) else [address]

    from faceshifter_hub.composition import INDEX, pipeline_addresses

    if INDEX in resolve(address).files:  # fetches a repository whole: its components need no second journey
        return list(pipeline_addresses(address).values())
    return [address]


def _pull_component(address: str) -> Pulled:
    resolved = resolve(address)
    files = {path: path.stat().st_size for path in resolved.files.values()}
    return Pulled(address, resolved.folder, files, _pinned(address, resolved))


def _pinned(address: str, resolved: Resolved) -> bool:
    """Tell whether `resolve` compared every file with a manifest; another revision than the pinned one it cannot."""
    if resolved.manifest is None or not resolved.files:
        return False
    parsed, source = parse_address(address), resolved.manifest.source
    wanted = parsed.revision if isinstance(parsed, RegistryAddress) else None
    return not isinstance(source, HubSource) or wanted in (None, source.revision)


def add_pull(subparsers: "Subparsers") -> None:
    """Add `faceshifter pull`."""
    parser = subparsers.add_parser("pull", help="fetch and verify components or pipelines, for use offline")
    parser.add_argument("names", nargs="+", metavar="NAME", help="registered name, hf://owner/repo or folder")
    parser.add_argument("--json", action="store_true", help="print places, files and sizes as JSON")
    parser.set_defaults(run=run_pull)


def run_pull(arguments: argparse.Namespace) -> None:
    """Pull each, and print where it is and how large."""
    pulled = {part.address: part for name in arguments.names for part in pull(name)}
    if arguments.json:
        print(json.dumps([_as_dictionary(part) for part in pulled.values()], indent=2, ensure_ascii=False))
        return
    width = max(map(len, pulled))
    for part in pulled.values():
        if part.folder is None:
            print(f"{part.address:{width}}  untrained: it has no weights")
        else:
            trust = "verified" if part.verified else "not pinned"
            print(f"{part.address:{width}}  {part.bytes / 1e6:8.1f} MB  {trust:10}  {part.folder}")


def _as_dictionary(part: Pulled) -> dict:
    files = [{"path": str(path), "bytes": size} for path, size in part.files.items()]
    folder = str(part.folder) if part.folder else None
    return {
        "address": part.address,
        "folder": folder,
        "bytes": part.bytes,
        "verified": part.verified,
        "files": files,
    }
