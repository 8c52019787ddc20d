"""`faceshifter batch`: folders and files of jobs, gone on with, with bad files among the good."""

import argparse
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from group_picture import PEOPLE, changed_places, group
from made_videos import make_video
from PIL import Image
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import cli
from faceshifter_hub.errors import InaccessibleImageError, WorkerError
from faceshifter_hub.jobs.batch import Job, Task, do_task_on_node
from faceshifter_hub.jobs.record import Record
from faceshifter_hub.media.animations import Frame, read_frames, write_animation
from faceshifter_hub.media.photographs import Photograph, read_photograph
from faceshifter_hub.media.video import read_video_info
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.registry import DATA_ROOT

EXAMPLES = sorted((DATA_ROOT / "examples").glob("*.webp"))
SOURCE = str(EXAMPLES[0])
pytestmark = pytest.mark.usefixtures("pipelines_loaded_once")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    return str(save_tiny_pipeline(tmp_path_factory.mktemp("pipeline")))


@pytest.fixture(scope="module")
def face():
    """A target, small so that it is quick."""
    with Image.open(EXAMPLES[1]) as picture:
        return picture.convert("RGB").resize((160, 160))


@pytest.fixture
def photos(tmp_path, face):
    """A folder with two pictures that can be swapped."""
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    face.save(tmp_path / "photos" / "a.png", dpi=(300, 300))
    face.save(tmp_path / "photos" / "sub" / "a b'.jpg")
    return tmp_path / "photos"


@pytest.fixture
def batch(pipeline, tmp_path, capsys):
    """Run the command on a folder in this process; returns exit code, what it says as JSON, standard error."""

    def run(folder, *options):
        command = ["batch", SOURCE, str(folder), "-o", str(tmp_path / "out"), "--pipeline", pipeline, "--json"]
        code = cli.main([*command, *options])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return run


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {
        ".faceshifter-batch.jsonl"
    }


@pytest.mark.usefixtures("unmarked")
def test_every_picture_is_swapped_once_and_again_when_something_changes(batch, photos, tmp_path, face):
    code, said, err = batch(photos)
    assert code == 0 and (said["swapped"], said["kept"], said["failed"]) == (2, 0, [])
    assert "2 swapped" in err and err.count("Networks run by torch on cpu.") == 1
    assert names(tmp_path / "out") == {"a.png", "sub/a b'.jpg"}
    result = read_photograph(tmp_path / "out" / "a.png")
    changed = (result.colours != np.asarray(face)).any(2)
    assert 0.02 < changed.mean() < 0.9 and not changed[0].any()
    assert result.metadata.dpi == pytest.approx((300, 300), abs=0.1)

    _, said, err = batch(photos)
    assert (said["swapped"], said["kept"]) == (0, 2) and "2 done before" in err
    os.utime(photos / "a.png", (1, 1))
    (tmp_path / "out" / "sub" / "a b'.jpg").unlink()
    _, said, _ = batch(photos)
    assert (said["swapped"], said["kept"]) == (2, 0)
    _, said, _ = batch(photos, "--strength", "0.5")
    assert (said["swapped"], said["kept"]) == (2, 0)


def test_what_runs_the_networks_is_chosen(batch, photos, monkeypatch):
    monkeypatch.setenv("FACESHIFTER_RUNTIME", "openvino")
    code, said, err = batch(photos, "--runtime", "torch")
    assert (code, said["swapped"]) == (0, 2) and "Networks run by torch on cpu." in err


@pytest.mark.fault
def test_an_interrupted_run_goes_on(batch, photos, tmp_path, monkeypatch):
    (photos / "c.png").write_bytes((photos / "a.png").read_bytes())
    add = Record.add

    def add_and_stop(*what):
        add(*what)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Record, "add", add_and_stop)
        code, _, err = batch(photos)
    assert code == 130 and "goes on where this one stopped" in err
    assert names(tmp_path / "out") == {"a.png"}
    code, said, _ = batch(photos)
    assert (code, said["swapped"], said["kept"]) == (0, 2, 1)
    assert not list(tmp_path.glob("out/**/.faceshifter-?*/"))


