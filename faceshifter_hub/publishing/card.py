"""The model card of a published repository."""

from collections.abc import Mapping, Sequence

from faceshifter_hub.component import HUB_LICENCES
from faceshifter_hub.publishing.toml import to_toml
from faceshifter_hub.publishing.trained import Report, TrainedFolder
from faceshifter_hub.registry import Manifest


def write_card(
    repo: str,
    manifests: Sequence[Manifest],
    trained: TrainedFolder,
    report: Report | None,
    pictures: Mapping[str, str],
) -> str:
    """Return the README.md of a repository.

    Args:
        repo: `owner/name`.
        manifests: Of the components in it.
        trained: The folder they come from.
        report: What was measured of a pipeline of these components.
        pictures: What each picture beside the card shows, by file name.
    """
    first = manifests[0]
    licence = first.weights_licence or "not stated"
    known = licence.lower() in HUB_LICENCES
    tags = ", ".join(["face-swapping", "faceshifter", *(m.kind.replace("_", "-") for m in manifests)])
    sections = [
        f"# {repo.partition('/')[2]}",
        f"Components for face swapping in two stages ([FaceShifter]({first.paper})), trained with FaceShifter Hub.",
        components(manifests),
        "## How to load it",
        f"```python\n{loading(repo, manifests)}```",
        "In each folder, `diffusion_pytorch_model.safetensors` is in single precision, which `from_pretrained` takes, "
        "and `diffusion_pytorch_model.fp16.safetensors` in half.",
        f"## Data\n\n{first.training_data[:1].upper()}{first.training_data[1:].rstrip('.')}.",
        *recipe(trained),
        *(f"![{what}]({name})\n\n{what}." for name, what in pictures.items()),
        *measured(report),
        f"## Licence\n\nWeights: {licence}. Code: {first.code_licence}. Commercial use: "
        f"{'yes' if first.commercial_use else 'no'}.",
        INTENDED,
    ]
    facts = f"library_name: faceshifter-hub\nlicense: {licence.lower() if known else 'other'}\ntags: [{tags}]"
    return f"---\n{facts}\n---\n\n" + "\n\n".join(sections) + "\n"


INTENDED = """## Intended use

Face swapping with the consent of everyone shown: research, privacy, film and art.

## Out-of-scope use

Pictures of people who did not agree, deception, sexual or defamatory content, and anything that presents a swapped \
face as a true recording. Results are no evidence of who somebody is."""


def components(manifests: Sequence[Manifest]) -> str:
    """Return a table of the components and what they fit."""
    rows = [
        f"| `{m.source.subfolder}` | {m.class_name.partition(':')[2]} | {m.interface.resolution} | "
        f"{m.interface.identity_space or '-'} | {m.interface.attribute_space or '-'} |"
        for m in manifests
        if m.source.type == "hub"
    ]
    head = "| folder | class | resolution | identity space | attribute space |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


def loading(repo: str, manifests: Sequence[Manifest]) -> str:
    """Return the Python that loads every component."""
    named = [(m.kind, *m.class_name.split(":")) for m in manifests]
    imports = "".join(f"from {module} import {name}\n" for _, module, name in named)
    calls = "".join(f'{kind} = {name}.from_pretrained("hf://{repo}/{kind}")\n' for kind, _, name in named)
    return f"{imports}\n{calls}"


def recipe(trained: TrainedFolder) -> list[str]:
    """Return the section on training, with options that can be used as a recipe again."""
    if not trained.recipe:
        return ["## Training\n\nThe options of the run were not kept."]
    trainer = "hear.py" if trained.kinds == ("hear_refiner",) else "aei.py"
    return [
        f"## Training\n\nBy `trainers/{trainer}` with these options; saved as a TOML file they are a recipe again:",
        f"```toml\n{to_toml(trained.recipe)}```",
    ]


def measured(report: Report | None) -> list[str]:
    """Return the section on metrics, if any were measured."""
    if report is None:
        return []
    rows = "\n".join(f"| {m['name']} | {m['value']:.4g} | {m['measured_by']} |" for m in report.metrics)
    head = "| metric | value | measured by |\n|---|---|---|"
    return [f"## Metrics\n\nOf a pipeline, by `{report.command}`:\n\n{head}\n{rows}"]
