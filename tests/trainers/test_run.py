import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from torch import nn

from faceshifter_hub.errors import TrainingError
from faceshifter_hub.models.hear import HEARRefiner
from trainers import run
from trainers.aei import AEIOptions
from trainers.options import parse_options


def parse(*flags):
    given = ["--recipe", "tiny-aei", "--train_data_dir", "photos", "--output_dir", "out", *flags]
    return parse_options(AEIOptions, "Train.", given)


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


def test_a_resumed_loader_goes_on_where_the_run_stopped():
    options, numbers = parse("--train_batch_size", "2"), torch.arange(10)
    batches = [batch.tolist() for batch in run.loader(numbers, options, Accelerator(), 0)]
    assert batches == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert [batch.tolist() for batch in run.loader(numbers, options, Accelerator(), 3)] == batches[3:]


def test_loading_batches_draws_nothing_from_the_global_random_state():
    before = torch.get_rng_state()
    list(run.loader(torch.arange(10), parse(), Accelerator(), 0))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_grid_has_a_row_a_sample_and_a_column_a_kind(tmp_path):
    black, white = torch.full((2, 3, 4, 4), -1.0), torch.full((2, 3, 4, 4), 9.0)
    white[1] = 0
    run.save_grid(tmp_path / "samples" / "1.png", [black, white])
    grid = Image.open(tmp_path / "samples" / "1.png")
    assert grid.size == (8, 8)
    assert [grid.getpixel(at)[0] for at in ((0, 0), (7, 0), (0, 7), (7, 7))] == [0, 255, 0, 128]


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
