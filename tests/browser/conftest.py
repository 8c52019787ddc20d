"""The demo in a process of its own, with tiny untrained networks as a plugin, and a real Chromium to visit it."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from tiny_networks import tiny_networks

ROOT = Path(__file__).parents[2]
CHROMIUM_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PLUGIN = """
import json
from pathlib import Path
from faceshifter_hub.registry import Manifest

def manifests():
    return [Manifest.model_validate(m) for m in json.loads(Path(__file__).with_name("manifests.json").read_text())]
"""


@dataclass
class Server:
    """The demo, running."""

    url: str
    process: subprocess.Popen
    temporary: Path
    log: Path

    def stop(self):
        """End it as a service manager would."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def manifest(name, network, site):
    """Return the manifest, as plain data, of a network saved below a folder on the path."""
    files = sorted(path for path in (site / "tiny_plugin" / name).iterdir() if path.name != "README.md")
    return {
        "name": name,
        "kind": network.kind,
        "class": f"{type(network).__module__}:{type(network).__name__}",
        "description": "untrained, for tests",
        "source": {"type": "python-package", "distribution": "tiny-plugin", "version": "1"},
        "files": [
            {
                "path": str(path.relative_to(site)),
                "size": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            for path in files
        ],
        "interface": network.interface.model_dump(),
        "code_licence": "Apache-2.0",
        "commercial_use": name != "attribute-other",
        "training_data": "none",
    }


@pytest.fixture(scope="session")
def plugin(tmp_path_factory):
    """A folder for the path in which a distribution with the tiny networks is installed."""
    site = tmp_path_factory.mktemp("site")
    package, info = site / "tiny_plugin", site / "tiny_plugin-1.dist-info"
    manifests = []
    for name, network in tiny_networks().items():
        network.save_pretrained(package / name)
        manifests.append(manifest(name, network, site))
    (package / "manifests.json").write_text(json.dumps(manifests))
    (package / "__init__.py").write_text(PLUGIN)
    info.mkdir()
    (info / "entry_points.txt").write_text("[faceshifter_hub.components]\ntiny = tiny_plugin:manifests\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-plugin\nVersion: 1\n")
    return site


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory):
    """The folder of a pipeline that names the tiny networks."""
    folder = tmp_path_factory.mktemp("pipeline")
    names = {
        "aad_generator": "aad-tiny",
        "attribute_encoder": "attribute-tiny",
        "hear_refiner": "hear-tiny",
        "identity_encoder": "dlib-resnet",
        "face_detector": "mtcnn",
    }
    index = {"components": {kind: {"address": name} for kind, name in names.items()}}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory, plugin, pipeline):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    temporary = tmp_path_factory.mktemp("temporary")
    log = temporary.with_suffix(".log")
    environment = os.environ | {
        "FACESHIFTER_PIPELINE": str(pipeline),
        "GRADIO_SERVER_PORT": str(port),
        "PYTHONPATH": str(plugin),
        "TMPDIR": str(temporary),
    }
    environment.pop("GRADIO_TEMP_DIR", None)
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    server = Server(f"http://127.0.0.1:{port}", process, temporary, log)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    else:
        process.kill()
        pytest.fail(f"The demo does not serve its page:\n{log.read_text()}")
    yield server
    if process.poll() is None:
        server.stop()


@pytest.fixture(scope="session")
def browser():
    executable = shutil.which("chromium")
    if executable is None:
        pytest.fail("The demo is tested in a real browser, which is missing: run `apt-get install chromium`.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def page(browser, server):
    """The demo's page in a fresh browser profile; that it asks no other host for anything is checked at the end."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(20_000)
    elsewhere = set()
    page.on("request", lambda r: r.url.startswith((server.url, "data:", "blob:")) or elsewhere.add(r.url))
    page.goto(server.url)
    page.get_by_role("button", name="Swap", exact=True).wait_for()
    yield page
    page.close()
    assert elsewhere == set()
