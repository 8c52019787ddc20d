import pytest
import torch
import torch.nn.functional as F

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.identity import (
    bootstrap_interval,
    centre,
    closer_to_source,
    identity_metrics,
    retrieval,
    score_aligned,
    verification_threshold,
)


def average_colour(faces):
    return faces.mean((2, 3))


def people(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, 8, 8, generator=generator) * 0.2 + torch.rand(count, 3, 1, 1, generator=generator)


def test_centring_takes_the_average_face_off():
    average = torch.tensor([10.0, 0.0, 0.0])
    strangers = average + torch.tensor([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    raw = F.cosine_similarity(strangers[0], strangers[1], dim=0)
    centred = centre(strangers, strangers)
    assert raw > 0.98
    assert centred[0] @ centred[1] < -0.98
    assert abs(centred[0] @ centred[2]) < 0.02
    torch.testing.assert_close(centred.norm(dim=1), torch.ones(4))


def test_centring_ignores_the_length_of_embeddings():
    embeddings = torch.rand(5, 7)
    torch.testing.assert_close(centre(embeddings * 3, embeddings), centre(embeddings, embeddings * 9))


def test_retrieval_counts_who_comes_before_the_source():
    gallery = torch.eye(8)
    results = torch.tensor([[9.0, 8, 7, 6, 5, 4, 3, 2]] * 4)
    top1, top5 = retrieval(results, gallery, torch.arange(8), torch.tensor([0, 1, 4, 5]))
    assert top1.tolist() == [True, False, False, False]
    assert top5.tolist() == [True, True, True, False]


def test_retrieval_gives_no_credit_for_ties():
    top1, top5 = retrieval(torch.ones(1, 6), torch.eye(6), torch.arange(6), torch.tensor([0]))
    assert not top1.any() and not top5.any()


def test_retrieval_looks_for_people_by_their_nearest_face():
    gallery = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.8, 0]])
    results = torch.tensor([[0.5, 0.9, 0.0]])
    found = {
        wanted: retrieval(results, gallery, torch.tensor([7, 3, 5, 7]), torch.tensor([wanted])) for wanted in (3, 7)
    }
    assert not found[3][0] and found[7][0]  # 7 by its second face
    top1, _ = retrieval(results, gallery, torch.tensor([7, 3, 5, -1]), torch.tensor([3]))
    assert top1  # that face is not searched


def test_verification_accepts_a_thousandth_of_strangers():
    gallery = F.normalize(torch.randn(300, 16, generator=torch.Generator().manual_seed(0)), dim=1)
    threshold = verification_threshold(gallery, torch.arange(300), 1e-3)
    rows, columns = torch.triu_indices(300, 300, 1)
    strangers = (gallery @ gallery.T)[rows, columns]
    assert (strangers > threshold).sum() == int(len(rows) * 1e-3)
    twice = torch.cat([gallery, gallery])  # faces of one person are no strangers
    assert verification_threshold(twice, torch.arange(300).repeat(2), 1e-3) == pytest.approx(threshold)
    assert verification_threshold(gallery[:40], torch.arange(40), 1e-3) is None  # 780 pairs cannot tell


def test_frames_of_a_video_are_no_independent_draws():
    of_videos = torch.arange(40).repeat_interleave(10)
    values = (of_videos % 2).double()
    low, high = bootstrap_interval(values, of_videos)
    narrow = bootstrap_interval(values)
    assert low < narrow[0] - 0.05 and high > narrow[1] + 0.05
    assert (low, high) == bootstrap_interval((torch.arange(40) % 2).double())


def test_closer_to_source():
    source, target = torch.tensor([[1.0, 0.0]] * 3), torch.tensor([[0.0, 1.0]] * 3)
    results = torch.tensor([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0]])
    assert closer_to_source(results, source, target).tolist() == [True, False, False]


def test_bootstrap_interval_is_that_of_the_mean():
    values = torch.arange(400) % 2
    low, high = bootstrap_interval(values)
    # 1.96 standard errors of a share of one half among 400
    assert low == pytest.approx(0.451, abs=0.006) and high == pytest.approx(0.549, abs=0.006)
    assert (low, high) == bootstrap_interval(values)
    assert (low, high) != bootstrap_interval(values, seed=1)
    assert bootstrap_interval(torch.ones(5)) == (1.0, 1.0)


def test_metrics_of_perfect_swaps_and_of_untouched_targets():
    gallery = torch.randn(12, 32, generator=torch.Generator().manual_seed(0))
    sources, targets = torch.arange(6), torch.arange(6, 12)
    perfect = identity_metrics(gallery[sources], gallery, sources, targets)
    untouched = identity_metrics(gallery[targets], gallery, sources, targets)
    assert perfect["closer_to_source"].mean() == perfect["retrieval_top1"].mean() == 1
    assert perfect["cosine_to_source"].min() > 0.999
    assert untouched["closer_to_source"].mean() == untouched["retrieval_top1"].mean() == 0
    assert untouched["cosine_to_target"].min() > 0.999


def test_score_aligned_scores_without_a_pipeline():
    gallery = people(20)
    sources, targets = torch.arange(0, 10), torch.arange(10, 20)
    scores = score_aligned(gallery[sources], sources, targets, gallery, average_colour)
    assert scores["retrieval_top1"].value == 1.0
    assert scores["closer_to_source"].interval == (1.0, 1.0)
    assert scores["cosine_to_target"].pairs == 10
    low, high = scores["cosine_to_target"].interval
    assert low < scores["cosine_to_target"].value < high


def test_score_aligned_refuses_nothing_to_score():
    with pytest.raises(DataError, match="no swaps"):
        none = torch.empty(0, dtype=torch.long)
        score_aligned(torch.empty(0, 3, 8, 8), none, none, people(3), average_colour)
