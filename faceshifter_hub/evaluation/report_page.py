"""The page of a report: one HTML file that needs nothing else, for somebody who wants to see what was measured."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.evaluation import svg, wording
from faceshifter_hub.evaluation.entries import (
    Entry,
    Key,
    by_key,
    count_reasons,
    is_independent,
    lie_apart,
    list_keys,
    pick_keys,
    usual_pairs,
    worst_group,
)
from faceshifter_hub.evaluation.scores import CasePictures, Scored

TEMPLATE = Path(__file__).with_suffix(".html.jinja")
SIDE, QUALITY = 256, 85  # of a picture on the page: pixels at most, WebP

IDENTITY = ("retrieval_top1", "closer_to_source")
LIKENESS = ("psnr_face", "psnr_outside")
PLOTTED = (IDENTITY, ("pose_error",), LIKENESS)  # by group; alternatives, of which the first is taken
TABLED = (
    ("retrieval_top1",),
    ("closer_to_source",),
    ("verified",),
    ("cosine_to_source",),
    ("pose_error",),
    ("expression_error",),
    ("gaze_error",),
    ("mouth_error",),
    LIKENESS,
    ("ssim_face", "ssim_outside"),
    ("occluder_error",),
    ("colour_difference",),
)


@dataclass(frozen=True)
class Cell:
    """What a contestant has in the main table: an entry, and whether it lies apart from that of the first."""

    entry: Entry | None
    apart: bool = False


@dataclass(frozen=True)
class Figure:
    """A chart of a metric, and a note on what it leaves out."""

    key: Key
    drawing: Markup
    note: str = ""


@dataclass(frozen=True)
class Worst:
    """The group that a metric of the first contestant is worst in, and the mean of all."""

    group: str
    entry: Entry
    mean: Entry

    @property
    def by_chance(self) -> bool:
        """Whether the mean of all lies in the group's interval."""
        low, high = self.entry["interval"]
        return low <= self.mean["value"] <= high


@dataclass(frozen=True)
class GroupTable:
    """The groups of an attribute: a row each, with its entries by what was measured."""

    attribute: str
    keys: Sequence[Key]
    rows: Mapping[str, Mapping[Key, Entry]]
    plots: Sequence[Figure]
    worst: Sequence[Worst]


def write_page(
    path: Path, report: dict[str, Any], scored: Mapping[str, Scored], pictures: Sequence[CasePictures]
) -> None:
    """Write a report as one HTML file that asks for nothing from elsewhere; the same input gives the same bytes.

    Args:
        path: of the file, replaced where there is one.
        report: what report.json holds; its first contestant is the one that the page is about.
        scored: contestant -> what was measured of it.
        pictures: cases to look at.

    Raises:
        DataError: There is a metric in it that `METRICS` does not describe.
        UnwritableOutputError: It cannot be written; nothing of it stays.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(TEMPLATE.name).render(
        report=report,
        first=report["contestants"][0],
        table=main_table(report),
        names=list(dict.fromkeys(name for _, name in list_keys(report["contestants"]))),
        distributions=draw_distributions(report, scored),
        groups=list_groups(report),
        curves=draw_curves(report),
        cases=pictures,
        count_reasons=count_reasons,
        data_uri=data_uri,
        independent=lambda judge: is_independent(report, judge),
        swatch=svg.swatch,
        usual_pairs=usual_pairs,
        wording=wording,
    )
    with written_whole(path) as file:
        file.write(page.encode())


def main_table(report: Mapping[str, Any]) -> dict[str, dict[str, list[Cell]]]:
    """Return judge -> metric -> a cell for each contestant."""
    found = [by_key(contestant["metrics"]) for contestant in report["contestants"]]
    table: dict[str, dict[str, list[Cell]]] = {}
    for key in list_keys(report["contestants"]):
        first = found[0].get(key)
        entries = [entries.get(key) for entries in found]
        judge, name = key
        table.setdefault(judge, {})[name] = [
            Cell(entry, apart=bool(entry and first and lie_apart(entry, first))) for entry in entries
        ]
    return table


def draw_distributions(report: Mapping[str, Any], scored: Mapping[str, Scored]) -> list[Figure]:
    """Draw histograms of all that was measured case by case and is more than yes or no."""
    contestants = [contestant["name"] for contestant in report["contestants"]]
    figures = []
    for judge, name in list_keys(report["contestants"]):
        values = {}
        for contestant in contestants:
            tensor = scored[contestant].metrics.get(judge, {}).get(name)
            if tensor is not None:
                values[contestant] = tensor.double().numpy()
        if all(np.isin(found[np.isfinite(found)], (0, 1)).all() for found in values.values()):
            continue
        bins = svg.count_bins({c: wording.shown(name, 1) * found for c, found in values.items()})
        if bins is not None:
            label = f"Histogram of {name} by {judge}; its means and intervals are in the main table."
            always = [f"{c}: always {wording.say(name, values[c][np.isfinite(values[c])][0])}" for c in bins.always]
            figures.append(Figure((judge, name), svg.histogram(bins, contestants, label), "; ".join(always)))
    return figures


def list_groups(report: Mapping[str, Any]) -> list[GroupTable]:
    """Return the groups of the first contestant, attribute by attribute."""
    first = report["contestants"][0]
    means = by_key(first["metrics"])
    tables = []
    for attribute, groups in first["groups"].items():
        rows = {group: by_key(entries) for group, entries in groups.items()}
        plots, worst = [], []
        for key in pick_keys(report, PLOTTED):
            if any(key in entries for entries in rows.values()):
                plots.append(Figure(key, draw_groups(attribute, rows, key, means[key])))
            if (found := worst_group(groups, means[key])) is not None:
                worst.append(Worst(*found, means[key]))
        tables.append(GroupTable(attribute, pick_keys(report, TABLED), rows, plots, worst))
    return tables


def draw_groups(attribute: str, rows: Mapping[str, Mapping[Key, Entry]], key: Key, mean: Entry) -> Markup:
    """Draw a metric of every group that has it."""
    judge, name = key
    drawn = [interval_of(group, entries[key]) for group, entries in rows.items() if key in entries]
    label = f"{name} by {judge} for each {attribute}; its numbers are in the table."
    return svg.intervals(drawn, wording.shown(name, mean["value"]), label)


def draw_curves(report: Mapping[str, Any]) -> list[Figure]:
    """Draw every metric over the training steps of the contestants that are checkpoints, if they are two or more."""
    checkpoints = [contestant for contestant in report["contestants"] if contestant["step"] is not None]
    checkpoints.sort(key=lambda contestant: contestant["step"])
    figures = []
    for judge, name in list_keys(checkpoints):
        entries = [(c["step"], by_key(c["metrics"]).get((judge, name))) for c in checkpoints]
        points = [(step, interval_of(str(step), entry)) for step, entry in entries if entry is not None]
        if len(points) > 1:
            steps, rows = zip(*points, strict=True)
            label = f"{name} by {judge} over training steps; its numbers are in the main table."
            figures.append(Figure((judge, name), svg.curve(steps, rows, label)))
    return figures


def interval_of(name: str, entry: Entry) -> svg.Interval:
    """Return an entry as it is drawn."""
    value, low, high = (wording.shown(entry["name"], number) for number in (entry["value"], *entry["interval"]))
    return svg.Interval(name, value, low, high)


def data_uri(picture: np.ndarray) -> str:
    """Return a picture (H, W, 3) uint8 as a WebP of at most SIDE pixels a side, in a data URI."""
    image = Image.fromarray(picture)
    image.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
