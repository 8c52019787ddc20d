"""What an evaluation leaves behind: `report.json` and a table; the same run writes the same, timings apart."""

import csv
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from faceshifter_hub.errors import UnwritableOutputError
from faceshifter_hub.evaluation.cases import CaseList
from faceshifter_hub.evaluation.contestants import Contestant
from faceshifter_hub.evaluation.identity import summarise
from faceshifter_hub.evaluation.scores import Metrics, Scored

Row = dict[str, str | float]
FEWEST = 5  # cases in a group that is worth a number


def make_report(
    listed: CaseList,
    contestants: Sequence[Contestant],
    scored: Mapping[str, Scored],
    failed: Mapping[str, Mapping[str, str]],
    left_out: Mapping[str, str],
    judges: Mapping[str, Mapping[str, Any]],
    *,
    command: str,
    version: str,
    seconds: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what report.json holds.

    Args:
        listed: the cases of the protocol.
        contestants: in order, the main one first.
        scored: by contestant; those that swapped nothing are missing.
        failed: by contestant, case -> why it was not swapped.
        left_out: photograph or case -> why nobody swapped it.
        judges: `independent`, `sha256` and `measures` by name.
        command: that repeats the run.
        version: of the package.
        seconds: timings, which alone differ from run to run.
    """
    return {
        "protocol": listed.protocol,
        "command": command,
        "version": version,
        "rule": listed.rule,
        "data": dict(listed.facts) | {"cases": len(listed.cases), "gallery": len(listed.gallery)},
        "left_out": dict(left_out),
        "judges": dict(judges),
        "contestants": [describe(each, scored.get(each.name), failed[each.name]) for each in contestants],
        "seconds": dict(seconds),
    }


def describe(contestant: Contestant, scored: Scored | None, failed: Mapping[str, str]) -> dict[str, Any]:
    """Return what report.json says of a contestant."""
    return {
        "name": contestant.name,
        "kind": contestant.kind,
        "address": contestant.address,
        "step": contestant.step,
        "components": dict(contestant.components) if contestant.components else None,
        "cases": {
            "swapped": len(scored.cases) if scored else 0,
            "failed": dict(failed),
            "faceless": list(scored.faceless) if scored else [],
        },
        "metrics": metric_entries(scored.metrics, scored.clusters) + whole_entries(scored) if scored else [],
        "groups": group_entries(scored) if scored else {},
    }


def metric_entries(metrics: Metrics, clusters: Tensor | None = None) -> list[dict]:
    """Summarise metrics, judge by judge: name, what measured it, value, interval and number of pairs.

    Args:
        metrics: judge -> metric -> (N,).
        clusters: (N,) long, equal for cases that are no independent draws.
    """
    return [
        {"name": name, "measured_by": judge} | asdict(score)
        for judge, values in metrics.items()
        for name, score in summarise(values, clusters).items()
    ]


def whole_entries(scored: Scored) -> list[dict]:
    """Return the entries of the metrics that only all swaps together have."""
    return [
        {"name": name, "measured_by": judge} | asdict(score)
        for judge, by_name in scored.whole.items()
        for name, score in by_name.items()
    ]


def group_entries(scored: Scored) -> dict[str, dict[str, list[dict]]]:
    """Return the metrics of every group that has FEWEST cases or more: attribute -> value -> entries."""
    found: dict[str, dict[str, list[dict]]] = {}
    for attribute in sorted({name for groups in scored.groups for name in groups}):
        values = [groups.get(attribute) for groups in scored.groups]
        for value in sorted({value for value in values if value is not None}):
            inside = torch.tensor([each == value for each in values])
            if inside.sum() >= FEWEST:
                own = {j: {n: numbers[inside] for n, numbers in by.items()} for j, by in scored.metrics.items()}
                clusters = None if scored.clusters is None else scored.clusters[inside]
                found.setdefault(attribute, {})[value] = metric_entries(own, clusters)
    return found


def table_rows(
    listed: CaseList,
    scored: Mapping[str, Scored],
    failed: Mapping[str, Mapping[str, str]],
    left_out: Mapping[str, str],
) -> list[Row]:
    """Return the rows of `pairs.csv`: one for each contestant and case, and one for each case that nobody swapped."""
    rows: list[Row] = []
    cases = {case.name: case for case in listed.cases}

    def row(contestant: str, case: str, status: str) -> Row:
        return {
            "contestant": contestant,
            "case": case,
            "source": cases[case].source.name,
            "target": cases[case].target.name,
            "status": status,
        }

    for name, found in scored.items():
        for index, case in enumerate(found.cases):
            status = "no face found again" if case in set(found.faceless) else "scored"
            groups = {f"group {attribute}": value for attribute, value in found.groups[index].items()}
            rows.append(row(name, case, status) | groups | metric_columns(found.metrics, index))
    for name, whys in failed.items():
        rows += [row(name, case, why) for case, why in whys.items()]
    return rows + [row("", name, why) for name, why in left_out.items() if name in cases]


def metric_columns(metrics: Metrics, index: int) -> Row:
    """Return the numbers of one pair, a column a network and metric; none where a pair has no such number."""
    return {
        f"{network} {name}": round(values[index].item(), 6)
        for network, by_name in metrics.items()
        for name, values in by_name.items()
        if not values[index].isnan()
    }


def prepare_folder(folder: Path) -> None:
    """Make the folder of a report before hours of work depend on it.

    Raises:
        UnwritableOutputError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UnwritableOutputError(
            f"{folder} cannot be written ({error.strerror}); choose another folder."
        ) from error


def write_report(folder: Path, report: Mapping[str, Any], rows: Sequence[Row], table: str = "pairs.csv") -> None:
    """Write `report.json` and a table, replacing those of an earlier run.

    Args:
        folder: Made by `prepare_folder`.
        report: Plain data.
        rows: Of the table; the columns are those of all rows, in order of appearance.
        table: The table's file name.

    Raises:
        UnwritableOutputError: The disk is full or the folder is gone; no half-written file stays.
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))
    try:
        with tempfile.TemporaryDirectory(dir=folder) as unfinished:
            with Path(unfinished, table).open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
            Path(unfinished, "report.json").write_text(text, "utf-8")
            for name in (table, "report.json"):
                os.replace(Path(unfinished, name), folder / name)
    except OSError as error:
        raise UnwritableOutputError(
            f"{folder} cannot be written ({error.strerror}); choose another folder."
        ) from error
