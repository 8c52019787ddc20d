from dataclasses import replace

from faceshifter_hub.synthesis.catalogue import HairStyle


def test_held_out_assets_belong_to_the_benchmark_alone(catalogue):
    looks = catalogue.looks
    hair = [HairStyle("a"), HairStyle("b", long=True), HairStyle("c")]
    held = frozenset({"a", looks.pale_irises[0], looks.brows["female"][0]})
    split = {
        name: replace(catalogue, looks=replace(looks, hair=hair, held_out=held)).of_split(name).looks
        for name in ("train", "benchmark")
    }
    assert [style.name for style in split["train"].hair] == ["b", "c"]
    assert [style.name for style in split["benchmark"].hair] == ["a"]
    assert split["benchmark"].pale_irises == [looks.pale_irises[0]]
    for sex in ("female", "male"):
        assert set(split["train"].brows[sex]).isdisjoint(split["benchmark"].brows[sex])


def test_where_nothing_is_held_out_both_splits_use_everything(catalogue):
    train, benchmark = (catalogue.of_split(name).looks for name in ("train", "benchmark"))
    assert train.hair == benchmark.hair == catalogue.looks.hair
    assert train.brown_irises == benchmark.brown_irises


def test_places_are_divided(catalogue):
    train, benchmark = (set(catalogue.of_split(name).environments) for name in ("train", "benchmark"))
    assert train.isdisjoint(benchmark) and train | benchmark == set(catalogue.environments)
    assert 3 <= len(benchmark) < len(train)
