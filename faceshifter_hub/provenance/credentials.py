"""Content credentials: a signed C2PA manifest in a file, which says that a face was swapped and by what.

C2PA, "Content Credentials: technical specification", 2.2: actions, ingredients, digital source types.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import c2pa

import faceshifter_hub
from faceshifter_hub.errors import CredentialsError, first_line
from faceshifter_hub.provenance.signing_key import SigningKey, get_signing_key

COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
PRODUCT = "FaceShifter Hub"
COMPONENTS = "org.faceshifter-hub.components"
WATERMARK = "org.faceshifter-hub.watermark"
TYPES = {  # by the file's extension; there is no place for a manifest in others, as .mkv
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
}
SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},  # nobody's face, before or after
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},  # a file must not make us fetch an address
}


@dataclass(frozen=True)
class Credentials:
    """What a swap's file says of itself.

    Attributes:
        components: Of the pipeline, by kind: `address`, `commit`, `sha256` of each file.
        mark_id: Of the watermark.
        parent: The target's file, whose own credentials become an ingredient; None where there is none.
        sources: Files of the people whose identities were taken, likewise.
    """

    components: Mapping[Any, Mapping[str, Any]]
    mark_id: str
    parent: Path | None = None
    sources: tuple[Path, ...] = ()

    def sign(self, content: BinaryIO, suffix: str, signed: BinaryIO) -> None:
        """Write a file once more, with a signed manifest; as it is where its format has no place for one.

        Args:
            content: The file, open for reading.
            suffix: Its extension.
            signed: Takes the result; open for reading and writing.

        Raises:
            CredentialsError: It cannot be signed.
            SettingsError: The settings' key cannot be used.
        """
        media_type = TYPES.get(suffix.lower())
        content.seek(0)
        if media_type is None:
            signed.write(content.read())
            return
        parents = [("target", self.parent)] if self.parent else []
        sources = [(f"source {number}", source) for number, source in enumerate(self.sources, 1)]
        kept = {name: path for name, path in parents + sources if _has_manifest(path)}
        try:
            with c2pa.Builder(json.dumps(self._manifest(media_type, list(kept))), _context()) as builder:
                for name, path in kept.items():
                    relationship = "parentOf" if name == "target" else "componentOf"
                    ingredient = {"title": name, "relationship": relationship, "label": name}
                    with path.open("rb") as file:
                        builder.add_ingredient(json.dumps(ingredient), TYPES[path.suffix.lower()], file)
                builder.sign(_signer(get_signing_key()), media_type, content, signed)
        except (c2pa.C2paError, OSError) as error:
            raise CredentialsError(
                f"Content credentials cannot be signed ({first_line(error)}); check the certificates and the key, or "
                "choose another format."
            ) from error

    def _manifest(self, media_type: str, ingredients: Sequence[str]) -> dict[str, Any]:
        has_parent = "target" in ingredients
        agent = {"name": PRODUCT, "version": faceshifter_hub.__version__}
        swap = {
            "action": "c2pa.edited" if has_parent else "c2pa.created",
            "digitalSourceType": COMPOSITE,
            "softwareAgent": agent,
            "description": "The face of one person was replaced by another's, drawn by a neural network.",
        }
        opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["target"]}}
        sources = [name for name in ingredients if name != "target"]
        placed = [{"action": "c2pa.placed", "parameters": {"ingredientIds": [name]}} for name in sources]
        return {
            "claim_generator_info": [agent],
            "format": media_type,
            "assertions": [
                {"label": "c2pa.actions.v2", "data": {"actions": [*([opened] if has_parent else []), swap, *placed]}},
                {"label": COMPONENTS, "data": self.components},
                {"label": WATERMARK, "data": {"id": self.mark_id}},
            ],
        }


def _has_manifest(path: Path) -> bool:
    try:
        return read_manifest(path) is not None
    except CredentialsError:  # what cannot be read cannot be kept
        return False


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Return the manifest store of a file as c2pa describes it; None where it has none.

    Nothing is fetched: a manifest that lies elsewhere counts as none.

    Raises:
        CredentialsError: The manifest cannot be read.
    """
    media_type = TYPES.get(path.suffix.lower())
    if media_type is None:
        return None
    try:
        with path.open("rb") as file, c2pa.Reader(media_type, file, context=_context()) as reader:
            store = json.loads(reader.json())
            store["manifests"][store["active_manifest"]]  # may be missing where the file is damaged
            return store
    except c2pa.C2paError.ManifestNotFound:
        return None
    except (c2pa.C2paError, OSError, ValueError, KeyError) as error:
        raise CredentialsError(
            f"The content credentials of '{path}' cannot be read ({first_line(error)}); use another copy."
        ) from error


@contextmanager
def signed(file: BinaryIO, path: Path, credentials: Credentials | None) -> Iterator[BinaryIO]:
    """Take what is to become a large file; once all of it is there, it is written, signed where it can be, to another.

    Args:
        file: Open for reading and writing.
        path: The name it will have; what is taken lies beside it meanwhile.
        credentials: None for none.

    Raises:
        CredentialsError: It cannot be signed.
    """
    if credentials is None or path.suffix.lower() not in TYPES:
        yield file
        return
    with tempfile.TemporaryFile(dir=path.parent) as unsigned:
        yield unsigned
        credentials.sign(unsigned, path.suffix, file)


def unsignable(path: Path, credentials: Credentials | None) -> list[str]:
    """Return a sentence if a file cannot hold the credentials that it should."""
    if credentials is None or path.suffix.lower() in TYPES:
        return []
    return [
        f"A file ending in {path.suffix} has no place for content credentials; the watermark alone marks it. Choose "
        "a name in .mp4 for both."
    ]


def _context() -> c2pa.Context:
    return c2pa.Context(c2pa.Settings.from_dict(SETTINGS))


def _signer(key: SigningKey) -> c2pa.Signer:
    return c2pa.Signer.from_info(
        c2pa.C2paSignerInfo(key.algorithm, key.certificates.encode(), key.private_key.encode(), None)
    )
