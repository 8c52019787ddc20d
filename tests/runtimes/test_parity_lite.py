"""The embedded default by every runtime, on 64 faces, against the networks as they were trained."""

import pytest
import torch

from faceshifter_hub.benchmarking.run import example_faces
from faceshifter_hub.benchmarking.stages import Stages, largest_difference
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.runtimes import COMPILED, ENGINES
from faceshifter_hub.runtimes import networks as runtime_networks
from faceshifter_hub.settings import get_settings

TOLERANCE = 1e-3
FACES = 3
PEOPLE, BATCH = 64, 16


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A cache of its own, which the first engine fills for the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACESHIFTER_CACHE", str(tmp_path_factory.mktemp("cache")))
        get_settings.cache_clear()
        assert FaceShifterPipeline.from_pretrained(runtime="auto").runtime == "torch"
        yield
    get_settings.cache_clear()


def largest_differences(pipeline: FaceShifterPipeline) -> dict[str, float]:
    faces, z_source = example_faces(pipeline, FACES)
    by_engine = Stages(pipeline.networks, faces, z_source).calls()
    eager = Stages(pipeline.components, faces, z_source).calls()
    return {name: largest_difference(by_engine[name](), eager[name]()) for name in eager if name != "modulations"}


@pytest.mark.parametrize("runtime", ["torch", "inductor", *ENGINES])
def test_every_stage(exported, runtime):
    if runtime in ENGINES:
        pytest.importorskip(runtime)
    pipeline = FaceShifterPipeline.from_pretrained(runtime=runtime)
    assert pipeline.runtime == runtime
    differences = largest_differences(pipeline)
    assert max(differences.values()) < TOLERANCE, differences


@pytest.fixture(scope="module")
def people():
    """Batches of 64 faces and identities, of rendered people as they are, mirrored, paler, and eager swaps of them."""
    pipeline = FaceShifterPipeline.from_pretrained(runtime="torch")
    rendered, identities = example_faces(pipeline, 12)
    both = torch.cat([rendered, rendered.flip(-1)])
    faces = torch.stack([both[n % 24] * (1 - 0.2 * (n // 24)) for n in range(PEOPLE)])
    z_source = torch.stack([identities[5 * n % 12] for n in range(PEOPLE)])
    given = list(zip(faces.split(BATCH), z_source.split(BATCH), strict=True))
    return given, [Stages(pipeline.components, *batch).calls()["swap"]() for batch in given]


@pytest.mark.parametrize("runtime", ["inductor", *ENGINES])
def test_64_swapped_faces(exported, people, runtime):
    if runtime in ENGINES:
        pytest.importorskip(runtime)
    networks = FaceShifterPipeline.from_pretrained(runtime=runtime).networks
    for batch, expected in zip(*people, strict=True):
        torch.testing.assert_close(Stages(networks, *batch).calls()["swap"](), expected, atol=TOLERANCE, rtol=0)


def test_64_swapped_faces_in_bfloat16_lie_40_decibels_and_more_from_float32(exported, people):
    networks = FaceShifterPipeline.from_pretrained(runtime="inductor-bf16").networks
    for batch, expected in zip(*people, strict=True):
        error = (Stages(networks, *batch).calls()["swap"]() - expected) / 2  # of values in [-1, 1]
        decibels = -10 * torch.log10(error.square().mean((1, 2, 3)))
        assert 40 <= decibels.min() and decibels.max() < 90, "and it is not float32 by another name"


@pytest.mark.parametrize("able", [True, False])
def test_auto_takes_bfloat16_only_where_it_is_fast(exported, monkeypatch, able):
    for runtime in COMPILED:
        FaceShifterPipeline.from_pretrained(runtime=runtime)
    monkeypatch.setattr(runtime_networks, "has_bf16", lambda device: able)
    assert FaceShifterPipeline.from_pretrained().runtime == ("inductor-bf16" if able else "inductor")


@pytest.mark.parametrize("runtime", ["inductor", "onnxruntime"])
def test_boosted_faces_are_parsed(exported, runtime):
    pipeline = FaceShifterPipeline.from_pretrained(runtime=runtime)
    faces = torch.rand(1, 3, 512, 512) * 2 - 1
    with torch.inference_mode():
        expected = pipeline.components["face_parser"](faces)
        torch.testing.assert_close(pipeline.networks["face_parser"](faces), expected, atol=TOLERANCE, rtol=0)
