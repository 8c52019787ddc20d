"""The audit log: a line a run, which a watermark's id leads to; never anything of a picture."""

import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import faceshifter_hub
from faceshifter_hub.errors import SettingsError
from faceshifter_hub.settings import get_settings

LOG = logging.getLogger(__name__)


def note_run(
    door: str, components: Mapping[Any, Mapping[str, Any]], mark_id: str | None, *, consent: bool | None = None
) -> None:
    """Write a line of JSON into the log, and into the file of the settings where there is one.

    Args:
        door: Where the run came in: "swap", "demo photo", "mcp", ...
        components: As `FaceShifterPipeline.public_components` tells.
        mark_id: Of the watermark; None where marks are off.
        consent: Whether consent was stated; None where nobody is asked: on one's own machine.

    Raises:
        SettingsError: The file cannot be written; then a run must not go unnoticed.
    """
    used = {kind: {"address": one["address"], "commit": one["commit"]} for kind, one in components.items()}
    facts = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": faceshifter_hub.__version__,
        "door": door,
        "watermark": mark_id,
        "consent": consent,
        "components": used,
    }
    line = json.dumps(facts)
    LOG.info(line)
    path = get_settings().audit_log
    if path is None:
        return
    try:
        descriptor = os.open(path.expanduser(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:  # at once, so that no other process's line comes between
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SettingsError(
            f"The audit log '{path}' cannot be written ({error.strerror}); set FACESHIFTER_AUDIT_LOG to another file."
        ) from None
