"""Photographs whose swap is known, ours: the face of one put in the place of another's, by their meshes.

Nobody can photograph a true swap, but two things come near it (ReliableSwap, arXiv 2306.05356). In a *naive triplet*
the photograph is the target, and the swap wanted is what the exchange made: the source's own features, in the target's
place and light. In a *cycle triplet* the target is what the exchange made, and the swap wanted is the photograph
itself: a real picture, of which nothing was made up. In both, the target shows somebody else than the swap wanted
does, so a network cannot copy the face that it sees. Who wears glasses takes no part: exchanged with the face, they
would teach that glasses belong to the source.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from faceshifter_hub.errors import DataError, TrainingError
from faceshifter_hub.evaluation.judging.facemesh import FaceMesh
from faceshifter_hub.evaluation.judging.mesh import Mesh, find_mesh
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.models.face_parser import WORN, FaceParser, glasses_share
from trainers.face_exchange import exchange_face
from trainers.options import TrainingOptions
from trainers.pairs import to_tensor
from trainers.photos import MOST_DRAWS, Photo, PhotoFolder
from trainers.pieces import cache_key, compute_in_pieces
from trainers.rendered import Swap

GLASSES_BATCH = 16  # faces at once
CYCLES = 0.5  # share of triplets whose true swap is the photograph
MOST_SHAPE = 0.6  # of the donor's shape; its expression would come with all of it


class PhotoTriplets:
    """Triplets made of photographs while they are drawn.

    Args:
        folders: of photographs, two people at least.
        meshes: of each folder: the points of each photograph, (N, 468, 3), as `find_meshes` returns them.
        chosen: of each folder: numbers of the photographs that take part, one at least.
        weights: how often each folder is chosen, in proportion.
    """

    def __init__(
        self,
        folders: Sequence[PhotoFolder],
        meshes: Sequence[np.ndarray],
        chosen: Sequence[np.ndarray],
        weights: Sequence[float],
    ):
        self.folders, self.meshes, self.chosen = folders, meshes, chosen
        self.shares = np.array(weights) / np.sum(weights)  # (N,)

    def draw(self, rng: np.random.Generator) -> Swap:
        """Draw a naive or a cycle triplet.

        Raises:
            DataError: There seems to be one person only.
        """
        wearer, wearer_points = self._choose(rng)
        for _ in range(MOST_DRAWS):
            donor, donor_points = self._choose(rng)
            if donor.person != wearer.person:
                break
        else:
            raise DataError(f"{MOST_DRAWS} photographs in a row show one person; exchanging faces needs two.")
        image = exchange_face(wearer.image, wearer_points, donor.image, donor_points, rng.uniform(0, MOST_SHAPE))
        exchanged = Photo(image, wearer.points)
        if rng.random() < CYCLES:
            return Swap(wearer, exchanged, wearer)
        return Swap(donor, wearer, exchanged)

    def _choose(self, rng: np.random.Generator) -> tuple[Photo, np.ndarray]:
        number = int(rng.choice(len(self.folders), p=self.shares))
        photo = int(rng.choice(self.chosen[number]))
        return self.folders[number][photo], self.meshes[number][photo]


def find_meshes(folder: PhotoFolder, kept_in: Path, accelerator: Accelerator) -> np.ndarray:
    """Return Face Mesh's points of every photograph, (N, 468, 3) float32, in pixels of what the folder gives.

    x runs to the right, y down, z away from the camera. They are found once, by all processes together.

    Raises:
        FaceShifterError: The network cannot be had.
        UnwritableOutputError: They cannot be kept.
    """

    def compute(numbers: range) -> np.ndarray:
        network = FaceMesh.from_package().to(accelerator.device)
        return np.stack(
            [solid(find_mesh(photo.image, photo.points, network)) for photo in map(folder.__getitem__, numbers)]
        )

    cache = kept_in / cache_key(shards_of(folder), folder.resolution, len(folder))
    return compute_in_pieces("meshes", len(folder), compute, cache, accelerator)


def shards_of(folder: PhotoFolder) -> list[tuple[str, int]]:
    """Return path and size of each shard, which stand for the photographs in them."""
    return [(str(path), path.stat().st_size) for path in folder.paths]


@torch.no_grad()
def find_bare(folder: PhotoFolder, kept_in: Path, accelerator: Accelerator) -> np.ndarray:
    """Return the numbers of the photographs whose face wears no glasses, as the embedded face parser sees it.

    Raises:
        DataError: Everybody wears glasses, it seems.
        UnwritableOutputError: What was seen cannot be kept.
    """
    parser = FaceParser.from_pretrained("parser-lite").eval().to(accelerator.device)
    side = parser.config.side

    def compute(numbers: range) -> np.ndarray:
        shares: list[float] = []
        for first in range(numbers.start, numbers.stop, GLASSES_BATCH):
            photos = [folder[n] for n in range(first, min(first + GLASSES_BATCH, numbers.stop))]
            aligned = [to_tensor(align(photo.image, photo.points, side)[0]) for photo in photos]
            shares += glasses_share(parser, torch.stack(aligned).to(accelerator.device)).tolist()
        return np.array(shares)

    cache = kept_in / cache_key(shards_of(folder), side, len(folder))
    shares = compute_in_pieces("glasses", len(folder), compute, cache, accelerator)
    bare = np.flatnonzero(shares <= WORN)
    if not len(bare):
        raise DataError("All faces of a folder seem to wear glasses, and exchanging faces needs some without.")
    return bare


def solid(mesh: Mesh) -> np.ndarray:
    """Return a mesh's points in pixels of its photograph, (468, 3): x to the right, y down, z away from the camera."""
    spread_in_photo, spread = (np.linalg.norm(p - p.mean(0)) for p in (mesh.in_photo, mesh.points[:, :2]))
    return np.column_stack([mesh.in_photo, -mesh.points[:, 2] * spread_in_photo / spread])


def load_exchanged(
    options: TrainingOptions, folders: list[PhotoFolder], weights: list[float], accelerator: Accelerator
) -> PhotoTriplets | None:
    """Return the photographs whose swap is known, None where the recipe wants none.

    Raises:
        TrainingError: All photographs are streamed: their meshes cannot be found beforehand.
    """
    if not options.exchanged_ratio:
        return None
    if not folders:
        raise TrainingError(
            "exchanged_ratio needs photographs in a folder, --train_data_dir: streamed ones have no mesh."
        )
    meshes = [find_meshes(folder, options.output_dir / "meshes", accelerator) for folder in folders]
    bare = [find_bare(folder, options.output_dir / "glasses", accelerator) for folder in folders]
    return PhotoTriplets(folders, meshes, bare, weights)
