from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.baselines import paste_source
from faceshifter_hub.evaluation.cases import Case, Photo
from faceshifter_hub.evaluation.contestants import (
    Contestant,
    PipelineSwapper,
    ResultsFolder,
    Scene,
    WithoutNetwork,
    first_stage,
    is_results,
    make_contestants,
    nearest,
)
from faceshifter_hub.faces.alignment import template
from faceshifter_hub.media.images import write_image
from faceshifter_hub.pipeline import FaceShifterPipeline

TRIPLETS = Path(__file__).parent / "triplets"
NOWHERE = np.zeros((5, 2))


def picture_of(name):
    return np.asarray(Image.open(TRIPLETS / f"{name}.webp").convert("RGB"))


def scene(source, target, truth=None, name="case", source_points=NOWHERE, target_points=NOWHERE):
    photos = [Photo(role, role, lambda: source) for role in ("source", "target")]
    return Scene(Case(name, *photos), source, source_points, target, target_points, truth)


@pytest.fixture
def greys():
    """Three small pictures of noise."""
    return np.random.default_rng(0).integers(0, 256, (3, 8, 6, 3), np.uint8)


# ---- without a network


def test_target_and_truth_are_what_they_are_called(greys):
    source, target, truth = greys
    scenes = [scene(source, target, truth), scene(source, target)]
    for result in WithoutNetwork("target").swap(scenes):
        np.testing.assert_array_equal(result, target)
    known, unknown = WithoutNetwork("truth").swap(scenes)
    np.testing.assert_array_equal(known, truth)
    assert unknown == "this protocol knows no true swap"
    assert WithoutNetwork("target").key(scenes[0].case) != WithoutNetwork("truth").key(scenes[0].case)


