import pytest
import torch
from torch import nn

from faceshifter_hub.errors import TrainingError
from faceshifter_hub.models.hear import HEARRefiner
from trainers import run
from trainers.aei import AEIOptions, build
from trainers.discriminator import MultiscaleDiscriminator
from trainers.hear import HEAROptions
from trainers.options import RECIPES, parse_options
from trainers.pairs import SwapPairs
from trainers.photos import Mixture

FOLDERS = ["--train_data_dir", "photos", "--output_dir", "out"]
TINY = ["--recipe", "tiny-aei", *FOLDERS]


def parse(*flags, options=AEIOptions):
    return parse_options(options, [*TINY, *flags])


def recipes(stage_2):
    """Names of the recipes of one stage: those of stage 2 have a refiner."""
    return sorted(path.stem for path in RECIPES.glob("*.toml") if ("[model.refiner]" in path.read_text()) == stage_2)


def stage_1(name):
    return parse_options(AEIOptions, ["--recipe", name, *FOLDERS])


def stage_2(name):
    return parse_options(HEAROptions, ["--recipe", name, *FOLDERS, "--aei_model", "stage_1"])


@pytest.mark.parametrize("name", recipes(False))
def test_every_recipe_of_stage_1_builds_its_networks(name):
    options = stage_1(name)
    with torch.device("meta"):
        assert build(options).generator.config.resolution == options.resolution
        MultiscaleDiscriminator(**options.model["discriminator"])


@pytest.mark.parametrize("name", recipes(True))
def test_every_recipe_of_stage_2_builds_its_network(name):
    options = stage_2(name)
    with torch.device("meta"):
        run.build(HEARRefiner, options.model, "refiner", resolution=options.resolution)


def test_stage_1_of_the_paper():
    options = stage_1("paper-aei")
    weights = {name: value for name, value in options if name.endswith("_weight") and value}
    assert weights == {
        "adversarial_weight": 1,
        "attribute_weight": 10,
        "identity_weight": 5,
        "reconstruction_weight": 10,
    }
    assert (options.different_ratio, options.max_train_steps, options.resolution) == (0.8, 500_000, 256)
    for rate in (options.learning_rate, options.discriminator_learning_rate):
        optimizer = run.adam(nn.Linear(2, 2), options.model_copy(update={"learning_rate": rate}))
        group = optimizer.param_groups[0]
        assert (group["lr"], group["betas"], group["weight_decay"]) == (4e-4, (0.0, 0.999), 0)
    ours = ("lr_warmup_steps", "lr_decay_steps", "identity_views", "identity_warmup_steps", "discriminator_start_step")
    assert not any(getattr(options, name) for name in (*ours, "ema_decay"))
    with torch.device("meta"):
        network = build(options)
        discriminator = MultiscaleDiscriminator(**options.model["discriminator"])
    assert tuple(network.encoder.config.down_channels) == (32, 64, 128, 256, 512, 1024, 1024)
    assert tuple(network.generator.config.channels) == (1024, 1024, 1024, 512, 256, 128, 64, 3)
    assert tuple(network.generator.config.attribute_channels) == (1024, 2048, 1024, 512, 256, 128, 64, 64)
    assert len(discriminator.scales) == 3


def test_stage_2_of_the_paper():
    options = stage_2("paper-hear")
    weights = {name: value for name, value in options if name.endswith("_weight") and value}
    assert weights == {"identity_weight": 1, "change_weight": 1, "reconstruction_weight": 1}
    assert (options.different_ratio, options.hard_share, options.learning_rate) == (0.5, 0.1, 4e-4)
    assert (options.adam_beta1, options.adam_beta2, options.identity_views, options.ema_decay) == (0, 0.999, False, 0)


@pytest.mark.parametrize("recipe", [stage_1("paper-aei"), stage_2("paper-hear")])
def test_the_papers_share_of_different_people_is_not_inverted(recipe):
    pairs = SwapPairs(Mixture([], []), None, 64, 4000, 0, recipe.different_ratio, 0.0)
    same = [pairs.begin(n)[1] for n in range(len(pairs))]
    assert sum(same) / len(same) == pytest.approx(
        {"AEIOptions": 0.2, "HEAROptions": 0.5}[type(recipe).__name__], abs=0.03
    )


@pytest.mark.parametrize(
    ("name", "switch"),
    [("add", {"integration": "add"}), ("cat", {"integration": "cat"}), ("one-level", {"attribute_levels": 1})],
)
def test_an_ablation_is_the_paper_but_for_one_switch(name, switch):
    paper, ablation = stage_1("paper-aei"), stage_1(f"ablation-{name}")
    expected = {**paper.model, "generator": {**paper.model["generator"], **switch}}
    assert ablation.model_dump() == paper.model_dump() | {"model": expected}


