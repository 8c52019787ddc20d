"""The page of a report stands alone, says what the report says and breaks on no name."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from fake_report import CASES, fake_pictures, fake_report, fake_scored, with_checkpoints
from PIL import Image

from faceshifter_hub.errors import DataError, UnwritableOutputError
from faceshifter_hub.evaluation import svg
from faceshifter_hub.evaluation.report_page import SIDE, TEMPLATE, data_uri, write_page
from faceshifter_hub.evaluation.wording import say

VOID = {"meta", "link", "img", "br", "wbr"}
FETCHES = ("src", "href", "srcset", "poster", "data", "action", "xlink:href")


class Page(HTMLParser):
    """A page taken apart: its elements, the text of each kind of element, and whether all were closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, len(self.texts)))
            self.texts.append([tag, dict(attrs), ""])

    def handle_endtag(self, tag):
        assert self.open[-1][0] == tag
        self.open.pop()

    def handle_data(self, data):
        for _, n in self.open:
            self.texts[n][2] += data

    def all(self, tag, **attributes):
        """Return the text of each element of a tag with such attributes, spaces made single."""
        return [
            " ".join(text.split())
            for name, found, text in self.texts
            if name == tag and attributes.items() <= found.items()
        ]


@pytest.fixture(scope="module")
def scored():
    return fake_scored()


@pytest.fixture
def report(scored):
    return fake_report(scored)


@pytest.fixture
def written(tmp_path, scored):
    """Writes a page and returns its text."""

    def write(report, scored=scored, pictures=()):
        write_page(tmp_path / "report.html", report, scored, pictures)
        return (tmp_path / "report.html").read_text("utf-8")

    return write


def test_the_page_is_whole_and_asks_for_nothing(written, report):
    text = written(report, pictures=fake_pictures())
    page = Page(text)
    assert page.open == []
    fetched = [value for _, attrs in page.elements for name, value in attrs.items() if name in FETCHES]
    assert fetched and all(value.startswith(("data:", "#")) for value in fetched)
    assert "url(" not in text and "@import" not in text
    assert not {"script", "iframe", "object"} & {tag for tag, _ in page.elements}
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in fetched if value.startswith("#")} <= set(ids)


def test_what_is_read_out_is_there(written, report):
    page = Page(written(report, pictures=fake_pictures()))
    assert all(attrs["alt"] for tag, attrs in page.elements if tag == "img")
    assert all(attrs["scope"] in ("col", "row", "rowgroup") for tag, attrs in page.elements if tag == "th")
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("aria-label" in attrs or "aria-hidden" in attrs for tag, attrs in page.elements if tag == "svg")
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_same_report_gives_the_same_bytes(written, report):
    assert written(report, pictures=fake_pictures()) == written(report, pictures=fake_pictures())


def test_the_summary_says_what_was_left_out_and_why(written, report):
    page = Page(written(report))
    summary = " ".join(page.all("header"))
    assert "Every triplet of SwapBench 1 is a case" in summary
    assert f"swapped {CASES} of {CASES + 2}" in summary and "in 1 of the swaps no face" in summary
    assert "3: the shard is damaged triplet-42, triplet-43, triplet-44" in summary
    assert "1: the target has no landmarks triplet-45" in summary


def test_the_table_holds_every_value_and_interval(written, report):
    cells = Page(written(report)).all("td")
    for contestant in report["contestants"]:
        for entry in contestant["metrics"]:
            low, high = (say(entry["name"], end) for end in entry["interval"])
            assert any(f"{say(entry['name'], entry['value'])} [{low}, {high}]" in cell for cell in cells)


def test_shares_are_shown_in_per_cent(written, report):
    (entry,) = [e for e in report["contestants"][0]["metrics"] if e["name"] == "retrieval_top1"]
    entry |= {"value": 0.235, "interval": [0.2, 0.2712]}
    page = Page(written(report))
    assert "23.5 [20.0, 27.1]" in page.all("td")
    assert "retrieval_top1 % ↑" in page.all("th")


def test_a_number_of_pairs_stands_only_where_it_is_not_the_usual(written, report):
    (entry,) = [e for e in report["contestants"][0]["metrics"] if e["name"] == "psnr_occluder"]
    cells = [cell for cell in Page(written(report)).all("td") if "pairs" in cell]
    assert entry["pairs"] < CASES and f"{entry['pairs']} pairs" in " ".join(cells)
    assert not any(f"{CASES} pairs" in cell for cell in cells)


@pytest.mark.parametrize(("interval", "apart"), [([18.0, 19.2], False), ([19.6, 20.0], True), ([10.0, 18.4], True)])
def test_intervals_that_lie_apart_from_the_first_are_marked(written, report, interval, apart):
    for contestant, its in zip(report["contestants"], ([18.5, 19.5], interval, [18.5, 19.5]), strict=True):
        contestant["metrics"] = [e for e in contestant["metrics"] if e["name"] == "psnr_face"]
        contestant["metrics"][0]["interval"] = its
    marked = Page(written(report)).all("td", **{"class": "apart"})
    assert len(marked) == apart and all("†" in cell for cell in marked)


