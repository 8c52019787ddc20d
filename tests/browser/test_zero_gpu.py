"""A Space that lends its GPU: whatever runs a network does so in a process forked for it, and can still be stopped."""

import re
import time

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import expect
from visit import SOURCE, SWAP_ENDS, TARGET, open_tab, press, upload

pytestmark = pytest.mark.browser

SPACES = '''
"""Stands for the package of Spaces: a function runs in a process of its own, and networks run nowhere else."""

import functools
import inspect
import multiprocessing
import os

import torch

SERVER = os.getpid()
call_module = torch.nn.Module.__call__


def call_lent(module, *args, **kwargs):
    if os.getpid() == SERVER:
        raise RuntimeError("A network ran outside spaces.GPU.")
    return call_module(module, *args, **kwargs)


torch.nn.Module.__call__ = call_lent


def GPU(duration):
    def decorate(function):
        def run(answers, args, kwargs):
            try:
                result = function(*args, **kwargs)
                for one in result if inspect.isgenerator(result) else [result]:
                    answers.send((one, None))
            except Exception as error:
                answers.send((None, error))
            answers.close()
            os._exit(0)

        def values(args, kwargs):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.get_context("fork").Process(target=run, args=(theirs, args, kwargs))
            process.start()
            theirs.close()
            while True:
                try:
                    value, error = ours.recv()
                except EOFError:
                    return process.join()
                if error:
                    raise error
                yield value

        @functools.wraps(function)
        def call(*args, **kwargs):
            return list(values(args, kwargs))[0]

        @functools.wraps(function)
        def generate(*args, **kwargs):
            yield from values(args, kwargs)

        return generate if inspect.isgeneratorfunction(function) else call

    return decorate
'''


@pytest.fixture(scope="module")
def server(start_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lent")
    (folder / "spaces.py").write_text(SPACES)
    return start_server(folder)


def test_photos_and_frames_are_swapped(server, film):
    client = Client(server.url, verbose=False)
    given = {"source": handle_file(SOURCE), "consent": True}
    for endpoint in ("/swap", "/compare", "/inspect"):
        assert client.predict(**given, target=handle_file(TARGET), api_name=endpoint)
    assert client.predict(**given, video=handle_file(film), api_name="/preview_frame")


def test_faces_are_found(page):
    upload(page, target=TARGET)
    page.get_by_role("button", name="Several people").click()
    press(page, "Find the faces of the target photo")
    expect(page.locator("#people").get_by_text("Source for face 1")).to_be_visible(timeout=SWAP_ENDS)


def test_the_camera_is_swapped(page):
    open_tab(page, "Live")
    upload(page, live_source=SOURCE)
    page.locator("#live-consent input").check()
    page.get_by_text("Click to Access Webcam").click()
    page.get_by_role("button", name="capture photo").click()
    expect(page.locator("#live-status")).to_contain_text(re.compile(r"[0-9.]+ frames a second"), timeout=SWAP_ENDS)


def test_a_video_is_stopped(page, server, long_film):
    open_tab(page, "Video")
    upload(page, video_source=SOURCE)
    page.locator("#video input[type=file]").set_input_files(long_film)
    expect(page.locator("#about-video")).to_contain_text("100 frames", timeout=SWAP_ENDS)
    page.locator("#video-consent input").check()
    press(page, "Swap the video")
    deadline = time.monotonic() + 30
    while not list(server.temporary.rglob("*.faceshifter")) and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    press(page, "Stop")
    expect(page.get_by_text("Stopped; nothing was kept.")).to_be_visible(timeout=SWAP_ENDS)
    assert not list(server.temporary.rglob("*.faceshifter"))
