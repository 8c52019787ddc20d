"""The documentation as a site: every page is in it, and visitors are told to nobody."""

import re
import shutil
import subprocess
import sys

from code_blocks import ROOT


def test_the_site_is_built_without_a_warning_and_shows_every_page(tmp_path):
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    command = [sys.executable, "-m", "zensical", "build", "--strict"]  # strict: no link leads nowhere
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    start = (tmp_path / "site/index.html").read_text()
    for page in (tmp_path / "docs").rglob("*.md"):
        address = page.relative_to(tmp_path / "docs").with_suffix("").as_posix()
        assert address == "index" or f'href="./{address}/"' in start, f"mkdocs.yml does not name {address}.md"
    assert "from_pretrained" in (tmp_path / "site/python-api/index.html").read_text()
    assert not re.search(r'<(script|link)[^>]* (src|href)="https?://', start)
