import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.protocols import faceforensics
from faceshifter_hub.evaluation.protocols.faceforensics import list_faceforensics, middles

ORIGINALS = "original_sequences/youtube"


def picture(number, video):
    """The frame of a number in a video: its left half says the number, its right half the video."""
    shown = np.empty((64, 64, 3), np.uint8)
    shown[:, :32], shown[:, 32:] = 10 + 6 * number, 10 + 30 * int(video)
    return shown


def told(frame):
    """The number and the video of a frame; what the codec does to its colours is less than half a step."""
    left, right = frame[:, 4:28].mean() - 9, frame[:, 36:60].mean() - 9
    return round(left / 6), f"{round(right / 30):03}"


def film(folder, video, frames=40, compression="c23"):
    path = folder / ORIGINALS / compression / "videos" / f"{video}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 64))
    for number in range(frames):
        writer.write(picture(number, video))
    writer.release()
    return path


def split(folder, name, *pairs):
    (folder / "splits").mkdir(exist_ok=True)
    (folder / "splits" / f"{name}.json").write_text(json.dumps(pairs))


@pytest.fixture
def data(tmp_path):
    """Videos 000 to 003, the last one's frames extracted, and the pairs 000 with 003, 001 with 002."""
    for video, frames in {"000": 40, "001": 25, "002": 10}.items():
        film(tmp_path, video, frames)
    frames = tmp_path / ORIGINALS / "c23" / "images" / "003"
    frames.mkdir(parents=True)
    for number in range(20):
        Image.fromarray(picture(number, "003")).save(frames / f"{number:04}.png")
    split(tmp_path, "test", ["000", "003"])
    split(tmp_path, "train", ["001", "002"])
    return tmp_path


@pytest.fixture
def decoded(monkeypatch):
    """Names of the videos of which frames are decoded, as often as they are."""
    decoded, decode = [], faceforensics.decode_frames
    monkeypatch.setattr(
        faceforensics, "decode_frames", lambda path, wanted: decoded.append(path.stem) or decode(path, wanted)
    )
    return decoded


def test_frames_are_the_middles_of_ten_equal_parts():
    assert middles(10) == tuple(range(10))
    assert middles(100) == tuple(range(5, 100, 10))
    assert middles(25) == (1, 3, 6, 8, 11, 13, 16, 18, 21, 23)
    assert all(
        0 <= first < second < count
        for count in range(10, 500)
        for first, second in zip(middles(count), middles(count)[1:], strict=False)
    )


def test_each_pair_swaps_both_ways_frame_by_frame(data):
    listed = list_faceforensics(data, limit=1000)
    # train first, and a video's name is target, then source
    assert list(dict.fromkeys(case.sequence for case in listed.cases)) == ["001_002", "002_001", "000_003", "003_000"]
    assert [case.name for case in listed.cases[20:22]] == ["000_003_0", "000_003_1"]
    assert [case.groups["split"] for case in listed.cases] == ["train"] * 20 + ["test"] * 20
    for case in listed.cases:
        assert case.sequence == f"{case.target.person}_{case.source.person}"
    shown = [(told(case.target.read()), told(case.source.read())) for case in listed.cases[20:30]]
    assert shown == [
        ((number, "000"), (source, "003")) for number, source in zip(middles(40), middles(20), strict=True)
    ]
    back = [(told(case.target.read()), told(case.source.read())) for case in listed.cases[30:]]
    assert back == [(source, target) for target, source in shown]
    assert [told(case.target.read())[0] for case in listed.cases[:10]] == list(middles(25))


def test_the_gallery_is_ten_frames_of_each_source_and_a_person_is_a_video(data):
    listed = list_faceforensics(data, limit=3)
    assert [case.name for case in listed.cases] == ["001_002_0", "001_002_1", "001_002_2"]
    assert [photo.person for photo in listed.gallery] == [
        video for video in ("000", "001", "002", "003") for _ in range(10)
    ]
    assert [photo.name for photo in listed.gallery[:2]] == ["000_0002", "000_0006"]
    assert len({photo.name for photo in listed.gallery}) == 40
    assert {id(case.source) for case in listed.cases} <= {id(photo) for photo in listed.gallery}
    assert not listed.left_out
    assert listed.facts == {"compression": "c23", "pairs": 4, "source_videos": 4}


def test_a_video_is_decoded_when_read_and_once_for_its_ten_frames(data, decoded):
    listed = list_faceforensics(data, limit=1000)
    assert decoded == []
    for case in listed.cases[:20]:  # both videos of a pair, alternately
        case.source.read()
        case.target.read()
    assert decoded == ["002", "001"]
    frame = listed.cases[0].target.read()
    assert frame.shape == (64, 64, 3) and frame.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):  # or who reads next would see it
        frame[:] = 0


def test_few_videos_are_held(data, decoded, monkeypatch):
    monkeypatch.setattr(faceforensics, "VIDEOS_HELD", 1)
    gallery = list_faceforensics(data, limit=1000).gallery
    for photo in [gallery[0], gallery[1], gallery[10], gallery[0]]:
        photo.read()
    assert decoded == ["000", "001", "000"]


