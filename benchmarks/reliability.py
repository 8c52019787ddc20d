"""docs/reliability.md, out of what was measured; nobody writes it.

`python benchmarks/reliability.py faults` runs the tests marked `fault` (all, or those below the paths that follow) and
keeps their outcomes in docs/reliability/faults.json; `python benchmarks/hostile.py` keeps its report beside it,
`python benchmarks/load.py` too, and so does `python benchmarks/watermark.py PICTURES --report ...`;
`python benchmarks/reliability.py page` makes the page of all.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "docs" / "reliability"
COLUMNS = ("tried", "read", "refused", "crashes", "hangs", "other exceptions", "wrong accepts")
BEGINNING = """# Reliability

`python benchmarks/reliability.py page` makes this page out of the reports in `docs/reliability`; nobody writes it.

How often the content gate refuses what is harmless is told, with the command, in
[the guide to marks](guides/provenance.md#the-content-gate).
"""


class Outcomes:
    """Takes the outcome of every test, as a plugin of pytest."""

    def __init__(self) -> None:
        self.by_test: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note how a test, or what it needs, ended; the worst counts."""
        if report.when == "call" or report.outcome != "passed":
            self.by_test[report.nodeid] = report.outcome


def run_faults(paths: list[str]) -> int:
    """Run the marked tests and keep their outcomes with those of others; returns pytest's exit code."""
    import pytest

    outcomes = Outcomes()
    code = pytest.main(["-m", "fault", "-q", *paths], plugins=[outcomes])
    kept = REPORTS / "faults.json"
    known = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    kept.write_text(json.dumps(dict(sorted((known | outcomes.by_test).items())), indent=2) + "\n", "utf-8")
    return int(code)


def heading(title: str, command: str) -> list[str]:
    """Return the lines that every section begins with."""
    return [f"## {title}", "", f"    {command}", ""]


def hostile_section(report: Mapping[str, Any]) -> list[str]:
    """Return the lines of the report of malformed inputs."""
    rows = {door: {"tried": sum(counts.values())} | counts for door, counts in report["doors"].items()}
    rows["all"] = {column: sum(row[column] for row in rows.values()) for column in COLUMNS}
    lines = [
        *heading("Malformed inputs", report["command"]),
        f"{report['inputs']:,} inputs, each a valid file in which one to three things were changed at random (bits, "
        "numbers at the edge of a range, parts left out, repeated or of another file, checksums mended), on Python "
        f"{report['python']}. *Read* is no fault: a picture with a wrong bit is still a picture. *Refused* is one of "
        "our own errors. *Wrong accepts* are pictures beyond the limits, and credentials that are said to fit other "
        "pixels than those signed.",
        "",
        f"| what | {' | '.join(COLUMNS)} |",
        f"|---|{'---|' * len(COLUMNS)}",
    ]
    lines += [f"| {door} | {' | '.join(f'{row[column]:,}' for column in COLUMNS)} |" for door, row in rows.items()]
    return [*lines, ""]


def fault_section(outcomes: Mapping[str, str]) -> list[str]:
    """Return the lines of the tests in which something breaks; those of one test with several parameters are one."""
    by_test: dict[str, list[str]] = {}
    for test, outcome in outcomes.items():
        by_test.setdefault(test.partition("[")[0], []).append(outcome)
    survived = {test for test, its in by_test.items() if set(its) == {"passed"}}
    lines = [
        *heading("Faults", "python benchmarks/reliability.py faults"),
        f"Tests in which something breaks in the middle and the work must survive it: {len(survived)} of "
        f"{len(by_test)} do.",
        "",
        "| fault, and what becomes of it | test | outcome |",
        "|---|---|---|",
    ]
    for test, its in by_test.items():
        file, _, name = test.partition("::")
        told = "passed" if test in survived else ", ".join(sorted(set(its)))
        lines.append(f"| {name.removeprefix('test_').replace('_', ' ')} | `{file}` | {told} |")
    return [*lines, ""]


def watermark_section(report: Mapping[str, Any]) -> list[str]:
    """Return the lines of what the watermark survives."""
    pictures, psnr = report["pictures"], report["psnr"]
    lines = [
        *heading("The watermark", report["command"]),
        f"{pictures:,} portraits and rendered people, enlarged to 512 pixels. Share from which the id was read right, "
        "in percent, with its 95 % interval by Wilson; and how many seemed to carry another id.",
        "",
        "| after | read right, % | read wrong |",
        "|---|---|---|",
        *(f"| {name} | {found['percent']} | {found['wrong']} |" for name, found in report["attacks"].items()),
        "",
        f"{report['seemingly marked']} of the {pictures:,} seemed marked before they were. Marking leaves "
        f"{psnr['mean']:.1f} dB (PSNR) on average, {psnr['least']:.1f} at least.",
    ]
    return [*lines, ""]


def load_section(report: Mapping[str, Any]) -> list[str]:
    """Return the lines of what many visitors saw of the demo."""
    waited, memory = report["waited"], report["memory"]
    lines = [
        *heading("Load", report["command"]),
        f"{report['clients']} clients of the demo at once for {report['seconds']:g} seconds, on {report['cores']} "
        "cores that they share with it; each uploads two pictures, has them swapped, fetches the result and begins "
        f"anew. {report['longest queue']} may wait; whom a full queue refuses comes back 1 to 4 seconds later. One in "
        "twenty leaves while it waits.",
        "",
        "| what became of a request | how often |",
        "|---|---|",
        *(f"| {outcome} | {count:,} |" for outcome, count in report["outcomes"].items()),
        "",
        f"From acceptance to result it took {waited['p50']:.1f} seconds (median), {waited['p95']:.1f} (95th "
        f"percentile) and {waited['most']:.1f} at most, {report['alone']:.1f} for a visitor alone; "
        f"{report['swaps a second']:.2f} swaps a second. {report['overtaken']} were overtaken by one accepted later. "
        "When all had gone, the next "
        f"visitor waited {report['the next visitor waits']:.1f} seconds: nothing was left of those who had left.",
        "",
        f"Looked at for {report['memory over time'][-1][0]} seconds, the server and its decoder processes held "
        f"{memory['first tenth']:.0f} MiB over the first tenth of these, "
        f"{memory['last tenth']:.0f} over the last, {memory['most']:.0f} at most.",
        "",
        "![Memory of the demo over the time of the load](images/load.png)",
    ]
    return [*lines, ""]


SECTIONS = {
    "hostile": hostile_section,
    "faults": fault_section,
    "load": load_section,
    "watermark": watermark_section,
}


def main() -> int:
    """Run the tests of faults, or make the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    faults = commands.add_parser("faults", help="run the tests marked `fault`")
    faults.add_argument("paths", nargs="*", help="of tests; all by default")
    page = commands.add_parser("page", help="make docs/reliability.md")
    page.add_argument("--out", type=Path, default=ROOT / "docs" / "reliability.md")
    arguments = parser.parse_args()
    if arguments.command == "faults":
        return run_faults(arguments.paths)
    lines = [BEGINNING]
    for name, section in SECTIONS.items():
        lines += section(json.loads((REPORTS / f"{name}.json").read_text("utf-8")))
    arguments.out.write_text("\n".join(lines).rstrip() + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
