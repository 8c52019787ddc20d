"""The MCP server as its clients meet it: a process, spoken to over its standard input and output."""

import json
import os
import sys
from contextlib import asynccontextmanager

import anyio
import numpy as np
import pytest
from group_picture import changed_places, group
from made_videos import make_video, read_packets
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from PIL import Image, ImageChops
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import cli
from faceshifter_hub.errors import MediaError, SettingsError
from faceshifter_hub.mcp import Tools
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.registry import DATA_ROOT, list_components

FACES = sorted((DATA_ROOT / "examples").glob("*.webp"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with two photographs, a link out of it, and something secret beside it."""
    parent = tmp_path_factory.mktemp("desk")
    folder = parent / "pictures"
    folder.mkdir()
    for name, face in zip(("source.jpg", "target.jpg", "new.jpg"), (*FACES[:2], FACES[3]), strict=True):
        Image.open(face).convert("RGB").resize((256, 256)).save(folder / name)
    Image.fromarray(group(1, 2, sides=(320, 300))).save(folder / "group.png")
    face = Image.open(folder / "target.jpg")
    face.save(folder / "wave.gif", save_all=True, append_images=[ImageChops.offset(face, 0, 4)], duration=200)
    make_video(folder / "clip.mp4", 6, size=face.size, pictures=[np.asarray(face)] * 6, sound="aac")
    Image.open(FACES[2]).save(parent / "secret.png")
    (folder / "link.png").symlink_to(parent / "secret.png")
    (folder / "way-out").symlink_to(parent)
    save_tiny_pipeline(parent / "pipeline")
    return folder


@asynccontextmanager
async def connected(desk):
    """Start the server and a session with it."""
    pipeline = str(desk.parent / "pipeline")
    words = ["-m", "faceshifter_hub.cli", "mcp", "--folder", str(desk), "--pipeline", pipeline]
    log = {"FACESHIFTER_AUDIT_LOG": str(desk.parent / "audit.jsonl")}
    async with (
        stdio_client(StdioServerParameters(command=sys.executable, args=words, env=dict(os.environ) | log)) as streams,
        ClientSession(*streams) as session,
    ):
        await session.initialize()
        yield session


def swap(session, output, source="source.jpg", target="target.jpg", **options):
    paths = {"source_path": source, "target_path": target, "output_path": output}
    return session.call_tool("swap_photo", paths | {"consent": True} | options)


def test_a_client_finds_the_tools_and_swaps(desk):
    async def talk():
        async with connected(desk) as session:
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            assert set(tools) == {"swap_photo", "swap_video", "check_provenance", "list_components"}
            for name in ("swap_photo", "swap_video"):
                schema = tools[name].input_schema
                assert set(schema["required"]) == {"target_path", "output_path", "consent"}
                assert SwapOptions.model_fields.keys() - schema["properties"].keys() == {"mark"}
                assert schema["properties"]["strength"]["maximum"] == 2
                assert schema["properties"]["colour"]["enum"] == ["none", "lab", "poisson"]

            listed = (await session.call_tool("list_components", {})).structured_content["result"]
            assert [component["name"] for component in listed] == [each.name for each in list_components()]

            result = await swap(session, "swapped.png")
            assert not result.is_error and result.structured_content["output_path"] == "swapped.png"
            assert Image.open(desk / "swapped.png").size == (256, 256)

            for options, sentence in (
                ({"consent": False}, "state `consent: true` only if everyone shown"),
                ({"source": "../secret.png"}, "outside the folder"),
                ({"target": "absent.jpg"}, "cannot be read"),
                ({"strength": 3}, "The option strength cannot be 3"),
                ({"faces": "2"}, "has no face 2"),
                ({"people": {"1": "source.jpg"}}, "people names every source itself"),
                ({"source": None}, "There is no source"),
            ):
                refused = await swap(session, "refused.png", **options)
                assert refused.is_error and sentence in refused.content[0].text
            without = {"source_path": "source.jpg", "target_path": "target.jpg", "output_path": "refused.png"}
            refused = await session.call_tool("swap_photo", without)
            assert refused.is_error and "consent" in refused.content[0].text
            assert not (desk / "refused.png").exists()

    anyio.run(talk)


def test_a_client_chooses_whose_face_changes_and_how(desk):
    choices = {
        "plain": {},
        "reference": {"reference_path": "target.jpg"},
        "all": {"faces": "all", "strength": 1.5, "colour": "lab", "grain": True},
        "people": {"source": None, "people": {"target.jpg": "new.jpg", "2": "source.jpg"}},
        "mean": {"also_paths": ["new.jpg"]},
    }
    places = {"plain": [1], "reference": [0], "all": [0, 1], "people": [0, 1], "mean": [1]}
    before = np.asarray(Image.open(desk / "group.png"))

    async def talk():
        async with connected(desk) as session:
            for name, choice in choices.items():
                result = await swap(session, f"{name}.png", target="group.png", **choice)
                assert not result.is_error, result.content[0].text
                assert changed_places(before, np.asarray(Image.open(desk / f"{name}.png"))) == places[name], name
                assert result.structured_content["faces"] == len(places[name])

    anyio.run(talk)
    plain, mean = (np.asarray(Image.open(desk / f"{name}.png")) for name in ("plain", "mean"))
    assert changed_places(plain, mean) == [1]


def test_a_client_swaps_what_moves_and_checks_what_came_of_it(desk):
    async def talk():
        async with connected(desk) as session:
            moved = await swap(session, "moved.gif", target="wave.gif")
            assert not moved.is_error and moved.structured_content["faces"] is None
            with Image.open(desk / "moved.gif") as written:
                assert written.n_frames == 2

            words = {"source_path": "source.jpg", "target_path": "clip.mp4", "output_path": "swapped.mp4"}
            refused = await session.call_tool("swap_video", words | {"consent": False})
            assert refused.is_error and "ask the user" in refused.content[0].text
            film = await session.call_tool("swap_video", words | {"consent": True, "end": 0.16, "mark": False})
            assert not film.is_error, film.content[0].text
            told = film.structured_content
            assert (told["output_path"], told["frames"], told["swapped"]) == ("swapped.mp4", 4, 4)
            assert read_packets(desk / "swapped.mp4", "audio")
            again = await session.call_tool("swap_video", words | {"consent": True})
            assert again.is_error and "there already" in again.content[0].text

            for name, is_synthetic in (("moved.gif", True), ("swapped.mp4", True), ("target.jpg", False)):
                said = (await session.call_tool("check_provenance", {"path": name})).structured_content
                assert said["report"]["is_synthetic"] == is_synthetic, name
                assert ("It is synthetic." in said["in_words"]) == is_synthetic
            runs = map(json.loads, (desk.parent / "audit.jsonl").read_text().splitlines())
            assert {(run["door"], run["consent"]) for run in runs} == {("mcp", True)}
            outside = await session.call_tool("check_provenance", {"path": "../secret.png"})
            assert outside.is_error and "outside the folder" in outside.content[0].text

    anyio.run(talk)


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/passwd", "link.png", "way-out/secret.png", "a/../../secret.png"]
)
def test_no_name_leads_out_of_the_folder(desk, name):
    tools = Tools(desk, str(desk.parent / "pipeline"))
    before = set(desk.parent.iterdir())
    for paths in (
        {"source_path": name},
        {"target_path": name},
        {"output_path": name},
        {"also_paths": ["source.jpg", name]},
        {"reference_path": name},
        {"source_path": None, "people": {name: "source.jpg"}},
        {"source_path": None, "people": {"1": name}},
    ):
        words = {"source_path": "source.jpg", "consent": True}
        with pytest.raises(SettingsError, match="outside the folder"):
            tools.swap_photo(**words | {"target_path": "target.jpg", "output_path": "out.png"} | paths)
        with pytest.raises(SettingsError, match="outside the folder"):
            tools.swap_video(**words | {"target_path": "clip.mp4", "output_path": "out.mp4"} | paths)
    with pytest.raises(SettingsError, match="outside the folder"):
        tools.check_provenance(name)
    assert set(desk.parent.iterdir()) == before


def test_what_is_no_name_of_a_file(desk):
    (desk / "circle").symlink_to("circle")
    for name in ("nothing\0here", "circle"):
        with pytest.raises(SettingsError, match="no name of a file"):
            Tools(desk).inside(name)
    with pytest.raises(MediaError):
        Tools(desk, str(desk.parent / "pipeline")).swap_photo("target.jpg", f"{'x' * 5000}.png", True, "source.jpg")


def test_what_is_there_is_not_overwritten(desk):
    before = (desk / "target.jpg").read_bytes()
    with pytest.raises(SettingsError, match="there already"):
        Tools(desk).swap_photo("target.jpg", "target.jpg", True, "source.jpg")
    assert (desk / "target.jpg").read_bytes() == before


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert cli.main(["mcp", "--folder", str(tmp_path / "none")]) == 1
    assert "There is no folder" in capsys.readouterr().err