def test_pasting_moves_the_source_into_the_face_and_leaves_the_rest():
    rng = np.random.default_rng(0)
    source = np.kron(rng.integers(60, 200, (20, 20, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    target = np.full((200, 240, 3), 128, np.uint8)
    points = template(256) * 0.4 + 60
    (result,) = WithoutNetwork("pasted").swap([scene(source, target, None, "a", template(256), points)])
    changed = (result != target).any(2)
    assert result.shape == target.shape and changed[95:125, 90:130].mean() > 0.9
    assert not changed[:60].any() and not changed[:, :60].any() and not changed[170:].any()


@pytest.mark.parametrize("scale", [0.97, 0.98, 0.99, 1.0])
def test_a_face_pasted_onto_itself_stays_where_it_is(scale):
    picture = picture_of("01_target")
    points = template(256) * scale
    pasted = paste_source(picture, points, picture, points).astype(int)
    assert np.abs(pasted - picture).mean() < 0.6  # half of it by Lab in 8 bits; a pixel aside makes 1.3


def test_a_face_outside_the_picture_leaves_the_target(greys):
    source, target, _ = greys
    far = template(256) + 1000
    np.testing.assert_array_equal(paste_source(source, template(256), target, far), target)


# ---- results of another program


@pytest.fixture
def folder(tmp_path, greys):
    """The results of `good`, `damaged` and `small`, and what else may lie beside them."""
    folder = tmp_path / "results"
    folder.mkdir()
    write_image(greys[2], folder / "good.png")
    write_image(greys[2][:4], folder / "small.png")
    (folder / "damaged.png").write_bytes(b"no picture")
    (folder / "good.txt").write_text("how it was made")
    (folder / "deeper.png").mkdir()
    return folder


def test_each_missing_result_has_its_reason_and_the_others_count(folder, greys):
    source, target, made = greys
    names = ("none", "small", "good", "damaged", "deeper")
    results = dict(zip(names, ResultsFolder(folder).swap([scene(source, target, name=n) for n in names]), strict=True))
    np.testing.assert_array_equal(results.pop("good"), made)
    assert results["none"] == results["deeper"] == "the folder holds no picture of this name"
    assert results["small"].startswith("the picture has 6 x 4 pixels, its target 6 x 8: give whole pictures")
    assert "damaged.png' is not a picture that can be read" in results["damaged"]


def test_a_file_that_is_gone_by_now_has_its_reason(folder, greys):
    results = ResultsFolder(folder)
    (folder / "good.png").unlink()
    asked = scene(*greys[:2], name="good")
    (why,) = results.swap([asked])
    assert "good.png' cannot be read" in why and results.key(asked.case) == ""


def test_the_key_of_a_result_is_that_of_its_content(folder, greys):
    good, small, none = (scene(*greys[:2], name=name).case for name in ("good", "small", "none"))
    before = ResultsFolder(folder)
    assert len({before.key(case) for case in (good, small, none)}) == 3
    key = before.key(good)
    (folder / "good.png").rename(folder / "good.webp")
    assert ResultsFolder(folder).key(good) == key
    write_image(greys[1], folder / "good.webp")
    assert ResultsFolder(folder).key(good) != key


def test_a_folder_of_results_is_told_from_a_pipeline_a_training_run_and_a_name(folder, tmp_path):
    assert is_results(folder)
    for name in ("model_index.json", "aad_generator"):
        other = tmp_path / name.split(".")[0]
        (other / name).mkdir(parents=True)
        assert not is_results(other)
    assert not is_results(folder / "good.png") and not is_results(Path("faceshifter-lite"))


# ---- pipelines


@pytest.fixture(scope="module")
def pipeline():
    return FaceShifterPipeline.from_pretrained("faceshifter-lite", device="cpu")


@pytest.fixture(scope="module")
def swapper(pipeline):
    return PipelineSwapper(pipeline, True, pipeline.describe_components())


@pytest.fixture(scope="module")
def photos(pipeline):
    """Pictures of three people as sources and three as targets, with the landmarks the pipeline finds."""
    names = [f"{number:02}_{role}" for role in ("source", "target") for number in (1, 2, 4)]
    found = [(picture, pipeline.detect(picture)[0].landmarks) for picture in map(picture_of, names)]
    return found[:3], found[3:]


def scenes_of(photos):
    return [
        scene(source, target, source_points=source_points, target_points=target_points)
        for (source, source_points), (target, target_points) in zip(*photos, strict=True)
    ]


@pytest.mark.usefixtures("unmarked")
def test_a_batch_equals_the_pipeline_one_by_one(pipeline, swapper, photos):
    for refine in (True, False):
        results = PipelineSwapper(pipeline, refine, {}).swap(scenes_of(photos))
        for result, (source, _), (target, _) in zip(results, *photos, strict=True):
            expected = np.asarray(pipeline(source, target, refine=refine).images[0]).astype(int)
            assert np.abs(result - expected).max() <= 1 and np.abs(result - target.astype(int)).max() > 10


def test_a_picture_without_a_face_gives_words_and_the_others_are_swapped(swapper, photos):
    first, *others = scenes_of(photos)
    grey = np.full((128, 128, 3), 128, np.uint8)
    results = swapper.swap([first, scene(first.source, grey), scene(grey, first.target), *others])
    assert results[1:3] == [
        "the pipeline finds no face in the target",
        "the pipeline finds no face in the source",
    ]
    for result, expected in zip(results[:1] + results[3:], swapper.swap([first, *others]), strict=True):
        assert np.abs(result.astype(int) - expected).max() <= 1
    assert swapper.swap([scene(grey, grey)]) == ["the pipeline finds no face in the source"]


@pytest.fixture(scope="module")
def couple(photos):
    """Two people in one picture, the left one larger, and the landmarks of each."""
    (left, left_points), (right, right_points) = photos[1][:2]
    small = np.asarray(Image.fromarray(right).resize((192, 192), Image.Resampling.LANCZOS))
    picture = np.concatenate([left, np.pad(small, ((0, 64), (0, 0), (0, 0)), mode="edge")], axis=1)
    return picture, left_points, right_points * 0.75 + (256, 0)


@pytest.mark.parametrize("wanted", [0, 1])
def test_the_face_that_the_case_is_about_is_swapped_and_no_other(swapper, photos, couple, wanted):
    picture, *points = couple
    source, source_points = photos[0][2]
    (result,) = swapper.swap([scene(source, picture, source_points=source_points, target_points=points[wanted])])
    changed = [(result[:, part] != picture[:, part]).any() for part in (slice(0, 256), slice(256, None))]
    assert changed == [wanted == 0, wanted == 1]


def test_the_source_is_the_face_that_the_case_is_about(swapper, photos, couple):
    picture, *points = couple
    target, target_points = photos[1][2]
    both = swapper.swap([scene(picture, target, source_points=p, target_points=target_points) for p in points])
    alone = swapper.swap([scene(s, target, source_points=p, target_points=target_points) for s, p in photos[1][:2]])
    far = [[np.abs(a.astype(int) - b).mean() for b in alone] for a in both]
    assert far[0][0] < 0.5 * far[0][1] and far[1][1] < 0.5 * far[1][0]


def test_the_nearest_face_is_that_of_the_nearest_landmarks(pipeline, couple):
    picture, *points = couple
    faces = pipeline.detect(picture)
    assert len(faces) == 2
    for its in points:
        assert np.linalg.norm(nearest(faces, its) - its, axis=1).mean() < 5


def test_the_key_of_a_pipeline_tells_stages_and_weights_but_no_cases(swapper):
    case, other = (scene(NOWHERE, NOWHERE, name=name).case for name in ("one", "other"))
    whole = swapper.key(case)
    assert whole == swapper.key(other)
    weights = {**swapper.components, "aad_generator": {"address": "aad-lite-256", "sha256": {"config.json": "0"}}}
    others = [
        PipelineSwapper(swapper.pipeline, False, swapper.components),
        PipelineSwapper(swapper.pipeline, True, weights),
    ]
    assert len({whole, *(each.key(case) for each in others)}) == 3


def test_contestants_come_in_order_and_the_first_stage_is_of_the_first_pipeline(folder, photos):
    main, stage, target, results = make_contestants(
        ["faceshifter-lite"], ["stage-1", "target", str(folder)], device="cpu"
    )
    assert [each.kind for each in (main, stage, target, results)] == ["pipeline"] + 3 * ["baseline"]
    assert [each.name for each in (main, stage, target, results)] == [
        "faceshifter-lite",
        "stage-1",
        "target",
        str(folder),
    ]
    assert main.step is None and main.identity_space == "dlib-centred" and main.components == stage.components
    assert isinstance(results.swapper, ResultsFolder) and results.address == str(folder)
    one = scenes_of(photos)[:1]
    (refined,), (swapped,) = main.swapper.swap(one), stage.swapper.swap(one)
    (expected,) = PipelineSwapper(main.swapper.pipeline, False, {}).swap(one)
    np.testing.assert_array_equal(swapped, expected)
    assert (refined != swapped).any()


def test_nobody_is_measured_twice():
    with pytest.raises(DataError, match=r"'target' is to be measured twice; name it once\."):
        make_contestants([], ["target", "truth", "target"], None)


def test_a_pipeline_without_a_refiner_is_its_own_first_stage(pipeline, tmp_path):
    address = tmp_path / "checkpoint-120"
    parts = {kind: part for kind, part in pipeline.components.items() if kind != "hear_refiner"}
    addresses = {kind: address for kind, address in pipeline.addresses.items() if kind in parts}
    FaceShifterPipeline(parts, addresses, "cpu").save_pretrained(address)
    with pytest.raises(DataError, match=r"checkpoint-120' has no second stage, so it is `stage-1` itself"):
        make_contestants([str(address)], ["stage-1"], "cpu")
    (alone,) = make_contestants([str(address)], [], "cpu")
    assert alone.step == 120 and not alone.swapper.refine


def test_the_first_stage_keeps_what_it_is_made_of(swapper):
    stage = first_stage(Contestant("main", "pipeline", swapper, components=swapper.components))
    assert stage.components == swapper.components and stage.swapper.pipeline is swapper.pipeline
