import subprocess
import sys

import cv2
import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from faceshifter_hub.errors import TrainingError
from faceshifter_hub.models.hear import HEARRefiner
from trainers import run
from trainers.aei import AEIOptions
from trainers.ema import EMA
from trainers.options import parse_options


def parse(*flags):
    given = ["--recipe", "tiny-aei", "--train_data_dir", "photos", "--output_dir", "out", *flags]
    return parse_options(AEIOptions, given)


def test_the_rate_warms_up_holds_and_decays():
    options = parse(
        "--max_train_steps", "10", "--lr_warmup_steps", "4", "--lr_decay_steps", "4", "--learning_rate", "1"
    )
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 1.0)
    schedule = run.schedule(optimizer, options)
    rates = []
    for _ in range(10):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == [0.25, 0.5, 0.75, 1, 1, 1, 1, 0.75, 0.5, 0.25]


def test_a_checkpoint_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(TrainingError, match="There is no checkpoint nowhere"):
        run.latest_checkpoint(parse("--resume_from_checkpoint", "nowhere"))
    assert run.latest_checkpoint(parse("--resume_from_checkpoint", "latest", "--output_dir", str(tmp_path))) is None


def test_the_latest_checkpoint_is_the_one_of_most_steps(tmp_path):
    for name in ("checkpoint-9", "checkpoint-10", "partial-checkpoint-11"):
        (tmp_path / name).mkdir()
    found = run.latest_checkpoint(parse("--resume_from_checkpoint", "latest", "--output_dir", str(tmp_path)))
    assert found == tmp_path / "checkpoint-10"


def test_so_many_checkpoints_are_kept(tmp_path):
    options = parse("--output_dir", str(tmp_path), "--checkpoints_total_limit", "2")
    for step in (9, 10, 11):
        run.save_checkpoint(Accelerator(), options, step, lambda folder: (folder / "component").mkdir())
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-10", "checkpoint-11"}
    assert (tmp_path / "checkpoint-11" / "component").is_dir()


def test_a_folder_with_checkpoints_is_not_started_anew(tmp_path):
    (tmp_path / "checkpoint-10").mkdir()
    with pytest.raises(TrainingError, match=r"^\S* holds the checkpoints of another run: go on with it by [^\n]*$"):
        run.start(parse("--output_dir", str(tmp_path)))
    run.start(parse("--output_dir", str(tmp_path), "--resume_from_checkpoint", "latest"))


def test_averages_start_from_the_weights_that_are_trained(tmp_path):
    network, of_this_process = nn.Linear(2, 2), nn.Linear(2, 2)
    options = parse("--output_dir", str(tmp_path))
    optimizer = run.adam(network, options)
    ema = EMA(of_this_process, 0.9)
    schedule = run.schedule(optimizer, options)
    run.Loop(Accelerator(), options, network, optimizer, schedule, ema, lambda folder: None, lambda step: tmp_path)
    assert torch.equal(ema.average.weight, network.weight) and not torch.equal(of_this_process.weight, network.weight)


def test_a_network_is_in_eval_mode_for_a_while():
    for network in (nn.Linear(2, 2), nn.Linear(2, 2).eval()):
        before = network.training
        with run.in_eval_mode(network):
            assert not network.training
        assert network.training is before


def test_lines_after_the_checkpoint_are_dropped(tmp_path):
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text('{"step": 1, "a": 1.0}\n{"step": 2, "a": 2.0}\n{"step": 3, "a": 3.0}\n{"step": 4, "a')
    reporter = run.Reporter(Accelerator(), parse("--output_dir", str(tmp_path)), 2)
    reporter.report(3, {"a": 0.1}, 1e-3)
    assert metrics.read_text().splitlines() == [
        '{"step": 1, "a": 1.0}',
        '{"step": 2, "a": 2.0}',
        '{"step": 3, "a": 0.1, "learning_rate": 0.001}',
    ]


@pytest.mark.parametrize("tracker", ["tensorboard", "wandb", "trackio"])
def test_losses_and_grids_go_to_the_tracker(tmp_path, monkeypatch, tracker):
    places = {"WANDB_MODE": "offline", "WANDB_DIR": tmp_path, "TRACKIO_DIR": tmp_path / "trackio"}
    for name, value in places.items():
        monkeypatch.setenv(name, str(value))
    command = [sys.executable, "-c", REPORT, str(tmp_path), tracker]  # trackers keep threads of their own
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and "grid" not in path.name)
    assert b"identity" in content and b"samples" in content


