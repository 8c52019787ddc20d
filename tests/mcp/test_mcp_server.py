"""The MCP server as its clients meet it: a process, spoken to over its standard input and output."""

import json
import sys
from contextlib import asynccontextmanager

import anyio
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from PIL import Image
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import cli
from faceshifter_hub.errors import MediaError, SettingsError
from faceshifter_hub.mcp import Tools
from faceshifter_hub.registry import DATA_ROOT, list_components

FACES = sorted((DATA_ROOT / "examples").glob("*.webp"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with two photographs, a link out of it, and something secret beside it."""
    parent = tmp_path_factory.mktemp("desk")
    folder = parent / "pictures"
    folder.mkdir()
    for name, face in zip(("source.jpg", "target.jpg"), FACES, strict=False):
        Image.open(face).convert("RGB").resize((256, 256)).save(folder / name)
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
    async with (
        stdio_client(StdioServerParameters(command=sys.executable, args=words)) as streams,
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
            assert set(tools) == {"swap_photo", "list_components"}
            assert set(tools["swap_photo"].input_schema["required"]) == {
                "source_path",
                "target_path",
                "output_path",
                "consent",
            }

            listed = (await session.call_tool("list_components", {})).structured_content["result"]
            assert [component["name"] for component in listed] == [each.name for each in list_components()]

            result = await swap(session, "swapped.png")
            assert not result.is_error and result.structured_content["output_path"] == "swapped.png"
            assert Image.open(desk / "swapped.png").size == (256, 256)

            for options, sentence in (
                ({"consent": False}, "state `consent: true` only if everyone shown"),
                ({"source": "../secret.png"}, "outside the folder"),
                ({"target": "absent.jpg"}, "cannot be read"),
            ):
                refused = await swap(session, "refused.png", **options)
                assert refused.is_error and sentence in refused.content[0].text
            without = {"source_path": "source.jpg", "target_path": "target.jpg", "output_path": "refused.png"}
            refused = await session.call_tool("swap_photo", without)
            assert refused.is_error and "consent" in refused.content[0].text
            assert not (desk / "refused.png").exists()

    anyio.run(talk)


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/passwd", "link.png", "way-out/secret.png", "a/../../secret.png"]
)
def test_no_name_leads_out_of_the_folder(desk, name):
    tools = Tools(desk, str(desk.parent / "pipeline"))
    for paths in (
        (name, "target.jpg", "out.png"),
        ("source.jpg", name, "out.png"),
        ("source.jpg", "target.jpg", name),
    ):
        with pytest.raises(SettingsError, match="outside the folder"):
            tools.swap_photo(*paths, consent=True)
    assert json.dumps(sorted(path.name for path in desk.parent.iterdir())) == '["pictures", "pipeline", "secret.png"]'


def test_what_is_no_name_of_a_file(desk):
    (desk / "circle").symlink_to("circle")
    for name in ("nothing\0here", "circle"):
        with pytest.raises(SettingsError, match="no name of a file"):
            Tools(desk).inside(name)
    with pytest.raises(MediaError):
        Tools(desk, str(desk.parent / "pipeline")).swap_photo("source.jpg", "target.jpg", f"{'x' * 5000}.png", True)


def test_what_is_there_is_not_overwritten(desk):
    before = (desk / "target.jpg").read_bytes()
    with pytest.raises(SettingsError, match="there already"):
        Tools(desk).swap_photo("source.jpg", "target.jpg", "target.jpg", consent=True)
    assert (desk / "target.jpg").read_bytes() == before


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert cli.main(["mcp", "--folder", str(tmp_path / "none")]) == 1
    assert "There is no folder" in capsys.readouterr().err
