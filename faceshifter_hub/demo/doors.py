"""What the demo's server lets out and in: headers that browsers heed, and no address that it would fetch."""

from typing import NoReturn

import gradio as gr
import safehttpx
from gradio import processing_utils
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "Content-Security-Policy": "frame-ancestors 'self' https://huggingface.co",  # which shows Spaces in a frame
}


class SecurityHeaders:
    """Adds HEADERS to every response.

    Args:
        app: That responds.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond, as ASGI has it."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, send_with_headers)


MIDDLEWARE = [Middleware(SecurityHeaders)]


def fetch_nothing() -> None:
    """Have Gradio fetch no address that stands where a file should; it would, from any public host.

    Before it fetches one, wherever it does, it asks this function whether the host is public, of all but listed hosts.
    """
    processing_utils.PUBLIC_HOSTNAME_WHITELIST.clear()
    safehttpx.async_validate_url = refuse_host


async def refuse_host(hostname: str) -> NoReturn:
    """Raise the error that a visitor sees."""
    raise gr.Error("An address is not fetched; upload the file itself.", duration=None, print_exception=False)
