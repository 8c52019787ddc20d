import numpy as np
import pytest
from processes import children, runs, wait_for

from faceshifter_hub.datasets.shards import read_samples
from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.datasets.samples import decode_map, decode_picture
from faceshifter_hub.synthesis.datasets.stream import TripletStream


@pytest.fixture(autouse=True)
def without_pack(monkeypatch):
    monkeypatch.delenv("FACESHIFTER_ASSETS", raising=False)


def test_a_stream_gives_what_the_command_writes_from_any_position(made):
    triplets = list(read_samples(made / "triplets-000000.tar"))
    stream = TripletStream(64, seed=5, start=11)
    for sample in triplets[11:13]:  # the last of a group and the first of the next
        triplet = next(stream)
        for name in ("source", "target", "truth"):
            assert np.array_equal(getattr(triplet, name).image, decode_picture(sample[f"{name}.webp"]))
        assert np.array_equal(triplet.region, decode_map(sample["region.png"]) > 0)
    processes = [stream._process.pid, *children(stream._process.pid)]
    assert len(processes) >= 3 and all(map(runs, processes))
    del stream  # forgotten, not closed
    wait_for(lambda: not any(map(runs, processes)))


def test_a_stream_whose_process_was_ended_says_so():
    stream = TripletStream(64, seed=0)
    wait_for(lambda: len(children(stream._process.pid)) == 2)  # a renderer, and the tracker of its semaphores
    processes = children(stream._process.pid)
    stream._process.kill()
    with pytest.raises(RenderError, match=r"^The process that renders triplets has ended; "):
        next(stream)
    stream.close()
    wait_for(lambda: not any(map(runs, processes)))


def test_what_a_renderer_refuses_reaches_the_reader(monkeypatch, tmp_path):
    monkeypatch.setenv("FACESHIFTER_ASSETS", str(tmp_path))
    stream = TripletStream(64, seed=0)
    with pytest.raises(RenderError, match=r"index\.json cannot be read"):
        next(stream)


@pytest.mark.parametrize(("name", "value"), [("size", 63), ("seed", -1), ("workers", 0)])
def test_impossible_numbers_are_named(name, value):
    with pytest.raises(RenderError, match=rf"^--{name} is \d+ to \d+, not {value}\.$"):
        TripletStream(**{"size": 64, "seed": 0, name: value})
