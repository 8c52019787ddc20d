"""What visitors do that nobody hopes for: broken files, strange names, leaving in mid-run, coming all at once."""

import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from made_videos import make_video
from PIL import Image
from playwright.sync_api import expect
from visit import SOURCE, SWAP_ENDS, TARGET, begin_video, open_tab, press, upload

from faceshifter_hub.demo.results import NO_SPACE

pytestmark = pytest.mark.browser

CONSENT = "Everyone shown in these pictures agreed"
CROWD = 10
STRANGE_NAME = """50% of 'Zoë' & "顔" #1; $(ls) .jpg"""


@pytest.fixture(scope="module")
def client(server, tmp_path_factory):
    return Client(server.url, download_files=tmp_path_factory.mktemp("results"), verbose=False)


def portrait(path, side=256):
    with Image.open(TARGET) as picture:
        picture.convert("RGB").resize((side, side)).save(path)
    return path


# ---- broken files


def cut_off(path):
    half = portrait(path.with_suffix(".jpg")).read_bytes()
    path.write_bytes(half[: len(half) // 2])


def words(path):
    path.write_text("a face, in words")


def huge(path):
    Image.new("1", (10_000, 10_000)).save(path)


def heavy(path):
    with path.open("wb") as file:
        file.truncate(65 * 2**20)


def empty(path):
    path.touch()


BROKEN = {
    cut_off: "The target picture is damaged",
    words: "The target picture is not a picture that can be read",
    huge: "The target picture has 10000 x 10000 pixels, more than the",
    heavy: "The target picture has 68,157,440 bytes, more than the",
    empty: "The target picture is empty",
}


@pytest.mark.parametrize(("write", "said"), BROKEN.items(), ids=[write.__name__ for write in BROKEN])
def test_a_broken_picture_is_one_sentence(client, tmp_path, write, said):
    write(tmp_path / "face.png")
    with pytest.raises(AppError) as caught:
        client.predict(handle_file(SOURCE), handle_file(tmp_path / "face.png"), True, api_name="/swap")
    assert str(caught.value).startswith(said)
    assert "/" not in str(caught.value) and "Traceback" not in str(caught.value)


def test_an_upload_over_the_limit_is_refused_and_not_kept(server, largest_upload):
    before = set(server.temporary.rglob("*"))
    files = {"files": ("large.mp4", BytesIO(bytes(largest_upload + 1)))}
    answer = httpx.post(f"{server.url}/gradio_api/upload", files=files, timeout=60)
    assert answer.status_code == 413
    assert {path for path in server.temporary.rglob("*") if path.is_file()} <= before


@pytest.mark.parametrize("endpoint", ["/preview_frame", "/swap_video"])
def test_half_a_video_is_one_sentence(client, film, tmp_path, endpoint):
    half = film.read_bytes()
    (tmp_path / "half.mp4").write_bytes(half[: len(half) // 2])
    video = handle_file(tmp_path / "half.mp4")  # its index, which comes last, is missing
    with pytest.raises(AppError, match=r"^The video is not a video that can be read") as caught:
        client.predict(handle_file(SOURCE), video, True, api_name=endpoint)
    assert "/" not in str(caught.value)


def test_a_video_without_a_face_stays_as_it_is_and_says_so(client, tmp_path):
    video = handle_file(make_video(tmp_path / "square.mp4", 5, size=(128, 128)))
    *_, notes = client.predict(handle_file(SOURCE), video, True, api_name="/swap_video")
    assert "0 of 5 frames swapped" in notes and "face" in notes, notes


def test_files_may_have_any_name(page, tmp_path):
    upload(page, source=portrait(tmp_path / STRANGE_NAME), target=portrait(tmp_path / f"2 {STRANGE_NAME}"))
    page.get_by_label(CONSENT).check()
    press(page, "Swap")
    page.locator("#slider img").first.wait_for(timeout=SWAP_ENDS)


# ---- a server whose disk is full


@pytest.fixture(scope="module")
def other_server(start_server):
    return start_server()


@contextmanager
def full_disk(server):
    """Meanwhile the server writes no file beyond 5,000 bytes, as if its disk ended there."""
    before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (5000, before[1]))
    yield
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("endpoint", ["swap", "compare", "preview_frame", "swap_video"])
def test_a_full_disk_is_one_sentence(other_server, film, endpoint):
    api = f"{other_server.url}/gradio_api"

    def uploaded(path):
        answer = httpx.post(f"{api}/upload", files={"files": (path.name, path.read_bytes())}).raise_for_status()
        return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}

    target = {"video": uploaded(film)} if "frame" in endpoint or "video" in endpoint else {"target": uploaded(TARGET)}
    body = {"source": uploaded(SOURCE), "consent": True, **target}
    with full_disk(other_server):
        event = httpx.post(f"{api}/call/v2/{endpoint}", json=body, timeout=60).raise_for_status().json()["event_id"]
        said = httpx.get(f"{api}/call/{endpoint}/{event}", timeout=60).text
    assert "event: error" in said and NO_SPACE in said, said
    assert not results(other_server)


# ---- strange visits


def results(server):
    return {path for path in server.temporary.rglob("faceshifter.*")}


def test_who_leaves_in_mid_run_keeps_nobody_waiting(page, film, long_film, server):
    before = results(server)
    begin_video(page, long_film)
    page.reload()

    upload(page, source=SOURCE, target=TARGET)
    assert page.locator("#slider img").count() == 0
    open_tab(page, "Video")
    page.locator("#video-source img").wait_for()
    page.locator("#video input[type=file]").set_input_files(film)
    expect(page.locator("#about-video")).to_contain_text("20 frames", timeout=SWAP_ENDS)
    page.locator("#video-consent input").check()
    press(page, "Swap the video")  # in the lane of the run that nobody waits for
    expect(page.locator("#video-notes")).to_contain_text("20 of 20 frames swapped", timeout=SWAP_ENDS)
    assert len(results(server) - before) == 1  # of the run that was left, nothing


def test_a_crowd_is_served_and_each_gets_their_own(server, tmp_path):
    def visit(n):
        client = Client(server.url, download_files=False, verbose=False)
        target = portrait(tmp_path / f"target-{n}.png", 200 + n)
        _, result, *_ = client.predict(handle_file(SOURCE), handle_file(target), True, False, api_name="/swap")
        with Image.open(target) as before, Image.open(BytesIO(httpx.get(result["url"]).content)) as after:
            return before.size == after.size and np.any(np.asarray(before) != np.asarray(after))

    with ThreadPoolExecutor(CROWD) as crowd:
        assert all(crowd.map(visit, range(CROWD)))
