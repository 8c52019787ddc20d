"""What the tests of faults swap with."""

import pytest
from tiny_networks import save_tiny_pipeline


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory):
    """The folder of a tiny pipeline."""
    return save_tiny_pipeline(tmp_path_factory.mktemp("pipeline"))
