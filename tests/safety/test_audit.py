import json
from pathlib import Path

import pytest
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import cli
from faceshifter_hub.errors import SettingsError
from faceshifter_hub.provenance.check import check_file
from faceshifter_hub.registry import DATA_ROOT
from faceshifter_hub.safety import audit
from faceshifter_hub.settings import Settings

SOURCE, TARGET = sorted((DATA_ROOT / "examples").glob("*.webp"))[:2]
COMPONENTS = {"aad_generator": {"address": "aad", "commit": "c0ffee", "sha256": {"a": "b"}}}


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "get_settings", lambda: Settings(audit_log=tmp_path / "audit.jsonl"))
    return tmp_path / "audit.jsonl"


def test_a_line_says_when_what_by_what_and_with_whose_consent(log):
    audit.note_run("mcp", COMPONENTS, "0badcafe", consent=True)
    audit.note_run("swap", COMPONENTS, None)
    first, second = map(json.loads, log.read_text().splitlines())
    assert first.pop("time").endswith("+00:00") and first.pop("version")
    assert first == {
        "door": "mcp",
        "watermark": "0badcafe",
        "consent": True,
        "components": {"aad_generator": {"address": "aad", "commit": "c0ffee"}},
    }
    assert (second["watermark"], second["consent"]) == (None, None)


def test_a_swap_is_found_by_its_watermark_and_nothing_tells_of_its_pictures(log, tmp_path):
    pipeline, out = save_tiny_pipeline(tmp_path), tmp_path / "out.png"
    assert cli.main(["swap", str(SOURCE), str(TARGET), "-o", str(out), "--pipeline", str(pipeline)]) == 0
    [line] = log.read_text().splitlines()
    assert json.loads(line)["watermark"] == check_file(out).watermark
    assert not any(name in line for name in (SOURCE.stem, TARGET.stem, "out.png", str(tmp_path)))


def test_a_log_that_cannot_be_written_is_said(monkeypatch):
    monkeypatch.setattr(audit, "get_settings", lambda: Settings(audit_log=Path("/nowhere/audit.jsonl")))
    with pytest.raises(SettingsError, match="FACESHIFTER_AUDIT_LOG"):
        audit.note_run("swap", COMPONENTS, None)
