"""What was pulled is there when the Hub is not."""

import pytest
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import FaceShifterPipeline
from faceshifter_hub.errors import HubUnavailableError
from faceshifter_hub.pull import pull


def test_a_pulled_pipeline_needs_no_network(hub, tmp_path, monkeypatch):
    FaceShifterPipeline.from_pretrained(save_tiny_pipeline(tmp_path, seed=7)).push_to_hub("alice/offline")
    FaceShifterPipeline.from_pretrained(save_tiny_pipeline(tmp_path, seed=7)).push_to_hub("alice/never-pulled")
    parts = {part.address.split("@")[0]: part for part in pull("hf://alice/offline")}
    assert parts["hf://alice/offline/aad_generator"].bytes > 0
    assert not parts["hf://alice/offline/aad_generator"].verified

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert FaceShifterPipeline.from_pretrained("hf://alice/offline").addresses
    with pytest.raises(HubUnavailableError):
        pull("hf://alice/never-pulled")
