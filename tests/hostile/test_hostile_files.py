"""Files of every kind, changed at random: the short form of benchmarks/hostile.py, whose long form is run by hand."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
INPUTS = 130


def test_changed_files_are_read_or_refused_and_nothing_else(tmp_path):
    out = tmp_path / "report.json"
    command = [sys.executable, "benchmarks/hostile.py", "--inputs", str(INPUTS // 2), "--out", str(out)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stdout + process.stderr + (out.read_text() if out.exists() else "")
    command[3] = str(INPUTS)
    process = subprocess.run([*command, "--resume"], cwd=ROOT, capture_output=True, text=True, timeout=600)
    report = json.loads(out.read_text())
    assert process.returncode == 0, report["findings"]
    assert report["inputs"] == sum(sum(door.values()) for door in report["doors"].values()) == INPUTS
