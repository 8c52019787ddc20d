"""What ships: requirements, constraints, system packages, the Space's card and the wheel agree with pyproject.toml."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}  # those the Hub knows
LIBRARY_OF_PACKAGE = {"libgl1": "libGL.so.1", "libglib2.0-0": "libgthread-2.0.so.0"}


def read_lines(name):
    """Return the lines of a file of the project, comments left out."""
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]


def read_constraints():
    """Return the pinned version of each distribution by its canonical name."""
    pins = (line.split("==") for line in read_lines("constraints.txt"))
    return {canonicalize_name(name): Version(version) for name, version in pins}


def read_front_matter():
    """Return the card's YAML front matter as a dictionary."""
    _, front_matter, _ = (ROOT / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(front_matter)


def files_of(folder):
    """Return the files below a folder of the project, Python's caches left out."""
    return [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def test_the_space_installs_what_the_package_needs():
    assert read_lines("requirements.txt") == PROJECT["dependencies"] + PROJECT["optional-dependencies"]["video"]


@pytest.mark.parametrize("extra", [None, "test", "synth"])
def test_constraints_pin_a_fitting_version_of_every_direct_dependency(extra):
    constraints = read_constraints()
    dependencies = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    for requirement in map(Requirement, dependencies):
        version = constraints.get(canonicalize_name(requirement.name))
        assert version is not None and version in requirement.specifier, f"{requirement} against {version}"


def test_constraints_leave_the_build_of_a_version_open():
    assert [name for name, version in read_constraints().items() if version.local] == []


@pytest.mark.skipif(sys.platform != "linux", reason="the Space's system packages are Debian's")
def test_system_packages_are_those_opencv_loads():
    script = "import cv2; print(open('/proc/self/maps').read())"
    maps = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert sorted(read_lines("packages.txt")) == sorted(LIBRARY_OF_PACKAGE)
    assert all(f"/{library}" in maps for library in LIBRARY_OF_PACKAGE.values())


@pytest.mark.parametrize("file", ["Makefile", ".ci/run", "README.md", "CONTRIBUTING.md"])
def test_every_place_names_the_system_packages(file):
    words = re.split(r"[^\w.-]+", (ROOT / file).read_text())
    assert set(read_lines("packages.txt")) <= set(words)


def test_the_card_describes_the_space():
    card = read_front_matter()
    assert card["sdk"] == "gradio"
    assert Version(card["sdk_version"]) == read_constraints()["gradio"]
    assert card["python_version"] == "3.12"  # what ZeroGPU offers beside 3.10
    assert (ROOT / card["app_file"]).is_file()
    assert card["license"] == PROJECT["license"].lower()
    assert {card["colorFrom"], card["colorTo"]} <= COLOURS
    assert card["title"] and card["emoji"] and card["tags"]
    assert len(card["short_description"]) <= 60  # the Hub refuses longer ones


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_links_of_a_document_lead_somewhere(document):
    targets = re.findall(r"\]\(([^)#]+)\)", (ROOT / document).read_text())
    missing = [target for target in targets if "://" not in target and not (ROOT / target).exists()]
    assert missing == []


def test_the_wheel_holds_the_package_and_the_registry_and_nothing_else(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("faceshifter_hub-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = {Path(name).name for name in names if ".dist-info/" in name}

    registry = {
        f"faceshifter_hub/registry_data/{path.relative_to(ROOT / 'registry')}" for path in files_of("registry")
    }
    package = {str(path.relative_to(ROOT)) for path in files_of("faceshifter_hub")}
    assert {name for name in names if ".dist-info/" not in name} == registry | package
    assert {"LICENSE", "METADATA", "entry_points.txt"} <= metadata
