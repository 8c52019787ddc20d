"""Starts a Hub on the port that the client was pointed at before anything imported it."""

import os
import threading
import time

import pytest
import uvicorn
from hub_server import Hub, build_app


@pytest.fixture(scope="package")
def hub(hub_socket):
    """A Hub with one user, alice, whose token is the client's."""
    hub = Hub(os.environ["HF_ENDPOINT"], {os.environ["HF_TOKEN"]: "alice"})
    server = uvicorn.Server(uvicorn.Config(build_app(hub), log_level="warning"))
    thread = threading.Thread(target=server.run, args=([hub_socket],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield hub
    server.should_exit = True
    thread.join()
