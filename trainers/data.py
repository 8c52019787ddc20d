"""The photographs that a run's options name: folders, prepared or not, and streams, mixed by weight."""

import os
from collections.abc import Sequence
from pathlib import Path

from accelerate import Accelerator

from faceshifter_hub.errors import DataError
from faceshifter_hub.preparation.photographs import holds_photographs
from faceshifter_hub.preparation.prepare import prepare
from trainers.photos import AtRandom, Mixture, PhotoFolder, PhotoList, find_shards, read_place
from trainers.streams import PhotoStream

Weighted = Sequence[tuple[Path, float]]


def find_folders(
    places: Sequence[str], prepared_in: Path, resolution: int, accelerator: Accelerator
) -> list[tuple[Path, float]]:
    """Return the prepared folders of a run and their weights; photographs that are not prepared yet are, first.

    Args:
        places: `DIR` or `DIR=WEIGHT` each.
        prepared_in: folder for those that are prepared here.
        resolution: of the faces.
        accelerator: of the run.

    Raises:
        DataError: A folder cannot be read, no photograph of it shows a face to learn from, or a weight is not above 0.
        UnwritableOutputError: The prepared ones cannot be written to the output folder.
    """
    found = []
    for number, place in enumerate(places):
        address, weight = read_place(place)
        folder = Path(address)
        if not find_shards(folder) and holds_photographs(folder):
            prepared = prepared_in / f"{number}-{folder.resolve().name}"
            if accelerator.is_main_process:
                print(
                    f"{folder} holds photographs: their faces are looked for, once, and kept in {prepared}", flush=True
                )
                prepare(folder, prepared, resolution, resolution // 2, os.cpu_count() or 1)
            accelerator.wait_for_everyone()
            if not find_shards(prepared):
                raise DataError(
                    f"No photograph of {folder} shows a face to learn from at this resolution; "
                    f"{prepared / 'rejected.jsonl'} says why each was left out."
                )
            folder = prepared
        found.append((folder, weight))
    return found


def load_training(
    folders: Weighted, resolution: int, streams: Sequence[tuple[PhotoStream, float]] = ()
) -> tuple[list[PhotoFolder], Mixture]:
    """Return the photographs of the training split: of each folder, and all of them mixed.

    Raises:
        DataError: There is no data, fewer than two people, or a damaged shard.
    """
    if not folders and not streams:
        raise DataError("There is nothing to train on: give --train_data_dir, or --dataset_name to stage 1.")
    loaded = [PhotoFolder(find_shards(folder, required=True), "training", resolution) for folder, _ in folders]
    for (folder, _), photos in zip(folders, loaded, strict=True):
        if not len(photos):
            raise DataError(f"{folder} holds nobody of the training split; give more photographs.")
    people = sum(photos.people for photos in loaded)
    if people < 2 and not streams:
        raise DataError(f"The data hold {people} person of the training split; pairs of different people need two.")
    weights = [weight for _, weight in (*folders, *streams)]
    return loaded, Mixture([*loaded, *(stream for stream, _ in streams)], weights)


def load_preview(
    folders: Weighted,
    resolution: int,
    training: Mixture,
    rows: int,
    streams: Sequence[tuple[PhotoStream, float]] = (),
) -> Mixture:
    """Return what sample grids are drawn from: the validation split or, if it has fewer than two people, `training`.

    Args:
        folders: of the run.
        resolution: that faces will be aligned to.
        training: the other side of the split.
        rows: how many photographs of a stream's validation split are enough.
        streams: of the run.

    Raises:
        DataError: A shard is damaged.
    """
    kept: list[tuple[AtRandom, float]] = [
        (PhotoFolder(find_shards(folder), "validation", resolution), weight) for folder, weight in folders
    ]
    kept += [(PhotoList(stream.held_out(rows)), weight) for stream, weight in streams]
    kept = [(photos, weight) for photos, weight in kept if len(photos)]
    people = sum(photos.people for photos, _ in kept)
    if people < 2:
        print("The validation split has fewer than two people: sample grids show people of the training split.")
        return training
    return Mixture([photos for photos, _ in kept], [weight for _, weight in kept])
