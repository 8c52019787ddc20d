"""What is known of a visitor while the page is open, where `gr.State` itself would have to copy it."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import gradio as gr

Kept = TypeVar("Kept")


class Sessions(Generic[Kept]):
    """Things by the session they belong to, forgotten when its page is closed or reloaded.

    Args:
        demo: The page.
    """

    def __init__(self, demo: gr.Blocks):
        self.by_hash: dict[str | None, Kept] = {}
        demo.unload(self._leave)

    def _leave(self, request: gr.Request) -> None:
        self.by_hash.pop(request.session_hash, None)


class Runs:
    """Runs that their visitors can stop, which closing the page does too; a state is deleted only an hour later.

    A run goes on while a file of its session exists, since it may be in a process of its own (see `zero_gpu.py`).

    Args:
        demo: The page.
        folder: Where the files are.
    """

    def __init__(self, demo: gr.Blocks, folder: str):
        self.folder = Path(folder, "runs")
        demo.unload(self.stop)

    @contextmanager
    def going(self, request: gr.Request) -> Iterator[Callable[[], bool]]:
        """Begin and end a run; gives what tells whether it may go on."""
        file = self._file(request)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        try:
            yield file.exists
        finally:
            file.unlink(missing_ok=True)

    def stop(self, request: gr.Request) -> None:
        """Stop the run of a session, if there is one."""
        self._file(request).unlink(missing_ok=True)

    def _file(self, request: gr.Request) -> Path:
        # hashed, as visitors could choose a session that is a path
        return self.folder / hashlib.sha256(str(request.session_hash).encode()).hexdigest()
