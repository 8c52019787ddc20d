"""A device that runs out of memory: fewer faces are taken at once."""

import numpy as np
import pytest
import torch
from group_picture import group
from torch import nn

from faceshifter_hub import FaceShifterPipeline
from faceshifter_hub.errors import DeviceMemoryError
from faceshifter_hub.media.images import read_image
from faceshifter_hub.registry import DATA_ROOT

SOURCE = sorted((DATA_ROOT / "examples").glob("*.webp"))[5]
pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("unmarked")]


class SmallDevice(nn.Module):
    """A refiner on a device that holds so many faces.

    Args:
        refiner: The real one.
        most: Faces.
    """

    def __init__(self, refiner: nn.Module, most: int):
        super().__init__()
        self.refiner, self.most, self.batches = refiner, most, []

    def forward(self, swapped: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(swapped))
        if len(swapped) > self.most:
            raise torch.OutOfMemoryError(f"tried to allocate {len(swapped)} faces")
        return self.refiner(swapped, error)


def shrink(pipe: FaceShifterPipeline, most: int) -> SmallDevice:
    small = SmallDevice(pipe.networks["hear_refiner"], most)
    pipe.networks = {**pipe.networks, "hear_refiner": small}
    return small


def test_the_batch_halves_until_it_fits_and_stays_so(pipeline):
    people = group(0, 1, 2)
    pipe = FaceShifterPipeline.from_pretrained(pipeline, runtime="torch")
    source = pipe.identity(SOURCE)
    expected = pipe(source, people, faces="all").images[0]
    small = shrink(pipe, 1)
    first, second = pipe(source, [people, people], faces="all").images
    assert small.batches == [3, 1, 1, 1, 1, 1, 1]
    for result in (first, second):
        assert np.abs(np.asarray(result).astype(int) - np.asarray(expected)).max() <= 1


def test_no_room_for_one_face_is_one_sentence(pipeline):
    pipe = FaceShifterPipeline.from_pretrained(pipeline, runtime="torch")
    shrink(pipe, 0)
    with pytest.raises(DeviceMemoryError, match="not enough memory for one face"):
        pipe(SOURCE, read_image(SOURCE))
