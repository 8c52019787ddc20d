"""What a visitor does on the page, for tests of several tabs."""

from playwright.sync_api import expect

from faceshifter_hub.registry import DATA_ROOT

SOURCE, TARGET = sorted((DATA_ROOT / "examples").glob("*.webp"))[:2]
SWAP_ENDS = 30_000  # milliseconds


def upload(page, **pictures):
    """Choose pictures as a visitor does, and wait until the page shows them; `compare_source` stands for its id."""
    for name, path in pictures.items():
        at = name.replace("_", "-")
        page.locator(f"#{at} input[type=file]").set_input_files(path)
        page.locator(f"#{at} img").wait_for()


def open_tab(page, name):
    """Go to a tab."""
    page.get_by_role("tab", name=name).click()


def press(page, name):
    """Press the button of this name on the tab in sight."""
    page.get_by_role("button", name=name, exact=True).click()


def choices(page, dropdown):
    """Open a dropdown and return what it offers."""
    page.locator(f"#{dropdown} input").click()
    options = page.locator(f"#{dropdown}").get_by_role("option").all_inner_texts()
    page.keyboard.press("Escape")
    return [option.replace("✓", "").strip() for option in options]


def fits_phone(page):
    """Tell whether nothing of the tab in sight is wider than a phone; the page becomes as wide as one."""
    page.set_viewport_size({"width": 390, "height": 844})
    return page.evaluate("document.documentElement.scrollWidth") <= 390


def begin_video(page, film):
    """Have the video of 100 frames swapped; returns while that goes on."""
    open_tab(page, "Video")
    upload(page, video_source=SOURCE)
    page.locator("#video input[type=file]").set_input_files(film)
    expect(page.locator("#about-video")).to_contain_text("100 frames", timeout=SWAP_ENDS)
    page.locator("#video-consent input").check()
    press(page, "Swap the video")
    expect(page.locator("#video-result")).to_contain_text("left", timeout=SWAP_ENDS)
