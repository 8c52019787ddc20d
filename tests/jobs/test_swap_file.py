"""File to file from Python: what the target's file holds is kept, whatever kind of file it is."""

import json

import cv2
import numpy as np
import pytest
from made_videos import make_video, read_packets
from PIL import Image, ImageCms
from PIL.ExifTags import Base
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import FaceShifterPipeline, swap_file
from faceshifter_hub.errors import MediaError, NoFaceError, SettingsError
from faceshifter_hub.media.animations import read_frames, write_animation
from faceshifter_hub.media.photographs import Photograph, photograph_of, write_photograph
from faceshifter_hub.media.video import read_video_info
from faceshifter_hub.registry import DATA_ROOT
from faceshifter_hub.safety import audit
from faceshifter_hub.settings import Settings

SOURCE, TARGET, OTHER = sorted((DATA_ROOT / "examples").glob("*.webp"))[:3]
SIDE = 256
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
pytestmark = pytest.mark.usefixtures("unmarked")  # a mark would be all over the picture


@pytest.fixture(scope="module")
def pipe(tmp_path_factory):
    return FaceShifterPipeline.from_pretrained(save_tiny_pipeline(tmp_path_factory.mktemp("pipeline")), device="cpu")


@pytest.fixture(scope="module")
def face():
    return Image.open(TARGET).convert("RGB").resize((SIDE, SIDE))


@pytest.fixture
def deep(tmp_path, face):
    """A PNG of 16 bits with transparency, EXIF and a colour profile, and its samples (H, W, 4)."""
    exif = Image.Exif()
    exif[Base.Artist] = "Nobody"
    described = face.copy()
    described.info |= {"exif": exif.tobytes(), "icc_profile": PROFILE}
    fine = np.random.default_rng(0).integers(0, 257, (SIDE, SIDE, 3), np.uint16)  # below 8 bits
    colours = np.minimum(np.asarray(face).astype(np.uint16) * 257, 65535 - 257) + fine
    alpha = np.full((SIDE, SIDE), 65535, np.uint16)
    alpha[:20] = 12345
    metadata = photograph_of(described, "The face").metadata
    write_photograph(Photograph(colours, alpha, metadata), tmp_path / "deep.png")
    return tmp_path / "deep.png", np.dstack([colours, alpha])


def by_file(pipe, target, output):
    swap_file(pipe, SOURCE, target, output)


def by_call(pipe, target, output):
    pipe(SOURCE, target).save(output)


@pytest.mark.parametrize("swap", [by_file, by_call])
def test_a_photograph_keeps_16_bits_transparency_exif_and_profile(pipe, deep, tmp_path, swap):
    path, samples = deep
    swap(pipe, path, tmp_path / "out.png")
    result = cv2.cvtColor(cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    assert result.dtype == np.uint16
    assert np.array_equal(result[..., 3], samples[..., 3])
    changed = (result != samples).any(axis=2)
    assert 0.02 < changed.mean() < 0.9 and not changed[0].any()
    with Image.open(tmp_path / "out.png") as written:
        assert written.getexif()[Base.Artist] == "Nobody" and written.info["icc_profile"] == PROFILE


def test_a_picture_of_pillow_keeps_its_transparency_too(pipe, face, tmp_path):
    translucent = face.copy()
    translucent.putalpha(200)
    pipe(SOURCE, translucent).save(tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as written:
        assert written.mode == "RGBA" and written.getchannel("A").getextrema() == (200, 200)


def animation(face, path):
    """Write three frames of a face that moves to the right, each shown for another time."""
    frames = [Image.fromarray(np.roll(np.asarray(face), 3 * n, 1)) for n in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=2)
    return path


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_stays_animated(pipe, face, tmp_path, suffix):
    target, output = animation(face, tmp_path / f"target{suffix}"), tmp_path / f"out{suffix}"
    told = []
    swap_file(pipe, SOURCE, target, output, progress=lambda *done: told.append(done))
    before, after = list(read_frames(target)), list(read_frames(output))
    assert [frame.milliseconds for frame in after] == [100, 200, 300] and told == [(n, 3, None) for n in (1, 2, 3)]
    for one, other in zip(before, after, strict=True):
        assert np.abs(one.photograph.pixels.astype(int) - other.photograph.pixels).max() > 40


def test_of_an_animation_a_call_takes_the_first_frame_and_says_so(pipe, face, tmp_path):
    target = animation(face, tmp_path / "target.gif")
    said = "The target picture moves; its first frame was taken."
    assert pipe(SOURCE, target).notes == [said]
    assert swap_file(pipe, SOURCE, target, tmp_path / "out.jpg") == [said]
    write_animation(list(read_frames(target))[:1], tmp_path / "still.gif")
    assert pipe(SOURCE, tmp_path / "still.gif").notes == []


def test_a_video_keeps_its_sound_and_may_be_cut(pipe, face, tmp_path):
    film = make_video(tmp_path / "film.mp4", 10, size=(SIDE, SIDE), pictures=[np.asarray(face)] * 10, sound="aac")
    swap_file(pipe, SOURCE, film, tmp_path / "out.mp4")
    assert read_packets(tmp_path / "out.mp4", "audio") == read_packets(film, "audio")
    swap_file(pipe, SOURCE, film, tmp_path / "part.mp4", start=0.2)
    assert read_video_info(tmp_path / "part.mp4").frames == 5


def test_options_and_people_are_those_of_the_call(pipe, tmp_path):
    swap_file(pipe, {1: OTHER}, TARGET, tmp_path / "file.png", strength=1.5, refine=False)
    pipe({1: OTHER}, TARGET, strength=1.5, refine=False).save(tmp_path / "call.png")
    file, call = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("file", "call"))
    assert np.array_equal(file, call)


def test_what_to_know_of_the_source_is_told(pipe, tmp_path):
    two = np.hstack([np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE))) for path in (SOURCE, OTHER)])
    Image.fromarray(two).save(tmp_path / "two.png")
    [note] = swap_file(pipe, tmp_path / "two.png", TARGET, tmp_path / "out.png")
    assert note == "The source picture shows 2 faces; the largest was taken."


def test_a_run_is_in_the_audit_log(pipe, tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "get_settings", lambda: Settings(audit_log=tmp_path / "audit.jsonl"))
    swap_file(pipe, SOURCE, TARGET, tmp_path / "out.png")
    assert json.loads((tmp_path / "audit.jsonl").read_text())["door"] == "python"


def test_what_cannot_be_done_leaves_nothing(pipe, face, tmp_path):
    blank = tmp_path / "blank.gif"
    Image.new("RGB", (64, 64), "tan").save(blank)
    for target, output, options, error, sentence in (
        (TARGET, "out.png", {"start": 1}, SettingsError, "start and end say which part of a video"),
        (TARGET, "out.png", {"strenght": 1}, SettingsError, "There is no option 'strenght'"),
        (TARGET, "out.txt", {}, MediaError, "does not end in"),
        (TARGET, "none/out.png", {}, MediaError, "There is no folder"),
        (blank, "out.gif", {}, NoFaceError, "No face to swap was found"),
    ):
        with pytest.raises(error, match=sentence):
            swap_file(pipe, SOURCE, target, tmp_path / output, **options)
    assert list(tmp_path.iterdir()) == [blank]
