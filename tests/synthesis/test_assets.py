"""A tiny asset pack, spoilt in every way a copy is spoilt; and the one that FACESHIFTER_ASSETS names."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.assets import load_pack

PICTURES = {
    "skins/young_light_female.webp": (8, 16),
    "skins/young_dark_male.webp": (8, 16),
    "irises/brown.webp": (4, 4),
    "irises/blue.webp": (4, 4),
    "hair/long01.webp": (4, 8),
    "brows/brow01.webp": (4, 4),
    "teeth.webp": (4, 4),
}


def write_index(folder, **changes):
    """Write the index of the files that are there."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.name != "index.json"]
    files = {name: {"sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()} for name in names}
    index = {
        "files": files,
        "skins": ["young_light_female", "young_dark_male"],
        "male_skins": ["young_dark_male"],
        "hair": ["long01"],
        "irises": ["brown", "blue"],
    }
    (folder / "index.json").write_text(json.dumps(index | changes))


@pytest.fixture
def pack(tmp_path):
    """The least that `load_pack` reads."""
    for name, size in PICTURES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGBA", size, (200, 120, 90, 128)).save(tmp_path / name, lossless=True)
    proxies = ("eyes", "brow01", "long01", "teeth", "fedora")
    np.savez(tmp_path / "meshes.npz", **{f"{name}/ref": np.zeros((1, 3), int) for name in proxies})
    write_index(tmp_path)
    return tmp_path


def test_a_pack_says_what_can_be_sampled(pack):
    loaded = load_pack(pack, halve_skins=False)
    assert {name: texture.shape for name, texture in loaded.textures.items()} == {
        "brow01": (4, 4, 4), "long01": (8, 4, 4), "teeth": (4, 4, 4), "brown": (4, 4, 4), "blue": (4, 4, 4)
    }  # fmt: skip
    looks = loaded.looks
    assert looks.light_skins == {"female": ["young_light_female"], "male": []}
    assert looks.dark_skins == {"female": [], "male": ["young_dark_male"]}
    assert (looks.brown_irises, looks.pale_irises) == (["brown"], ["blue"])
    assert [(style.name, style.long, style.curly) for style in looks.hair] == [("long01", True, False)]


def test_skins_are_halved_for_small_pictures(pack):
    whole, half = (load_pack(pack, halve_skins=halve).skins["young_light_female"].shape for halve in (False, True))
    assert (whole, half) == ((16, 8, 3), (8, 4, 3))


def test_textures_start_at_the_bottom(pack):
    image = Image.new("RGBA", (4, 4), "black")
    image.paste("white", (0, 3, 4, 4))
    image.save(pack / "teeth.webp", lossless=True)
    write_index(pack)
    assert load_pack(pack, halve_skins=True).textures["teeth"][:, 0, 0].tolist() == [255, 0, 0, 0]


def refused(pack):
    with pytest.raises(RenderError) as error:
        load_pack(pack, halve_skins=True)
    message = str(error.value)
    assert message.endswith(".") and "\n" not in message
    return message


@pytest.mark.parametrize("name", ["meshes.npz", *PICTURES])
def test_a_missing_file_is_named(pack, name):
    (pack / name).unlink()
    assert f"The asset pack lacks {pack / name};" in refused(pack)


@pytest.mark.parametrize("name", ["meshes.npz", *PICTURES])
def test_a_changed_file_is_named(pack, name):
    content = bytearray((pack / name).read_bytes())
    content[-1] ^= 1
    (pack / name).write_bytes(content)
    assert f"{pack / name} is damaged" in refused(pack)


def test_a_file_that_the_index_does_not_know_is_not_trusted(pack):
    index = json.loads((pack / "index.json").read_text())
    del index["files"]["irises/blue.webp"]
    (pack / "index.json").write_text(json.dumps(index))
    assert "irises/blue.webp is damaged" in refused(pack)


def test_what_is_no_archive_and_what_is_no_picture_are_refused_though_the_index_knows_them(pack):
    (pack / "teeth.webp").write_bytes(b"no picture")
    write_index(pack)
    assert "teeth.webp is no picture" in refused(pack)
    (pack / "meshes.npz").write_bytes(b"no archive")
    write_index(pack)
    assert "meshes.npz is no archive of arrays" in refused(pack)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"files": []}', '{"files": {"a": 1}}', "\xff"])
def test_an_unreadable_index_says_how_to_go_on(pack, content):
    (pack / "index.json").write_bytes(content.encode("latin-1"))
    assert "unset it to render procedural skin and hair" in refused(pack)


def test_a_folder_that_is_no_pack_says_how_to_go_on(tmp_path):
    assert "set FACESHIFTER_ASSETS to the folder of an asset pack" in refused(tmp_path / "nowhere")


@pytest.mark.skipif("FACESHIFTER_ASSETS" not in os.environ, reason="FACESHIFTER_ASSETS names no asset pack")
def test_the_real_pack_is_whole_and_serves_both_sexes():
    pack = load_pack(Path(os.environ["FACESHIFTER_ASSETS"]), halve_skins=True)
    assert len({skin.shape for skin in pack.skins.values()}) == 1
    for sex in ("female", "male"):
        assert len(pack.looks.light_skins[sex]) >= 2 and len(pack.looks.dark_skins[sex]) >= 2
        for names in (pack.looks.brows[sex], pack.looks.lashes[sex]):
            assert set(names) <= pack.textures.keys()
    assert {style.name for style in pack.looks.hair} <= pack.textures.keys()
