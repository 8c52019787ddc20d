"""Manifests, plugins, addresses, verified files, and what fits together."""

import hashlib
import shutil
import sys
from pathlib import Path

import pytest

from faceshifter_hub import registry
from faceshifter_hub.cli import main
from faceshifter_hub.errors import (
    CheckpointError,
    ComponentError,
    IncompatibleComponentsError,
    ManifestError,
    UnknownComponentError,
)
from faceshifter_hub.registry import (
    KINDS,
    PHOTOGRAPH,
    AttributeSpace,
    FolderAddress,
    HubAddress,
    IdentitySpace,
    Interface,
    Manifest,
    RegistryAddress,
    check_compatible,
    get_manifest,
    list_components,
    list_pipelines,
    parse_address,
    read_components,
    resolve,
)

NEEDS_FETCHING = ("hub", "insightface", "npm-package")
MANIFEST = """
name = "tiny"
kind = "hear_refiner"
class = "tiny_package:Tiny"
description = "a tiny refiner"
code_licence = "MIT"
commercial_use = true
training_data = "none"
source = { type = "untrained", config = { channels = 2 } }
interface = { resolution = 64 }
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def clear_caches():
    for cached in (registry._built_in, registry._plugins, registry._pipelines):
        cached.cache_clear()


@pytest.fixture
def fresh_caches():
    clear_caches()
    yield
    clear_caches()


# ---- the manifests that ship


HERE = [manifest for manifest in list_components() if manifest.source.type not in NEEDS_FETCHING]


@pytest.mark.parametrize("manifest", HERE, ids=lambda m: m.name)
def test_manifest_leads_to_verified_files(manifest):
    assert set(resolve(manifest.name).files) == {Path(file.path).name for file in manifest.files}
    assert "face_recognition_models" not in sys.modules  # importing it needs pkg_resources
    assert "mtcnn" not in sys.modules


def test_only_insightface_is_non_commercial():
    restricted = {manifest.name for manifest in list_components() if not manifest.commercial_use}
    assert restricted == {"insightface-antelopev2", "insightface-buffalo-l", "insightface-buffalo-l-detector"}


@pytest.mark.parametrize("pipeline", list_pipelines(), ids=lambda p: p.name)
def test_pipelines_are_made_of_components_that_fit(pipeline):
    manifests = {kind: get_manifest(name) for kind, name in pipeline.components.items()}
    assert {kind: manifest.kind for kind, manifest in manifests.items()} == {kind: kind for kind in manifests}
    check_compatible({kind: (manifest.name, manifest.interface) for kind, manifest in manifests.items()})


# ---- reading manifests


def test_a_manifest_says_what_the_file_says(tmp_path):
    write(tmp_path / "hear_refiners/tiny.toml", MANIFEST)
    (manifest,) = read_components(tmp_path)
    assert (manifest.name, manifest.kind, manifest.class_name) == ("tiny", "hear_refiner", "tiny_package:Tiny")
    assert manifest.source.config == {"channels": 2}
    assert manifest.interface == Interface(resolution=64)


PIN = '[[files]]\npath = "{path}"\nsize = 1\nsha256 = "{sha256}"\n'
EMBEDDED = MANIFEST.replace(
    '{ type = "untrained", config = { channels = 2 } }', '{ type = "embedded", folder = "tiny" }'
)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (MANIFEST.replace('code_licence = "MIT"\n', ""), "code_licence"),
        (MANIFEST.replace("commercial_use", "commercial"), "commercial_use"),
        (MANIFEST + 'colour = "red"\n', "colour"),
        (MANIFEST.replace("resolution = 64", 'resolution = "big"'), "interface.resolution"),
        (MANIFEST.replace("untrained", "torrent"), "source"),
        (MANIFEST.replace('"hear_refiner"', '"refiner"'), "kind"),
        (MANIFEST.replace('"hear_refiner"', '"aad_generator"'), "kind"),
        (MANIFEST.replace('name = "tiny"', 'name = "small"'), "name"),
        (MANIFEST.replace("interface = { resolution = 64 }", ""), "interface"),
        (EMBEDDED, "files"),
        (EMBEDDED + PIN.format(path="../secret", sha256="0" * 64), "files.0.path"),
        (EMBEDDED + PIN.format(path="/etc/passwd", sha256="0" * 64), "files.0.path"),
        (EMBEDDED + PIN.format(path="config.json", sha256="abc"), "files.0.sha256"),
        (EMBEDDED.replace('folder = "tiny"', 'folder = ".."'), "source.embedded.folder"),
        ("name = ", "TOML"),
        ("size = " + 5000 * "9", "TOML"),
        ("a = " + 5000 * "[", "TOML"),
    ],
)
def test_a_wrong_manifest_is_refused_naming_file_and_field(tmp_path, text, field):
    path = write(tmp_path / "hear_refiners/tiny.toml", text)
    with pytest.raises(ManifestError) as refusal:
        read_components(tmp_path)
    assert str(path) in str(refusal.value) and field in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_name_is_registered_once(tmp_path):
    write(tmp_path / "hear_refiners/tiny.toml", MANIFEST)
    detector = MANIFEST.replace("hear_refiner", "face_detector").replace("interface = { resolution = 64 }", "")
    write(tmp_path / "face_detectors/tiny.toml", detector)
    with pytest.raises(ManifestError, match="twice"):
        read_components(tmp_path)


def test_an_unknown_name_gets_the_nearest_suggested():
    with pytest.raises(UnknownComponentError, match="did you mean 'dlib-resnet'"):
        get_manifest("dlib_resnet")
    with pytest.raises(UnknownComponentError, match=r"there are: .*mtcnn"):
        get_manifest("zzzzzz")


# ---- plugins


@pytest.fixture
def install(tmp_path, monkeypatch, fresh_caches):
    """Install a real distribution whose entry points are given, into a folder on the path."""

    def install(name: str, code: str, *values: str):
        module = name.replace("-", "_")
        write(tmp_path / f"{module}.py", code)
        points = "".join(f"p{i} = {module}:{value}\n" for i, value in enumerate(values))
        write(tmp_path / f"{module}-1.dist-info/entry_points.txt", f"[faceshifter_hub.components]\n{points}")
        write(tmp_path / f"{module}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")

    monkeypatch.syspath_prepend(tmp_path)
    yield install
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


PLUGIN = f'''
import tomllib
from faceshifter_hub.registry import Manifest

TINY = Manifest.model_validate(tomllib.loads("""{MANIFEST}"""))

def several():
    return [TINY.model_copy(update={{"name": name}}) for name in ("tiny-a", "tiny-b")]

def taken():
    return TINY.model_copy(update={{"name": "mtcnn"}})

def broken():
    raise RuntimeError("no licence file")

def wrong():
    return ["tiny"]
'''


def test_plugins_join_the_registry(install):
    install("good-plugin", PLUGIN, "TINY", "several")
    names = [manifest.name for manifest in list_components("hear_refiner")]
    assert names[-3:] == ["tiny", "tiny-a", "tiny-b"]
    assert get_manifest("tiny-b").interface.resolution == 64
    assert registry.plugin_problems() == ()


def test_a_broken_plugin_breaks_nothing_else_and_is_shown(install, capsys):
    before = len(list_components())
    clear_caches()
    install("bad-plugin", PLUGIN, "broken", "taken", "wrong", "absent", "TINY")
    install("worse-plugin", "import nothing_of_that_name", "TINY")
    assert main(["components"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == before + 1
    warnings = shown.err.splitlines()
    assert len(warnings) == 5 and all(line.startswith("warning: plugin") for line in warnings)
    for cause in (
        "no licence file",
        "'mtcnn' is already registered",
        "not a Manifest",
        "absent",
        "nothing_of_that_name",
    ):
        assert cause in shown.err


# ---- addresses


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("mtcnn", RegistryAddress("mtcnn")),
        ("mtcnn@v2", RegistryAddress("mtcnn", "v2")),
        ("hf://alice/aad", HubAddress("alice/aad")),
        ("hf://alice/aad/small/one@refs/pr/1", HubAddress("alice/aad", "small/one", "refs/pr/1")),
    ],
)
def test_parse_address(text, address):
    assert parse_address(text) == address


def test_a_folder_is_an_address_but_a_registered_name_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "mtcnn"):
        Path(name).mkdir()
    assert parse_address("mine") == FolderAddress(Path("mine"))
    assert parse_address("./mtcnn") == FolderAddress(Path("mtcnn"))
    assert parse_address(Path("mtcnn")) == FolderAddress(Path("mtcnn"))
    assert parse_address("mtcnn") == RegistryAddress("mtcnn")


@pytest.mark.parametrize("text", ["hf://alice", "hf://", "hf://alice/", "hf://alice/aad/../b", "hf:///aad", "./none"])
def test_addresses_that_lead_nowhere(text):
    with pytest.raises(UnknownComponentError):
        parse_address(text)


def test_a_component_that_is_not_on_the_hub_has_no_revisions():
    with pytest.raises(ComponentError, match="leave out '@v2'"):
        resolve("mtcnn@v2")


# ---- verified files


@pytest.fixture
def embedded(tmp_path, monkeypatch, fresh_caches):
    """A registry with one embedded component; returns its folder."""
    content = b"weights"
    pin = PIN.format(path="weights.bin", sha256=hashlib.sha256(content).hexdigest()).replace("size = 1", "size = 7")
    write(tmp_path / "hear_refiners/tiny.toml", EMBEDDED + pin)
    folder = tmp_path / "checkpoints/tiny"
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(content)
    monkeypatch.setattr(registry, "DATA_ROOT", tmp_path)
    return folder


def test_pinned_files_are_verified(embedded):
    resolved = resolve("tiny")
    assert resolved.folder == embedded and resolved.files == {"weights.bin": embedded / "weights.bin"}
    assert isinstance(resolved.manifest, Manifest)


@pytest.mark.parametrize("content", [b"weightz", b"weights and more", b"", None])
def test_a_file_that_is_not_the_pinned_one_is_refused(embedded, content):
    if content is None:
        shutil.rmtree(embedded)
    else:
        (embedded / "weights.bin").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"weights\.bin"):
        resolve("tiny")


def test_a_missing_python_package_is_named(tmp_path, monkeypatch, fresh_caches):
    source = '{ type = "python-package", distribution = "no-such-package", version = "1.2" }'
    text = EMBEDDED.replace('{ type = "embedded", folder = "tiny" }', source)
    write(tmp_path / "hear_refiners/tiny.toml", text + PIN.format(path="a.bin", sha256="0" * 64))
    monkeypatch.setattr(registry, "DATA_ROOT", tmp_path)
    with pytest.raises(CheckpointError, match=r"pip install no-such-package==1\.2"):
        resolve("tiny")


def test_a_missing_model_pack_is_named_with_its_licence(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(CheckpointError, match=r"buffalo_l.*non-commercial.*insightface-cli"):
        resolve("insightface-buffalo-l")


# ---- what fits together

GENERATOR = Interface(
    resolution=256,
    identity_space=IdentitySpace(name="arcface-buffalo-l", width=512),
    attribute_space=AttributeSpace(name="paper-256", channels=(1024, 2048, 1024, 512, 256, 128, 64, 64)),
)


def test_components_that_fit():
    chosen = {kind: "" for kind in KINDS} | {
        "identity_encoder": "insightface-buffalo-l",
        "attribute_encoder": "attribute-paper-256",
        "aad_generator": "aad-paper-256",
        "hear_refiner": "hear-paper-256",
        "face_detector": "mtcnn",
        "face_parser": "parser-lite",
    }
    assert get_manifest("mtcnn").interface == PHOTOGRAPH
    check_compatible({kind: (name, get_manifest(name).interface) for kind, name in chosen.items()})


def test_a_refusal_says_who_disagrees_about_what_and_what_would_fit():
    interfaces = {
        "identity_encoder": ("dlib-resnet", get_manifest("dlib-resnet").interface),
        "aad_generator": ("mine", GENERATOR),
        "hear_refiner": ("hear-paper-256", get_manifest("hear-paper-256").interface),
    }
    with pytest.raises(IncompatibleComponentsError) as refusal:
        check_compatible(interfaces)
    for part in (
        "'dlib-resnet' and the aad_generator 'mine' disagree about the identity space",
        "dlib-centred (128 numbers) against arcface-buffalo-l (512 numbers)",
        "Instead of 'dlib-resnet' would fit: insightface-buffalo-l.",
    ):
        assert part in str(refusal.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resolution", 128),
        ("value_range", (0.0, 1.0)),
        ("attribute_space", AttributeSpace(name="paper-256", channels=(64, 64))),
        ("attribute_space", None),
    ],
)
def test_every_field_both_state_must_agree(field, value):
    other = GENERATOR.model_copy(update={field: value})
    interfaces = {"aad_generator": ("a", GENERATOR), "attribute_encoder": ("b", other)}
    if value is None:
        check_compatible(interfaces)
    else:
        with pytest.raises(IncompatibleComponentsError, match=field.replace("_", " ")):
            check_compatible(interfaces)
