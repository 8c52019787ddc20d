"""The tab Inspect: stages, masks, attention."""

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import expect
from visit import SOURCE, SWAP_ENDS, TARGET, fits_phone, open_tab, press, upload

pytestmark = pytest.mark.browser


def test_every_stage_and_mask_is_shown_and_explained(page, tmp_path):
    open_tab(page, "Inspect")
    upload(page, inspect_source=SOURCE, inspect_target=TARGET)
    page.locator("#inspect-consent input").check()
    press(page, "Inspect")
    stages = page.locator("#inspect-stages")
    expect(stages.get_by_role("img", name="M at 32×32")).to_be_visible(timeout=SWAP_ENDS)
    assert stages.locator("figure").count() == 6 + 4
    expect(stages.get_by_text("heuristic error")).to_be_visible()
    expect(page.get_by_role("img", name="Attention to identity by level: 4×4")).to_be_visible()
    page.screenshot(path=tmp_path / "inspect.png", full_page=True)
    assert fits_phone(page)


def test_the_endpoint_tells_the_attention_of_every_level(server):
    client = Client(server.url, verbose=False)
    *_, by_level = client.predict(handle_file(SOURCE), handle_file(TARGET), True, api_name="/inspect")
    assert list(by_level) == ["4", "8", "16", "32"]
    assert all(0 < mean < 1 for mean in by_level.values())
