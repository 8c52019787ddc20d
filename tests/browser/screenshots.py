"""Take the pictures of the demo that the documentation shows: `python tests/browser/screenshots.py`.

The people on them are rendered: nobody on them exists.
"""

import sys
import tempfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402
from group_picture import PEOPLE, group  # noqa: E402
from made_videos import make_video  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from serving import open_browser, serve  # noqa: E402
from visit import SOURCE, SWAP_ENDS, TARGET, open_tab, press, upload  # noqa: E402

IMAGES = ROOT / "docs" / "images"
WIDTH = 1000  # pixels
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def save(page, name):
    """Write what is in sight to `docs/images/demo-NAME.webp`."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(800)
    with Image.open(BytesIO(page.screenshot())) as picture:
        picture.thumbnail((WIDTH, WIDTH))
        picture.convert("RGB").save(IMAGES / f"demo-{name}.webp", quality=80, method=6)


def show_people(page, folder):
    """Show, in the tab Photo, several people with sources of their own, and how a face is pasted."""
    Image.fromarray(group(1, 2, 3)).save(folder / "group.png")
    upload(page, target=folder / "group.png")
    page.locator("#consent input").check()
    page.get_by_role("button", name="Several people").click()
    press(page, "Find the faces of the target photo")
    page.locator("#face-3 img").wait_for(timeout=SWAP_ENDS)
    upload(page, source_1=SOURCE, source_3=PEOPLE[4])
    press(page, "Swap")
    page.locator("#stages img").first.wait_for(timeout=SWAP_ENDS)
    page.evaluate("document.querySelector('#consent').scrollIntoView()")
    save(page, "people")
    page.get_by_role("button", name="Several people").click()
    page.get_by_role("button", name="Whose face, and how").click()
    page.get_by_role("button", name="More photos of the source").click()
    page.evaluate("document.querySelector('#refine').scrollIntoView()")
    save(page, "options")
    page.reload()
    page.get_by_role("tab", name="Photo").wait_for()


def show_video(page, folder):
    """Show the tab Video: a face that moves to and fro, swapped."""
    with Image.open(TARGET) as picture:
        face = np.asarray(picture.convert("RGB"))
    pictures = [np.roll(face, round(10 * np.sin(n / 4)), axis=1) for n in range(25)]
    film = make_video(folder / "face.mp4", 25, size=face.shape[:2], pictures=pictures)
    open_tab(page, "Video")
    page.locator("#video-source img").wait_for()
    page.locator("#video input[type=file]").set_input_files(film)
    page.locator("#about-video").get_by_text("frames").wait_for(timeout=SWAP_ENDS)
    page.locator("#video-consent input").check()
    press(page, "Preview one frame")
    page.locator("#frame img").wait_for(timeout=SWAP_ENDS)
    press(page, "Swap the video")
    page.locator("#video-notes").get_by_text("frames swapped").wait_for(timeout=4 * SWAP_ENDS)
    page.evaluate("scrollTo(0, 0)")
    save(page, "video")


def take_pictures(page, folder):
    """Visit every tab."""
    show_people(page, folder)
    upload(page, source=SOURCE, target=TARGET)
    page.locator("#consent input").check()
    press(page, "Swap")
    page.locator("#stages img").first.wait_for(timeout=SWAP_ENDS)
    page.evaluate("scrollTo(0, 0)")
    save(page, "photo")
    with page.expect_download() as download:
        page.locator("#file a").first.click()
    download.value.save_as(folder / "swapped.png")
    page.set_viewport_size(PHONE)
    page.locator("#slider").scroll_into_view_if_needed()
    save(page, "phone")
    page.set_viewport_size(DESKTOP)

    open_tab(page, "Compare")
    page.locator("#compare-target img").wait_for()
    press(page, "Compare A with B")
    page.locator("#compare-slider img").first.wait_for(timeout=SWAP_ENDS)
    page.evaluate("scrollTo(0, 0)")
    save(page, "compare")

    open_tab(page, "Inspect")
    page.locator("#inspect-target img").wait_for()
    press(page, "Inspect")
    page.locator("#inspect-stages img").first.wait_for(timeout=SWAP_ENDS)
    page.evaluate("document.querySelector('#inspect-stages').scrollIntoView()")
    save(page, "stages")
    page.evaluate("scrollTo(0, 0)")
    save(page, "inspect")

    show_video(page, folder)

    open_tab(page, "Live")
    page.locator("#live-consent input").check()
    page.locator("#live-source img").wait_for()
    page.get_by_text("Click to Access Webcam").click()
    page.get_by_role("button", name="capture photo").click()
    page.locator("#live img").wait_for(timeout=SWAP_ENDS)
    page.evaluate("scrollTo(0, 0)")
    save(page, "live")

    open_tab(page, "Check")
    page.locator("#check-file input[type=file]").set_input_files(folder / "swapped.png")
    page.get_by_role("button", name="Check", exact=True).click()
    page.locator("#check-said").get_by_text("development key").first.wait_for()
    save(page, "check")

    open_tab(page, "Components")
    page.locator("#component-table table").wait_for()
    save(page, "components")


def main():
    """Take every picture."""
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary, "demo")
        folder.mkdir()
        server = serve(folder)
        try:
            page = open_browser(playwright, Path(temporary)).new_page(viewport=DESKTOP)
            page.goto(server.url)
            page.get_by_role("tab", name="Photo").wait_for()
            take_pictures(page, Path(temporary))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
