"""What a batch has done already, in a file beside its results: a line a result."""

import json
import os
from pathlib import Path

from faceshifter_hub.errors import UNPARSABLE, UnwritableOutputError

NAME = ".faceshifter-batch.jsonl"


class Record:
    """Results in a folder and what each was made of; several processes may add to it at once.

    Args:
        folder: Of the results.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._made_of: dict[str, str] = {}
        try:
            content = (folder / NAME).read_bytes()
        except OSError:
            content = b""
        for line in content.splitlines():
            try:
                entry = json.loads(line)
                self._made_of[entry["output"]] = entry["made_of"]
            except (*UNPARSABLE, KeyError, TypeError):  # a line that was broken off
                continue

    def holds(self, output: Path, made_of: str) -> bool:
        """Tell whether a result is there and was made of this."""
        return self._made_of.get(self._name(output)) == made_of and output.is_file()

    def add(self, output: Path, made_of: str) -> None:
        """Note that a result was written.

        Raises:
            UnwritableOutputError: It cannot be noted.
        """
        self._made_of[self._name(output)] = made_of
        line = json.dumps({"output": self._name(output), "made_of": made_of})
        try:
            descriptor = os.open(self.folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:  # at once, so that no other process's line comes between; the first line break ends a broken line
                os.write(descriptor, f"\n{line}\n".encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise UnwritableOutputError(
                f"{self.folder / NAME} cannot be written ({error.strerror}). What was finished before is kept: make "
                "room, then give the same command again."
            ) from error

    def _name(self, output: Path) -> str:
        return output.relative_to(self.folder).as_posix()
