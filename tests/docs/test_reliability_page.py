"""docs/reliability.md is made of the reports beside it, never written."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_that_of_the_reports(tmp_path):
    out = tmp_path / "reliability.md"
    subprocess.run([sys.executable, "benchmarks/reliability.py", "page", "--out", str(out)], cwd=ROOT, check=True)
    assert (ROOT / "docs" / "reliability.md").read_text("utf-8") == out.read_text("utf-8")
