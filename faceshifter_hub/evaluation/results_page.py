"""docs/results.md, made of reports: what was measured, in tables of Markdown."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.entries import (
    Entry,
    by_key,
    count_reasons,
    is_independent,
    list_keys,
    pick_keys,
    usual_pairs,
)
from faceshifter_hub.evaluation.report_file import read_report
from faceshifter_hub.evaluation.wording import arrow_of, say, say_interval, unit_of

HEADING = """# Results

`faceshifter evaluate results docs/results/*.json --out docs/results.md` makes this page out of the reports in \
`docs/results`; nobody writes it. [evaluation.md](evaluation.md) says what each metric is. Each value has its 95 % \
bootstrap interval behind it; ↑ higher is better, ↓ lower is better."""
GROUPED = (("retrieval_top1",), ("closer_to_source",), ("pose_error",), ("psnr_face", "psnr_outside"))
DIGITS = 12  # of a hash

Report = Mapping[str, Any]


def read_reports(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Read reports by name: that of the file, or of its folder where the file is called report.json.

    Raises:
        DataError: One is missing or no report, or two have the same name.
    """
    reports: dict[str, dict[str, Any]] = {}
    for path in paths:
        name = path.resolve().parent.name if path.name == "report.json" else path.stem
        if name in reports:
            raise DataError(f"{path} is the second report called '{name}'; rename its file.")
        reports[name] = read_report(path)
    return reports


def results_page(reports: Mapping[str, dict[str, Any]]) -> str:
    """Return the Markdown of docs/results.md.

    Args:
        reports: name -> what report.json holds.

    Raises:
        DataError: There is a metric in one that `METRICS` does not describe.
    """
    sections = [section for name, report in reports.items() for section in report_sections(name, report)]
    return "\n\n".join([HEADING, *sections]) + "\n"


def report_sections(name: str, report: Report) -> list[str]:
    """Return what the page says of a report, paragraph by paragraph."""
    first = plain(report["contestants"][0]["name"])
    groups = group_table(report)
    return [
        f"## {plain(name)}",
        f"Protocol `{report['protocol']}`, version {plain(report['version'])}: {plain(report['rule']).rstrip('.')}.",
        "\n".join(f"    {line}" for line in report["command"].splitlines()),
        cases_of(report),
        metric_table(report),
        *([f"Groups of {first}, whose number of pairs is the second column:", groups] if groups else []),
        "Judges:",
        judge_table(report),
        *component_tables(report),
    ]


def cases_of(report: Report) -> str:
    """Return how many cases there were, and why others are not among them."""
    said = [
        f"{len(names)} left out beforehand: {plain(reason)}." for reason, names in count_reasons(report["left_out"])
    ]
    for contestant in report["contestants"]:
        cases, name = contestant["cases"], plain(contestant["name"])
        swapped = f"{cases['swapped']} swapped"
        failures = [f"{len(names)} failed ({plain(why)})" for why, names in count_reasons(cases["failed"])]
        faceless = [f"{len(cases['faceless'])} without a face found again"] * bool(cases["faceless"])
        said.append(f"{name}: {', '.join([swapped, *failures, *faceless])}.")
    return "\n".join(f"- {line}" for line in said)


def metric_table(report: Report) -> str:
    """Return a table of all that was measured of all contestants; where pairs are not the usual number, it says so."""
    contestants = report["contestants"]
    found = [by_key(contestant["metrics"]) for contestant in contestants]
    usual = [usual_pairs(contestant["metrics"]) for contestant in contestants]
    heads = [
        f"{plain(contestant['name'])}, {pairs} pairs" for contestant, pairs in zip(contestants, usual, strict=True)
    ]
    rows = []
    for key in list_keys(contestants):
        cells = [say_cell(entries.get(key), pairs) for entries, pairs in zip(found, usual, strict=True)]
        rows.append([say_metric(key[1]), say_judge(report, key[0]), *cells])
    return table(["metric", "judge", *heads], rows)


def group_table(report: Report) -> str | None:
    """Return a table of the groups of the first contestant, if it has any."""
    keys = pick_keys(report, GROUPED)
    rows = []
    for attribute, groups in report["contestants"][0]["groups"].items():
        for value, entries in groups.items():
            found, pairs = by_key(entries), usual_pairs(entries)
            rows.append(
                [plain(f"{attribute}: {value}"), str(pairs), *(say_cell(found.get(key), pairs) for key in keys)]
            )
    heads = [f"{say_metric(name)}, {plain(judge)}" for judge, name in keys]
    return table(["group", "pairs", *heads], rows) if rows else None


def judge_table(report: Report) -> str:
    """Return a table of what measured."""
    rows = [
        [say_judge(report, name), plain(judge["measures"]), say_hashes(judge["sha256"])]
        for name, judge in report["judges"].items()
    ]
    return table(["judge", "measures", "SHA-256"], rows)


def component_tables(report: Report) -> list[str]:
    """Return a sentence and a table of the components of each pipeline."""
    said = []
    for contestant in report["contestants"]:
        if contestant["components"]:
            rows = [
                [plain(kind), plain(component["address"]), say_hashes(component["sha256"])]
                for kind, component in contestant["components"].items()
            ]
            said += [f"Components of {plain(contestant['name'])}:", table(["kind", "address", "SHA-256"], rows)]
    return said


def say_metric(name: str) -> str:
    """Say a metric with its unit and which way is better."""
    return f"`{name}`, {unit_of(name)} {arrow_of(name)}"


def say_judge(report: Report, judge: str) -> str:
    """Say a judge, and whether its word on identity counts."""
    return plain(judge) + ("" if is_independent(report, judge) else " (training encoder: no measure of identity)")


def say_cell(entry: Entry | None, usual: int) -> str:
    """Say an entry, if there is one, and its number of pairs, if it is not the usual one."""
    if entry is None:
        return "–"
    pairs = "" if entry["pairs"] == usual else f", {entry['pairs']} pairs"
    return f"{say(entry['name'], entry['value'])} {say_interval(entry)}{pairs}"


def say_hashes(files: Mapping[str, str]) -> str:
    """Say the hash of each file."""
    return "; ".join(f"{plain(file)} `{digest[:DIGITS]}`" for file, digest in files.items()) or "–"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, a line a row."""
    lines = [" | ".join(cells) for cells in (head, *rows)]
    lines.insert(1, "|".join(["---"] * len(head)))
    return "\n".join(f"| {line} |" if n != 1 else f"|{line}|" for n, line in enumerate(lines))


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_|\[\]])", r"\\\1", html.escape(" ".join(text.split()), quote=False))
