from dataclasses import replace

import numpy as np
import pytest
import torch

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.cases import Case, CaseList, Photo, Truth
from faceshifter_hub.evaluation.contestants import Contestant, WithoutNetwork
from faceshifter_hub.evaluation.judging.mesh import LEFT_EYE, RIGHT_EYE
from faceshifter_hub.evaluation.judging.observation import Observation
from faceshifter_hub.evaluation.run import Measured, Swapped
from faceshifter_hub.evaluation.scoring import score_all

COUNT = 12
MAIN = Contestant("main", "pipeline", WithoutNetwork("target"))
STAGE = Contestant("stage-1", "baseline", WithoutNetwork("target"))


def face(seed):
    """Somebody, whose eyes are 10 pixels apart."""
    rng = np.random.default_rng(seed)
    mesh = rng.normal(100, 20, (468, 2))
    mesh[list(LEFT_EYE)], mesh[list(RIGHT_EYE)] = (80, 90), (90, 90)
    return Observation(
        found=np.array(True),
        points=np.zeros((5, 2), np.float32),
        mesh=mesh.astype(np.float32),
        pose=rng.normal(0, 20, 3),
        expression=rng.uniform(0, 1, 44),
        emotion=rng.dirichlet(np.ones(7)).astype(np.float32),
        gaze=rng.normal(0, 0.1, 2),
        mouth=np.array(rng.uniform(0, 0.5)),
        age=np.array(30, np.float32),
        female=np.array(0.9, np.float32),
        skin_tone=np.array(60.0),
        glasses=np.array(0.0),
        embeddings={"faceres": rng.normal(0, 1, 64).astype(np.float32) + 2},
    )


def photo(name, person=None):
    return Photo(name, person or name, lambda: np.zeros((4, 4, 3), np.uint8))


def protocol(*, truths=False, sequences=None, consecutive=False):
    """Twelve people's faces for twelve others, and whom the photographs show; perhaps true swaps and videos."""
    sources, targets = ([photo(f"{role}{n}") for n in range(COUNT)] for role in "st")
    cases = [
        Case(
            f"case{n}",
            sources[n],
            targets[n],
            truth=Truth(photo(f"true{n}"), dict) if truths else None,
            sequence=sequences[n] if sequences else None,
        )
        for n in range(COUNT)
    ]
    return CaseList("any", "a rule", cases, [*sources, *targets], consecutive=consecutive)


def look(listed):
    """Whom the photographs show; the true swap has the source's identity and otherwise is like nobody."""
    photos = {photo.name: face(n) for n, photo in enumerate(listed.gallery)}
    for n, case in enumerate(listed.cases):
        if case.truth:
            photos[case.truth.photo.name] = replace(face(100 + n), embeddings=photos[case.source.name].embeddings)
    return photos


def swapped(seen, identity=None, **numbers):
    return Swapped(replace(seen, embeddings=identity.embeddings) if identity else seen, numbers)


def perfect(listed, photos, **numbers):
    """The source's identity on the target's face."""
    return {case.name: swapped(photos[case.target.name], photos[case.source.name], **numbers) for case in listed.cases}


def scores(listed, photos, *contestants):
    """Score `main`, and `stage-1` if there is a second."""
    swaps = dict(zip(("main", "stage-1"), contestants, strict=False))
    return score_all(listed, Measured(photos, list(listed.cases), {}, swaps), [MAIN, STAGE][: len(swaps)])


def mean(values):
    return float(values.nanmean())


# ---- identity


def test_perfect_swaps_find_their_source():
    listed = protocol()
    photos = look(listed)
    found = scores(listed, photos, perfect(listed, photos))["main"].metrics["faceres"]
    assert {mean(found[name]) for name in ("closer_to_source", "retrieval_top1", "retrieval_top5")} == {1}
    assert mean(found["cosine_to_source"]) == pytest.approx(1) and mean(found["cosine_to_target"]) < 0.3
    assert "cosine_to_truth" not in found


def test_targets_unchanged_find_no_source():
    listed = protocol()
    photos = look(listed)
    untouched = {case.name: swapped(photos[case.target.name]) for case in listed.cases}
    found = scores(listed, photos, untouched)["main"].metrics["faceres"]
    assert mean(found["closer_to_source"]) == mean(found["retrieval_top1"]) == 0
    assert mean(found["cosine_to_target"]) == pytest.approx(1)


def test_another_photograph_of_the_source_is_as_good_and_true_swaps_are_not_searched():
    listed = protocol(truths=True)
    other = photo("again", person="s0")
    listed = replace(listed, gallery=[*listed.gallery, other])
    photos = look(listed)
    swaps = perfect(listed, photos)
    swaps["case0"] = swapped(photos["t0"], photos["again"])
    found = scores(listed, photos, swaps)["main"].metrics["faceres"]
    assert mean(found["retrieval_top1"]) == 1 and found["cosine_to_source"][0] < 0.5
    assert mean(found["cosine_to_truth"][1:]) == pytest.approx(1) and found["cosine_to_truth"][0] < 0.5


