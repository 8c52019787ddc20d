"""The demo in a process of its own, with tiny untrained networks as a plugin, and a real Chromium to visit it."""

import hashlib
import json
import os
import sys
import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from made_videos import make_video
from PIL import Image
from playwright.sync_api import sync_playwright
from serving import free_port, open_browser, serve
from tiny_networks import tiny_networks
from visit import TARGET

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "hub"))

from hub_server import Hub, Repository, build_app  # noqa: E402  (of the neighbouring tests)

PLUGIN = """
import json
from pathlib import Path
from faceshifter_hub.registry import Manifest

def manifests():
    return [Manifest.model_validate(m) for m in json.loads(Path(__file__).with_name("manifests.json").read_text())]
"""


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
def hub_of_demo():
    """A Hub for the demo's process, which holds one component: alice/tiny, a refiner."""
    port = free_port()
    hub = Hub(f"http://127.0.0.1:{port}", {})
    app = uvicorn.Server(uvicorn.Config(build_app(hub), port=port, log_level="warning"))
    thread = threading.Thread(target=app.run)
    thread.start()
    repository = hub.repositories["alice/tiny"] = Repository()
    with tempfile.TemporaryDirectory() as folder:
        tiny_networks(seed=1)["hear-tiny"].save_pretrained(folder)
        repository.commit({path.name: hub.store(path.read_bytes()) for path in Path(folder).iterdir()})
    while not app.started:
        time.sleep(0.01)
    yield hub
    app.should_exit = True
    thread.join()


LARGEST_UPLOAD = 80 * 2**20


@pytest.fixture(scope="session")
def largest_upload():
    """Bytes of the largest file that the demo takes."""
    return LARGEST_UPLOAD


@pytest.fixture(scope="session")
def start_server(tmp_path_factory, plugin, pipeline, hub_of_demo):
    """Start the demo, which ends with the tests if not before."""
    started = []

    def start(*packages):
        """Start one, with folders of packages on the path."""
        server = serve(
            tmp_path_factory.mktemp("temporary"),
            FACESHIFTER_PIPELINE=str(pipeline),
            FACESHIFTER_MAX_UPLOAD_BYTES=str(LARGEST_UPLOAD),
            PYTHONPATH=os.pathsep.join(map(str, (plugin, *packages))),
            HF_ENDPOINT=hub_of_demo.url,
            HF_HOME=str(tmp_path_factory.mktemp("hub-cache")),
            HF_HUB_DISABLE_IMPLICIT_TOKEN="1",
        )
        started.append(server)
        return server

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def server(start_server):
    return start_server()


def make_film(path, frames):
    """Write a rendered face that moves a little, ten frames a second."""
    with Image.open(TARGET) as picture:
        face = np.asarray(picture.convert("RGB").resize((256, 256)))
    pictures = [np.roll(face, n % 20, axis=1) for n in range(frames)]
    return make_video(path, frames, size=(256, 256), time_base=Fraction(1, 10), pictures=pictures)


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    """Two seconds of a face."""
    return make_film(tmp_path_factory.mktemp("film") / "face.mp4", 20)


@pytest.fixture(scope="session")
def long_film(tmp_path_factory):
    """Ten seconds of it, whose swap lasts long enough to be stopped."""
    return make_film(tmp_path_factory.mktemp("film") / "long.mp4", 100)


@pytest.fixture(scope="module")  # no longer: while it is open, nothing else can start an event loop in this thread
def browser(tmp_path_factory):
    with sync_playwright() as playwright:
        browser = open_browser(playwright, tmp_path_factory.mktemp("camera"))
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
