"""Small untrained networks for 64x64 faces: a whole set, and a generator and encoder of another attribute space."""

import json

import torch

from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from faceshifter_hub.models.hear import HEARRefiner

RESOLUTION = 64


def tiny_networks(seed=0):
    """Return the networks by name; the same seed gives the same weights."""
    torch.manual_seed(seed)
    networks = {"hear-tiny": HEARRefiner(RESOLUTION, (8, 8, 8)).eval()}
    for name in ("tiny", "other"):
        encoder = MultilevelAttributeEncoder(
            RESOLUTION, (8, 8, 8, 8), full_resolution_level=False, attribute_space=name
        )
        networks[f"attribute-{name}"] = encoder.eval()
        networks[f"aad-{name}"] = AADGenerator(
            RESOLUTION,
            identity_space="dlib-centred",
            identity_dim=128,
            attribute_space=name,
            attribute_channels=encoder.interface.attribute_space.channels,
            stem_channels=8,
            channels=(8, 8, 8, 8),
            output_upscale=2,
        ).eval()
    return networks


def save_tiny_pipeline(folder, seed=0):
    """Write a pipeline of tiny networks, with the real detector and identity encoder by name; returns the folder."""
    networks = tiny_networks(seed)
    index = {"face_detector": {"address": "mtcnn"}, "identity_encoder": {"address": "dlib-resnet"}}
    for kind, name in (
        ("attribute_encoder", "attribute-tiny"),
        ("aad_generator", "aad-tiny"),
        ("hear_refiner", "hear-tiny"),
    ):
        networks[name].save_pretrained(folder / kind)
        index[kind] = {"subfolder": kind}
    (folder / "model_index.json").write_text(json.dumps({"components": index}))
    return folder
