"""`faceshifter video`: what it writes and prints, and what it says of input it cannot use."""

import functools
import json

import av
import numpy as np
import pytest
from group_picture import PEOPLE, changed_places, group
from made_videos import make_video, read_packets
from PIL import Image
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import cli
from faceshifter_hub.errors import SettingsError
from faceshifter_hub.jobs.video_command import read_moment, read_time
from faceshifter_hub.media.video import read_frames, read_video_info
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.registry import DATA_ROOT

SOURCE, OTHER = map(str, sorted((DATA_ROOT / "examples").glob("face_*.webp"))[:2])


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    return str(save_tiny_pipeline(tmp_path_factory.mktemp("pipeline")))


@pytest.fixture(autouse=True, scope="module")
def pipelines_loaded_once():
    """Keep what was loaded from one run to the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FaceShifterPipeline, "from_pretrained", functools.cache(FaceShifterPipeline.from_pretrained))
        yield


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A face that moves to the right, for twelve frames, with sound."""
    with Image.open(OTHER) as photo:
        face = np.asarray(photo.convert("RGB").resize((192, 192)))
    pictures = [np.roll(np.pad(face, ((0, 0), (0, 64), (0, 0)), "edge"), 4 * n, 1) for n in range(12)]
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return make_video(path, 12, size=(192, 256), sound="aac", options={"crf": "8"}, pictures=pictures)


@pytest.fixture
def video(pipeline, film, tmp_path, capsys):
    """Run the command in this process; returns exit code, standard output and standard error."""

    def run(*options, source=SOURCE, target=film):
        code = cli.main(["video", source, str(target), "--pipeline", pipeline, *map(str, options)])
        return code, *capsys.readouterr()

    return run


def pixels_of(path):
    return [frame.pixels.astype(int) for frame in read_frames(path, read_video_info(path))]


def test_a_film_is_swapped_and_its_sound_kept(video, film, tmp_path):
    output = tmp_path / "swapped film.mp4"
    code, out, err = video("-o", output)
    assert (code, out) == (0, f"{output}\n")
    assert err.splitlines()[-1] == "frame 12 of 12, 0:00:00 left"
    for before, after in zip(pixels_of(film), pixels_of(output), strict=True):
        assert np.abs(before[60:140, 80:130] - after[60:140, 80:130]).mean() > 5
        assert np.abs(before[:10, :10] - after[:10, :10]).mean() < 3
    assert read_packets(output, "audio") == read_packets(film, "audio")


def test_json_tells_what_was_done(video, tmp_path):
    code, out, _ = video("-o", tmp_path / "o.mkv", "--start", "0.08", "--end", "0:00.2", "--json")
    told = json.loads(out)
    assert code == 0 and told.pop("seconds") > 0
    output = str(tmp_path / "o.mkv")
    times, credentials = told.pop("notes")
    assert times == "Matroska keeps times in whole milliseconds; choose an output ending in .mp4 for exact ones."
    assert "no place for content credentials" in credentials
    assert told == {"output": output, "frames": 3, "swapped": 3, "repeated": 0, "resumed": 0}
    with av.open(output) as container:
        assert sum(1 for _ in container.decode(video=0)) == 3


def test_what_is_to_be_known_of_the_source_is_said_once(video, tmp_path):
    Image.fromarray(group(1, 2)).save(tmp_path / "two.png")
    code, out, err = video("-o", tmp_path / "out.mp4", "--json", source=str(tmp_path / "two.png"))
    note = "The source picture shows 2 faces; the largest was taken."
    assert code == 0 and json.loads(out)["notes"] == [note] and err.count(note) == 1


@pytest.mark.usefixtures("unmarked")
def test_a_preview_is_that_frame_of_the_film(video, film, tmp_path):
    assert video("--preview", "5", tmp_path / "number.png")[:2] == (0, f"{tmp_path / 'number.png'}\n")
    assert video("--preview", "0:0.2", tmp_path / "time.png", "--json")[0] == 0
    number, time = (np.asarray(Image.open(tmp_path / name)).astype(int) for name in ("number.png", "time.png"))
    assert (number == time).all()
    assert np.abs(number[:10] - pixels_of(film)[5][:10]).mean() < 1


