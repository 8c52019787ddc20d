"""The page of results says what the reports say."""

import json

import pytest
from fake_report import CASES, fake_report, fake_scored

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.results_page import read_reports, results_page
from faceshifter_hub.evaluation.wording import say


@pytest.fixture(scope="module")
def scored():
    return fake_scored()


@pytest.fixture
def report(scored):
    return fake_report(scored)


def rows_of(page, head):
    """Return the cells of the rows of the table whose head begins so."""
    (table,) = [block for block in page.split("\n\n") if block.startswith(head)]
    head, line, *rows = ([cell.strip() for cell in row[1:-1].split(" | ")] for row in table.splitlines())
    assert all(len(row) == len(head) for row in rows) and set(line[0]) == {"-", "|"}
    assert line[0].count("|") == len(head) - 1
    return rows


def test_every_value_stands_in_the_table_with_its_interval(report):
    rows = rows_of(results_page({"renders": report}), "| metric")
    for k, contestant in enumerate(report["contestants"]):
        for entry in contestant["metrics"]:
            (cell,) = [
                row[2 + k]
                for row in rows
                if row[0].startswith(f"`{entry['name']}`") and row[1].split(" (")[0] == entry["measured_by"]
            ]
            low, high = (say(entry["name"], end) for end in entry["interval"])
            pairs = "" if entry["pairs"] == CASES else f", {entry['pairs']} pairs"
            assert cell == f"{say(entry['name'], entry['value'])} [{low}, {high}]{pairs}"


def test_shares_are_in_per_cent_and_what_is_missing_is_a_dash(report):
    (entry,) = [e for e in report["contestants"][0]["metrics"] if e["name"] == "retrieval_top1"]
    entry |= {"value": 0.235, "interval": [0.2, 0.2712]}
    report["contestants"][1]["metrics"] = []
    rows = {tuple(row[:2]): row[2:] for row in rows_of(results_page({"a": report}), "| metric")}
    assert rows["`retrieval_top1`, % ↑", "faceres"][:2] == ["23.5 [20.0, 27.1]", "–"]


def test_it_says_how_the_numbers_came_about(report):
    page = results_page({"portraits": report, "more": report})
    assert page.startswith(
        "# Results\n\n`faceshifter evaluate results docs/results/*.json --out docs/results.md` makes"
    )
    assert "\n## portraits\n" in page and "\n## more\n" in page
    assert f"\n\n    {report['command']}\n\n" in page
    assert "- 3 left out beforehand: the shard is damaged.\n" in page
    assert f"- faceshifter-lite: {CASES} swapped, 2 failed (no face was found in the target), 1 without a face" in page
    judges = {row[0]: row[1:] for row in rows_of(results_page({"a": report}), "| judge")}
    assert "dlib-resnet (training encoder: no measure of identity)" in judges
    assert report["judges"]["faceres"]["sha256"]["faceres.bin"][:12] in judges["faceres"][1]
    assert report["judges"]["faceres"]["sha256"]["faceres.bin"] not in page
    ((kind, address, _),) = rows_of(results_page({"a": report}), "| kind")
    assert (kind, address) == (r"aad\_generator", "aad-lite-256")


def test_groups_are_those_of_the_first_contestant(report):
    rows = rows_of(results_page({"a": report}), "| group")
    assert [row[0] for row in rows][:2] == ["occlusion: clear", "occlusion: occluded"]
    assert {int(row[1]) for row in rows[:2]} == {CASES // 5, CASES - CASES // 5}
    assert all(len(row) == 6 for row in rows)  # with top-1, closer to the source, pose, PSNR
    report["contestants"][0]["groups"] = {}
    assert "| group" not in results_page({"a": report})


def test_names_do_not_break_the_tables(report):
    report["contestants"][0]["name"] = "a | b\n<script>`"
    report["contestants"][0]["groups"] = {"x|y": {"[z](http://z)": report["contestants"][0]["metrics"]}}
    page = results_page({"a": report})
    assert "<script>" not in page and "[z](" not in page
    assert r"a \| b &lt;script&gt;\`" in page


def test_a_metric_that_nobody_described_is_refused(report):
    report["contestants"][0]["metrics"][0]["name"] = "beauty"
    with pytest.raises(DataError, match="no metric 'beauty'"):
        results_page({"a": report})


def test_reports_are_named_by_their_files(tmp_path, report):
    (tmp_path / "run").mkdir()
    for path in (tmp_path / "portraits.json", tmp_path / "run" / "report.json"):
        path.write_text(json.dumps(report))
    paths = [tmp_path / "portraits.json", tmp_path / "run" / "report.json"]
    assert read_reports(paths) == {"portraits": report, "run": report}
    with pytest.raises(DataError, match="second report called 'portraits'"):
        read_reports([paths[0], paths[0]])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot be read"),
        ("{", "is no report"),
        ("\x00\xff", "is no report"),
        ("[]", "is no report"),
        ('{"protocol": "portraits", "metrics": []}', "is no report"),
    ],
)
def test_what_is_no_report_is_refused_in_a_sentence(tmp_path, text, problem):
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text, "latin-1")
    with pytest.raises(DataError, match=problem) as caught:
        read_reports([path])
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda report: report["contestants"].clear(),
        lambda report: report["contestants"][0]["metrics"][0].update(interval=[1]),
        lambda report: report["contestants"][0]["metrics"][0].update(value=float("nan")),
        lambda report: report["contestants"][0]["cases"].pop("failed"),
        lambda report: report["judges"]["faceres"].pop("independent"),
        lambda report: report.pop("command"),
    ],
)
def test_a_report_that_lacks_something_is_refused(tmp_path, report, damage):
    damage(report)
    (tmp_path / "a.json").write_text(json.dumps(report))
    with pytest.raises(DataError, match="is no report"):
        read_reports([tmp_path / "a.json"])
