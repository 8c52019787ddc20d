"""What an evaluation leaves behind: `report.json` and a table; the same run writes the same, timings apart."""

import csv
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from torch import Tensor

from faceshifter_hub.errors import UnwritableOutputError
from faceshifter_hub.evaluation.identity import summarise

Metrics = Mapping[str, Mapping[str, Tensor]]
Row = dict[str, str | float]


def metric_entries(metrics: Metrics) -> list[dict]:
    """Summarise metrics, network by network: name, what measured it, value, interval and number of pairs."""
    return [
        {"name": name, "measured_by": network} | asdict(score)
        for network, values in metrics.items()
        for name, score in summarise(values).items()
    ]


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


def write_report(folder: Path, report: dict, rows: Sequence[Row], table: str = "pairs.csv") -> None:
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
