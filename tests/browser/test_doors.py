"""The demo's doors: headers, no address that is fetched, no folder that is shown, files that are gone in time."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from serving import ROOT, free_port
from visit import SOURCE, TARGET, upload

pytestmark = pytest.mark.browser

ADDRESSES = ["http://127.0.0.1:{port}/face.png", "https://example.com/face.png", "https://huggingface.co/face.png"]
# the demo, whose files live for a second
BRIEF = """
import sys
from faceshifter_hub.demo import build_demo, launch, page
page.FILES_LIVE = 1
launch(build_demo(), port=int(sys.argv[1]))
"""
# the demo, which keeps three sessions and says how many it has
CROWDED = """
import sys, threading, time
from faceshifter_hub.demo import build_demo, launch, page
page.MOST_SESSIONS = 3
demo = build_demo()
def count():
    while True:
        if hasattr(demo, "state_holder"):
            print("sessions", len(demo.state_holder.session_data), flush=True)
        time.sleep(0.1)
threading.Thread(target=count, daemon=True).start()
launch(demo, port=int(sys.argv[1]))
"""


def test_every_answer_says_what_a_browser_may_do_and_the_page_works_with_it(page, server):
    for path in ("/", "/config", "/gradio_api/info", "/nothing"):
        headers = httpx.get(server.url + path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["permissions-policy"].startswith("camera=(self), microphone=()")
        assert headers["content-security-policy"] == "frame-ancestors 'self' https://huggingface.co"
    assert page.evaluate("document.featurePolicy.allowsFeature('camera')")
    assert not page.evaluate("document.featurePolicy.allowsFeature('geolocation')")
    upload(page, source=SOURCE, target=TARGET)
    page.locator("#source img").first.wait_for()


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_address_is_fetched(server, address):
    with httpx.Client(base_url=server.url, timeout=60) as client:
        url = address.format(port=server.url.rpartition(":")[2])
        picture = {"path": url, "url": url, "meta": {"_type": "gradio.FileData"}}
        body = {"source": picture, "target": picture, "consent": True}
        said_before = len(server.log.read_text())
        answer = client.post("/gradio_api/call/v2/swap", json=body)
        assert answer.status_code >= 400, answer.text
        assert "An address is not fetched" in answer.text + server.log.read_text()[said_before:]
        assert client.get(f"/gradio_api/file={url}").status_code == 403


@pytest.mark.parametrize(
    "place", ["/etc/passwd", str(ROOT / "README.md"), "../../../etc/passwd", "{temporary}", "{temporary}/.."]
)
def test_nothing_but_a_visitors_own_result_is_read(server, place):
    path = place.format(temporary=server.temporary)
    answer = httpx.get(f"{server.url}/gradio_api/file={path}")
    assert answer.status_code in (403, 404), answer.text


def decoders_of(process):
    """Return the ids of a server's decoder processes."""
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    children = chain.from_iterable((thread / "children").read_text().split() for thread in threads)
    return {int(pid) for pid in children if b"media.apart" in Path(f"/proc/{pid}/cmdline").read_bytes()}


def test_what_visitors_bring_is_decoded_by_a_process_that_may_die(server):
    client = Client(server.url, verbose=False)
    client.predict(handle_file(SOURCE), handle_file(TARGET), True, api_name="/swap")
    before = decoders_of(server.process)
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    client.predict(handle_file(SOURCE), handle_file(TARGET), True, api_name="/swap")
    assert decoders_of(server.process) - before


@contextmanager
def running(script, server, folder):
    """Run a script that serves the demo on the port it is given; yields, once it does, its address and its log."""
    port, log = free_port(), folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(port)],
            cwd=ROOT,
            env=server.environment | {"TMPDIR": str(folder)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            assert process.poll() is None, log.read_text()
            try:
                httpx.get(url, timeout=60)
                break
            except httpx.ConnectError:
                time.sleep(0.2)
        yield url, log
    finally:
        process.terminate()
        process.wait(60)


def test_a_visitors_file_is_gone_after_its_time(server, tmp_path):
    with running(BRIEF, server, tmp_path) as (url, _):
        files = {"files": ("face.webp", Path(TARGET).read_bytes())}
        answer = httpx.post(f"{url}/gradio_api/upload", files=files, timeout=60)
        uploaded = Path(answer.json()[0])
        deadline = time.monotonic() + 120
        while uploaded.exists():
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_visits_of_long_ago_take_no_memory(server, tmp_path):
    with running(CROWDED, server, tmp_path) as (url, log):
        for _ in range(5):
            Client(url, verbose=False).predict(handle_file(TARGET), api_name="/check")
        time.sleep(0.5)
        counts = [int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("sessions ")]
    assert max(counts) == 3
