"""Looks up and compares the entries of a report: `{"name", "measured_by", "value", "interval", "pairs"}`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from faceshifter_hub.evaluation.wording import metric_of

Entry = Mapping[str, Any]
Key = tuple[str, str]  # the judge and the metric


def by_key(entries: Iterable[Entry]) -> dict[Key, Entry]:
    """Return entries by judge and metric."""
    return {(entry["measured_by"], entry["name"]): entry for entry in entries}


def list_keys(contestants: Iterable[Mapping[str, Any]]) -> list[Key]:
    """Return what was measured of any contestant, judge by judge, in order of appearance."""
    keys = dict.fromkeys(key for contestant in contestants for key in by_key(contestant["metrics"]))
    judges = list(dict.fromkeys(judge for judge, _ in keys))
    return sorted(keys, key=lambda key: judges.index(key[0]))


def usual_pairs(entries: Iterable[Entry]) -> int:
    """Return the number of pairs that most entries have."""
    (usual, _), *_ = Counter(entry["pairs"] for entry in entries).most_common(1) or [(0, 0)]
    return usual


def lie_apart(entry: Entry, other: Entry) -> bool:
    """Tell whether the intervals of two entries have nothing in common."""
    (low, high), (other_low, other_high) = entry["interval"], other["interval"]
    return high < other_low or other_high < low


def is_independent(report: Mapping[str, Any], judge: str) -> bool:
    """Tell whether no network was trained to please a judge; one that the report does not describe measures pixels."""
    return report["judges"].get(judge, {}).get("independent", True)


def pick_keys(report: Mapping[str, Any], wanted: Sequence[Sequence[str]]) -> list[Key]:
    """Choose what stands for the first contestant.

    Args:
        report: of which the first contestant is the main one.
        wanted: alternatives, the first that was measured is chosen.

    Returns:
        Metrics of independent judges; of several judges the first.
    """
    measured = [key for key in by_key(report["contestants"][0]["metrics"]) if is_independent(report, key[0])]
    chosen = (next((key for name in names for key in measured if key[1] == name), None) for names in wanted)
    return [key for key in chosen if key is not None]


def worst_group(groups: Mapping[str, Sequence[Entry]], mean: Entry) -> tuple[str, Entry] | None:
    """Return the group, and its entry, that is worst by a metric; none where none is worse than the mean of all."""
    found = {value: by_key(entries).get((mean["measured_by"], mean["name"])) for value, entries in groups.items()}
    sign = 1 if metric_of(mean["name"]).better == "higher" else -1
    worse = [(value, entry) for value, entry in found.items() if entry and sign * (mean["value"] - entry["value"]) > 0]
    return min(worse, key=lambda pair: sign * pair[1]["value"], default=None)


def count_reasons(left_out: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Return each reason and the names it holds for, the commonest first."""
    names: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        names.setdefault(reason, []).append(name)
    return sorted(names.items(), key=lambda pair: -len(pair[1]))
