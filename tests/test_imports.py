"""Imports run one way (docs/architecture.md), and what must answer at once loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"accelerate", "cv2", "diffusers", "gradio", "huggingface_hub", "insightface", "onnxruntime", "torch"}

PIPELINE = {
    *{"media", "settings", "options", "registry", "component", "composition", "models", "faces", "cast", "stages"},
    *{"runtimes", "provenance", "safety", "packaged"},
}
SWAPPING = PIPELINE | {"pipeline", "frames"}
COMMANDS = {"help", "completion", "pull", "export_command", "demo_command", "mcp_command"}
# each room, and the rooms it may import beside itself and `errors`, which is importable everywhere
STANDS_ON = {
    "": set(),  # faceshifter_hub/__init__.py resolves its names lazily
    "errors": set(),
    "settings": set(),
    "options": set(),
    "stages": set(),
    "cast": {"faces", "options"},
    "media": {"settings"},
    "provenance": {"settings", "options", "media"},
    "packaged": {"settings", "registry", "datasets", "models.crops"},
    "safety": {"settings", "packaged"},
    "registry": {"settings"},
    "component": {"registry"},
    "composition": {"settings", "registry"},
    "models": {"component", "registry"},
    "faces": {"media", "options", "component", "models", "registry"},
    "runtimes": {"settings", "registry", "component", "models"},
    "pipeline": PIPELINE,
    "frames": PIPELINE | {"pipeline"},
    "jobs": SWAPPING | {"datasets"},
    "datasets": set(),
    "synthesis": {"settings", "registry", "models.labels", "faces.alignment", "datasets"},
    "evaluation": PIPELINE | {"pipeline", "synthesis", "datasets"},
    "demo": PIPELINE | {"options", "pipeline", "frames", "jobs", "evaluation.svg"},
    "publishing": {"registry", "component"},
    "preparation": {"media", "component", "faces", "datasets", "evaluation.split"},
    "help": set(),
    "completion": set(),
    "pull": {"registry", "composition"},
    "benchmarking": PIPELINE | {"pipeline", "datasets", "evaluation.svg"},
    "export_command": {"component", "runtimes", "settings", "pull", "datasets"},
    "demo_command": {"demo"},
    "mcp": SWAPPING | {"jobs"},
    "mcp_command": {"mcp", "media"},
    "cli": COMMANDS
    | PIPELINE
    | {"benchmarking", "jobs", "pipeline", "publishing", "preparation", "evaluation", "synthesis"},
    "trainers": PIPELINE | {"pipeline", "publishing", "preparation", "evaluation", "synthesis", "datasets"},
}


def modules() -> dict[str, Path]:
    """Every module of the package and the trainers, by its dotted name below `faceshifter_hub`."""
    found = {}
    for path in [*ROOT.glob("faceshifter_hub/**/*.py"), *ROOT.glob("trainers/**/*.py"), ROOT / "app.py"]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if path.exists() and "registry_data" not in parts:
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


def imports(path: Path, name: str) -> set[str]:
    """Return the full names a module imports, also inside functions; `from a import b` counts as a.b."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            source = ".".join(part for part in (base, node.module) if part)
            found |= {f"{source}.{alias.name}" for alias in node.names}
    return found


def room_of(name: str) -> str:
    """Return the room of a dotted name: `trainers`, or what follows `faceshifter_hub`."""
    parts = name.split(".")
    if parts[0] == "faceshifter_hub":
        return parts[1] if len(parts) > 1 else ""
    return parts[0]


def allowed(name: str, imported: str) -> bool:
    """Tell whether a module may import a name."""
    top = imported.split(".")[0]
    if top not in ("faceshifter_hub", "trainers"):
        return True
    room, inner = room_of(name), imported.removeprefix("faceshifter_hub.")
    if room_of(imported) in (room, "errors"):
        return True
    return any(inner == other or inner.startswith(f"{other}.") for other in STANDS_ON[room])


@pytest.mark.parametrize("name", [name for name in modules() if name != "app"])
def test_imports_run_one_way(name):
    assert room_of(name) in STANDS_ON, f"{name} is in no room of docs/architecture.md"
    public = {"faceshifter_hub", "faceshifter_hub.__version__"}  # the package itself, whose names are lazy
    refused = {imported for imported in imports(modules()[name], name) - public if not allowed(name, imported)}
    assert refused == set()


def test_the_rule_sees_what_it_must_refuse(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "def f():\n    from faceshifter_hub.pipeline import X\n    from .. import demo\n    import trainers.aei\n"
    )
    found = imports(path, "faceshifter_hub.models.module")
    assert found == {"faceshifter_hub.pipeline.X", "faceshifter_hub.demo", "trainers.aei"}
    assert not any(allowed("faceshifter_hub.models.module", name) for name in found)
    assert allowed("faceshifter_hub.synthesis.faces", "faceshifter_hub.faces.alignment.template")
    assert not allowed("faceshifter_hub.synthesis.faces", "faceshifter_hub.faces.mtcnn.MTCNNDetector")


def test_the_space_imports_the_demo_alone():
    ours = {name for name in imports(modules()["app"], "app") if room_of(name) != name.split(".")[0]}
    assert {room_of(name) for name in ours} <= {"demo"}


@pytest.mark.parametrize(
    "code",
    [
        "import faceshifter_hub",
        "import faceshifter_hub; faceshifter_hub.list_components(); faceshifter_hub.list_pipelines()",
        "from faceshifter_hub.cli import main; main(['components', '--json'])",
        "from faceshifter_hub.cli import main; main(['info', 'dlib-resnet'])",
        "from faceshifter_hub.cli import build_parser; build_parser().format_help()",
        "import faceshifter_hub.settings",
    ],
)
def test_nothing_heavy_is_loaded(code):
    script = f"import sys\n{code}\nprint('\\n' + ' '.join(sys.modules))"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(process.stdout.splitlines()[-1].split())
