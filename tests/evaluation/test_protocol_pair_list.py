import hashlib

import numpy as np
import pytest
from PIL import Image

from faceshifter_hub.errors import DataError, MediaError
from faceshifter_hub.evaluation.protocols.files import fit_name
from faceshifter_hub.evaluation.protocols.pair_list import list_pairs


@pytest.fixture
def album(tmp_path):
    """Photographs a to d of one colour each, and one with the content of a."""
    (tmp_path / "more").mkdir()
    for name, grey in {"a": 10, "b": 20, "c": 30, "d": 40, "more/again": 10}.items():
        Image.new("RGB", (4, 3), (grey, 0, 0)).save(tmp_path / f"{name}.png")
    return tmp_path


def written(folder, *lines, encoding="utf-8"):
    path = folder / "pairs.csv"
    path.write_text("\n".join(lines), encoding)
    return path


def ends(cases):
    return [(case.source.name, case.target.name) for case in cases]


def test_cases_are_the_rows_in_order_and_the_first_column_need_not_be_the_source(album):
    path = written(
        album, "target,source,light,name", "b.png,a.png,dark,one", "", "a.png, c.png,,", "d.png,c.png,dark,"
    )
    listed = list_pairs(path, limit=2)
    assert ends(listed.cases) == [("a.png", "b.png"), ("c.png", "a.png")]
    assert [case.name for case in listed.cases] == ["one", "c-a"]
    assert [dict(case.groups) for case in listed.cases] == [{"light": "dark"}, {}]
    assert [case.sequence for case in listed.cases] == [None, None]
    assert listed.cases[0].source.read()[0, 0, 0] == 10 and listed.cases[0].target.read()[0, 0, 0] == 20
    # beyond the limit too
    assert [photo.name for photo in listed.gallery] == ["a.png", "b.png", "c.png", "d.png"]
    assert [photo.person for photo in listed.gallery] == ["a.png", "b.png", "c.png", "d.png"]
    assert not listed.left_out
    assert listed.facts == {"rows": 3, "photographs": 4, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_nothing_is_decoded_when_listing(album):
    (album / "b.png").write_bytes(b"no picture")
    listed = list_pairs(written(album, "source,target", "a.png,b.png"), limit=9)
    assert ends(listed.cases) == [("a.png", "b.png")]
    with pytest.raises(MediaError, match=r"b\.png"):
        listed.cases[0].target.read()


def test_missing_halves_are_left_out_with_the_reason(album):
    rows = ["a.png,x.png", "x.png,a.png", ",b.png", "a.png,more", "c.png,d.png", f"{'x' * 300},a.png", "c.png"]
    listed = list_pairs(written(album, "source,target", *rows), limit=9)
    assert ends(listed.cases) == [("c.png", "d.png")]
    assert list(listed.left_out.values()) == [
        "its target 'x.png' is missing",
        "its source 'x.png' is missing",
        "its source is not named",
        "its target 'more' cannot be read (Is a directory)",
        f"its source '{'x' * 300}' cannot be read (File name too long)",
        "its target is not named",
    ]
    assert {photo.name for photo in listed.gallery} == {"a.png", "b.png", "c.png", "d.png"}


def test_a_photograph_under_two_names_is_one_of_one_person(album):
    rows = ["more/again.png,b.png", "a.png,c.png", "a.png,b.png", "a.png,more/again.png", "b.png,a.png"]
    listed = list_pairs(written(album, "source,target", *rows), limit=9)
    assert ends(listed.cases) == [
        ("more/again.png", "b.png"),
        ("more/again.png", "c.png"),
        ("b.png", "more/again.png"),
    ]
    assert [photo.name for photo in listed.gallery] == ["more/again.png", "b.png", "c.png"]
    assert listed.left_out == {
        "a.png": "it is the photograph more/again.png again",
        "a-b": "it is the pair again-b again",
        "a-again": "its source and its target are the same photograph",
    }
    assert {id(case.source) for case in listed.cases} <= {id(photo) for photo in listed.gallery}


def test_a_person_said_once_is_so_in_all_rows(album):
    rows = ["a.png,b.png,,Bo", "b.png,c.png,,", "c.png,more/again.png,Bo,Ada"]
    listed = list_pairs(written(album, "source,target,source_person,target_person", *rows), limit=9)
    assert [(case.source.person, case.target.person) for case in listed.cases] == [
        ("Ada", "Bo"),
        ("Bo", "Bo"),
        ("Bo", "Ada"),
    ]
    assert {photo.name: photo.person for photo in listed.gallery} == {"a.png": "Ada", "b.png": "Bo", "c.png": "Bo"}
    assert not listed.cases[0].groups


def test_in_a_sequence_a_picture_may_stand_still(album):
    rows = ["a.png,b.png,film", "a.png,b.png,film", "a.png,c.png,film", "a.png,b.png,"]
    listed = list_pairs(written(album, "source,target,sequence", *rows), limit=9)
    assert [(case.name, case.sequence) for case in listed.cases] == [
        ("a-b", "film"),
        ("a-b-2", "film"),
        ("a-c", "film"),
    ]
    assert listed.left_out == {"a-b-3": "it is the pair a-b again"}


def test_made_names_are_unique_and_give_way_to_those_given(album):
    (album / "A.png").write_bytes((album / "d.png").read_bytes())
    rows = ["a.png,b.png,", "A.png,b.png,", "c.png,d.png,a-b"]
    listed = list_pairs(written(album, "source,target,name", *rows), limit=9)
    assert [case.name for case in listed.cases] == ["a-b-2", "A-b-3", "a-b"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a b/c\\d:e", "a_b_c_d_e"),
        ("../../etc", "_.._etc"),
        ("..", "unnamed"),
        ("-rf", "rf"),
        ("Zoë_1.2-x", "Zoë_1.2-x"),
        ("é" * 80, "é" * 50),
    ],
)
def test_names_are_fit_for_a_file(text, name, tmp_path):
    assert fit_name(text) == name == fit_name(name)
    (tmp_path / name).write_text("")
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()


