from pathlib import Path

import numpy as np
import pytest

from faceshifter_hub.faces.detection import Face
from faceshifter_hub.faces.mtcnn import MTCNNDetector
from faceshifter_hub.media.images import read_image
from faceshifter_hub.registry import DATA_ROOT


@pytest.fixture(scope="session")
def examples() -> list[np.ndarray]:
    """The rendered portraits that ship, one face each, (512, 512, 3)."""
    return [read_image(path) for path in sorted(Path(DATA_ROOT, "examples").glob("*.webp"))]


@pytest.fixture(scope="session")
def detector() -> MTCNNDetector:
    return MTCNNDetector.from_pretrained("mtcnn")


@pytest.fixture(scope="session")
def face(detector, examples) -> Face:
    """The face of the first example."""
    return detector.detect(examples[0])[0]
