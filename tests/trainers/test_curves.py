import json

import numpy as np
import pytest
from PIL import Image

from trainers.curves import BOLD, PANEL, draw_curves, read_metrics, smooth


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_loss_that_is_not_of_every_step_has_a_curve_too(tmp_path):
    metrics = write(tmp_path / "metrics.jsonl", [{"step": 1, "a": 3.0, "r1": 5.0}, {"step": 2, "a": 4.0}])
    curves = read_metrics(metrics)
    assert [list(part) for part in curves["a"]] == [[1, 2], [3, 4]]
    assert [list(part) for part in curves["r1"]] == [[1], [5]]


def test_the_running_average_is_unbiased_and_calmer():
    noise = np.random.default_rng(0).normal(5, 1, 500)
    averages = smooth(noise)
    assert averages[0] == pytest.approx(noise[0])
    assert averages.mean() == pytest.approx(5, abs=0.1) and averages.std() < 0.5


@pytest.mark.parametrize("steps", [1, 5, 2000])
def test_a_falling_loss_falls_in_its_panel(tmp_path, steps):
    lines = [{"step": n + 1, "falling": 1 - n / steps, "flat": 2.0} for n in range(steps)]
    draw_curves(write(tmp_path / "metrics.jsonl", lines), tmp_path / "curves.png")
    picture = np.asarray(Image.open(tmp_path / "curves.png"))
    assert picture.shape == (PANEL[1], 2 * PANEL[0], 3)
    rows, columns = np.nonzero((picture[:, : PANEL[0]] == BOLD).all(2))
    if steps > 1:
        assert np.corrcoef(rows, columns)[0, 1] > 0.9  # rows count downwards
