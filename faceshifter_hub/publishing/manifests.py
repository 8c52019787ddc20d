"""The manifests of published components."""

import re
from dataclasses import dataclass

from faceshifter_hub.component import HUB_LICENCES, ComponentMixin
from faceshifter_hub.publishing.trained import Report, TrainedFolder
from faceshifter_hub.registry import File, HubSource, Manifest, list_components

PAPER = "https://arxiv.org/abs/1912.13457"


@dataclass(frozen=True)
class About:
    """What a folder does not know of itself.

    Attributes:
        licence: Of the weights; commercial use is granted by those the Hub has an identifier for.
        training_data: What the components were trained on; None says what the recipe says.
        report: What `faceshifter evaluate` measured of a pipeline of these components.
        samples: Whether the last sample grid may be shown: it has people of the validation split in it.
    """

    licence: str | None = None
    training_data: str | None = None
    report: Report | None = None
    samples: bool = False


def manifest_of(
    component: ComponentMixin, files: tuple[File, ...], repo: str, trained: TrainedFolder, about: About
) -> Manifest:
    """Return the manifest of a component in the folder of its kind of a repository, at no commit yet."""
    return Manifest.model_validate(
        {
            "name": f"{slug(repo)}-{component.kind.replace('_', '-')}",
            "kind": component.kind,
            "class": f"{type(component).__module__}:{type(component).__name__}",
            "description": f"{type(component).__name__} of {repo}",
            "source": HubSource(type="hub", repo=repo, revision="main", subfolder=component.kind),
            "files": files,
            "interface": component.interface,
            "code_licence": "Apache-2.0",
            "weights_licence": about.licence,
            "commercial_use": is_commercial(about.licence, trained),
            "training_data": about.training_data or trained.data or "not stated",
            "paper": PAPER,
        }
    )


def slug(repo: str) -> str:
    """Return the name of a repository as the registry spells names."""
    return re.sub(r"[^a-z0-9.]+", "-", repo.partition("/")[2].lower()).strip("-.") or "unnamed"


def is_commercial(licence: str | None, trained: TrainedFolder) -> bool:
    """Tell whether the licence grants commercial use, and the identity encoder trained against does not forbid it."""
    encoder = trained.recipe.get("identity_encoder")
    forbidden = {m.name for m in list_components("identity_encoder") if not m.commercial_use}
    return licence is not None and licence.lower() in HUB_LICENCES and encoder not in forbidden