def test_every_identity_judge_is_scored_and_faceres_comes_first():
    listed = protocol()
    photos = {
        name: replace(seen, embeddings={"arcface": -seen.embeddings["faceres"], **seen.embeddings})
        for name, seen in look(listed).items()
    }
    found = scores(listed, photos, perfect(listed, photos))["main"].metrics
    identity = [judge for judge, by_name in found.items() if "retrieval_top1" in by_name]
    assert identity == ["faceres", "arcface"] and mean(found["arcface"]["retrieval_top1"]) == 1


# ---- attributes


def attribute_errors(found):
    return {
        name: values
        for judge in ("facemesh", "arkit-expression", "iris")
        for name, values in found.metrics[judge].items()
    }


def test_without_truths_attributes_are_held_against_the_target():
    listed = protocol()
    photos = look(listed)
    swaps = perfect(listed, photos)
    pose, gaze = photos["t1"].pose + np.array([3, 0, -4]), photos["t1"].gaze + np.array([0.5, 0])
    moved = replace(photos["t1"], pose=pose, gaze=gaze)
    swaps["case1"] = swapped(replace(moved, mouth=photos["t1"].mouth + 0.25), photos["s1"])
    found = scores(listed, photos, swaps)["main"]
    errors = attribute_errors(found)
    assert errors.keys() == {"pose_error", "mouth_error", "expression_error", "gaze_error"}
    expected = {"pose_error": 5, "mouth_error": 0.25, "expression_error": 0, "gaze_error": 0.5}
    for name, values in errors.items():
        assert values.tolist() == pytest.approx([0, expected[name], *[0] * 10])
    assert mean(found.metrics["face-api-expression"]["same_emotion"]) == 1


def test_with_truths_attributes_are_held_against_the_truth():
    listed = protocol(truths=True)
    photos = look(listed)
    true = {case.name: swapped(photos[case.truth.photo.name]) for case in listed.cases}
    found = scores(listed, photos, true)["main"]
    assert all(values.abs().max() == 0 for values in attribute_errors(found).values())
    assert mean(found.metrics["faceres"]["cosine_to_truth"]) == pytest.approx(1)
    like_targets = scores(listed, photos, perfect(listed, photos))["main"]
    assert all(values.min() > 0 for values in attribute_errors(like_targets).values())
    assert mean(like_targets.metrics["face-api-expression"]["same_emotion"]) < 1


# ---- numbers of pictures


def test_numbers_go_to_who_measured_them_and_a_case_without_one_has_none():
    listed = protocol()
    photos = look(listed)
    swaps = perfect(listed, photos, psnr_outside=40.0)
    for name in ("case3", "case5"):
        swaps[name] = Swapped(swaps[name].seen, {"psnr_outside": 30.0, "feature_distance_face": 0.2})
    found = scores(listed, photos, swaps)["main"].metrics
    assert found["pixels"].keys() == {"psnr_outside"}
    assert found["pixels"]["psnr_outside"][2:6].tolist() == [40, 30, 40, 30]
    assert found["faceres"]["feature_distance_face"][2:6].isnan().tolist() == [True, False, True, False]


def test_the_share_of_the_occluders_error_that_stage_2_removes():
    listed = protocol()
    photos = look(listed)
    before, after = (perfect(listed, photos) for _ in range(2))
    for n, case in enumerate(listed.cases):
        error = float("nan") if n == 4 else 2.0 + n
        before[case.name] = Swapped(before[case.name].seen, {"occluder_error": error})
        after[case.name] = Swapped(after[case.name].seen, {"occluder_error": error / 2})
    both = scores(listed, photos, after, before)
    removed = both["main"].whole["pixels"]["occluder_error_removed"]
    assert removed.value == pytest.approx(0.5) and removed.interval[0] < 0.5 < removed.interval[1]
    assert removed.pairs == len(listed.cases) - 1  # one has no occluder
    assert "pixels" not in both["stage-1"].whole

    before["case0"], after["case1"] = "no face", "no face"  # only those that both have swapped count
    after["case0"] = Swapped(after["case0"].seen, {"occluder_error": 1000.0})
    removed = scores(listed, photos, after, before)["main"].whole["pixels"]["occluder_error_removed"]
    assert removed.value == pytest.approx(0.5) and removed.pairs == len(listed.cases) - 3


@pytest.mark.parametrize("numbers", [{}, {"occluder_error": float("nan")}, {"occluder_error": 0.0}])
def test_where_no_error_is_known_or_none_is_made_no_share_is_removed(numbers):
    listed = protocol()
    photos = look(listed)
    both = scores(listed, photos, perfect(listed, photos, **numbers), perfect(listed, photos, **numbers))
    assert "pixels" not in both["main"].whole