REPORT = """
import sys
from pathlib import Path
import torch
from trainers import run
from trainers.aei import AEIOptions
from trainers.options import parse_options

folder, tracker = Path(sys.argv[1]), sys.argv[2]
given = ["--recipe", "tiny", "--train_data_dir", "photos", "--output_dir", str(folder), "--report_to", tracker]
options = parse_options(AEIOptions, given)
accelerator = run.start(options)
reporter = run.Reporter(accelerator, options, 0)
reporter.report(1, {"identity": 0.5}, 1e-3)
reporter.show(1, run.save_grid(folder / "samples" / "grid.png", [torch.zeros(1, 3, 8, 8)]))
accelerator.end_training()
"""


def test_a_tracker_that_is_not_installed_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(TrainingError, match=r"^report_to = wandb needs a package: pip install wandb\.$"):
        run.start(parse("--output_dir", str(tmp_path), "--report_to", "wandb"))


def test_an_identity_encoder_without_gradients_is_one_sentence(monkeypatch):
    monkeypatch.setattr(run, "load_component", lambda *_: nn.Identity())
    with pytest.raises(TrainingError, match=r"^The losses need gradients [^\n]* arcface gives none: [^\n]*$"):
        run.load_identity_encoder(parse("--identity_encoder", "arcface"))


def test_a_resumed_loader_goes_on_where_the_run_stopped():
    options, numbers = parse("--train_batch_size", "2"), torch.arange(10)
    batches = [batch.tolist() for batch in run.loader(numbers, options, Accelerator(), 0)]
    assert batches == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert [batch.tolist() for batch in run.loader(numbers, options, Accelerator(), 3)] == batches[3:]


def test_loading_batches_draws_nothing_from_the_global_random_state():
    before = torch.get_rng_state()
    list(run.loader(torch.arange(10), parse(), Accelerator(), 0))
    assert torch.equal(torch.get_rng_state(), before)


class Threads(Dataset):
    """How many threads OpenCV takes where a sample is made."""

    def __len__(self):
        return 8

    def __getitem__(self, n):
        return cv2.getNumThreads()


def test_processes_that_load_data_are_the_threads():
    batches = run.make_loader(Threads(), parse("--train_batch_size", "2"), 1)
    assert {int(count) for batch in batches for count in batch} == {1}


LOAD_AFTER_THREADS = """
import cv2, numpy as np
from trainers import run
from trainers.aei import AEIOptions
from trainers.options import parse_options
cv2.setNumThreads(4)
cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (31, 31), 9)  # starts them
print(len(list(run.make_loader(np.arange(4), parse_options(AEIOptions, OPTIONS), 1))))
"""


def test_threads_that_were_at_work_before_do_not_hang_the_processes_that_load():
    options = ["--recipe", "tiny-aei", "--train_data_dir", "d", "--output_dir", "o", "--train_batch_size", "2"]
    script = LOAD_AFTER_THREADS.replace("OPTIONS", repr(options))
    said = subprocess.run([sys.executable, "-c", script], timeout=120, stdout=subprocess.PIPE, check=True).stdout
    assert said == b"2\n"


def test_a_grid_has_a_row_a_sample_and_a_column_a_kind(tmp_path):
    black, white = torch.full((2, 3, 4, 4), -1.0), torch.full((2, 3, 4, 4), 9.0)
    white[1] = 0
    run.save_grid(tmp_path / "samples" / "1.png", [black, white])
    grid = Image.open(tmp_path / "samples" / "1.png")
    assert grid.size == (8, 8)
    assert [grid.getpixel(at)[0] for at in ((0, 0), (7, 0), (0, 7), (7, 7))] == [0, 255, 0, 128]


def test_masks_are_tiled_row_by_row():
    masks = [torch.full((2, 1, side, side), side / 10) for side in (2, 4, 8)]
    picture = run.tile_masks(masks, 2, 16)
    assert picture.shape == (2, 3, 16, 16)
    corners = [picture[1, 0, row, column].item() for row, column in ((0, 0), (0, 15), (15, 0), (15, 15))]
    assert corners == pytest.approx([2 * 0.2 - 1, 2 * 0.4 - 1, 2 * 0.8 - 1, -1])
    assert (run.tile_masks([], 2, 16) == -1).all()


def test_an_output_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match=r"^The output folder [^\n]* cannot be made: [^\n]*$"):
        run.start(parse("--output_dir", str(tmp_path / "file" / "out")))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({}, r"lacks \[model\.refiner\], the configuration of the HEARRefiner"),
        ({"refiner": {"chanels": [8]}}, r"\[model\.refiner\] .* no configuration of a HEARRefiner: .*chanels"),
        ({"refiner": {"resolution": 100}}, r"\[model\.refiner\] .*"),
    ],
)
def test_a_wrong_model_section_is_one_sentence(model, message):
    with pytest.raises(TrainingError, match=message):
        run.build(HEARRefiner, model, "refiner")
