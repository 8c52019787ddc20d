import csv

import numpy as np
import pytest

from faceshifter_hub.errors import MediaError, UnreadableImageError
from faceshifter_hub.evaluation.cases import Case, CaseList, Photo
from faceshifter_hub.evaluation.export import export
from faceshifter_hub.evaluation.protocols.pair_list import list_pairs
from faceshifter_hub.evaluation.protocols.portraits import list_portraits
from faceshifter_hub.evaluation.split import is_validation
from faceshifter_hub.media.images import write_image


@pytest.fixture
def times_read():
    return []


@pytest.fixture
def photos(times_read):
    """Photographs whose names are unfit for a file or alike, of two people and a third, whose name has a comma."""

    def photo(number, name, person):
        pixels = np.random.default_rng(number).integers(0, 256, (7, 5 + number, 3), np.uint8)

        def read():
            times_read.append(name)
            return pixels

        return Photo(name, person, read)

    named = {"one/a.jpg": "Ada", "two/a.jpg": "Ada", "sam_0001 source": "Zoë", f"{'x' * 300}:?.png": 'Bo, "B"'}
    return [photo(number, *each) for number, each in enumerate(named.items())]


@pytest.fixture
def listed(photos):
    a, b, c, d = photos
    cases = [
        Case("00000-a", a, c, groups={"light": "dim"}),
        Case("00001-b", b, c),
        Case("film_0", a, d, sequence="film"),
        Case("film_1", a, d, sequence="film"),
        Case("0041-0_7", d, a),
    ]
    return CaseList("any", "a rule", cases, photos, consecutive=True)


def test_the_pairs_protocol_reads_the_same_cases_of_the_same_pixels(listed, tmp_path):
    assert export(listed, tmp_path) == 5
    again = list_pairs(tmp_path / "pairs.csv", limit=99)
    assert not again.left_out
    for case, other in zip(again.cases, listed.cases, strict=True):
        assert (case.name, case.sequence) == (other.name, other.sequence)
        for photo, its in ((case.source, other.source), (case.target, other.target)):
            assert photo.person == its.person
            np.testing.assert_array_equal(photo.read(), its.read())


def test_portraits_of_long_names_can_be_exported(photos, tmp_path):
    names = [name for name in (f"{n}{'x' * 100}.png" for n in range(99)) if is_validation(name)][:3]
    for name, photo in zip(names, photos, strict=False):
        write_image(photo.read(), tmp_path / name)
    listed = list_portraits(tmp_path, limit=4, seed=0)
    (tmp_path / "out").mkdir()
    assert export(listed, tmp_path / "out") == 4
    again = list_pairs(tmp_path / "out" / "pairs.csv", limit=9)
    assert [case.name for case in again.cases] == [case.name for case in listed.cases]


def test_every_photograph_is_read_and_written_once(listed, times_read, tmp_path):
    export(listed, tmp_path)
    assert sorted(times_read) == sorted(photo.name for photo in listed.gallery)
    with (tmp_path / "pairs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    used = {row[side] for row in rows for side in ("source", "target")}
    assert len(used) == 4 and {path.name for path in tmp_path.iterdir()} == used | {"pairs.csv"}


def test_the_same_export_twice_writes_the_same(listed, tmp_path):
    contents = []
    for _ in range(2):
        export(listed, tmp_path)
        contents.append({path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert contents[0] == contents[1]


def test_where_a_photograph_cannot_be_read_no_list_is_left(listed, tmp_path):
    def fail():
        raise UnreadableImageError("'c.png' is damaged; use another copy.")

    cases = [*listed.cases, Case("last", Photo("broken", "Eve", fail), listed.gallery[0])]
    with pytest.raises(MediaError, match="use another copy"):
        export(CaseList("any", "a rule", cases, listed.gallery), tmp_path)
    assert not (tmp_path / "pairs.csv").exists()
