"""The tab Compare: two sets of components, and the grid."""

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import expect
from visit import SOURCE, SWAP_ENDS, TARGET, choices, fits_phone, open_tab, press, upload

pytestmark = pytest.mark.browser


def test_a_pair_chosen_once_is_compared_by_two_sets_and_in_a_grid(page, tmp_path):
    open_tab(page, "Compare")
    press(page, "Compare A with B")
    expect(page.get_by_text("Choose a source picture")).to_be_visible()

    open_tab(page, "Photo")
    upload(page, source=SOURCE, target=TARGET)
    page.locator("#consent input").check()
    open_tab(page, "Compare")
    page.locator("#compare-target img").wait_for()
    expect(page.locator("#compare-consent input")).to_be_checked()
    press(page, "Compare A with B")
    page.locator("#compare-slider img").first.wait_for(timeout=SWAP_ENDS)
    for said in ("hear-tiny", "not run", "stage two"):
        expect(page.locator("#compare-notes")).to_contain_text(said)

    page.locator("#grid-refiners").get_by_label("hear-paper-256").or_(
        page.locator("#grid-refiners").get_by_label("hear-lite-256")
    ).first.check()
    press(page, "Draw the grid")
    grid = page.locator("#grid")
    expect(grid.get_by_role("img", name="Swap by aad-tiny, refiner hear-tiny")).to_be_visible(timeout=SWAP_ENDS)
    expect(grid.get_by_text("Not run").first).to_be_visible(timeout=SWAP_ENDS)
    expect(grid).to_contain_text("disagree about the resolution: 64 against 256")
    expect(grid.get_by_text("waiting")).to_have_count(0, timeout=SWAP_ENDS)
    page.screenshot(path=tmp_path / "compare.png", full_page=True)
    assert fits_phone(page)


def test_the_sides_choose_apart(page):
    open_tab(page, "Compare")
    press(page, "Components of A ▼")
    page.locator("#compare-a-aad_generator input").click()
    page.get_by_role("option", name="aad-other").click()
    expect(page.locator("#compare-a-attribute_encoder input")).to_have_value("attribute-other (non-commercial)")
    press(page, "Components of B ▼")
    assert choices(page, "compare-b-attribute_encoder") == ["attribute-tiny"]


def test_the_endpoints_refuse_without_consent(server):
    client = Client(server.url, verbose=False)
    pair = handle_file(SOURCE), handle_file(TARGET)
    for endpoint in ("/compare", "/compare_grid", "/inspect"):
        with pytest.raises(Exception, match="consent"):
            client.predict(*pair, False, api_name=endpoint)