def test_a_contestant_without_a_metric_has_an_empty_cell(written, report):
    report["contestants"][1]["metrics"] = []
    assert Page(written(report)).all("td").count("–") >= len(report["contestants"][0]["metrics"])


def test_the_training_encoder_is_marked_wherever_it_judges(written, report):
    text = written(report)
    assert "dlib-resnet training encoder: no measure of identity" in " ".join(Page(text).all("th"))
    assert "dlib-resnet training encoder: no measure of identity" in " ".join(Page(text).all("figcaption"))
    assert "faceres training encoder" not in " ".join(Page(text).all("th"))


def test_every_metric_is_explained_twice(written, report):
    page = Page(written(report))
    names = {e["name"] for e in report["contestants"][0]["metrics"]}
    assert {t.split()[0] for t in page.all("dt") if t.split()[0] in names} == names
    titles = [attrs["title"] for tag, attrs in page.elements if tag == "a"]
    assert "length of the difference in yaw, pitch and roll" in titles


def test_histograms_are_of_what_is_more_than_yes_or_no(written, report):
    labels = [attrs.get("aria-label", "") for tag, attrs in Page(written(report)).elements if tag == "svg"]
    drawn = {label.split()[2] for label in labels if label.startswith("Histogram")}
    assert drawn == {"cosine_to_source", "pose_error", "mouth_error", "psnr_face", "psnr_occluder"}
    assert "truth: always 100.00" in written(report)


def test_what_only_all_swaps_together_have_is_in_the_table_and_no_histogram(written, report):
    entry = {"name": "frechet_faceres", "measured_by": "faceres", "value": 3.2, "interval": [3.1, 3.4], "pairs": CASES}
    report["contestants"][0]["metrics"].append(entry)
    page = Page(written(report))
    assert "3.2000 [3.1000, 3.4000]" in page.all("td")
    assert not any("frechet" in caption for caption in page.all("figcaption"))


def test_bins_count_every_value_once():
    rng = np.random.default_rng(0)
    values = {
        "a": rng.normal(size=200),
        "b": np.append(rng.normal(size=50), [1e6, np.nan, -1e6]),
        "c": np.full(9, 2.0),
    }
    bins = svg.count_bins(values)
    assert {name: counts.sum() for name, counts in bins.counts.items()} == {"a": 200, "b": 52}
    assert bins.always == {"c": 2.0}
    assert -4 < bins.edges[0] < bins.edges[-1] < 4
    assert svg.count_bins({"c": np.full(9, 2.0), "none": np.array([np.nan])}) is None
    assert svg.count_bins({"rare": np.append(np.zeros(999), 1.0)}).counts["rare"].sum() == 1000


def test_an_outline_is_as_high_as_its_share():
    bins = svg.Bins(np.array([0.0, 1.0, 2.0]), {"a": np.array([1, 3])}, {})
    drawn = svg.histogram(bins, ["other", "a"], "label")
    (path,) = re.findall(r'd="([^"]+)"', drawn)
    base, first, second = svg.TOP + svg.PLOT, svg.TOP + svg.PLOT * 2 / 3, svg.TOP
    assert [float(y) for y in re.findall(r"V([\d.]+)", path)] == pytest.approx([first, second, base], abs=0.06)
    assert 'class="series-1"' in drawn


@pytest.mark.parametrize(
    ("low", "high", "ticks"), [(0, 1, [0, 0.5, 1]), (-3, 3, [-2, 0, 2]), (19.2, 24.7, [20, 22, 24])]
)
def test_ticks_are_round_numbers_within(low, high, ticks):
    assert svg.Axis(low, high, 0, 100).ticks(3) == pytest.approx(ticks)


def test_an_axis_of_one_value_puts_it_in_the_middle():
    assert svg.Axis(5, 5, 0, 100)(5) == 50


def test_the_worst_group_is_named_with_its_distance_from_the_mean(written, report):
    first = report["contestants"][0]
    for name, values in (("pose_error", (12.5, 6.0)), ("retrieval_top1", (0.25, 0.1))):
        (mean,) = [e for e in first["metrics"] if e["name"] == name]
        mean["value"] = {"pose_error": 7.0, "retrieval_top1": 0.3}[name]
        for entries, value in zip(first["groups"]["occlusion"].values(), values, strict=True):
            (entry,) = [e for e in entries if e["name"] == name]
            entry |= {"value": value, "interval": [value * 0.9, value * 1.4]}
    said = " ".join(Page(written(report)).all("p"))
    clear, occluded = first["groups"]["occlusion"]
    assert f"Worst by pose_error: {clear}, 12.50 [11.25, 17.50] degrees, 5.50 degrees from the mean of 7.00." in said
    assert f"Worst by retrieval_top1: {occluded}, 10.0 [9.0, 14.0] %, 20.0 points from the mean of 30.0." in said


