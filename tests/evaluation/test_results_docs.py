"""docs/results.md is made of the reports beside it, never written."""

from pathlib import Path

from faceshifter_hub.evaluation.results_page import read_reports, results_page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_results_is_what_the_reports_say():
    reports = read_reports(sorted((DOCS / "results").glob("*.json")))
    assert {report["protocol"] for report in reports.values()} >= {"swapbench", "portraits"}
    assert (DOCS / "results.md").read_text("utf-8") == results_page(reports)
