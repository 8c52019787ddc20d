"""Who takes whose place: identities of sources, the people they replace, and which face of a picture is whose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from faceshifter_hub.faces.detection import Face
from faceshifter_hub.faces.recognition import likeness, recognise
from faceshifter_hub.faces.selection import select_faces
from faceshifter_hub.options import SwapOptions


@dataclass(frozen=True, eq=False)
class Identity:
    """Who somebody is; what `FaceShifterPipeline.identity` returns and every call takes as a source.

    Attributes:
        z: z_id, (1, d), the mean over the photographs.
        face: The first photograph's aligned face, (R, R, 3) uint8.
        files: The photographs' files, as far as they came as such; what these say of themselves becomes a part of what
            a swap's file says.
    """

    z: torch.Tensor
    face: np.ndarray
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False)
class Role:
    """One source, and whose face it takes.

    Attributes:
        source: Whose identity is taken.
        person: Who is replaced: whoever looks like this identity; the face of this number, 1 the leftmost; if None,
            whom the options name.
    """

    source: Identity
    person: Identity | int | None = None


@dataclass(frozen=True, eq=False)
class Assignment:
    """A face of a picture and the identity it gets."""

    face: Face
    source: Identity


def is_everyone_meant(roles: Sequence[Role], options: SwapOptions) -> bool:
    """Tell whether all faces of a picture must be known, and not its largest alone."""
    return roles[0].person is not None or options.faces != "largest"


def assign_roles(
    roles: Sequence[Role], faces: Sequence[Face], options: SwapOptions, embed: Callable[[Face], torch.Tensor]
) -> list[Assignment]:
    """Return which faces of a picture get which identity, from left to right.

    Args:
        roles: One without a person, or any number with one.
        faces: Of the picture.
        options: Of the swap: `faces`, where the role names nobody, `min_score` and `min_likeness`.
        embed: Tells the identity (1, d) of one of the faces.
    """
    if len(roles) == 1 and roles[0].person is None:
        return [Assignment(face, roles[0].source) for face in select_faces(faces, options.faces, options.min_score)]
    sure = select_faces(faces, "all", options.min_score)
    sources: list[Identity | None] = [None] * len(sure)
    known = [(role.person.z, role.source) for role in roles if isinstance(role.person, Identity)]
    if known and sure:
        z_faces, z_people = torch.cat([embed(face) for face in sure]), torch.cat([z for z, _ in known])
        for place, person in enumerate(recognise(z_faces, z_people, options.min_likeness)):
            sources[place] = None if person is None else known[person][1]
    for role in roles:
        if isinstance(role.person, int) and role.person <= len(sure):
            sources[role.person - 1] = role.source
    return [Assignment(face, source) for face, source in zip(sure, sources, strict=True) if source is not None]


def best_likeness(
    roles: Sequence[Role], faces: Sequence[Face], options: SwapOptions, embed: Callable[[Face], torch.Tensor]
) -> float:
    """Return the likeness, in [-1, 1], of the likeliest face to any person of a role; see `assign_roles`."""
    z_faces = torch.cat([embed(face) for face in select_faces(faces, "all", options.min_score)])
    z_people = torch.cat([role.person.z for role in roles if isinstance(role.person, Identity)])
    return float(likeness(z_faces, z_people).max())


def why_nobody(roles: Sequence[Role], faces: Sequence[Face], options: SwapOptions) -> str | None:
    """Return what is wrong with the faces that roles or options number, or that all must be surer of; else None.

    Args:
        roles: See `assign_roles`.
        faces: Of the picture, at least one.
        options: See `assign_roles`.
    """
    sure = select_faces(faces, "all", options.min_score)
    if not sure:
        return f"shows no face of which the detector is surer than {options.min_score}; lower min_score"
    numbers = [role.person for role in roles if isinstance(role.person, int)]
    if options.faces not in ("all", "largest"):
        numbers += map(int, options.faces.split(","))
    if max(numbers, default=0) > len(sure):
        return f"has no face {max(numbers)}: it shows {len(sure)}, numbered from left to right"
    return None
