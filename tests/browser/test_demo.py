"""The demo as a visitor meets it: in Chromium and through its HTTP endpoint."""

import re
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import expect
from visit import SOURCE, SWAP_ENDS, TARGET, choices, fits_phone, press, upload

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
CONSENT = "Everyone shown in these pictures agreed"


def swap(page):
    press(page, "Swap")


@pytest.fixture
def faceless(tmp_path):
    path = tmp_path / "grey.png"
    Image.fromarray(np.full((200, 200, 3), 128, np.uint8)).save(path)
    return path


def test_from_two_pictures_to_a_downloaded_swap(page, tmp_path):
    swap(page)
    for missing in ("Choose a source picture", "Choose a target picture", "Tick the statement of consent"):
        expect(page.get_by_text(missing)).to_be_visible()
    page.screenshot(path=tmp_path / "desktop-nothing-chosen.png")

    upload(page, source=SOURCE, target=TARGET)
    swap(page)
    expect(page.get_by_text("Tick the statement of consent")).to_be_visible()
    assert page.locator("#slider img").count() == 0

    page.get_by_label(CONSENT).check()
    expect(page.get_by_text("Tick the statement of consent")).to_be_hidden()
    swap(page)
    page.locator("#slider img").first.wait_for(timeout=SWAP_ENDS)
    assert page.locator("#slider img").count() == 2
    for caption in ("swapped by stage 1", "heuristic error", "refined by stage 2", "Mask M at 4×4", "Mask M at 32×32"):
        expect(page.locator("#stages").get_by_text(caption)).to_be_visible()
    expect(page.locator("#notes")).to_contain_text(re.compile(r"seconds in all: .*stage two"))
    page.mouse.move(0, 0)
    page.screenshot(path=tmp_path / "desktop-swapped.png", full_page=True)

    with page.expect_download() as download:
        page.locator("#file a").first.click()
    assert download.value.suggested_filename == "faceshifter.png"
    with Image.open(download.value.path()) as result, Image.open(TARGET) as target:
        assert (result.format, result.size) == ("PNG", target.size)
        assert np.any(np.asarray(result) != np.asarray(target.convert("RGB")))

    assert fits_phone(page)
    page.screenshot(path=tmp_path / "phone-swapped.png", full_page=True)


def test_one_click_swaps_people_who_do_not_exist_and_states_no_consent_to_others(page, tmp_path):
    (tmp_path / "words.jpg").write_text("not a picture")
    page.get_by_role("button", name="More photos of the source").click()
    page.locator("#also input[type=file]").set_input_files(tmp_path / "words.jpg")
    expect(page.locator("#also")).to_contain_text("words")
    page.locator("#examples tbody tr, #examples button").first.click()
    for name in ("source", "target"):
        expect(page.locator(f"#{name} img")).to_be_visible()
    page.locator("#slider img").first.wait_for(timeout=SWAP_ENDS)
    expect(page.locator("#notes")).to_contain_text("seconds in all", timeout=SWAP_ENDS)
    expect(page.get_by_label(CONSENT)).not_to_be_checked()
    page.screenshot(path=tmp_path / "example.png", full_page=True)


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_a_picture_without_a_face_is_said_on_the_page(page, faceless, tmp_path, width, height):
    page.set_viewport_size({"width": width, "height": height})
    upload(page, source=SOURCE, target=faceless)
    page.get_by_label(CONSENT).check()
    swap(page)
    expect(page.get_by_text("No face was found in the target picture")).to_be_in_viewport(timeout=SWAP_ENDS)
    page.wait_for_timeout(500)
    page.screenshot(path=tmp_path / "no-face.png")


def test_the_other_choices_follow_the_generator(page, tmp_path):
    page.get_by_role("button", name="Components").click()
    expect(page.locator("#aad_generator input")).to_have_value("aad-tiny")
    assert "aad-paper-256" not in choices(page, "aad_generator")  # untrained
    assert "attribute-other (non-commercial)" not in choices(page, "attribute_encoder")

    page.locator("#aad_generator input").click()
    page.screenshot(path=tmp_path / "components.png", full_page=True)
    page.get_by_role("option", name="aad-other").click()
    expect(page.locator("#attribute_encoder input")).to_have_value("attribute-other (non-commercial)")
    assert choices(page, "attribute_encoder") == ["attribute-other (non-commercial)"]
    expect(page.locator("#identity_encoder input")).to_have_value("dlib-resnet")

    upload(page, source=SOURCE, target=TARGET)
    page.get_by_label(CONSENT).check()
    swap(page)
    page.locator("#slider img").first.wait_for(timeout=SWAP_ENDS)


# ---- the endpoint


@pytest.fixture(scope="module")
def client(server, tmp_path_factory):
    return Client(server.url, download_files=tmp_path_factory.mktemp("results"), verbose=False)


def test_the_endpoint_returns_the_result_as_png(client):
    _, path, stages, notes = client.predict(handle_file(SOURCE), handle_file(TARGET), True, False, api_name="/swap")
    with Image.open(path) as result:
        assert result.format == "PNG"
    assert not any("refined" in stage["caption"] for stage in stages)  # stage 2 was not asked for
    assert "stage one" in notes


def test_the_endpoint_takes_a_strength(client):
    def result(**options):
        given = handle_file(SOURCE), handle_file(TARGET), True
        with Image.open(client.predict(*given, **options, api_name="/swap")[1]) as picture:
            return cv2.blur(np.asarray(picture).astype(np.float32), (32, 32))  # each has a watermark of its own

    default = result()
    assert np.abs(result(strength=1) - default).max() < 3 < np.abs(result(strength=0.3) - default).max()


@pytest.mark.parametrize("consent", [(), (False,)])
def test_the_endpoint_refuses_without_consent(client, consent):
    with pytest.raises(Exception, match="consent"):
        client.predict(handle_file(SOURCE), handle_file(TARGET), *consent, api_name="/swap")


def test_a_file_that_is_no_picture_is_refused_with_a_sentence(client, tmp_path):
    path = tmp_path / "face.jpg"
    path.write_text("not a picture")
    with pytest.raises(AppError, match="The source picture is not a picture") as caught:
        client.predict(handle_file(path), handle_file(TARGET), True, api_name="/swap")
    assert "/" not in str(caught.value)


def test_a_file_of_the_server_is_out_of_reach(server):
    readme = {"path": str(ROOT / "README.md"), "meta": {"_type": "gradio.FileData"}}
    endpoint = f"{server.url}/gradio_api/call/v2/swap"
    response = httpx.post(endpoint, json={"source": readme, "target": readme, "consent": True})
    assert response.status_code >= 400, response.text
    assert "Cannot move" in server.log.read_text()


def test_every_component_can_be_addressed_and_is_labelled(client):
    shown = [c for c in client.config["components"] if c["props"].get("visible") and "label" in c["props"]]
    assert len(shown) > 10
    for component in shown:
        assert component["props"].get("elem_id") and component["props"]["label"], component


def test_nothing_of_a_visitor_stays(start_server, tmp_path):
    server = start_server()
    client = Client(server.url, download_files=tmp_path, verbose=False)
    client.predict(handle_file(SOURCE), handle_file(TARGET), True, api_name="/swap")
    assert list(server.temporary.rglob("faceshifter.png"))
    server.stop()
    assert [path for path in server.temporary.rglob("*") if path.is_file()] == []
