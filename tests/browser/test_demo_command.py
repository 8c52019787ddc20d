"""`faceshifter demo`: the port that is asked for, or a sentence."""

import os
import signal
import subprocess
import sys
import time

import httpx
import pytest
from interrupts import heed_interrupts
from serving import free_port

from faceshifter_hub import cli

pytestmark = pytest.mark.browser


def demo(port, temporary):
    """Start the command."""
    return subprocess.Popen(
        [sys.executable, "-m", "faceshifter_hub.cli", "demo", "--port", str(port)],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )


def answers(url):
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_page_is_served_where_it_was_asked_for_until_interrupted(tmp_path):
    port = free_port()
    process = demo(port, tmp_path)
    deadline = time.monotonic() + 120
    while not answers(f"http://127.0.0.1:{port}") and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    assert answers(f"http://127.0.0.1:{port}")

    second = demo(port, tmp_path)
    _, said = second.communicate(timeout=120)
    assert second.returncode == 1 and "faceshifter: The page cannot be served" in said and "Traceback" not in said

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode in (0, 130) and "Traceback" not in said
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_what_is_no_port_is_wrong_usage(port):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["demo", "--port", port])
