"""What runs a pipeline's networks, said by every command that swaps."""

import sys

from huggingface_hub.utils import tqdm

from faceshifter_hub.pipeline import FaceShifterPipeline


def tell_runtime(pipeline: FaceShifterPipeline) -> None:
    """Say on stderr, in a line, which runtime was chosen and on which device."""
    tqdm.write(f"Networks run by {pipeline.runtime} on {pipeline.device}.", file=sys.stderr)
