"""The tab Components: what is registered, and loading from a Hub for a session."""

import pytest
from playwright.sync_api import expect
from visit import SOURCE, SWAP_ENDS, TARGET, choices, fits_phone, open_tab, press, upload

pytestmark = pytest.mark.browser


def load(page, address):
    page.get_by_label("Address").fill(address)
    press(page, "Load")


def test_the_table_is_filtered_and_tells_licences(page, tmp_path):
    open_tab(page, "Components")
    table = page.locator("#component-table")
    expect(table.get_by_role("row", name="attribute-other")).to_contain_text("no")
    page.get_by_label("Face detector", exact=True).check()
    expect(table.get_by_role("row", name="attribute-other")).to_have_count(0)
    expect(table.get_by_role("row", name="mtcnn")).to_contain_text("MIT")
    page.locator("#details-of input").click()
    page.get_by_role("option", name="aad-lite-256").click()
    expect(page.locator("#details")).to_contain_text("identity space", ignore_case=True)
    page.screenshot(path=tmp_path / "components.png", full_page=True)
    assert fits_phone(page)


def test_a_component_of_the_hub_is_offered_and_swaps(page):
    open_tab(page, "Components")
    load(page, "hf://alice/tiny")
    expect(page.locator("#loaded")).to_contain_text("It is offered with: aad-tiny", timeout=SWAP_ENDS)
    expect(page.locator("#component-table")).to_contain_text("hf://alice/tiny")

    open_tab(page, "Photo")
    press(page, "Components ▼")
    page.locator("#hear_refiner input").click()
    page.get_by_role("option", name="alice/tiny (Hub)").click()
    upload(page, source=SOURCE, target=TARGET)
    page.locator("#consent input").check()
    press(page, "Swap")
    page.locator("#slider img").first.wait_for(timeout=SWAP_ENDS)

    page.reload()
    press(page, "Components ▼")
    assert choices(page, "hear_refiner") == ["hear-tiny"]  # another session


def test_what_cannot_be_loaded_is_said_and_folders_never_are(page):
    open_tab(page, "Components")
    for address, sentence in (
        ("/etc", "'/etc' is no Hub address"),
        ("./registry", "'./registry' is no Hub address"),
        ("registry", "No component is called 'registry'"),
        ("aad-paper-256", "untrained"),
        ("hf://alice/../..", "'hf://alice/../..' is no Hub address"),
        ("hf://alice/missing", "alice/missing"),
    ):
        load(page, address)
        expect(page.get_by_text(sentence).first).to_be_visible(timeout=SWAP_ENDS)
    expect(page.locator("#loaded")).not_to_contain_text("offered")
