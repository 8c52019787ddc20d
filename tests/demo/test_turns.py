"""Runs of several visitors share the networks: one at a time, and a long run leaves the others their turn."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest
from gradio_client import handle_file
from group_picture import PEOPLE

from faceshifter_hub.demo.turns import Turns
from faceshifter_hub.pipeline import FaceShifterPipeline

SOURCE, TARGET = PEOPLE[:2]


def test_who_asks_first_has_the_first_turn_whoever_had_the_last():
    turns, had = Turns(), []

    def ask(name):
        with turns.take():
            had.append(name)

    with turns.take():
        others = []
        for name in "abc":
            others.append(Thread(target=ask, args=name))
            others[-1].start()
            while turns._asked < 1 + len(others):
                time.sleep(0.001)
    ask("d")
    for other in others:
        other.join()
    assert had == ["a", "b", "c", "d"]


def test_a_turn_ends_with_an_error():
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.take():
        raise ZeroDivisionError
    with turns.take():
        pass


@pytest.fixture
def at_work(monkeypatch):
    """When the networks were at work since, as pairs of beginning and end in seconds."""
    spans = []

    def noted(method):
        def run(*args, **kwargs):
            began = time.monotonic()
            time.sleep(0.02)  # tiny networks end before anything could overlap
            result = method(*args, **kwargs)
            spans.append((began, time.monotonic()))
            return result

        return run

    for name in ("detect", "identify", "swap_aligned"):
        monkeypatch.setattr(FaceShifterPipeline, name, noted(getattr(FaceShifterPipeline, name)))
    return spans


def test_a_photo_gets_through_while_a_video_is_at_work_and_they_never_overlap(client, film, at_work):
    source = handle_file(SOURCE)
    video = client.submit(source, handle_file(film), True, refine=False, api_name="/swap_video")
    while len(at_work) < 10 and not video.done():
        time.sleep(0.01)
    pair = {"source": source, "target": handle_file(TARGET), "consent": True}
    with ThreadPoolExecutor(3) as visitors:
        calls = [visitors.submit(client.predict, **pair, api_name=name) for name in ("/swap", "/compare", "/inspect")]
        for call in calls:
            assert call.result()
    assert not video.done()
    assert "50 of 50 frames swapped" in video.result()[-1]
    spans = sorted(at_work)
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))
