"""What a file says of where it came from: its content credentials, ours or anyone's, and our watermark."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from faceshifter_hub.errors import CredentialsError, UnreadableImageError, UnreadableVideoError
from faceshifter_hub.media.images import read_image
from faceshifter_hub.provenance.credentials import read_manifest
from faceshifter_hub.provenance.signing_key import DEVELOPMENT
from faceshifter_hub.provenance.watermark import Watermark, detect

Signature = Literal["none", "unreadable", "invalid", "development key", "unknown signer", "trusted"]
FRAMES = 8  # of a video, evenly spread, in which the watermark is looked for
LONGEST_TEXT = 200  # characters
OURS = "org.faceshifter-hub."
SYNTHETIC = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic")
SIGNATURES: dict[Signature, str] = {
    "none": "The file holds no content credentials. That says nothing: they are easily removed.",
    "unreadable": "The file holds content credentials that are damaged.",
    "invalid": "The content credentials do not fit the file: it was changed after they were signed.",
    "development key": "The file is as it was signed, with a development key: it proves nothing of who signed.",
    "unknown signer": "The file is as it was signed; who signed is not among those this machine trusts.",
    "trusted": "The file is as it was signed, by a signer that this machine trusts.",
}


class Action(BaseModel):
    """What was done, as the credentials say.

    Attributes:
        action: As C2PA calls it: `c2pa.edited`, ...
        source_type: The IPTC's digital source type, without its address.
        description: In words.
        by: The software.
    """

    action: str
    source_type: str | None = None
    description: str | None = None
    by: str | None = None


class FileReport(BaseModel):
    """What is known of a file.

    Attributes:
        signature: State of its content credentials.
        signer: Who signed, as the certificate says; what it says is proven only if the signer is trusted.
        generator: The software that wrote the credentials.
        actions: What was done, the oldest first.
        assertions: What else is said under a name of our own: components, watermark.
        ingredients: Titles of what it was made of, as far as the credentials tell.
        watermark: Id of our watermark, None if there is none to be read.
        confidence: How many of the watermark's bits, of 1, were read right before any were corrected.
        is_synthetic: Whether credentials that fit the file, or the watermark, say that it is.
    """

    signature: Signature
    signer: str | None = None
    generator: str | None = None
    actions: list[Action] = []
    assertions: dict[str, Any] = Field(default_factory=dict)
    ingredients: list[str] = []
    watermark: str | None = None
    confidence: float | None = None
    is_synthetic: bool = False

    def sentences(self) -> list[str]:
        """Say it in words."""
        said = [SIGNATURES[self.signature]]
        if self.signer:
            said.append(f"Signed as: {self.signer}.")
        if self.generator:
            said.append(f"Written by: {self.generator}.")
        for action in self.actions:
            words = [f"Action: {action.action}.", action.source_type and f"{action.source_type}.", action.description]
            said.append(" ".join(word for word in words if word))
        if self.ingredients:
            said.append(f"Made of: {', '.join(self.ingredients)}.")
        if self.watermark and self.confidence:
            read = f"{100 * self.confidence:.0f} % of its bits were read right"
            said.append(f"The picture carries the watermark of FaceShifter Hub, id {self.watermark}; {read}.")
        else:
            said.append("No watermark of FaceShifter Hub was found. That says nothing of other software.")
        said.append("It is synthetic." if self.is_synthetic else "Nothing here says that it is synthetic.")
        return said


def check_file(path: str | Path) -> FileReport:
    """Return what a picture or a video says of itself. Nothing is fetched.

    Raises:
        MediaError: It can be read neither as a picture nor as a video.
        MissingPackageError: It is no picture, and videos need a package that is not installed.
    """
    path = Path(path)
    watermark = find_watermark(path)
    report = _report_credentials(path)
    if watermark:
        report.watermark, report.confidence = watermark.id, round(watermark.confidence, 4)
    fits = report.signature in ("development key", "unknown signer", "trusted")
    said = fits and any(action.source_type in SYNTHETIC for action in report.actions)
    report.is_synthetic = bool(said or watermark)
    return report


def find_watermark(path: Path) -> Watermark | None:
    """Return the first watermark of a picture or of some frames of a video; see `check_file`."""
    try:
        return detect(read_image(path))
    except UnreadableImageError as error:
        try:
            return next(filter(None, map(detect, _some_frames(path))), None)
        except UnreadableVideoError:
            raise error from None


def _some_frames(path: Path) -> Iterator[np.ndarray]:
    from faceshifter_hub.media.video import read_frames, read_video_info

    info = read_video_info(path)
    step = max(1, int(info.duration / info.time_base) // FRAMES)
    for number in range(FRAMES):
        with closing(read_frames(path, info, first=info.start + number * step)) as frames:
            if (frame := next(frames, None)) is not None:
                yield frame.pixels


def _report_credentials(path: Path) -> FileReport:
    try:
        store = read_manifest(path)
    except CredentialsError:
        return FileReport(signature="unreadable")
    if store is None:
        return FileReport(signature="none")
    active = store["manifests"][store["active_manifest"]]
    signed = active.get("signature_info", {})
    assertions = {str(one["label"]): one.get("data") for one in active.get("assertions", [])}
    names = [signed.get("common_name"), signed.get("issuer")]
    return FileReport(
        signature=_state(store["validation_state"], signed.get("issuer")),
        signer=", ".join(_text(name) for name in dict.fromkeys(names) if name) or None,
        generator=", ".join(_text(one.get("name")) for one in active.get("claim_generator_info", [])) or None,
        actions=list(_actions(assertions)),
        assertions={name: data for name, data in assertions.items() if name.startswith(OURS)},
        ingredients=[_text(one.get("title") or "something without a name") for one in active.get("ingredients", [])],
    )


def _state(validated: str, issuer: str | None) -> Signature:
    if validated == "Valid":
        return "development key" if issuer == DEVELOPMENT else "unknown signer"
    return "trusted" if validated == "Trusted" else "invalid"


def _actions(assertions: dict[str, Any]) -> Iterator[Action]:
    """Yield the actions; what is no action, in a file of whoever it was, is passed by."""
    for name, data in assertions.items():
        listed = data.get("actions") if name.startswith("c2pa.actions") and isinstance(data, dict) else None
        for one in listed if isinstance(listed, list) else []:
            if isinstance(one, dict):
                source_type, agent = one.get("digitalSourceType"), one.get("softwareAgent")
                yield Action(
                    action=_text(one.get("action")),
                    source_type=_text(source_type).rpartition("/")[2] if source_type else None,
                    description=_text(one["description"]) if one.get("description") else None,
                    by=_text(agent.get("name") if isinstance(agent, dict) else agent) if agent else None,
                )


def _text(said: object) -> str:
    """Return what a stranger's file says as one line of letters, no longer than can be read."""
    return "".join(letter if letter.isprintable() else " " for letter in str(said)[:LONGEST_TEXT])