def test_a_file_of_excel_is_read(album):
    listed = list_pairs(written(album, "source,target,", "a.png,b.png,7", encoding="utf-8-sig"), limit=9)
    assert ends(listed.cases) == [("a.png", "b.png")] and not listed.cases[0].groups


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "has no column source and no column target; begin it with a line such as: source,target"),
        (["source,goal", "a.png,b.png"], "has no column target; begin"),
        (["source;target", "a.png;b.png"], "has no column source and no column target"),
        (["source,target"], "names no pair; write a line for each"),
        (["source,target,light,light", "a.png,b.png,1,2"], "has two columns light; rename one"),
        (["source,target", "a.png,b.png", "a.png,b,c.png"], "Line 3 of .* has 3 cells under 2 columns; quote"),
        (["source,target", '"a.png,b.png'], r"is no CSV file in UTF-8 \(unexpected end of data\); save it as one"),
        (["source,target,name", "a.png,b.png,../x"], "The name '../x' in .* is unfit for a file; use at most 100"),
        (["source,target,name", f"a.png,b.png,{'x' * 101}"], "The name 'x{101}' in .* is unfit"),
        (["source,target,name", "a.png,b.png,one", "b.png,a.png,One"], "has two pairs of the name 'One'; rename"),
        (
            ["source,target,source_person,target_person", "a.png,b.png,Ada,Bo", "b.png,a.png,Bo,Eve"],
            "says that 'a.png' shows Ada and that it shows Eve; name one person",
        ),
        (
            ["source,target", "a.png,x.png"],
            "no pair can be swapped, the first, a-x, because its target 'x.png' is miss",
        ),
        (
            ["source,target", "a.png,more/again.png"],
            "because its source and its target are the same photograph; compl",
        ),
    ],
)
def test_bad_lists_are_refused_in_words(album, lines, sentence):
    with pytest.raises(DataError, match=sentence):
        list_pairs(written(album, *lines), limit=9)


def test_what_is_no_list_is_refused_in_words(album):
    with pytest.raises(DataError, match=r"a\.png' is no CSV file in UTF-8"):
        list_pairs(album / "a.png", limit=9)
    with pytest.raises(DataError, match=r"none\.csv' cannot be read \(No such file or directory\); give a CSV file"):
        list_pairs(album / "none.csv", limit=9)
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        list_pairs(album, limit=9)


def test_pictures_are_photographs(album):
    picture = list_pairs(written(album, "source,target", "a.png,b.png"), limit=1).gallery[1].read()
    assert picture.shape == (3, 4, 3) and picture.dtype == np.uint8
