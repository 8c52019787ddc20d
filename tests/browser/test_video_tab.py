"""The tab Video: a frame first, then a part of a video."""

from io import BytesIO

import av
import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from group_picture import changed_places, group
from made_videos import make_video
from PIL import Image
from playwright.sync_api import expect
from visit import SOURCE, SWAP_ENDS, begin_video, fits_phone, open_tab, press, upload

pytestmark = pytest.mark.browser


def test_a_part_of_a_video_is_previewed_and_swapped(page, film, tmp_path):
    open_tab(page, "Video")
    press(page, "Swap the video")
    for missing in ("Choose a source picture", "Choose a video", "Tick the statement of consent"):
        expect(page.get_by_text(missing)).to_be_visible()
    upload(page, video_source=SOURCE)
    (tmp_path / "broken.mp4").write_bytes(b"not a video")
    page.locator("#video input[type=file]").set_input_files(tmp_path / "broken.mp4")
    expect(page.locator("#about-video")).to_contain_text(
        "The video is not a video that can be read", timeout=SWAP_ENDS
    )
    page.locator("#video").get_by_label("Clear").last.click()  # while it loads, there are two
    page.locator("#video input[type=file]").set_input_files(film)
    expect(page.locator("#about-video")).to_contain_text("256×256, 2.0 seconds, 20 frames", timeout=SWAP_ENDS)
    expect(page.get_by_label("Until, in seconds")).to_have_value("2")
    page.locator("#video-consent input").check()

    press(page, "Preview one frame")
    page.locator("#frame img").wait_for(timeout=SWAP_ENDS)

    page.get_by_label("From, in seconds").fill("0.5")
    page.get_by_label("Until, in seconds").fill("1")
    press(page, "Swap the video")
    expect(page.locator("#video-notes")).to_contain_text("5 of 5 frames swapped", timeout=SWAP_ENDS)
    with page.expect_download() as download:
        page.locator("#video-file a").first.click()
    with av.open(str(download.value.path())) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5
    page.screenshot(path=tmp_path / "video.png", full_page=True)
    assert fits_phone(page)


def test_a_run_is_stopped(page, long_film, server):
    begin_video(page, long_film)
    press(page, "Stop")
    expect(page.get_by_text("Stopped; nothing was kept.")).to_be_visible(timeout=SWAP_ENDS)
    assert not list(server.temporary.rglob("*.faceshifter"))


def test_each_face_of_the_first_frame_gets_the_source_dropped_beside_it(page, tmp_path):
    three = group(1, 2, 3)
    film = make_video(tmp_path / "three.mp4", 3, size=three.shape[:2], pictures=[three] * 3, options={"crf": "0"})
    open_tab(page, "Video")
    page.locator("#video input[type=file]").set_input_files(film)
    expect(page.locator("#about-video")).to_contain_text("3 frames", timeout=SWAP_ENDS)
    page.locator("#video-consent input").check()
    page.get_by_role("button", name="Several people").click()
    press(page, "Find the faces of the part's first frame")
    expect(page.locator("#video-people").get_by_text("Source for face 3")).to_be_visible(timeout=SWAP_ENDS)
    upload(page, video_source_2=SOURCE)
    page.screenshot(path=tmp_path / "people.png", full_page=True)
    page.get_by_role("button", name="Whose face, and how").click()
    page.locator("#video-label input").uncheck()
    press(page, "Preview one frame")
    page.locator("#frame img").wait_for(timeout=SWAP_ENDS, state="attached")
    swapped = Image.open(BytesIO(httpx.get(page.locator("#frame img").get_attribute("src")).content))
    assert changed_places(three, np.asarray(swapped.convert("RGB"))) == [1]
    assert fits_phone(page)
    page.screenshot(path=tmp_path / "people-phone.png", full_page=True)

    page.get_by_label("From, in seconds").fill("0.04")  # another frame may show others
    expect(page.locator("#video-people").get_by_text("Source for face 3")).to_have_count(0)


def test_a_video_is_swapped_by_the_components_chosen(server, film):
    client = Client(server.url, verbose=False)
    asked = {"source": handle_file(SOURCE), "video": handle_file(film), "consent": True}
    chosen = {"generator": "aad-lite-256", "attribute_encoder": "attribute-lite-256", "refiner": "hear-lite-256"}
    frames = [
        np.asarray(Image.open(client.predict(**asked, refine=False, **more, api_name="/preview_frame")))
        for more in ({}, chosen)
    ]
    assert np.any(frames[0] != frames[1])
    with pytest.raises(AppError, match="No aad generator is called 'aad-light'; did you mean 'aad-lite-256'"):
        client.predict(**asked, generator="aad-light", api_name="/preview_frame")
