import pytest
import torch
from torch import nn

from faceshifter_hub.errors import TrainingError
from trainers import run
from trainers.aei import AEIOptions, build
from trainers.discriminator import MultiscaleDiscriminator
from trainers.hear import HEAROptions
from trainers.options import RECIPES, parse_options

FOLDERS = ["--train_data_dir", "photos", "--output_dir", "out"]
TINY = ["--recipe", "tiny-aei", *FOLDERS]


def parse(*flags, options=AEIOptions):
    return parse_options(options, "Train.", [*TINY, *flags])


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*aei*.toml")))
def test_every_recipe_of_stage_1_builds_its_networks(name):
    options = parse_options(AEIOptions, "Train.", ["--recipe", name, *FOLDERS])
    with torch.device("meta"):
        assert build(options).generator.config.resolution == options.resolution
        MultiscaleDiscriminator(**options.model["discriminator"])


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*hear*.toml")))
def test_every_recipe_of_stage_2_parses(name):
    options = parse_options(HEAROptions, "Train.", ["--recipe", name, *FOLDERS, "--aei_model", "stage_1"])
    assert options.model["refiner"]["channels"]


def test_every_recipe_is_of_one_stage():
    assert all(("aei" in path.stem) != ("hear" in path.stem) for path in RECIPES.glob("*.toml"))


def test_flags_go_over_the_recipe():
    assert parse().train_batch_size == 2
    assert parse("--train_batch_size", "3").train_batch_size == 3


@pytest.mark.parametrize(("text", "value"), [("false", False), ("False", False), ("true", True)])
def test_a_flag_that_says_false_is_false(text, value):
    assert parse("--identity_views", text).identity_views is value


def test_defaults_are_the_papers(tmp_path):
    recipe = tmp_path / "paper.toml"
    recipe.write_text("max_train_steps = 500_000\n[model.encoder]\n[model.generator]\n[model.discriminator]\n")
    options = parse_options(AEIOptions, "Train.", ["--recipe", str(recipe), *FOLDERS])
    weights = [
        getattr(options, f"{name}_weight") for name in ("adversarial", "attribute", "identity", "reconstruction")
    ]
    assert weights == [1, 10, 5, 10]
    assert (options.different_ratio, options.learning_rate, options.adam_beta2) == (0.8, 4e-4, 0.999)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("batch_size = 4", "batch_size in mine.toml or its flag: Extra inputs are not permitted."),
        (
            "different_ratio = 1.5",
            "different_ratio in mine.toml or its flag: Input should be less than or equal to 1.",
        ),
        ("resolution = 'big'", "resolution in mine.toml or its flag: Input should be a valid integer"),
        ("max_train_steps =", "mine.toml is not valid TOML: Invalid value"),
    ],
)
def test_a_wrong_line_is_one_sentence(tmp_path, line, message):
    recipe = tmp_path / "mine.toml"
    tiny = (RECIPES / "tiny-aei.toml").read_text()
    recipe.write_text(f"{line}\n" + "\n".join(x for x in tiny.splitlines() if x.split(" =")[0] != line.split(" =")[0]))
    with pytest.raises(TrainingError) as raised:
        parse_options(AEIOptions, "Train.", ["--recipe", str(recipe), *FOLDERS])
    assert str(raised.value).startswith(message) and "\n" not in str(raised.value)


def test_an_unknown_recipe_is_one_sentence():
    with pytest.raises(TrainingError, match=r"There is no recipe large; known are .*tiny-aei, .*TOML file\.$"):
        parse_options(AEIOptions, "Train.", ["--recipe", "large", *FOLDERS])


def test_a_flag_out_of_range_is_one_sentence():
    with pytest.raises(TrainingError, match=r"^adam_beta1 in tiny-aei\.toml or its flag: [^\n]*$"):
        parse("--adam_beta1", "1")


def test_the_betas_of_adam_are_floats():
    optimizer = run.adam(nn.Linear(2, 2), parse("--adam_beta1", "0"))
    betas = optimizer.param_groups[0]["betas"]
    assert betas == (0.0, 0.999) and all(type(beta) is float for beta in betas)