def test_bad_files_are_named_and_stop_nothing(batch, photos, tmp_path, face):
    (photos / "cut.png").write_bytes((photos / "a.png").read_bytes()[:2000])
    (photos / "empty.jpg").touch()
    (photos / "text.webp").write_text("nothing")
    (photos / "notes.txt").write_text("nothing")
    (photos / "film.webm").touch()
    Image.new("RGB", (90, 90), "tan").save(photos / "faceless.png")
    code, said, err = batch(photos)
    assert code == 1 and said["swapped"] == 2 and said["passed_by"] == 2
    note = "Videos among the other files: 1; give each a job of its own in a file of jobs."
    assert said["notes"] == [{"input": str(photos), "notes": [note]}] and f"{photos}: {note}" in err
    failed = {Path(entry["input"]).name: entry["why"] for entry in said["failed"]}
    for name, why in {"cut.png": "damaged", "empty.jpg": "is empty", "text.webp": "is not a picture"}.items():
        assert why in failed.pop(name)
    assert list(failed) == ["faceless.png"] and "No face" in failed["faceless.png"]
    assert "faceless.png" in err and "4 could not be done" in err
    assert names(tmp_path / "out") == {"a.png", "sub/a b'.jpg"}


def test_a_source_without_a_face_is_said_once(photos, pipeline, tmp_path, capsys):
    Image.new("RGB", (90, 90), "tan").save(tmp_path / "nobody.png")
    command = ["batch", str(tmp_path / "nobody.png"), str(photos), "-o", str(tmp_path / "out")]
    assert cli.main([*command, "--pipeline", pipeline]) == 1
    assert capsys.readouterr().err.count("No face") == 1


def test_animations_move_on_and_stills_in_other_formats_come_as_png(batch, tmp_path, face):
    (tmp_path / "photos").mkdir()
    blank = Image.new("RGB", face.size, "tan")
    frames = [Frame(Photograph(np.asarray(picture)), time) for picture, time in [(blank, 50), (face, 120)]]
    write_animation(frames, tmp_path / "photos" / "moves.webp", 2)
    face.save(tmp_path / "photos" / "still.gif")
    face.save(tmp_path / "photos" / "old.bmp")
    code, said, _ = batch(tmp_path / "photos")
    assert code == 0, said
    assert names(tmp_path / "out") == {"moves.webp", "still.gif", "old.bmp.png"}
    before, after = read_frames(tmp_path / "photos" / "moves.webp"), read_frames(tmp_path / "out" / "moves.webp")
    differences = []
    for old, new in zip(before, after, strict=True):
        assert old.milliseconds == new.milliseconds
        differences.append(np.abs(old.photograph.pixels.astype(int) - new.photograph.pixels).max())
    assert differences[0] < 10 < differences[1]
    assert next(iter(read_frames(tmp_path / "out" / "still.gif"))).photograph.pixels.shape == (160, 160, 3)


