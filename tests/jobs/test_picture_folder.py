"""What of a folder is swapped, what is passed by, and what results are called."""

import os
from pathlib import Path

import pytest

from faceshifter_hub.errors import SettingsError, UnwritableOutputError
from faceshifter_hub.jobs.folder import check_folders, list_pictures, name_results


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_pictures_at_any_depth_are_listed_and_rubbish_is_passed_by(tmp_path):
    folder = tmp_path / "photos"
    for name in ["b.JPG", "a/deep/é.png", "a/notes.txt", "Thumbs.db", "._b.JPG", ".trash/x.png", "film.mp4"]:
        touch(folder / name)
    os.mkfifo(folder / "pipe.png")
    listing = list_pictures(folder, tmp_path / "out")
    assert listing.pictures == [Path("a/deep/é.png"), Path("b.JPG")]
    assert (listing.passed_by, listing.videos) == (5, 1) and not listing.unreadable


def test_links_do_not_lead_out_of_the_folder(tmp_path):
    folder, secret = tmp_path / "photos", tmp_path / "secret"
    touch(secret / "passport.png")
    touch(folder / "a.png")
    (folder / "inside.png").symlink_to("a.png")
    (folder / "outside.png").symlink_to(secret / "passport.png")
    (folder / "broken.png").symlink_to("nowhere.png")
    (folder / "link").symlink_to(secret)
    (folder / "loop").symlink_to(folder)
    assert list_pictures(folder, tmp_path / "out").pictures == [Path("a.png"), Path("inside.png")]


def test_results_below_the_folder_are_not_taken_for_pictures(tmp_path):
    touch(tmp_path / "a.png")
    touch(tmp_path / "swapped" / "a.png")
    assert list_pictures(tmp_path, tmp_path / "swapped").pictures == [Path("a.png")]


@pytest.mark.parametrize("output", [".", "photos/..", "photos"])
def test_results_may_not_lie_where_they_could_replace_pictures(tmp_path, monkeypatch, output):
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnwritableOutputError, match="could replace pictures"):
        check_folders(Path("photos"), Path(output))
    with pytest.raises(SettingsError, match="There is no folder"):
        check_folders(Path("nowhere"), Path("out"))


def test_results_keep_their_names_and_never_collide():
    pictures = [Path(name) for name in ["a.bmp", "a.bmp.png", "a.jpg", "a.png", "b/a.GIF", "b/a.jpe"]]
    names = name_results(pictures)
    assert names == {
        Path("a.bmp"): Path("a.bmp.png.png"),
        Path("a.bmp.png"): Path("a.bmp.png"),
        Path("a.jpg"): Path("a.jpg"),
        Path("a.png"): Path("a.png"),
        Path("b/a.GIF"): Path("b/a.GIF"),
        Path("b/a.jpe"): Path("b/a.jpe.png"),
    }
    assert len(set(names.values())) == len(pictures)