def test_a_group_whose_interval_holds_the_mean_may_be_worse_by_chance(written, report):
    first = report["contestants"][0]
    (mean,) = [e for e in first["metrics"] if e["name"] == "pose_error"]
    for entries in first["groups"]["skin"].values():
        (entry,) = [e for e in entries if e["name"] == "pose_error"]
        entry |= {"value": mean["value"] + 1, "interval": [mean["value"] - 1, mean["value"] + 3]}
    assert "perhaps by chance, for its interval holds the mean" in written(report)


def test_groups_without_the_plotted_metrics_are_no_reason_to_fail(written, report):
    groups = report["contestants"][0]["groups"]
    groups["occlusion"]["clear"] = []
    report["contestants"][1]["groups"] = {}
    assert "clear" in Page(written(report)).all("th")
    report["contestants"][0]["groups"] = {}
    assert "Groups" not in Page(written(report)).all("h2")


def test_curves_are_drawn_of_two_checkpoints_or_more(written, report, scored):
    assert "over training steps" not in written(report)
    report["contestants"][0]["step"] = 100
    assert "over training steps" not in written(report)
    text = written(*with_checkpoints(report, scored))
    labels = [attrs.get("aria-label", "") for tag, attrs in Page(text).elements if tag == "svg"]
    assert "psnr_face by pixels over training steps; its numbers are in the main table." in labels
    assert {"60k", "120k"} <= set(Page(text).all("text"))


def test_a_curve_goes_through_its_values_in_the_order_of_steps():
    rows = [svg.Interval(str(value), value, value - 1, value + 1) for value in (1, 3)]
    drawn = svg.curve([10, 20], rows, "label")
    (line,) = re.findall(r'<polyline points="([^"]+)"', drawn)
    (x0, y0), (x1, y1) = (map(float, point.split(",")) for point in line.split())
    assert x0 < x1 and y0 - y1 == pytest.approx(svg.PLOT / 2, abs=0.11)


def test_names_are_text_whatever_is_in_them(written, scored):
    evil = '<script>alert("1")</script>&{{ 7 * 7 }}'
    report = fake_report(scored)
    report["contestants"][0]["name"] = evil
    report["contestants"][0]["groups"] = {evil: {evil: report["contestants"][0]["metrics"]}}
    report["contestants"][0]["cases"] = {"swapped": 1, "failed": {evil: evil}, "faceless": [evil]}
    report["left_out"] = report["data"] = {evil: evil}
    report["data"] = {evil: [evil]}
    report["rule"] = report["command"] = report["protocol"] = evil
    pictures = [replace(case, title=evil, note=evil) for case in fake_pictures()]
    text = written(report, {**scored, evil: scored["truth"]}, pictures)
    page = Page(text)
    assert page.open == [] and "<script" not in text and "49" not in " ".join(page.all("h1"))
    assert f"{evil}, measured by {evil}" in page.all("h1")
    assert evil in page.all("text") and evil in page.all("h3") and evil in page.all("code")


def test_a_metric_that_nobody_described_is_refused(written, report):
    report["contestants"][0]["metrics"][0]["name"] = "beauty"
    with pytest.raises(DataError, match="no metric 'beauty'"):
        written(report)


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path, report, scored):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(UnwritableOutputError):
        write_page(tmp_path / "report.html", report, scored, [])
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(UnwritableOutputError):
        write_page(tmp_path / "nowhere" / "report.html", report, scored, [])


@pytest.mark.parametrize(("shape", "size"), [((600, 300, 3), (128, 256)), ((40, 60, 3), (60, 40))])
def test_pictures_are_made_smaller_and_never_larger(shape, size):
    uri = data_uri(np.full(shape, 128, np.uint8))
    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert (image.format, image.size) == ("WEBP", size) and max(image.size) <= SIDE


def test_colours_are_told_from_the_paper_by_everybody():
    style = TEMPLATE.read_text("utf-8")
    palettes = [dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in re.findall(r":root \{([^}]+)\}", style)]
    assert len(palettes) == 2
    for palette in palettes:
        for name in ("ink", "pale", "link", "warn"):  # letters: WCAG AA
            assert min(contrast(palette[name], palette[under]) for under in ("paper", "tint")) >= 4.5, name
        for k in range(svg.COLOURS):  # lines
            assert contrast(palette[f"s{k}"], palette["paper"]) >= 3


def contrast(one, other):
    """Return the contrast of two colours by WCAG 2."""

    def luminance(colour):
        channels = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return np.dot(linear, (0.2126, 0.7152, 0.0722))

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
