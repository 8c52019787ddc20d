"""No tab has a serious violation that axe-core knows of."""

import shutil
import subprocess
import tarfile

import pytest
from visit import open_tab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("npm") is None, reason="axe-core comes with npm"),
]

AXE = "axe-core@4.14.1"
TABS = ("Photo", "Compare", "Inspect", "Video", "Live", "Check", "Components")
GRADIO_OWN = [[".empty"], [".upload-container"]]  # an empty result, an upload: nothing of ours to change


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The script that finds violations on a page."""
    folder = tmp_path_factory.mktemp("axe")
    packed = subprocess.run(["npm", "pack", "--silent", AXE], cwd=folder, check=True, capture_output=True, text=True)
    with tarfile.open(folder / packed.stdout.strip()) as package:
        file = package.extractfile("package/axe.min.js")
        assert file is not None
        return file.read().decode()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_wrong_on_any_tab(page, server, axe, scheme):
    page.goto(f"{server.url}?__theme={scheme}")
    page.get_by_role("tab", name="Photo").wait_for()
    page.evaluate(axe)
    for tab in TABS:
        open_tab(page, tab)
        page.wait_for_timeout(500)
        found = page.evaluate("exclude => axe.run({exclude}, {resultTypes: ['violations']})", GRADIO_OWN)
        serious = [
            (one["id"], one["nodes"][0]["html"])
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], tab
