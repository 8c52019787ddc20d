"""The cases to look at: the best, the median and the worst of the main contestant, swapped once more."""

from collections.abc import Mapping, Sequence

import numpy as np

from faceshifter_hub.evaluation.album import Album
from faceshifter_hub.evaluation.cases import Case
from faceshifter_hub.evaluation.contestants import WITHOUT_NETWORK, Contestant
from faceshifter_hub.evaluation.judging.observation import Observation
from faceshifter_hub.evaluation.run import make_scene
from faceshifter_hub.evaluation.scores import CasePictures, Scored
from faceshifter_hub.evaluation.wording import say, unit_of

EACH = 3  # of the best, of the median, of the worst
RANKED_BY = (("pixels", "psnr_face"), ("faceres", "cosine_to_source"))  # the first that was measured
UNCHANGED = ("target", "truth")  # are shown anyway


def picture_cases(
    cases: Mapping[str, Case], contestants: Sequence[Contestant], scored: Scored, seen: Mapping[str, Observation]
) -> list[CasePictures]:
    """Return the cases to look at: source, target, true swap if there is one, and what each contestant made of them.

    Args:
        cases: by name.
        contestants: in order.
        scored: of the main one, which ranks the cases.
        seen: of the photographs, by name.
    """
    judge, metric = next((j, m) for j, m in RANKED_BY if m in scored.metrics[j])
    values = scored.metrics[judge][metric].nan_to_num(nan=-np.inf).numpy()
    order = np.argsort(-values, kind="stable").tolist()
    middle = max((len(order) - EACH) // 2, 0)
    chosen: dict[int, str] = {}
    ranks = {"best": order[:EACH], "worst": order[::-1][:EACH], "median": order[middle : middle + EACH]}
    for word, some in ranks.items():
        for number, index in enumerate(some, 1):
            chosen.setdefault(index, f"{word} {number}")
    album, pictures = Album(), []
    for index in sorted(chosen, key=order.index):
        case = cases[scored.cases[index]]
        scene = make_scene(case, seen, album)
        shown = [("source", scene.source), ("target", scene.target)]
        shown += [] if scene.truth is None else [("true swap", scene.truth)]
        for contestant in contestants:
            if contestant.name in UNCHANGED and contestant.name in WITHOUT_NETWORK:
                continue
            (result,) = contestant.swapper.swap([scene])
            if isinstance(result, np.ndarray):
                shown.append((contestant.name, result))
        note = f"{metric} {say(metric, float(values[index]))} {unit_of(metric)}, by {judge}"
        pictures.append(CasePictures(f"{chosen[index]}: {case.name}", note, shown))
    return pictures
