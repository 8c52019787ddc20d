"""docs/http-api.md against the demo as it runs: the endpoints, their parameters and results, and the examples."""

import re
import subprocess

import pytest
from code_blocks import ROOT, find_blocks
from gradio_client import Client
from PIL import Image

from faceshifter_hub.registry import DATA_ROOT

pytestmark = pytest.mark.browser

PAGE = ROOT / "docs/http-api.md"
SOURCE, TARGET = sorted((DATA_ROOT / "examples").glob("*.webp"))[:2]
DOCUMENTED = re.findall(r"^## (/\w+)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
CODE = {block.language: block.code for block in find_blocks(PAGE)}


@pytest.fixture(scope="module")
def endpoints(server):
    client = Client(server.url, verbose=False)
    return client.view_api(return_format="dict", print_info=False)["named_endpoints"]


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """The working directory, with what the examples name."""
    monkeypatch.chdir(tmp_path)
    for name, face in (("source.jpg", SOURCE), ("target.jpg", TARGET)):
        Image.open(face).convert("RGB").resize((256, 256)).save(name)


def test_every_endpoint_is_documented_and_no_other(endpoints):
    assert [name for name, _ in DOCUMENTED] == list(endpoints)


@pytest.mark.parametrize(("name", "section"), DOCUMENTED, ids=dict(DOCUMENTED))
def test_parameters_and_results_are_those_documented(endpoints, name, section):
    parameters = endpoints[name]["parameters"]
    rows = re.findall(r"^\| `(\w+)` \| (required)?", section, re.MULTILINE)
    assert [row for row, _ in rows] == [parameter["parameter_name"] for parameter in parameters]
    consent = (
        set() if name == "/check" else {"consent"}
    )  # to the client it has a default, no, which the server refuses
    needed = {parameter["parameter_name"] for parameter in parameters if not parameter["parameter_has_default"]}
    assert {row for row, required in rows if required} == needed | consent
    assert len(re.findall(r"^\d\. ", section, re.MULTILINE)) == len(endpoints[name]["returns"])


def test_the_python_example_runs(server, pictures):
    namespace = {}
    exec(CODE["python"].replace("http://127.0.0.1:7860", server.url), namespace)
    with Image.open(namespace["result"]) as result:
        assert (result.format, result.size) == ("PNG", (256, 256))


def test_the_curl_example_runs(server, pictures):
    script = CODE["bash"].replace("http://127.0.0.1:7860", server.url)
    process = subprocess.run(["bash", "-eu"], input=script, capture_output=True, text=True, timeout=60)
    assert "event: complete" in process.stdout and "faceshifter.png" in process.stdout, process
    upload = script.partition("event=")[0].replace('\\"consent\\": true', '\\"consent\\": false')
    call = 'curl --silent -w " %{http_code}" -H "Content-Type: application/json" -d "$body" $url/call/v2/swap'
    process = subprocess.run(["bash", "-eu"], input=upload + call, capture_output=True, text=True, timeout=60)
    assert "Tick the statement of consent" in process.stdout and process.stdout.endswith(" 422"), process
