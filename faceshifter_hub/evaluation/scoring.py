"""From what the judges saw to the metrics of a contestant, one number a case, and those that only all cases have."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.cases import Case, CaseList
from faceshifter_hub.evaluation.contestants import STAGE_1, Contestant
from faceshifter_hub.evaluation.frechet import frechet_distance, frechet_interval
from faceshifter_hub.evaluation.groups import groups_of
from faceshifter_hub.evaluation.identity import Score, bootstrap_interval, centre, identity_metrics
from faceshifter_hub.evaluation.jitter import identity_jitter, landmark_jitter
from faceshifter_hub.evaluation.judging.expression import NAME as EXPRESSION
from faceshifter_hub.evaluation.judging.inception import NAME as INCEPTION
from faceshifter_hub.evaluation.judging.mesh import LEFT_EYE, RIGHT_EYE
from faceshifter_hub.evaluation.judging.observation import Observation
from faceshifter_hub.evaluation.metrics import METRICS
from faceshifter_hub.evaluation.run import Measured, Swapped
from faceshifter_hub.evaluation.scores import Scored

Photos = Mapping[str, Observation]
FRECHET = {"faceres": "frechet_faceres", INCEPTION: "frechet_inception"}  # judge -> metric
FEWEST_FOR_FRECHET = 10  # swaps that have a covariance worth the name


def score_all(listed: CaseList, measured: Measured, contestants: Sequence[Contestant]) -> dict[str, Scored]:
    """Score every contestant; those that have swapped nothing are missing.

    Raises:
        DataError: The main one has swapped nothing.
    """
    scored = {each.name: found for each in contestants if (found := score(listed, measured, each.name)) is not None}
    main = contestants[0].name
    if main not in scored:
        why = next(iter(measured.swaps[main].values()))
        raise DataError(f"'{main}' has swapped none of {len(measured.cases)} cases: {why}; there is nothing to score.")
    if STAGE_1 in scored:
        removed = occluder_error_removed(scored[main], scored[STAGE_1])
        if removed is not None:
            scored[main].whole = {**scored[main].whole, "pixels": {"occluder_error_removed": removed}}
    return scored


def score(listed: CaseList, measured: Measured, contestant: str) -> Scored | None:
    """Score a contestant; None if it has swapped nothing.

    Args:
        listed: the cases of the protocol.
        measured: of all contestants.
        contestant: its name.
    """
    found = measured.swaps[contestant]
    cases = [case for case in measured.cases if isinstance(found[case.name], Swapped)]
    swaps = [swap for case in cases if isinstance(swap := found[case.name], Swapped)]
    if not cases:
        return None
    photos = measured.photos
    judges = sorted(swaps[0].seen.embeddings, key=lambda name: (name != "faceres", name))
    parts = [{judge: score_identity(judge, listed, cases, swaps, photos)} for judge in judges]
    parts += [score_attributes(cases, swaps, photos), score_numbers(swaps)]
    if listed.consecutive and any(case.sequence for case in cases):
        parts.append(score_video(listed, cases, swaps, photos))
    metrics: dict[str, dict[str, Tensor]] = {}
    for judge, by_name in (item for part in parts for item in part.items()):
        metrics[judge] = metrics.get(judge, {}) | by_name
    ranks = list(METRICS)
    metrics = {judge: dict(sorted(by.items(), key=lambda item: ranks.index(item[0]))) for judge, by in metrics.items()}
    return Scored(
        cases=[case.name for case in cases],
        metrics=metrics,
        groups=[groups_of(case, photos[case.source.name], photos[case.target.name]) for case in cases],
        failed={name: why for name, why in found.items() if isinstance(why, str)},
        faceless=[case.name for case, swap in zip(cases, swaps, strict=True) if not swap.seen.found],
        whole=score_whole(cases, swaps, photos),
        clusters=clusters_of(cases),
    )


def clusters_of(cases: Sequence[Case]) -> Tensor | None:
    """Return which cases are frames of one video (N,), None where none is."""
    if not any(case.sequence for case in cases):
        return None
    numbers: dict[str, int] = {}
    return torch.tensor([numbers.setdefault(case.sequence or case.name, len(numbers)) for case in cases])


def score_identity(
    judge: str, listed: CaseList, cases: Sequence[Case], swaps: Sequence[Swapped], photos: Photos
) -> dict[str, Tensor]:
    """Return every identity metric by one judge, (N,) each."""
    names = list(photos)
    rows = {name: row for row, name in enumerate(names)}
    everybody = torch.from_numpy(np.stack([photos[name].embeddings[judge] for name in names]))  # (P, d)
    results = torch.from_numpy(np.stack([swap.seen.embeddings[judge] for swap in swaps]))  # (N, d)
    numbers: dict[str, int] = {}
    people = torch.full((len(names),), -1)
    for photo in listed.gallery:
        if photo.name in rows:
            people[rows[photo.name]] = numbers.setdefault(photo.person, len(numbers))
    sources, targets = (
        torch.tensor([rows[name] for name in role])
        for role in ([case.source.name for case in cases], [case.target.name for case in cases])
    )
    metrics = identity_metrics(results, everybody, sources, targets, people)
    truths = [case.truth.photo.name if case.truth else None for case in cases]
    if all(truths):
        true = everybody[torch.tensor([rows[name] for name in truths if name])]
        gallery = everybody[people >= 0]
        to_truth = F.cosine_similarity(centre(results, gallery), centre(true, gallery))
        metrics["cosine_to_truth"] = to_truth.double()
    return metrics


def score_attributes(cases: Sequence[Case], swaps: Sequence[Swapped], photos: Photos) -> dict[str, dict[str, Tensor]]:
    """Return what a swap must keep, held against the true swap, where it is known, else against the target."""
    wanted = [photos[case.truth.photo.name if case.truth else case.target.name] for case in cases]
    pairs = [(swap.seen, other) for swap, other in zip(swaps, wanted, strict=True)]

    def lengths(name: str) -> Tensor:
        return torch.tensor([float(np.linalg.norm(getattr(a, name) - getattr(b, name))) for a, b in pairs]).double()

    same = torch.tensor([float(a.emotion.argmax() == b.emotion.argmax()) for a, b in pairs], dtype=torch.float64)
    return {
        "facemesh": {"pose_error": lengths("pose"), "mouth_error": lengths("mouth")},
        EXPRESSION: {"expression_error": lengths("expression")},
        "face-api-expression": {"same_emotion": same},
        "iris": {"gaze_error": torch.tensor([abs(a.gaze[0] - b.gaze[0]) for a, b in pairs]).double()},  # across only
    }


def score_numbers(swaps: Sequence[Swapped]) -> dict[str, dict[str, Tensor]]:
    """Return what was measured of the pictures: by `pixels`, and by the layers of `faceres`."""
    columns = {
        name: torch.tensor([swap.numbers.get(name, torch.nan) for swap in swaps], dtype=torch.float64)
        for name in dict.fromkeys(name for swap in swaps for name in swap.numbers)
    }
    of_layers = {name: values for name, values in columns.items() if name.startswith("feature_distance")}
    of_pixels = {name: values for name, values in columns.items() if name not in of_layers}
    return {"pixels": of_pixels} | ({"faceres": of_layers} if of_layers else {})


def score_video(
    listed: CaseList, cases: Sequence[Case], swaps: Sequence[Swapped], photos: Photos
) -> dict[str, dict[str, Tensor]]:
    """Return how much the face trembles from the frame before, (N,), not a number in the first frame of a video."""
    place = {case.name: number for number, case in enumerate(listed.cases)}
    identity, landmarks = (torch.full((len(cases),), torch.nan, dtype=torch.float64) for _ in range(2))
    gallery = torch.from_numpy(
        np.stack([photos[p.name].embeddings["faceres"] for p in listed.gallery if p.name in photos])
    )
    for n in range(1, len(cases)):
        before, case = cases[n - 1], cases[n]
        if case.sequence is None or case.sequence != before.sequence or place[case.name] != place[before.name] + 1:
            continue
        frames = [swaps[n - 1].seen, swaps[n].seen]
        targets = [photos[before.target.name], photos[case.target.name]]
        embeddings = [
            centre(torch.from_numpy(np.stack([o.embeddings["faceres"] for o in seen])), gallery)
            for seen in (frames, targets)
        ]
        identity[n] = identity_jitter(*embeddings)[0].double()
        eyes = np.linalg.norm(targets[1].mesh[list(LEFT_EYE)].mean(0) - targets[1].mesh[list(RIGHT_EYE)].mean(0))
        meshes = [np.stack([o.mesh for o in seen]) / eyes for seen in (frames, targets)]
        landmarks[n] = float(landmark_jitter(*meshes)[0])
    return {"faceres": {"identity_jitter": identity}, "facemesh": {"landmark_jitter": landmarks}}


def score_whole(cases: Sequence[Case], swaps: Sequence[Swapped], photos: Photos) -> dict[str, dict[str, Score]]:
    """Return metrics that only all swaps together have, by judge."""
    if len(cases) < FEWEST_FOR_FRECHET:
        return {}
    sides = [swap.seen for swap in swaps], [photos[case.target.name] for case in cases]
    features = {"faceres": [[seen.embeddings["faceres"] for seen in side] for side in sides]}
    of_inception = [[seen.inception for seen in side if seen.inception is not None] for side in sides]
    if all(len(side) == len(cases) for side in of_inception):
        features[INCEPTION] = of_inception
    whole = {}
    for judge, both in features.items():
        results, targets = (torch.from_numpy(np.stack(side)) for side in both)  # (N, d) each
        interval = frechet_interval(results, targets, clusters_of(cases))
        whole[judge] = {FRECHET[judge]: Score(frechet_distance(results, targets), interval, len(cases))}
    return whole


def occluder_error_removed(whole: Scored, first_stage: Scored) -> Score | None:
    """Return which share of stage 1's error inside occluders is gone after stage 2.

    Both stages are compared case by case: the share is of the mean error, so that easy cases do not rule it.
    """
    errors = [
        dict(zip(s.cases, s.metrics["pixels"].get("occluder_error", ()), strict=False)) for s in (whole, first_stage)
    ]
    both = [name for name in errors[0] if name in errors[1] and not errors[0][name].isnan()]
    if not both:
        return None
    after, before = (torch.stack([column[name] for name in both]) for column in errors)
    if not before.any():  # nothing to remove
        return None
    interval = bootstrap_interval((before - after) / before.mean())
    return Score(float(1 - after.mean() / before.mean()), interval, len(both))
