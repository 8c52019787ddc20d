"""The tab Live: Chromium's camera shows a rendered face."""

import re

import pytest
from playwright.sync_api import expect
from visit import SOURCE, SWAP_ENDS, open_tab, upload

pytestmark = pytest.mark.browser


def files(server):
    """Return what the demo keeps of its visitors."""
    return {path for path in server.temporary.rglob("*") if path.is_file()}


def test_the_camera_is_swapped_once_a_source_and_consent_are_there(page, server, tmp_path):
    before = files(server)
    open_tab(page, "Live")
    page.get_by_text("Click to Access Webcam").click()
    record = page.get_by_role("button", name="capture photo")
    record.click()
    status = page.locator("#live-status")
    expect(status).to_contain_text("Tick the statement of consent")
    page.locator("#live-consent input").check()
    expect(status).to_contain_text("Choose a source")
    assert page.locator("#live img").count() == 0

    upload(page, live_source=SOURCE)
    expect(status).to_contain_text(re.compile(r"[0-9.]+ frames a second"), timeout=SWAP_ENDS)
    page.locator("#live img").wait_for()
    first = page.locator("#live img").get_attribute("src")
    assert first.startswith("data:image/jpeg")
    page.screenshot(path=tmp_path / "live.png", full_page=True)

    page.get_by_role("button", name="Whose face, and how").click()
    page.locator("#live-min-score input[type=number]").fill("1")
    page.keyboard.press("Tab")
    expect(status).to_contain_text("Nobody to swap is in sight", timeout=SWAP_ENDS)
    page.locator("#live-min-score input[type=number]").fill("0")
    page.keyboard.press("Tab")
    expect(status).to_contain_text("frames a second", timeout=SWAP_ENDS)
    page.screenshot(path=tmp_path / "live-options.png", full_page=True)
    record.click()
    written = {path.name for path in files(server) - before}
    assert written <= {SOURCE.name}  # no frame of the camera
