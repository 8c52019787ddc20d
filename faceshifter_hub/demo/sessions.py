"""What is kept of a visitor while the page is open, where `gr.State` itself would have to copy it."""

import secrets
from collections.abc import Callable
from typing import Generic, TypeVar

import gradio as gr

Kept = TypeVar("Kept")


class Sessions(Generic[Kept]):
    """Things by the key of a session; a visitor's is forgotten when the page is closed.

    Args:
        on_leaving: Called with what was kept.
    """

    def __init__(self, on_leaving: Callable[[Kept], None] = lambda kept: None):
        self.on_leaving = on_leaving
        self.by_key: dict[str, Kept] = {}

    def key(self) -> gr.State:
        """Return a state that holds the visitor's key, within an open `gr.Blocks`."""
        key = gr.State(delete_callback=self._leave)
        gr.on(None, new_key, None, key, show_progress="hidden", queue=False, api_visibility="private")
        return key

    def _leave(self, key: str | None) -> None:
        if key in self.by_key:
            self.on_leaving(self.by_key.pop(key))


def new_key() -> str:
    """Return a key nobody can guess."""
    return secrets.token_hex(16)