# ---- failures


def test_failed_cases_are_named_and_not_scored():
    listed = protocol()
    photos = look(listed)
    swaps = perfect(listed, photos) | {"case2": "no face", "case7": "damaged"}
    found = scores(listed, photos, swaps)["main"]
    assert found.failed == {"case2": "no face", "case7": "damaged"}
    assert found.cases == [f"case{n}" for n in range(COUNT) if n not in (2, 7)] and len(found.groups) == 10
    assert {len(values) for by_name in found.metrics.values() for values in by_name.values()} == {10}
    assert mean(found.metrics["faceres"]["retrieval_top1"]) == 1  # the rows did not shift


def test_swaps_without_a_face_are_listed_and_scored():
    listed = protocol()
    photos = look(listed)
    swaps = perfect(listed, photos)
    swaps["case4"] = Swapped(replace(swaps["case4"].seen, found=np.array(False)), {})
    found = scores(listed, photos, swaps)["main"]
    assert found.faceless == ["case4"] and len(found.cases) == COUNT and not found.failed


def test_a_main_contestant_that_swapped_nothing_is_refused_and_a_baseline_is_missing():
    listed = protocol()
    photos = look(listed)
    nothing = {case.name: "the pipeline finds no face" for case in listed.cases}
    sentence = "'main' has swapped none of 12 cases: the pipeline finds no face; there is nothing to score."
    with pytest.raises(DataError, match=sentence):
        scores(listed, photos, nothing, perfect(listed, photos))
    assert list(scores(listed, photos, perfect(listed, photos), nothing)) == ["main"]


# ---- all swaps together, and videos


def test_the_frechet_distance_needs_some_swaps_and_is_0_of_targets_unchanged():
    listed = protocol()
    photos = look(listed)
    untouched = {case.name: swapped(photos[case.target.name]) for case in listed.cases}

    def distance(swaps):
        return scores(listed, photos, swaps)["main"].whole["faceres"]["frechet_faceres"]

    assert distance(untouched).value == pytest.approx(0, abs=1e-4)
    found = distance(perfect(listed, photos))
    assert 1 < found.value and found.interval[0] <= found.value <= found.interval[1]
    few = perfect(listed, photos) | {f"case{n}": "no face" for n in range(3)}
    assert not scores(listed, photos, few)["main"].whole


def test_frames_of_a_video_are_one_cluster_and_other_cases_their_own():
    sequences = ["film"] * 4 + [None] * 2 + ["other"] * 6
    listed = protocol(sequences=sequences)
    photos = look(listed)
    clusters = scores(listed, photos, perfect(listed, photos))["main"].clusters
    assert clusters.tolist() == [0] * 4 + [1, 2] + [3] * 6
    without = protocol()
    assert scores(without, photos, perfect(without, photos))["main"].clusters is None


def jitter(listed, photos, swaps):
    found = scores(listed, photos, swaps)["main"].metrics
    return found["faceres"]["identity_jitter"], found["facemesh"]["landmark_jitter"]


def test_frames_tremble_only_where_they_follow_each_other():
    listed = protocol(sequences=["film"] * 4 + [None] * 2 + ["other"] * 6, consecutive=True)
    photos = look(listed)
    untouched = {case.name: swapped(photos[case.target.name]) for case in listed.cases}
    first = [True] + [False] * 3 + [True] * 3 + [False] * 5  # and those of no video
    for values in jitter(listed, photos, untouched):
        assert values.isnan().tolist() == first
        assert values[~values.isnan()].tolist() == pytest.approx([0] * 8, abs=1e-6)
    failed = untouched | {"case8": "no face"}
    for values in jitter(listed, photos, failed):
        assert values.isnan().tolist() == [*first[:8], True, False, False]  # case 9 follows a gap


def test_frames_that_do_not_follow_each_other_have_no_jitter():
    listed = protocol(sequences=["film"] * 12)
    photos = look(listed)
    found = scores(listed, photos, perfect(listed, photos))["main"].metrics
    assert "identity_jitter" not in found["faceres"] and "landmark_jitter" not in found["facemesh"]


def test_jitter_is_beyond_the_targets_and_in_distances_of_the_eyes():
    listed = protocol(sequences=["film"] * 12, consecutive=True)
    photos = look(listed)
    swaps = {case.name: swapped(photos[case.target.name], photos["s0"]) for case in listed.cases}
    shifted = replace(swaps["case6"].seen, mesh=swaps["case6"].seen.mesh + np.array([3, 4]))
    swaps["case6"] = Swapped(shifted, {})
    identity, landmarks = jitter(listed, photos, swaps)
    assert landmarks[1:].tolist() == pytest.approx([0] * 5 + [0.5] * 2 + [0] * 4, abs=1e-4)
    assert (identity[1:] < -0.5).all()  # the targets are strangers to one another
    assert torch.equal(identity.isnan(), landmarks.isnan())
