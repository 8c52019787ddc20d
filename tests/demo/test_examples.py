"""A click on an example swaps it, since nobody in it exists; of any other picture, it states nothing."""

import json
import shutil

import httpx
from group_picture import PEOPLE

from faceshifter_hub.demo.inputs import NO_CONSENT, are_examples


def test_examples_are_known_by_their_content_and_nothing_else(tmp_path):
    copied, changed = tmp_path / "copied.webp", tmp_path / PEOPLE[0].name
    shutil.copy(PEOPLE[0], copied)
    changed.write_bytes(PEOPLE[0].read_bytes() + b"\0")
    assert are_examples(str(copied), str(PEOPLE[1]))
    assert not are_examples(str(copied), str(changed))


def test_who_imitates_the_page_states_nothing_of_other_pictures(client, tmp_path):
    other = tmp_path / "other.webp"
    other.write_bytes(PEOPLE[0].read_bytes() + b"\0")
    assert swap_as_the_page_does(client, PEOPLE[0], PEOPLE[1])["success"]
    refused = swap_as_the_page_does(client, other, PEOPLE[1])
    assert not refused["success"] and NO_CONSENT in str(refused)


def swap_as_the_page_does(client, *pictures):
    """Call what a click on an example calls, with any pictures; return what the page is told."""
    [event] = [event for event in client.config["dependencies"] if event["trigger_after"] is not None]
    session = {"session_hash": f"imitated-{pictures[0].stem}"}
    components = {component["id"]: component["props"] for component in client.config["components"]}
    data = [components[place].get("value") for place in event["inputs"]]
    with httpx.Client(base_url=client.src, timeout=120) as web:
        for place, picture in enumerate(pictures):
            [path] = web.post("gradio_api/upload", files={"files": picture.open("rb")}).json()
            data[place] = {"path": path, "meta": {"_type": "gradio.FileData"}}
        joined = session | {"data": data, "fn_index": event["id"]}
        web.post("gradio_api/queue/join", json=joined).raise_for_status()
        with web.stream("GET", "gradio_api/queue/data", params=session) as lines:
            for line in lines.iter_lines():
                told = json.loads(line.removeprefix("data:")) if line else {}
                if told.get("msg") == "process_completed":
                    return told
    raise AssertionError("the call never ended")
