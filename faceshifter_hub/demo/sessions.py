"""What is kept of a visitor while the page is open, where `gr.State` itself would have to copy it."""

from collections.abc import Callable
from typing import Generic, TypeVar

import gradio as gr
from gradio.context import get_blocks_context

Kept = TypeVar("Kept")


class Sessions(Generic[Kept]):
    """Things by the session they belong to, within an open `gr.Blocks`; forgotten when its page is closed or reloaded.

    A state's `delete_callback` would do so an hour later, for which a run would go on that nobody waits for.

    Args:
        on_leaving: Called with what was kept.
    """

    def __init__(self, on_leaving: Callable[[Kept], None] = lambda kept: None):
        self.on_leaving = on_leaving
        self.by_hash: dict[str | None, Kept] = {}
        get_blocks_context().unload(self._leave)

    def _leave(self, request: gr.Request) -> None:
        if request.session_hash in self.by_hash:
            self.on_leaving(self.by_hash.pop(request.session_hash))
