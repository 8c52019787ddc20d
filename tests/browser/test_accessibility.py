"""No tab has a serious violation that axe-core knows of.

Runs where the environment variable AXE_CORE names a file `axe.min.js`: `npm install axe-core` brings one.
"""

import os
from pathlib import Path

import pytest
from visit import open_tab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("AXE_CORE" not in os.environ, reason="AXE_CORE names no axe.min.js"),
]

TABS = ("Photo", "Compare", "Inspect", "Video", "Live", "Components")
GRADIO_OWN = [[".empty"], [".upload-container"]]  # an empty result, an upload: nothing of ours to change


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_wrong_on_any_tab(page, server, scheme):
    page.goto(f"{server.url}?__theme={scheme}")
    page.get_by_role("tab", name="Photo").wait_for()
    page.evaluate(Path(os.environ["AXE_CORE"]).read_text())
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