def test_a_video_is_preferred_to_its_extracted_frames(data, decoded):
    film(data, "003", 20)
    for frame in (data / ORIGINALS / "c23" / "images" / "003").iterdir():
        frame.write_bytes(b"")
    assert told(list_faceforensics(data, limit=1000).gallery[-1].read()) == (19, "003")
    assert decoded == ["003"]


def test_without_splits_the_manipulated_videos_name_the_pairs(data):
    for path in (data / "splits").iterdir():
        path.unlink()
    for method, name in [("Deepfakes", "003_000"), ("FaceShifter", "001_002"), ("FaceShifter", "003_000")]:
        folder = data / "manipulated_sequences" / method / "c40" / "videos"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.mp4").touch()
    other = data / "manipulated_sequences" / "DeepFakeDetection" / "c40" / "videos" / "01_02__exit__YVGY8LOK.mp4"
    other.parent.mkdir(parents=True)
    other.touch()
    listed = list_faceforensics(data, limit=1000)
    assert list(dict.fromkeys((case.target.person, case.source.person) for case in listed.cases)) == [
        ("001", "002"),
        ("003", "000"),
    ]
    assert {photo.person for photo in listed.gallery} == {"000", "002"}
    assert not any(case.groups for case in listed.cases)


def test_videos_missing_damaged_or_short_are_left_out_with_the_reason(data):
    split(data, "val", ["000", "004"], ["000", "005"], ["006", "000"])
    film(data, "005", 9)
    whole = film(data, "006").read_bytes()
    (data / ORIGINALS / "c23" / "videos" / "006.mp4").write_bytes(whole[: len(whole) // 2])
    (data / ORIGINALS / "c23" / "videos" / "002.mp4").write_bytes(b"")
    listed = list_faceforensics(data, limit=1000)
    assert {case.sequence for case in listed.cases} == {"000_003", "003_000"}
    assert listed.left_out == {
        "001_002": "the video 002 is damaged or empty",
        "002_001": "the video 002 is damaged or empty",
        "000_004": "the video 004 is missing",
        "004_000": "the video 004 is missing",
        "000_005": "the video 005 has 9 frames, fewer than 10",
        "005_000": "the video 005 has 9 frames, fewer than 10",
        "006_000": "the video 006 is damaged or empty",
        "000_006": "the video 006 is damaged or empty",
    }
    assert {photo.person for photo in listed.gallery} == {"000", "001", "003"}  # a source whose target is missing


def test_a_video_that_breaks_off_is_said_when_it_is_read(data):
    path = data / ORIGINALS / "c23" / "videos" / "000.mp4"
    whole = bytearray(path.read_bytes())
    begin, end = whole.find(b"mdat") + 4, whole.find(b"moov") - 4
    whole[begin:end] = bytes(end - begin)  # the header stays, with its number of frames
    path.write_bytes(whole)
    case = next(case for case in list_faceforensics(data, limit=1000).cases if case.target.person == "000")
    with pytest.raises(DataError, match=r"000\.mp4' breaks off at frame 0 of those it should have; download it again"):
        case.target.read()


def test_other_compressions(data):
    film(data, "001", 10, "raw")
    film(data, "002", 10, "raw")
    listed = list_faceforensics(data, limit=1000, compression="raw")
    assert {case.sequence for case in listed.cases} == {"001_002", "002_001"}
    with pytest.raises(
        DataError, match=r"c40' is no folder; request FaceForensics\+\+ at github.com/ondyari/FaceForens"
    ):
        list_faceforensics(data, limit=1000, compression="c40")
    with pytest.raises(DataError, match=r"'c0' is no compression of FaceForensics.*; use one of: raw, c23, c40"):
        list_faceforensics(data, limit=1000, compression="c0")


def test_bad_data_are_refused_in_words(data):
    with pytest.raises(DataError, match=r"put its original videos there, as videos/NNN\.mp4, or their frames"):
        list_faceforensics(Path("nowhere"), limit=10)
    path = data / "splits" / "train.json"
    for content, sentence in {
        "[[": r"train\.json' is no JSON that can be read \(.*\); fetch it again",
        '{"000": "003"}': "is no list of pairs such as",
        '[["000", "003", "004"]]': "is no list of pairs such as",
        '[["../000", "003"]]': "is no list of pairs such as",
        "[[0, 3]]": "is no list of pairs such as",
    }.items():
        path.write_text(content)
        with pytest.raises(DataError, match=sentence):
            list_faceforensics(data, limit=10)
    path.unlink()
    split(data, "test", ["007", "008"])
    with pytest.raises(
        DataError, match="no pair can be swapped, the first, 007_008, because the video 008 is missing; c"
    ):
        list_faceforensics(data, limit=10)
    (data / "splits" / "test.json").unlink()
    with pytest.raises(DataError, match="names no pairs of videos; put the folder dataset/splits"):
        list_faceforensics(data, limit=10)
