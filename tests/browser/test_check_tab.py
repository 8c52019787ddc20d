"""The tab Check: a result of the page, a file that says nothing, and what is no picture."""

import pytest
from playwright.sync_api import expect
from visit import TARGET, fits_phone, open_tab

from faceshifter_hub.media.images import read_image, write_image
from faceshifter_hub.provenance.credentials import Credentials
from faceshifter_hub.provenance.watermark import embed

pytestmark = pytest.mark.browser


def check(page, path):
    open_tab(page, "Check")
    page.locator("#check-file input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Check", exact=True).click()


def test_a_marked_picture_says_so(page, tmp_path):
    path = tmp_path / "swapped.png"
    write_image(embed(read_image(TARGET), "0badcafe"), path, Credentials({}, "0badcafe"))
    check(page, path)
    said = page.locator("#check-said")
    expect(said).to_contain_text("id 0badcafe")
    expect(said).to_contain_text("development key")
    page.screenshot(path=tmp_path / "check.png", full_page=True)
    assert fits_phone(page)


def test_a_plain_picture_says_nothing(page):
    check(page, TARGET)
    expect(page.locator("#check-said")).to_contain_text("Nothing here says that it is synthetic")


def test_what_is_no_picture_is_said(page, tmp_path):
    (tmp_path / "no.png").write_bytes(b"no picture")
    check(page, tmp_path / "no.png")
    expect(page.get_by_text("The file is not a picture that can be read")).to_be_visible()
