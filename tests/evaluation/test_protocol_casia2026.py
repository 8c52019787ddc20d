import hashlib

import numpy as np
import pytest
from PIL import Image

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.protocols import casia2026
from faceshifter_hub.evaluation.protocols.casia2026 import list_casia2026


@pytest.fixture
def data(tmp_path):
    """Two frames of both videos of people 0001 to 0003, landmarks of one, and the lists of pairs."""
    for folder in ("faces", "faces_landmarks", "benchmark"):
        (tmp_path / folder).mkdir()
    for person in (1, 2, 3):
        for video in (0, 1):
            for frame in (0, 1):
                grey = 60 * person + 10 * video + frame
                Image.new("RGB", (4, 4), (grey, 0, 0)).save(tmp_path / "faces" / f"000{person}-{video}_{frame}.png")
    (tmp_path / "faces_landmarks" / "0002-0_1.txt").write_text("10 20\n30.5 20\n20 30\n12 40\n28 40\n")
    benchmark = tmp_path / "benchmark"
    (benchmark / "image_pairs_normal.txt").write_text(
        "0001-0_0.png 0002-0_0.png\n0001-0_1.png 0002-0_1.png\n0002-0_0.png 0001-0_0.png\n0002-0_1.png 0001-0_1.png\n"
    )
    (benchmark / "image_pairs_cross_ethnicity.txt").write_text("0003-0_1.png 0001-0_1.png\n")
    (benchmark / "image_pairs_cross_attribute.txt").write_text(
        "0001-0_1.png 0003-1_1.png\n0003-1_1.png 0001-0_1.png\n"
    )
    return tmp_path


def test_lines_are_source_and_target(data):
    listed = list_casia2026(data, limit=3, protocol="normal")
    assert [case.name for case in listed.cases] == ["0001-0_0-0002-0_0", "0001-0_1-0002-0_1", "0002-0_0-0001-0_0"]
    second = listed.cases[1]
    assert (second.source.name, second.source.person) == ("0001-0_1.png", "0001")
    assert (second.target.name, second.target.person) == ("0002-0_1.png", "0002")
    assert second.source.read()[0, 0, 0] == 61 and second.target.read()[0, 0, 0] == 121
    assert not second.groups and second.sequence is None
    assert listed.protocol == "casia2026 normal"


def test_the_gallery_is_a_photograph_of_everyone_and_the_sources(data):
    listed = list_casia2026(data, limit=2, protocol="normal")
    assert [photo.name for photo in listed.gallery] == ["0001-0_0.png", "0002-0_0.png", "0003-0_0.png", "0001-0_1.png"]
    assert [photo.person for photo in listed.gallery] == ["0001", "0002", "0003", "0001"]
    assert {id(case.source) for case in listed.cases} <= {id(photo) for photo in listed.gallery}


def test_landmarks_are_known_where_there_is_a_file(data):
    listed = list_casia2026(data, limit=9, protocol="normal")
    assert listed.cases[0].target.points is None
    points = listed.cases[1].target.points
    np.testing.assert_array_equal(points, [[10, 20], [30.5, 20], [20, 30], [12, 40], [28, 40]])
    assert points.dtype == np.float32
    assert listed.facts["photographs_with_landmarks"] == 1


def test_each_protocol_has_its_list(data):
    assert [case.name for case in list_casia2026(data, 9, "cross-ethnicity").cases] == ["0003-0_1-0001-0_1"]
    cases = list_casia2026(data, 9, "cross-attribute").cases
    assert [(case.name, case.groups) for case in cases] == [
        ("0001-0_1-0003-1_1", {"target": "varied"}),
        ("0003-1_1-0001-0_1", {"target": "normal"}),
    ]


def test_the_report_says_whether_the_list_is_the_published_one(data, monkeypatch):
    assert list_casia2026(data, 9, "normal").facts["pairs_as_published"] is False
    content = (data / "benchmark" / "image_pairs_normal.txt").read_bytes()
    published = {"normal": ("image_pairs_normal.txt", hashlib.sha256(content).hexdigest())}
    monkeypatch.setattr(casia2026, "PAIR_LISTS", published)
    facts = list_casia2026(data, 1, "normal").facts
    assert facts == {"pairs": 4, "pairs_as_published": True, "people": 3, "photographs_with_landmarks": 0}


def test_pairs_with_a_missing_half_are_left_out(data):
    (data / "faces" / "0002-0_0.png").unlink()
    listed = list_casia2026(data, limit=2, protocol="normal")
    assert [case.name for case in listed.cases] == ["0001-0_1-0002-0_1", "0002-0_1-0001-0_1"]
    assert listed.left_out == {
        "0001-0_0-0002-0_0": "0002-0_0.png is missing",
        "0002-0_0-0001-0_0": "0002-0_0.png is missing",
    }
    for path in (data / "faces").iterdir():
        path.unlink()
    with pytest.raises(
        DataError, match=r"no pair can be swapped, the first, 0001-0_0-0002-0_0, because .* is missing; c"
    ):
        list_casia2026(data, limit=2, protocol="normal")


@pytest.mark.parametrize("line", ["0001-0_0.png", "a.png b.png", "0001-0_0.png ../0002-0_0.png", "0001-0_0.png x y"])
def test_a_damaged_list_is_refused_in_words(data, line):
    (data / "benchmark" / "image_pairs_normal.txt").write_text(f"0001-0_0.png 0002-0_0.png\n{line}\n")
    with pytest.raises(
        DataError, match=r"Line 2 of .* is no pair such as '0041-0_0\.png 1268-0_0\.png'; fetch the file"
    ):
        list_casia2026(data, limit=9, protocol="normal")


def test_an_empty_list_is_refused_in_words(data):
    (data / "benchmark" / "image_pairs_normal.txt").write_text("")
    with pytest.raises(DataError, match=r"image_pairs_normal\.txt' is empty; fetch it again"):
        list_casia2026(data, limit=9, protocol="normal")


@pytest.mark.parametrize(
    "content", [b"", b"1 2\n3 4", b"1 2\n3\n4 5\n6 7\n8 9", b"a b\n" * 5, b"nan 1\n" * 5, b"\xff"]
)
def test_damaged_landmarks_are_refused_in_words(data, content):
    (data / "faces_landmarks" / "0002-0_1.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"0002-0_1\.txt' holds no five landmarks, x and y a line; download it again"):
        list_casia2026(data, limit=9, protocol="normal")


def test_missing_data_are_refused_in_words(data, tmp_path):
    with pytest.raises(
        DataError, match=r"lacks faces/ or benchmark/image_pairs_normal\.txt; sign the licence at github"
    ):
        list_casia2026(tmp_path / "nowhere", limit=9, protocol="normal")
    (data / "benchmark" / "image_pairs_cross_ethnicity.txt").unlink()
    with pytest.raises(DataError, match=r"lacks faces/ or benchmark/image_pairs_cross_ethnicity\.txt"):
        list_casia2026(data, limit=9, protocol="cross-ethnicity")
    with pytest.raises(
        DataError, match=r"'video' is no protocol of .*; use one of: normal, cross-ethnicity, cross-attri"
    ):
        list_casia2026(data, limit=9, protocol="video")
