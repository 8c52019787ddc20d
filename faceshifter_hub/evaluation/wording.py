"""How the numbers of a report are said, on its page and in Markdown: shares in per cent, digits by the unit."""

from collections.abc import Mapping
from typing import Any

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.metrics import METRICS, Metric

DECIMALS = {"share": 1, "dB": 2, "degrees": 2, "Lab": 2, "levels": 2, "cosine": 3, "similarity": 3, "weights": 3}
FINE = 4  # decimals of every other unit, whose values are small
ARROWS = {"higher": "↑", "lower": "↓"}


def metric_of(name: str) -> Metric:
    """Return what is known of a metric.

    Raises:
        DataError: There is no such metric.
    """
    if name not in METRICS:
        raise DataError(f"There is no metric '{name}': describe it in faceshifter_hub/evaluation/metrics.py.")
    return METRICS[name]


def shown(name: str, number: float) -> float:
    """Return a number of a metric in the unit in which it is shown."""
    return 100 * number if metric_of(name).unit == "share" else number


def unit_of(name: str) -> str:
    """Return the unit in which a metric is shown."""
    unit = metric_of(name).unit
    return "%" if unit == "share" else unit


def arrow_of(name: str) -> str:
    """Return an arrow that points to where a metric is better."""
    return ARROWS[metric_of(name).better]


def say(name: str, number: float) -> str:
    """Say a number of a metric, without its unit."""
    return f"{shown(name, number):z.{DECIMALS.get(metric_of(name).unit, FINE)}f}"


def say_interval(entry: Mapping[str, Any]) -> str:
    """Say the interval of an entry of a report: `[low, high]`."""
    return "[" + ", ".join(say(entry["name"], end) for end in entry["interval"]) + "]"


def say_difference(name: str, number: float) -> str:
    """Say how far two numbers of a metric lie apart, with the unit."""
    unit = "points" if metric_of(name).unit == "share" else unit_of(name)
    return f"{say(name, abs(number))} {unit}"


def print_table(report: Mapping[str, Any]) -> None:
    """Print every metric of a report, a line each: the main contestant's value and interval, the others' values."""
    first, *others = report["contestants"]
    lines = []
    for entry in first["metrics"]:
        key = entry["name"], entry["measured_by"]
        values = [
            next((say(e["name"], e["value"]) for e in other["metrics"] if (e["name"], e["measured_by"]) == key), "-")
            for other in others
        ]
        trained = "" if report["judges"].get(key[1], {}).get("independent", True) else " (training encoder)"
        label = f"{key[0]}, {unit_of(key[0])}, {key[1]}{trained}"
        own = f"{say(key[0], entry['value'])} {say_interval(entry)}"
        lines.append((label, own, *values))
    heads = ("", first["name"][-28:], *(other["name"][-12:] for other in others))
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    for label, *values in (heads, *lines):
        print(f"{label:{widths[0]}}" + "".join(f"  {v:>{w}}" for v, w in zip(values, widths[1:], strict=True)))
    cases = first["cases"]
    print(
        f"{cases['swapped']} cases swapped, {len(cases['failed'])} failed, {len(cases['faceless'])} without a face "
        f"found again; {len(report['left_out'])} photographs and cases left out"
    )
