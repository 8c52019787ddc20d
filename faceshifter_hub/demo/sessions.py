"""What is kept of a visitor while the page is open, where `gr.State` itself would have to copy it."""

from collections.abc import Callable
from typing import Generic, TypeVar

import gradio as gr

Kept = TypeVar("Kept")


class Sessions(Generic[Kept]):
    """Things by the session they belong to, forgotten when its page is closed or reloaded.

    A state's `delete_callback` comes an hour later, and until then a run would go on that nobody waits for.

    Args:
        demo: The page.
        on_leaving: Called with what was kept.
    """

    def __init__(self, demo: gr.Blocks, on_leaving: Callable[[Kept], None] = lambda kept: None):
        self.on_leaving = on_leaving
        self.by_hash: dict[str | None, Kept] = {}
        demo.unload(self._leave)

    def _leave(self, request: gr.Request) -> None:
        if request.session_hash in self.by_hash:
            self.on_leaving(self.by_hash.pop(request.session_hash))
