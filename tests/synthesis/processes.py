"""`faceshifter synthesize` as one types it, on procedural assets, and the processes that it starts."""

import os
import subprocess
import sys
import time
from pathlib import Path

# two shards of faces, one of triplets whose second group is not whole
WORDS = ("--identities", "33", "--per-identity", "2", "--triplets", "13", "--size", "64", "--seed", "5")
RUN = {
    "env": {name: value for name, value in os.environ.items() if name != "FACESHIFTER_ASSETS"},
    "cwd": Path(__file__).parents[2],
    "text": True,
    "stdout": subprocess.PIPE,
    "stderr": subprocess.PIPE,
}


def command(folder, *words, workers=1):
    """Return the words of a command that fills a folder; without others, WORDS."""
    words = [*(words or WORDS), "--workers", str(workers)]
    return [sys.executable, "-m", "faceshifter_hub.cli", "synthesize", str(folder), *words]


def wait_for(happens):
    """Wait until something happens."""
    deadline = time.monotonic() + 120
    while not happens():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def children(pid):
    """Return the processes below a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children(child)]
    return found


def runs(pid):
    """Tell whether a process has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