def test_a_link_among_the_results_leads_nowhere(batch, photos, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    code, said, _ = batch(photos)
    assert code == 1 and "by a link" in said["failed"][0]["why"]
    assert not names(tmp_path / "elsewhere")


def test_results_in_a_place_that_cannot_be_made_are_refused(photos, pipeline, tmp_path, capsys):
    (tmp_path / "file").touch()
    for output in (tmp_path / "file" / "out", tmp_path / "file", Path("/proc/out")):
        assert cli.main(["batch", SOURCE, str(photos), "-o", str(output), "--pipeline", pipeline]) == 1
        err = capsys.readouterr().err
        assert "cannot be made" in err and err.count("\n") == 1


@pytest.fixture
def for_everybody():
    """A folder that every user may look into."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.mark.fault
def test_a_read_only_folder_is_one_sentence_a_file(face, for_everybody, tmp_path, capsys, request):
    place = for_everybody
    pipeline = str(save_tiny_pipeline(place / "pipeline"))
    for weights in (place / "pipeline").rglob("*.safetensors"):
        weights.chmod(0o644)
    shutil.copy(SOURCE, place / "source.webp")
    (place / "photos").mkdir()
    for name in "ab":
        face.save(place / "photos" / f"{name}.png")
    (place / "out").mkdir(0o555)
    command = ["batch", str(place / "source.webp"), str(place / "photos"), "--pipeline", pipeline, "--no-mark", "-o"]
    assert cli.main([*command, str(tmp_path / "out")]) == 0  # so that what is imported and loaded is at hand
    capsys.readouterr()
    request.getfixturevalue("nobody")
    assert cli.main([*command, str(place / "out")]) == 1
    err = capsys.readouterr().err
    assert err.count("cannot be written; choose another place.\n") == 2, err
    assert all(f"'{place}/out/{name}.png' cannot be written" in err for name in "ab")
    assert cli.main([*command, str(place / "new")]) == 1
    assert f"The folder '{place}/new' cannot be made (Permission denied)" in capsys.readouterr().err
    assert not list((place / "out").iterdir())


@pytest.mark.usefixtures("unmarked")
@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        ([SOURCE], ["--reference", PEOPLE[3]], [2]),
        ([SOURCE], ["--also", PEOPLE[4], PEOPLE[5], "--faces", "2,3"], [1, 2]),
        ([], ["--map", f"{PEOPLE[3]}={SOURCE}", "--map", f"1={PEOPLE[4]}"], [0, 2]),
    ],
)
def test_people_of_a_folder_are_chosen(pipeline, tmp_path, source, options, expected):
    three = group(1, 2, 3, sides=(320, 230, 250))
    (tmp_path / "photos").mkdir()
    Image.fromarray(three).save(tmp_path / "photos" / "party.png")
    command = ["batch", *source, str(tmp_path / "photos"), "-o", str(tmp_path / "out"), "--pipeline", pipeline]
    assert cli.main([*command, *map(str, options)]) == 0
    result = np.asarray(Image.open(tmp_path / "out" / "party.png"))
    assert changed_places(three, result) == expected
    if "--also" in options:
        assert cli.main([*command, "--faces", "2,3"]) == 0  # one photograph gives another identity than three
        assert not np.array_equal(result, np.asarray(Image.open(tmp_path / "out" / "party.png")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([SOURCE], "give SOURCE and FOLDER"),
        ([SOURCE, "nowhere", "-o", "out"], "There is no folder"),
        ([SOURCE, "."], "name one by -o"),
        ([SOURCE, ".", "-o", "."], "could replace pictures"),
        ([SOURCE, ".", "-o", "out", "--strength", "9"], "strength"),
        (["jobs.toml", "-o", "out"], "give it alone"),
        (["jobs.toml", "--strength", "0.5", "--faces", "all"], "whose faces change, how and where"),
        (["jobs.toml", "--strength", "1"], "give it alone"),
        (["jobs.toml", "--no-refine"], "give it alone"),
        (["jobs.toml", "--keep", "mouth"], "give it alone"),
        (["jobs.toml", "--label"], "give it alone"),
        (["jobs.toml"], "cannot be read"),
    ],
)
def test_wrong_arguments_get_one_sentence(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["batch", *arguments]) == 1
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def test_a_node_that_does_not_see_the_files_is_named(pipeline, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    people = argparse.Namespace(source="elsewhere.jpg", also=[], reference=None, map=[])
    job = Job("the batch", people, photos, tmp_path, pipeline, SwapOptions())
    task = Task(job, photos / "a.png", tmp_path / "a.png", tmp_path)
    outcome = do_task_on_node(task, str(tmp_path))
    assert outcome.failed == "the batch" and isinstance(outcome.error, InaccessibleImageError)
    assert str(outcome.error).startswith(f"On {platform.node()}, ") and "must see it there" in str(outcome.error)
    with pytest.raises(WorkerError, match="'nowhere' cannot be entered"):
        do_task_on_node(task, "nowhere")
    torch.set_num_threads(threads)


# ---- files of jobs


def write_jobs(tmp_path, pipeline, *jobs: str) -> str:
    path = tmp_path / "jobs.toml"
    path.write_text("".join(f'[[job]]\npipeline = "{pipeline}"\n{job}\n' for job in jobs), "utf-8")
    return str(path)


def test_jobs_are_done_one_after_the_other_and_once(tmp_path, pipeline, photos, capsys):
    also = EXAMPLES[2]
    jobs = write_jobs(
        tmp_path,
        pipeline,
        f'source = ["{SOURCE}", "{also}"]\ntarget = "photos"\noutput = "folder"\nstrength = 0.5',
        f'source = "{SOURCE}"\ntarget = "photos/a.png"\noutput = "one.webp"',
        f'map = {{ 1 = "{SOURCE}" }}\ntarget = "photos/a.png"\noutput = "mapped.tif"',
    )
    assert cli.main(["batch", jobs, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["swapped"] == 4
    assert names(tmp_path / "folder") == {"a.png", "sub/a b'.jpg"}
    assert (tmp_path / "one.webp").is_file() and (tmp_path / "mapped.tif").is_file()
    assert cli.main(["batch", jobs, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == 4


def test_a_video_is_a_target_too_and_what_to_know_of_it_is_told(tmp_path, pipeline, face, capsys):
    make_video(tmp_path / "film.mp4", 2, size=(160, 160), pictures=[np.asarray(face)] * 2)
    jobs = write_jobs(tmp_path, pipeline, f'source = "{SOURCE}"\ntarget = "film.mp4"\noutput = "out.mkv"')
    note = "Matroska keeps times in whole milliseconds; choose an output ending in .mp4 for exact ones."
    assert cli.main(["batch", jobs, "--json"]) == 0
    out, err = capsys.readouterr()
    told, film = json.loads(out), str(tmp_path / "film.mp4")
    [of_film] = told["notes"]
    assert (told["swapped"], of_film["input"], of_film["notes"][0]) == (1, film, note)
    assert "no place for content credentials" in of_film["notes"][1]
    assert f"{film}: {note}\n" in err
    assert cli.main(["batch", jobs, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == 1
    assert read_video_info(tmp_path / "out.mkv").frames == 2


def test_videos_are_known_by_their_names(tmp_path, pipeline, face, capsys):
    names_and_codecs = {"a.ts": "libx264", "b.M2TS": "libx264", "c.f4v": "libx264", "d.mxf": "mpeg2video"}
    for name, codec in names_and_codecs.items():
        make_video(tmp_path / name, 2, size=(160, 160), codec=codec, pictures=[np.asarray(face)] * 2)
    films = [f'source = "{SOURCE}"\ntarget = "{name}"\noutput = "{name}.mp4"' for name in names_and_codecs]
    assert cli.main(["batch", write_jobs(tmp_path, pipeline, *films), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["swapped"] == 4
    assert [read_video_info(tmp_path / f"{name}.mp4").frames for name in names_and_codecs] == [2] * 4


def test_a_part_of_a_video_is_a_job_too_and_another_part_another(tmp_path, pipeline, face, capsys):
    film = make_video(tmp_path / "film.mp4", 20, size=(160, 160), pictures=[np.asarray(face)] * 20)
    job = f'source = "{SOURCE}"\ntarget = "film.mp4"\noutput = "part.mp4"\n'
    for part, frames in [('start = "0:00.4"\nend = 0.6', 5), ("start = 0.4", 10), ('end = "0.2"', 5), ("", 20)]:
        jobs = write_jobs(tmp_path, pipeline, job + part)
        assert cli.main(["batch", jobs, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["swapped"] == 1
        info = read_video_info(tmp_path / "part.mp4")
        assert (info.frames, info.start) == (frames, 0)
    assert read_video_info(film).frames == 20


@pytest.mark.usefixtures("unmarked")
def test_people_of_a_job_get_the_mean_of_several_photographs(tmp_path, pipeline, photos, capsys):
    also = EXAMPLES[2]
    one, several = f'"{SOURCE}"', f'["{SOURCE}", "{also}"]'
    jobs = write_jobs(
        tmp_path,
        pipeline,
        f'map = {{ "{EXAMPLES[1]}" = {several} }}\ntarget = "photos/a.png"\noutput = "mapped.png"',
        f'source = {several}\ntarget = "photos/a.png"\noutput = "mean.png"',
        f'map = {{ 1 = {one} }}\ntarget = "photos/a.png"\noutput = "one.png"',
    )
    assert cli.main(["batch", jobs]) == 0
    mapped, mean, single = (read_photograph(tmp_path / f"{name}.png").pixels for name in ("mapped", "mean", "one"))
    assert np.array_equal(mapped, mean) and not np.array_equal(mapped, single)


def test_all_faults_of_all_jobs_are_told_before_any_work(tmp_path, pipeline, photos, capsys):
    good = f'source = "{SOURCE}"\ntarget = "photos/a.png"\noutput = "one.png"'
    (tmp_path / "film.mp4").touch()
    jobs = write_jobs(
        tmp_path,
        pipeline,
        good,
        good.replace("photos/a.png", "photos/missing.png").replace("one.png", "two.png"),
        good.replace("one.png", "three.xyz"),
        good.replace("one.png", "four.png") + "\nstrength = 5",
        good.replace("one.png", "five.png") + "\ncolor = 1",
        good.replace("one.png", "six.png").replace("source", "reference"),
        good,
        good.replace("one.png", "photos/a.png"),
        good.replace('"photos/a.png"', "3"),
        good.replace("photos/a.png", "photos"),
        good.replace("one.png", "film.mp4").replace("photos/a.png", "jobs.toml"),
        good.replace("one.png", "twelve.png") + "\nend = 3",
        good.replace("one.png", "13.mp4").replace("photos/a.png", "film.mp4") + '\nstart = "0:03"\nend = 2.5',
        good.replace("one.png", "14.mp4").replace("photos/a.png", "film.mp4") + "\nstart = nan",
        good.replace("one.png", "15.mp4").replace("photos/a.png", "film.mp4") + '\nend = "soon"',
        'map = { 1 = [] }\ntarget = "photos/a.png"\noutput = "16.png"',
        f'map = {{ 1 = ["{SOURCE}", "nobody.png"] }}\ntarget = "photos/a.png"\noutput = "17.png"',
    )
    assert cli.main(["batch", jobs]) == 1
    err = capsys.readouterr().err
    for number, why in {
        2: "There is no file",
        3: "does not end in",
        4: "strength cannot be 5",
        5: "There is no option 'color'",
        6: "There is no source",
        7: "is the output of job 1 too",
        8: "is read by",
        9: "target: input should be a valid string",
        10: "is the output of job 1 too",
        11: "does not end in",
        12: "start and end say which part of a video is kept; leave them out.",
        13: "The part from 3.0 to 2.5 seconds is none",
        14: "'nan' is no time",
        15: "'soon' is no time",
        16: "map: ",
        17: "nobody.png'; name a photograph.",
    }.items():
        assert any(line.startswith(f"job {number}: ") and why in line for line in err.splitlines()), (number, err)
    assert "job 1:" not in err and names(tmp_path) == {"film.mp4", "jobs.toml", "photos/a.png", "photos/sub/a b'.jpg"}


@pytest.mark.parametrize(
    "content",
    [b"[[job", b"\xff", b"", b"pipeline = 3", b"job = 3", b"job = [3]", b"[job]\na = 1", b"a = " + 5000 * b"["],
    ids=str,
)
def test_what_is_no_file_of_jobs_is_one_sentence(tmp_path, content, capsys):
    (tmp_path / "jobs.toml").write_bytes(content)
    assert cli.main(["batch", str(tmp_path / "jobs.toml")]) == 1
    err = capsys.readouterr().err
    assert err.startswith("faceshifter: '") and err.count("\n") == 1


@pytest.fixture
def launched(monkeypatch):
    """Make this process the first of two, as a launcher does; yields the environment of the second."""

    def forget():
        AcceleratorState._reset_state(reset_partial_state=True)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    common |= {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    forget()
    with monkeypatch.context() as patch:
        for name, value in (common | {"RANK": "0", "LOCAL_RANK": "0"}).items():
            patch.setenv(name, value)
        yield os.environ | common | {"RANK": "1", "LOCAL_RANK": "1"}
    torch.distributed.destroy_process_group()
    forget()


def test_two_processes_share_the_work(batch, pipeline, photos, tmp_path, launched):
    for name in "bcd":
        (photos / f"{name}.png").write_bytes((photos / "a.png").read_bytes())
    (photos / "z.png").touch()
    command = ["batch", SOURCE, photos, "-o", tmp_path / "out", "--pipeline", pipeline, "--json"]
    other = subprocess.Popen(
        [sys.executable, "-m", "faceshifter_hub.cli", *command], env=launched, stdout=subprocess.PIPE
    )
    try:
        code, said, _ = batch(photos)
        assert (code, said["swapped"], said["kept"], len(said["failed"])) == (1, 5, 0, 1)
        assert other.communicate(timeout=60)[0] == b"" and other.returncode == 0
    finally:
        other.kill()
    assert names(tmp_path / "out") == {"a.png", "b.png", "c.png", "d.png", "sub/a b'.jpg"}
