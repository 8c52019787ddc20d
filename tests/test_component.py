"""A component saved, loaded, refused: real files, real networks, tiny."""

import json

import pytest
import torch
from accelerate import init_empty_weights
from safetensors.torch import load_file, save_file
from tiny_component import MANIFEST, FrozenTiny, Tiny

from faceshifter_hub import registry
from faceshifter_hub.component import component_interface, load_component
from faceshifter_hub.errors import CheckpointError, ComponentError
from faceshifter_hub.registry import Interface, list_components

WEIGHTS = "diffusion_pytorch_model.safetensors"
WEIGHTS_FP16 = "diffusion_pytorch_model.fp16.safetensors"


@pytest.fixture
def tiny():
    """A Tiny whose batch statistics are no longer the initial ones."""
    torch.manual_seed(0)
    network = Tiny(channels=3)
    network.train()(torch.randn(2, 3, 4, 4))
    return network.eval()


@pytest.fixture
def saved(tiny, tmp_path):
    folder = tmp_path / "saved"
    tiny.save_pretrained(folder)
    return folder


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Install a plugin that registers Tiny, untrained."""
    info = tmp_path / "tiny_plugin-1.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[faceshifter_hub.components]\ntiny = tiny_component:MANIFEST\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-plugin\nVersion: 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry._plugins.cache_clear()
    yield
    registry._plugins.cache_clear()


# ---- saved and loaded


def test_a_component_survives_saving_and_loading(tiny, saved):
    loaded = Tiny.from_pretrained(saved)
    assert {path.name for path in saved.iterdir()} == {"config.json", WEIGHTS, "README.md"}
    assert json.loads((saved / "config.json").read_text())["_class_name"] == "Tiny"
    assert not loaded.training
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    assert loaded.config.channels == 3
    x = torch.randn(1, 3, 4, 4)
    assert torch.equal(loaded(x), tiny(x))
    assert loaded.norm.num_batches_tracked == 1


def test_loading_is_silent(saved, capfd):
    Tiny.from_pretrained(saved)
    assert capfd.readouterr() == ("", "")


def test_the_half_precision_variant(tiny, tmp_path):
    tiny.save_pretrained(tmp_path / "half", variant="fp16")
    assert {t.dtype for t in load_file(tmp_path / "half" / WEIGHTS_FP16).values()} == {torch.float16, torch.int64}
    loaded = Tiny.from_pretrained(tmp_path / "half")
    assert loaded.conv.weight.dtype == torch.float32 and loaded.norm.running_mean.dtype == torch.float32
    torch.testing.assert_close(loaded.conv.weight, tiny.conv.weight, atol=1e-3, rtol=0)
    assert Tiny.from_pretrained(tmp_path / "half", dtype=torch.bfloat16).conv.weight.dtype == torch.bfloat16
    assert tiny.conv.weight.dtype == torch.float32


def test_loading_replaces_nothing_of_what_another_load_gave(saved):
    first, second = Tiny.from_pretrained(saved), Tiny.from_pretrained(saved)
    torch.nn.init.zeros_(first.conv.weight)
    assert second.conv.weight.abs().sum() > 0
    assert Tiny.from_pretrained(saved).conv.weight.abs().sum() > 0


def test_the_model_card_tells_what_the_manifest_says(tiny, saved):
    card = saved / "README.md"
    assert "license: other" in card.read_text() and f'from_pretrained("./{saved.name}")' in card.read_text()
    tiny.save_pretrained(saved, manifest=MANIFEST)
    text = card.read_text()
    for part in (
        "license: cc0-1.0",
        "# tiny",
        "nothing at all",
        "12.5 on noise",
        "| resolution | 64 |",
        "Out of scope",
    ):
        assert part in text
    card.write_text("written by hand")
    tiny.save_pretrained(saved)
    assert card.read_text() == "written by hand"


def test_a_failed_save_leaves_nothing(tiny, saved, tmp_path, monkeypatch):
    before = {path: path.read_bytes() for path in saved.iterdir()}

    def fail(self):
        raise OSError("No space left on device")

    monkeypatch.setattr(Tiny, "to_json_string", fail)  # the weights are written by then
    for folder in (saved, tmp_path / "new"):
        with pytest.raises(CheckpointError, match="No space left"):
            Tiny(channels=5).save_pretrained(folder)
    assert {path: path.read_bytes() for path in saved.iterdir()} == before
    assert list(tmp_path.iterdir()) == [saved]


def test_a_folder_that_cannot_be_written_is_named(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="file"):
        tiny.save_pretrained(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# ---- refused


def truncate(folder):
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-5])


def replace_by_text(folder):
    (folder / WEIGHTS).write_text("<html>404</html>")


def empty(folder):
    (folder / WEIGHTS).write_bytes(b"")


def drop_weights(folder):
    (folder / WEIGHTS).unlink()
    torch.save(Tiny(channels=3).state_dict(), folder / "diffusion_pytorch_model.bin")


def edit_state(edit):
    def damage(folder):
        state = load_file(folder / WEIGHTS)
        edit(state)
        save_file(state, folder / WEIGHTS)

    return damage


def edit_config(**fields):
    def damage(folder):
        config = json.loads((folder / "config.json").read_text()) | fields
        (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))

    return damage


def garble_config(folder):
    (folder / "config.json").write_text("{")


def nest_config(folder):
    (folder / "config.json").write_text("[" * 100_000)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "damaged"),
        (replace_by_text, "damaged"),
        (empty, "damaged"),
        (drop_weights, f"no {WEIGHTS}"),
        (edit_state(lambda state: state.pop("conv.bias")), r"lacks 1: conv\.bias"),
        (edit_state(lambda state: state.update(extra=torch.ones(1))), "extra"),
        (edit_state(lambda state: state.update({"conv.bias": torch.ones(7)})), r"conv\.bias is \(7,\).*\(3,\)"),
        (edit_state(lambda state: state.update({"conv.bias": torch.ones(3, dtype=torch.int64)})), "torch.int64"),
        (edit_state(lambda state: state.update({"conv.bias": torch.ones(3) * 1j})), "torch.complex64"),
        (edit_config(channels=2), r"is \(3,.*\(2,"),
        (edit_config(channels=-1), "-1 channels"),
        (edit_config(channels="many"), "not one of a Tiny"),
        (edit_config(channels=[2**70]), "not one of a Tiny"),
        (edit_config(depth=3), "depth"),
        (edit_config(_class_name="FrozenTiny"), "holds a FrozenTiny, not a Tiny"),
        (edit_config(_class_name=None), "_class_name"),
        (garble_config, "JSON"),
        (nest_config, "JSON"),
    ],
)
def test_what_does_not_match_is_refused_in_one_sentence(saved, damage, message):
    damage(saved)
    with pytest.raises(CheckpointError, match=message) as refusal:
        Tiny.from_pretrained(saved)
    assert "\n" not in str(refusal.value)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"config\.json"):
        Tiny.from_pretrained(tmp_path)


# ---- frozen for good


def test_a_frozen_component_stays_frozen_and_lets_gradients_through(tmp_path):
    FrozenTiny(channels=3).save_pretrained(tmp_path / "frozen")
    frozen = FrozenTiny.from_pretrained(tmp_path / "frozen")
    around = torch.nn.Sequential(frozen, torch.nn.Dropout())
    around.train()
    assert around[1].training and not any(module.training for module in frozen.modules())
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    x = torch.randn(1, 3, 4, 4, requires_grad=True)
    frozen(x).sum().backward()
    assert x.grad.abs().sum() > 0


def test_a_foreign_format_is_read_by_the_class(tmp_path):
    (tmp_path / "numbers.txt").write_text("0.5\n")
    frozen = FrozenTiny.from_pretrained(tmp_path, dtype=torch.float16)
    assert frozen.conv.weight.unique().tolist() == [0.5] and frozen.conv.weight.dtype == torch.float16
    assert not frozen.conv.weight.requires_grad
    (tmp_path / "numbers.txt").unlink()
    with pytest.raises(CheckpointError, match=r"lacks the file 'numbers\.txt'"):
        FrozenTiny.from_pretrained(tmp_path)


# ---- any component, by address


def test_an_untrained_preset_has_random_weights(plugin):
    first, second = (load_component("tiny", "hear_refiner") for _ in range(2))
    assert isinstance(first, Tiny) and first.config.channels == 4 and not first.training
    assert not torch.equal(first.conv.weight, second.conv.weight)


def test_a_folder_loads_as_the_class_its_configuration_names(plugin, saved):
    assert isinstance(load_component(str(saved), "hear_refiner"), Tiny)
    assert component_interface(saved, "hear_refiner") == Interface(resolution=64)
    (saved / WEIGHTS).unlink()
    assert component_interface(saved, "hear_refiner") == Tiny.from_pretrained("tiny").interface


def test_a_component_of_another_kind_or_class_is_refused(plugin, saved):
    with pytest.raises(ComponentError, match="'tiny' is a component of kind hear_refiner, not aad_generator"):
        load_component("tiny", "aad_generator")
    with pytest.raises(CheckpointError, match="'tiny' is a Tiny, not a FrozenTiny"):
        FrozenTiny.from_pretrained("tiny")
    edit_config(_class_name="Torch")(saved)
    with pytest.raises(ComponentError, match="holds a Torch, a class that no registered component"):
        load_component(saved, "hear_refiner")


def test_a_plugin_whose_class_is_gone_is_named(plugin, monkeypatch):
    monkeypatch.delattr("tiny_component.Tiny")
    with pytest.raises(ComponentError, match="'tiny' needs tiny_component:Tiny"):
        load_component("tiny", "hear_refiner")


HERE = [m for m in list_components() if m.source.type not in ("hub", "insightface", "npm-package")]


@pytest.mark.parametrize("manifest", HERE, ids=lambda m: m.name)
def test_a_manifest_states_the_interface_of_its_component(manifest):
    with init_empty_weights():  # an interface needs no weights, and some of these networks are large
        component = load_component(manifest.name, manifest.kind)
    assert component.kind == manifest.kind
    assert component.interface == manifest.interface