def test_flags_go_over_the_recipe():
    assert parse().train_batch_size == 2
    assert parse("--train_batch_size", "3").train_batch_size == 3


@pytest.mark.parametrize(("text", "value"), [("false", False), ("False", False), ("true", True)])
def test_a_flag_that_says_false_is_false(text, value):
    assert parse("--identity_views", text).identity_views is value


def test_defaults_are_the_papers(tmp_path):
    recipe = tmp_path / "paper.toml"
    recipe.write_text("max_train_steps = 500_000\n[model.encoder]\n[model.generator]\n[model.discriminator]\n")
    options = parse_options(AEIOptions, ["--recipe", str(recipe), *FOLDERS])
    weights = [
        getattr(options, f"{name}_weight") for name in ("adversarial", "attribute", "identity", "reconstruction")
    ]
    assert weights == [1, 10, 5, 10]
    assert (options.different_ratio, options.learning_rate, options.adam_beta2) == (0.8, 4e-4, 0.999)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("batch_size = 4", "batch_size in the recipe or its flag: Extra inputs are not permitted."),
        (
            "different_ratio = 1.5",
            "different_ratio in the recipe or its flag: Input should be less than or equal to 1.",
        ),
        ("resolution = 'big'", "resolution in the recipe or its flag: Input should be a valid integer"),
        ("max_train_steps =", "mine.toml is not valid TOML: Invalid value"),
        ("seed = " + 5000 * "9", "mine.toml is not valid TOML: Exceeds the limit"),
        ("seed = " + 5000 * "[", "mine.toml is not valid TOML: maximum recursion depth"),
    ],
)
def test_a_wrong_line_is_one_sentence(tmp_path, line, message):
    recipe = tmp_path / "mine.toml"
    tiny = (RECIPES / "tiny-aei.toml").read_text()
    recipe.write_text(f"{line}\n" + "\n".join(x for x in tiny.splitlines() if x.split(" =")[0] != line.split(" =")[0]))
    with pytest.raises(TrainingError) as raised:
        parse_options(AEIOptions, ["--recipe", str(recipe), *FOLDERS])
    assert str(raised.value).startswith(message) and "\n" not in str(raised.value)


def test_an_unknown_recipe_is_one_sentence():
    with pytest.raises(TrainingError, match=r"There is no recipe large; known are .*tiny-aei, .*TOML file\.$"):
        parse_options(AEIOptions, ["--recipe", "large", *FOLDERS])


def test_a_flag_out_of_range_is_one_sentence():
    with pytest.raises(TrainingError, match=r"^adam_beta1 in the recipe or its flag: [^\n]*$"):
        parse("--adam_beta1", "1")


def test_the_betas_of_adam_are_floats():
    optimizer = run.adam(nn.Linear(2, 2), parse("--adam_beta1", "0"))
    betas = optimizer.param_groups[0]["betas"]
    assert betas == (0.0, 0.999) and all(type(beta) is float for beta in betas)


def test_a_recipe_is_found_by_its_name_without_the_stage():
    found = parse_options(AEIOptions, ["--recipe", "tiny", *FOLDERS])
    assert found == parse().model_copy(update={"recipe": "tiny"})
    assert parse_options(HEAROptions, ["--recipe", "tiny", *FOLDERS, "--aei_model", "x"]).hard_share == 0.5


def test_every_option_of_a_network_can_be_set_on_the_command_line():
    flags = (
        "--model.generator.integration",
        "add",
        "--model.encoder.down_channels=[4, 8]",
        "--model.generator.a.b",
        "3",
    )
    model = parse(*flags).model
    assert model["generator"] == parse().model["generator"] | {"integration": "add", "a.b": 3}
    assert model["encoder"] == parse().model["encoder"] | {"down_channels": [4, 8]}
    assert model["discriminator"] == parse().model["discriminator"]


def test_data_are_given_once_or_several_times_with_weights():
    assert parse().train_data_dir == ["photos"]
    assert parse("--train_data_dir", "more=2").train_data_dir == ["photos", "more=2"]


def test_no_variable_of_the_environment_changes_a_run(monkeypatch):
    for name in ("SEED", "seed", "RESOLUTION"):
        monkeypatch.setenv(name, "77")
    assert (parse().seed, parse().resolution) == (0, 64)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--output_dir", "out"], "Name a recipe: --recipe lite, or the path of a TOML file."),
        ([*TINY, "--leraning_rate", "1"], "unrecognized arguments: --leraning_rate 1; --help lists the flags."),
        ([*TINY, "--seed"], "argument --seed: expected one argument; --help lists the flags."),
    ],
)
def test_wrong_flags_are_one_sentence(flags, message):
    with pytest.raises(TrainingError) as raised:
        parse_options(AEIOptions, flags)
    assert str(raised.value) == message