def test_a_film_without_faces_is_copied_and_said_so(video, tmp_path):
    film = make_video(tmp_path / "v.mp4", 5)
    code, out, err = video("-o", tmp_path / "o.mp4", target=film)
    assert (code, out) == (0, f"{tmp_path / 'o.mp4'}\n")
    assert err.splitlines()[-1] == "No frame shows a face to swap: the video is copied as it is."
    assert (tmp_path / "o.mp4").read_bytes() == film.read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "o.webm"), "'o.webm' does not end in .mp4, .m4v, .mov, .mkv; choose one of these."),
        (("-o", "o.mp4", "--start", "soon"), "'soon' is no time; write seconds, or minutes and seconds"),
        (("-o", "o.mp4", "--start", "7"), "has no frame there: it lasts 0.48 seconds; choose another part."),
        (("--preview", "99", "o.png"), "has 12 frames, 0.48 seconds; choose one of these."),
        (("--preview", "1", "o.mp4"), "'o.mp4' does not end in .png"),
    ],
)
def test_what_cannot_be_is_one_sentence(video, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = video(*options)
    sentences = [line for line in err.splitlines() if not line.startswith("Networks run by ")]
    assert (code, out, len(sentences)) == (1, "", 1) and words in sentences[0]
    assert list(tmp_path.iterdir()) in ([], [tmp_path / ".o.mp4.faceshifter"])


@pytest.mark.fault
@pytest.mark.parametrize("place", ["/usr", "/proc"])
def test_a_folder_that_takes_no_files_is_one_sentence(video, film, nobody, place):
    for options in (("-o", f"{place}/o.mp4"), ("--preview", "1", f"{place}/o.png")):
        code, out, err = video(*options)
        assert (code, out, err) == (1, "", f"faceshifter: '{options[-1]}' cannot be written; choose another place.\n")


@pytest.mark.fault
def test_proc_takes_no_files_of_root_either(video):
    code, out, err = video("-o", "/proc/o.mp4")
    sentences = [line for line in err.splitlines() if not line.startswith("Networks run by ")]
    assert (code, out, len(sentences)) == (1, "", 1) and "cannot be" in sentences[0], err


@pytest.fixture(scope="module")
def party(tmp_path_factory):
    """Three people, who stand still."""
    three = group(1, 2, 3, sides=(320, 230, 250))
    path = tmp_path_factory.mktemp("party") / "party.mp4"
    return make_video(path, 2, size=three.shape[:2], options={"crf": "8"}, pictures=[three] * 2)


@pytest.mark.usefixtures("unmarked")
@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        ([SOURCE], [], [0]),
        ([SOURCE], ["--reference", PEOPLE[3]], [2]),
        ([], ["--map", f"{PEOPLE[3]}={SOURCE}", "--map", f"1={OTHER}"], [0, 2]),
    ],
)
def test_people_of_a_film_are_chosen(pipeline, party, tmp_path, source, options, expected):
    output = tmp_path / "o.mp4"
    places = [*source, str(party), "-o", str(output)]
    assert cli.main(["video", *places, "--pipeline", pipeline, *map(str, options)]) == 0
    for before, after in zip(pixels_of(party), pixels_of(output), strict=True):
        assert changed_places(before, after) == expected


@pytest.mark.usefixtures("unmarked")
def test_several_photographs_of_the_source_make_another_film(video, tmp_path):
    def preview(name, *options):
        assert video("--preview", "3", tmp_path / name, *options)[0] == 0
        return np.asarray(Image.open(tmp_path / name))

    one, both, again = preview("1.png"), preview("2.png", "--also", OTHER), preview("3.png", "--also", OTHER)
    assert np.array_equal(both, again) and not np.array_equal(one, both)


def test_a_target_that_is_no_video(video, tmp_path):
    code, _, err = video("-o", tmp_path / "o.mp4", target=tmp_path / "missing.mp4")
    assert (code, err) == (1, f"faceshifter: There is no file '{tmp_path / 'missing.mp4'}'; check the name.\n")


def test_an_interruption_says_how_to_go_on(video, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("faceshifter_hub.frames.FrameSwapper.swap", interrupt)
    code, _, err = video("-o", tmp_path / "o.mp4")
    assert (code, err.splitlines()[-1]) == (130, "Stopped. The same command goes on where this one stopped.")


def test_times_and_moments():
    assert [read_time(text) for text in ("90", "1:30", "0:01:30.5", "0")] == [90, 90, 90.5, 0]
    assert [read_moment(text) for text in ("90", "90.0", "1:30")] == [90, 90.0, 90.0]
    assert [type(read_moment(text)) for text in ("90", "90.0", "1:30")] == [int, float, float]
    for text in ("", "1:2:3:4", "-3", "nan", "1e3", "1:", "x", "1.2.3"):
        with pytest.raises(SettingsError):
            read_time(text)
