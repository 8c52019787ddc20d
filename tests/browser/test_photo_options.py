"""The tab Photo's choices: whose face changes, into whom, and how it is pasted."""

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from group_picture import PEOPLE, changed_places, group
from PIL import Image
from playwright.sync_api import expect
from visit import SWAP_ENDS, fits_phone, press, upload

pytestmark = pytest.mark.browser

CONSENT = "Everyone shown in these pictures agreed"


@pytest.fixture
def three(tmp_path):
    Image.fromarray(group(1, 2, 3, sides=(320, 230, 250))).save(tmp_path / "three.png")
    return tmp_path / "three.png"


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def downloaded(page):
    page.locator("#slider img").first.wait_for(timeout=SWAP_ENDS)
    with page.expect_download() as download:
        page.locator("#file a").first.click()
    return pixels(download.value.path())


def without_label(page):
    page.get_by_role("button", name="Whose face, and how").click()
    page.locator("#label input").uncheck()


def test_each_face_gets_the_source_dropped_beside_it(page, three, tmp_path):
    upload(page, target=three)
    page.get_by_label(CONSENT).check()
    page.get_by_role("button", name="Several people").click()
    press(page, "Find the faces of the target photo")
    expect(page.locator("#people").get_by_text("Source for face 3")).to_be_visible(timeout=SWAP_ENDS)
    upload(page, source_2=PEOPLE[0])
    without_label(page)
    page.get_by_role("button", name="Whose face, and how").click()  # or the result is out of sight, and not loaded
    page.screenshot(path=tmp_path / "people.png", full_page=True)
    press(page, "Swap")
    assert changed_places(pixels(three), downloaded(page)) == [1]
    assert fits_phone(page)
    page.screenshot(path=tmp_path / "people-phone.png", full_page=True)


def test_all_faces_and_more_photos_of_the_source(page, three):
    upload(page, source=PEOPLE[0], target=three)
    page.get_by_role("button", name="More photos of the source").click()
    page.locator("#also input[type=file]").set_input_files([PEOPLE[4], PEOPLE[5]])
    page.get_by_label(CONSENT).check()
    without_label(page)
    page.locator("#faces input").fill("1,3")
    page.keyboard.press("Enter")
    press(page, "Swap")
    assert changed_places(pixels(three), downloaded(page)) == [0, 2]
    expect(page.locator("#stages").get_by_text("Face 2: ").first).to_be_visible()


def test_the_endpoint_takes_every_option(server, three):
    client = Client(server.url, verbose=False)
    picture = {"source": handle_file(PEOPLE[0]), "target": handle_file(three), "consent": True, "label": False}
    _, plain, *_ = client.predict(**picture, faces="3", api_name="/swap")
    chosen = {"keep": ["mouth"], "colour": "lab", "grain": True, "boost": 2, "also": [handle_file(PEOPLE[4])]}
    _, pasted, *_ = client.predict(**picture, faces="3", **chosen, api_name="/swap")
    assert changed_places(pixels(three), pixels(plain)) == changed_places(pixels(three), pixels(pasted)) == [2]
    assert np.any(pixels(plain) != pixels(pasted))
    with pytest.raises(AppError, match="The option faces cannot be 'nobody'"):
        client.predict(**picture, faces="nobody", api_name="/swap")
