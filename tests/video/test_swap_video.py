"""A whole video swapped: what stays as it was, what an interruption leaves, what is refused."""

import gc
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from interrupts import heed_interrupts
from made_videos import REPEATABLE_SIZE, make_video, picture, read_packets
from square_swapper import SquareSwapper

from faceshifter_hub.errors import SettingsError, UnreadableVideoError, UnwritableOutputError
from faceshifter_hub.jobs.video import swap_one_frame, swap_video
from faceshifter_hub.media.video import read_frames, read_video_info

SHARP = {"crf": "8"}


def frames_of(path):
    """Return the times, in seconds, and pixels of a video's frames."""
    info = read_video_info(path)
    frames = list(read_frames(path, info))
    return [frame.pts * info.time_base for frame in frames], [frame.pixels for frame in frames]


def square_of(pixels):
    """Return the median colour of the square in a frame of `picture`, whatever became of it."""
    different = np.abs(pixels.astype(int) - pixels[0, 0]).sum(2) > 60
    return np.median(pixels[different], 0)


@pytest.mark.parametrize(
    ("name", "output", "made"),
    [
        ("v.mp4", "o.mp4", {"sound": "aac"}),
        ("v.mp4", "o.mov", {"sound": "aac"}),
        ("v.webm", "o.mkv", {"codec": "libvpx-vp9", "sound": "libopus"}),
        ("v.webm", "o.mp4", {"codec": "libvpx-vp9", "sound": "libopus"}),
        ("v.mkv", "o.mkv", {"sound": "aac", "subtitles": True}),
        ("v.mp4", "o.mp4", {"times": [11 * n + 3 * n * n for n in range(70)], "time_base": Fraction(1, 600)}),
        ("v.mkv", "o.mp4", {"times": [70 + 33 * n + n % 3 for n in range(70)], "time_base": Fraction(1, 1000)}),
        ("v.mp4", "o.mp4", {"times": [n + 1 for n in range(70)], "time_base": Fraction(1001, 30000)}),
        ("v.mp4", "o.mp4", {"rotation": (90, False), "sound": "aac"}),
        ("v.mp4", "o.mp4", {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": {"x265-params": "log-level=0"}}),
        ("v.mov", "o.mp4", {"codec": "qtrle", "pix_fmt": "argb"}),
        ("v.mp4", "o.mp4", {"pix_fmt": "yuvj420p"}),
        ("v.ts", "o.mp4", {}),
        ("v.avi", "o.mp4", {"codec": "mpeg4", "sound": "mp2", "options": {"b": "4M"}}),
        ("v.mp4", "o.mp4", {"options": {"bf": "3", "g": "50"}, "sound": "aac"}),
    ],
)
def test_frames_times_and_other_streams_are_the_originals(tmp_path, name, output, made):
    video = make_video(tmp_path / name, 70, **{"options": SHARP, **made} if made.get("codec") is None else made)
    report = swap_video(SquareSwapper(), video, tmp_path / output)
    (before, originals), (after, results) = frames_of(video), frames_of(tmp_path / output)
    assert after == before and len(after) == 70
    assert (report.frames, report.swapped, report.resumed, report.repeated) == (70, 70, 0, 0)
    for kind in ("audio", "subtitle"):
        assert read_packets(tmp_path / output, kind) == read_packets(video, kind)
    for original, result in zip(originals[::13], results[::13], strict=True):
        assert result.shape == original.shape
        assert np.abs(square_of(result) - (255 - square_of(original))).max() < 30
        assert np.abs(result[0].astype(int) - original[0]).mean() < 3
    assert not (tmp_path / f".{output}.faceshifter").exists()


@pytest.mark.parametrize("end", [None, 1.5])
@pytest.mark.parametrize(("first", "second"), [("mkv", "mp4"), ("mkv", "mov"), ("mp4", "mkv")])
def test_text_of_subtitles_is_written_as_the_kind_that_the_container_holds(tmp_path, first, second, end):
    video = make_video(tmp_path / "v.mkv", 70, subtitles=True)
    if first == "mp4":
        video = swap_video(SquareSwapper(), video, tmp_path / "v.mp4") and tmp_path / "v.mp4"
    report = swap_video(SquareSwapper(), video, tmp_path / f"o.{second}", end=end)
    own, other = ("mov_text", "subrip") if first == "mp4" else ("srt", "mov_text")
    sentence = (
        f"A file ending in .{second} cannot hold stream 1 ({own}) of '{video.name}': its text is written as {other}."
    )
    assert sentence in report.notes
    lines = [(n * Fraction(1, 25), f"line {n}") for n in range(0, 70, 10) if end is None or n * Fraction(1, 25) < end]
    assert read_lines(tmp_path / f"o.{second}") == lines


def read_lines(path):
    """Return when each line of subtitles begins, in seconds, and its text."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        shown = [(p.pts * p.time_base, stream.codec_context.decode2(p)) for p in container.demux(stream) if p.size]
    return [(time, line[0].dialogue.decode()) for time, line in shown if line]


def test_a_damaged_line_of_subtitles_is_left_out(tmp_path):
    def damage(container):
        packet = av.Packet(b"\xff\xfe\xff broken")
        packet.stream = next(stream for stream in container.streams if stream.type == "subtitle")
        packet.time_base, packet.pts, packet.dts, packet.duration = Fraction(1, 25), 0, 0, 1
        container.mux(packet)

    video = make_video(tmp_path / "v.mkv", 30, subtitles=True, prepare=damage)
    swap_video(SquareSwapper(), video, tmp_path / "o.mp4")
    assert [text for _, text in read_lines(tmp_path / "o.mp4")] == ["line 0", "line 10", "line 20"]


def test_what_a_file_says_of_itself_stays(tmp_path):
    def say(container):
        container.metadata["title"] = "A film"
        container.streams.audio[0].metadata["language"] = "deu"
        container.set_chapters(
            [{"id": 1, "start": 0, "end": 600, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}]
        )
        container.add_attachment("font.ttf", "font/ttf", b"letters")

    video = make_video(tmp_path / "v.mkv", 20, sound="aac", prepare=say)
    swap_video(SquareSwapper(), video, tmp_path / "o.mkv")
    with av.open(str(tmp_path / "o.mkv")) as container:
        assert container.metadata["title"] == "A film"
        assert container.streams.audio[0].language == "deu"
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["One"]
        assert [stream.data for stream in container.streams if stream.type == "attachment"] == [b"letters"]
    assert swap_video(SquareSwapper(), video, tmp_path / "o.mp4").notes  # the font does not fit


def test_chapters_and_cover_of_an_mp4_stay(tmp_path):
    chapters = [
        {"id": n, "start": 10 * n, "end": 10 * n + 10, "time_base": Fraction(1, 25), "metadata": {"title": f"{n}"}}
        for n in range(3)
    ]
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        video = container.add_stream("libx264", rate=25, width=64, height=48)
        cover = container.add_stream("png", rate=1, width=32, height=32, pix_fmt="rgb24")
        cover.disposition = av.stream.Disposition.attached_pic
        container.set_chapters(chapters)
        container.start_encoding()
        for stream, pictures in ((cover, 1), (video, 30)):
            for n in range(pictures):
                size = stream.codec_context.height, stream.codec_context.width
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(n, size), format="rgb24")))
            container.mux(stream.encode())
    for cut, titles in [({}, ["0", "1", "2"]), ({"start": 0.5, "end": 1.1}, ["1", "2"])]:
        report = swap_video(SquareSwapper(), tmp_path / "v.mp4", tmp_path / "o.mp4", **cut)
        with av.open(str(tmp_path / "o.mp4")) as result, av.open(str(tmp_path / "v.mp4")) as original:
            assert [chapter["metadata"]["title"] for chapter in result.chapters()] == titles
            assert result.chapters()[0]["start"] == 0
            covers = [bytes(next(file.demux(file.streams.video[1]))) for file in (result, original)]
            assert covers[0] == covers[1]
        assert report.notes == ()


@pytest.mark.parametrize("size", [(33, 51), (1, 1)])
def test_odd_sizes_become_even(tmp_path, size):
    video = make_video(tmp_path / "v.mkv", 5, size=size, codec="ffv1", pix_fmt="yuv444p")
    report = swap_video(SquareSwapper(), video, tmp_path / "o.mp4")
    _, results = frames_of(tmp_path / "o.mp4")
    assert [result.shape for result in results] == [(size[0] + 1, size[1] + 1, 3)] * 5
    assert any("become even" in note for note in report.notes)


def test_a_part_begins_at_zero(tmp_path):
    video = make_video(tmp_path / "v.mp4", 130, sound="aac", options=SHARP)
    report = swap_video(SquareSwapper(), video, tmp_path / "o.mp4", start=1.2, end=4)
    assert report.frames == 70
    (times, results), (_, originals) = frames_of(tmp_path / "o.mp4"), frames_of(video)
    assert times == [Fraction(n, 25) for n in range(70)]
    assert np.abs(results[3][0].astype(int) - originals[33][0]).mean() < 3
    kept = [(t, packet) for t, packet in read_packets(video, "audio") if Fraction(6, 5) <= t < 4]
    copied = read_packets(tmp_path / "o.mp4", "audio")
    assert [packet for _, packet in copied] == [packet for _, packet in kept]
    assert all(
        abs(a - (b - Fraction(6, 5))) <= Fraction(1, 48000) for (a, _), (b, _) in zip(copied, kept, strict=True)
    )


@pytest.mark.parametrize(("start", "end"), [(3, 2), (-1, None), (9, None), (float("nan"), 2), (0.01, 0.02)])
def test_a_part_that_is_none_is_refused(tmp_path, start, end):
    video = make_video(tmp_path / "v.mp4", 30)
    with pytest.raises(SettingsError, match=r"choose another part|give a start before its end"):
        swap_video(SquareSwapper(), video, tmp_path / "o.mp4", start=start, end=end)
    assert not (tmp_path / "o.mp4").exists()


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (
            {"pix_fmt": "yuv420p10le", "colours": {"color_trc": 16, "color_primaries": 9, "colorspace": 9}},
            "The video has a high dynamic range; it keeps it, with 8 bits a colour, so that bands may show.",
        ),
        ({"pix_fmt": "yuv420p10le"}, "Of 10 bits a colour, 8 are kept."),
        ({"codec": "qtrle", "pix_fmt": "argb"}, "The video's transparency is lost; H.264 has none."),
        ({"pix_fmt": "yuv420p"}, None),
    ],
)
def test_what_h264_cannot_hold_is_said(tmp_path, made, sentence):
    if made.get("codec") is None:
        made = {"codec": "libx265", "options": {"x265-params": "log-level=none"}} | made
    video = make_video(tmp_path / "v.mov", 4, **made)
    report = swap_video(SquareSwapper(), video, tmp_path / "o.mp4")
    assert report.notes == (() if sentence is None else (sentence,))
    hdr = "colours" in made
    result = read_video_info(tmp_path / "o.mp4")
    assert (result.depth, result.alpha, result.hdr) == (8, False, hdr)


@pytest.mark.parametrize(
    ("codec", "error", "words"),
    [
        (b"V_MPEG4/ISO/AVC", UnreadableVideoError, "The codec of '.*v.mkv' is unknown; convert it to H.264, say."),
        (b"A_AAC", UnwritableOutputError, r"cannot hold the sound of 'v.mkv', stream 1 \(audio\); convert it to AAC"),
    ],
)
def test_a_codec_that_nobody_knows_is_one_sentence(tmp_path, codec, error, words):
    video = make_video(tmp_path / "v.mkv", 5, sound="aac")
    content = video.read_bytes()
    assert content.count(codec) == 1
    video.write_bytes(content.replace(codec, codec[:2] + b"X" + codec[3:]))
    for output in ("o.mkv", "o.mp4"):
        with pytest.raises(error, match=words):
            swap_video(SquareSwapper(), video, tmp_path / output)
    assert list(tmp_path.iterdir()) == [video]


def test_data_beside_the_pictures_are_copied_untouched(tmp_path):
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        video = container.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv420p")
        data = container.add_data_stream("bin_data")
        container.start_encoding()
        for n in range(10):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture(n), format="rgb24")))
            packet = av.Packet(b"telemetry %d" % n)
            packet.stream, packet.time_base, packet.duration = data, Fraction(1, 25), 1
            packet.pts = packet.dts = n
            container.mux(packet)
        container.mux(video.encode())
    report = swap_video(SquareSwapper(), tmp_path / "v.mp4", tmp_path / "o.mp4")
    copied = read_packets(tmp_path / "o.mp4", "data")
    assert copied == [(Fraction(n, 25), b"telemetry %d" % n) for n in range(10)] and report.notes == ()
    notes = swap_video(SquareSwapper(), tmp_path / "v.mp4", tmp_path / "o.mkv").notes
    assert "A file ending in .mkv cannot hold stream 1 (bin_data) of 'v.mp4': it is left out." in notes


def test_frames_without_a_face_stay_between_those_with_one(tmp_path):
    shown = [n // 7 % 2 == 1 for n in range(70)]  # from neither the first nor to the last
    pictures = [picture(n) if shows else np.full((48, 64, 3), 40 + n, np.uint8) for n, shows in enumerate(shown)]
    video = make_video(tmp_path / "v.mp4", 70, options=SHARP, pictures=pictures)
    report = swap_video(SquareSwapper(), video, tmp_path / "o.mp4")
    assert (report.frames, report.swapped, report.notes) == (70, sum(shown), ())
    (before, originals), (after, results) = frames_of(video), frames_of(tmp_path / "o.mp4")
    assert before == after
    for original, result, shows in zip(originals, results, shown, strict=True):
        difference = np.abs(result.astype(int) - original)
        assert difference.max() > 60 if shows else difference.mean() < 2


def test_that_a_video_is_interlaced_is_said(tmp_path):
    video = make_video(tmp_path / "v.mp4", 4, size=(64, 64), options={"x264-params": "tff=1"})
    notes = swap_video(SquareSwapper(), video, tmp_path / "o.mp4").notes
    assert len(notes) == 1 and notes[0].startswith("The video is interlaced; its frames stay woven.")


def test_like_frames_are_swapped_once(tmp_path):
    video = make_video(tmp_path / "v.mkv", 60, codec="ffv1", pix_fmt="yuv444p", still=True, sound="aac")
    swapper = SquareSwapper()
    report = swap_video(swapper, video, tmp_path / "o.mkv")
    assert (report.frames, report.swapped, report.repeated, swapper.swapped) == (60, 60, 58, 2)  # once a segment
    _, results = frames_of(tmp_path / "o.mkv")
    assert len(results) == 60 and square_of(results[59])[0] < 100


def test_a_video_without_faces_is_copied(tmp_path):
    class Blind(SquareSwapper):
        def assign(self, frame):
            return []

    video = make_video(tmp_path / "v.mp4", 30, sound="aac")
    report = swap_video(Blind(), video, tmp_path / "o.mp4")
    assert (tmp_path / "o.mp4").read_bytes() == video.read_bytes()
    assert (report.swapped, report.notes) == (0, ("No frame shows a face to swap: the video is copied as it is.",))
    assert "No frame shows a face to swap." in swap_video(Blind(), video, tmp_path / "o.mkv").notes


def test_progress_counts_every_frame(tmp_path):
    told = []
    video = make_video(tmp_path / "v.mp4", 30)
    swap_video(SquareSwapper(), video, tmp_path / "o.mp4", progress=lambda *how: told.append(how))
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1] == (30, 30, 0) and all(total == 30 and left >= 0 for _, total, left in told)


@pytest.mark.fault
def test_an_interrupted_run_goes_on(tmp_path):
    video, output = make_video(tmp_path / "v.mp4", 130, size=REPEATABLE_SIZE, sound="aac"), tmp_path / "o.mp4"
    whole = swap_video(SquareSwapper(), video, tmp_path / "whole.mp4")
    with pytest.raises(KeyboardInterrupt):
        swap_video(SquareSwapper(stop_at=78), video, output)
    assert not output.exists() and (tmp_path / ".o.mp4.faceshifter").is_dir()
    swapper = SquareSwapper()
    report = swap_video(swapper, video, output)
    assert (report.resumed, swapper.swapped, swapper.seen) == (50, 80, 130)
    assert (report.frames, report.swapped) == (whole.frames, whole.swapped) == (130, 130)
    for kind in ("video", "audio"):
        assert read_packets(output, kind) == read_packets(tmp_path / "whole.mp4", kind)


def test_what_another_job_kept_is_not_used(tmp_path):
    video, output = make_video(tmp_path / "v.mp4", 130), tmp_path / "o.mp4"
    for name, other in [("another", video), ("square", make_video(tmp_path / "w.mp4", 129))]:
        with pytest.raises(KeyboardInterrupt):
            swap_video(SquareSwapper(name, stop_at=80), other, output)
        report = swap_video(SquareSwapper("square"), video, output)
        assert (report.resumed, report.frames) == (0, 130)


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from square_swapper import SquareSwapper
from faceshifter_hub.jobs.video import swap_video
swap_video(SquareSwapper(seconds=0.03), Path(sys.argv[2]), Path(sys.argv[3]))
"""


@pytest.mark.fault
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_process_goes_on(tmp_path, sign):
    video, output = make_video(tmp_path / "v.mp4", 160, sound="aac"), tmp_path / "o.mp4"
    folder = tmp_path / ".o.mp4.faceshifter"
    command = [sys.executable, "-c", KILLED, Path(__file__).parents[1], video, output]
    process = subprocess.Popen(command, preexec_fn=heed_interrupts)
    while not (folder / "000000.json").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(sign)
    process.wait(30)
    assert not output.exists()
    (tmp_path / ".o.mp4.1.partial").write_bytes(b"of a run that was killed while it joined")
    report = swap_video(SquareSwapper(), video, output)
    assert 50 <= report.resumed < 160
    assert frames_of(output)[0] == frames_of(video)[0]
    assert read_packets(output, "audio") == read_packets(video, "audio")
    assert sorted(os.listdir(tmp_path)) == ["o.mp4", "v.mp4"]


@pytest.mark.fault
def test_two_runs_do_not_share_an_output(tmp_path):
    video, output = make_video(tmp_path / "v.mp4", 30), tmp_path / "o.mp4"

    class Twice(SquareSwapper):
        def reset(self):
            with pytest.raises(UnwritableOutputError, match="Another run"):
                swap_video(SquareSwapper(), video, output)

    assert swap_video(Twice(), video, output).frames == 30


@pytest.mark.fault
def test_a_failing_swapper_loses_nothing_that_was_done(tmp_path):
    class Failing(SquareSwapper):
        def swap(self, frames, assigned):
            if self.swapped >= 60:
                raise RuntimeError("out of memory")
            return super().swap(frames, assigned)

    video, output = make_video(tmp_path / "v.mp4", 100), tmp_path / "o.mp4"
    with pytest.raises(RuntimeError, match="out of memory"):
        swap_video(Failing(), video, output)
    assert swap_video(SquareSwapper(), video, output).resumed == 50


@pytest.mark.fault
@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_full_disk_is_said_and_leaves_no_gap(tmp_path):
    video, output = make_video(tmp_path / "v.mp4", 130), tmp_path / "o.mp4"
    folder = tmp_path / ".o.mp4.faceshifter"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        swap_video(SquareSwapper(stop_at=60), video, output)
    (folder / "000001.mp4").unlink()
    (folder / "000001.mp4").symlink_to("/dev/full")  # the next segment
    with pytest.raises(UnwritableOutputError, match=r"No space left on device.*give the same command"):
        swap_video(SquareSwapper(), video, output)
    (folder / "000001.mp4").unlink()
    report = swap_video(SquareSwapper(), video, output)
    assert (report.resumed, report.frames) == (50, 130)
    assert frames_of(output)[0] == frames_of(video)[0]


@pytest.mark.fault
def test_damage_in_the_middle_is_counted(tmp_path):
    video = make_video(tmp_path / "v.mkv", 60, codec="ffv1", pix_fmt="yuv444p")
    content = bytearray(video.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    video.write_bytes(content)
    report = swap_video(SquareSwapper(), video, tmp_path / "o.mp4")
    info = read_video_info(video)
    assert report.frames == len(frames_of(tmp_path / "o.mp4")[0]) <= info.frames
    assert (report.frames < info.frames) == any("cannot be decoded" in note for note in report.notes)


def test_outputs_that_cannot_be(tmp_path):
    video = make_video(tmp_path / "v.mp4", 10)
    for output, words in [
        (tmp_path / "o.webm", "does not end in .mp4, .m4v, .mov, .mkv"),
        (tmp_path / "missing" / "o.mp4", "There is no folder"),
        (video, "is the video itself"),
    ]:
        with pytest.raises(UnwritableOutputError, match=words):
            swap_video(SquareSwapper(), video, output)

    def with_bit_rate(container):
        container.streams.audio[0].codec_context.bit_rate = 128000

    odd_sound = make_video(tmp_path / "v.wmv", 10, codec="wmv2", sound="wmav2", prepare=with_bit_rate)
    with pytest.raises(UnwritableOutputError, match=r"cannot hold the sound.*convert it to AAC first"):
        swap_video(SquareSwapper(), odd_sound, tmp_path / "o.mkv")
    silent_loss = make_video(tmp_path / "v.mkv", 10, sound="pcm_s16le")
    with pytest.raises(UnwritableOutputError, match=r"cannot hold the sound.*choose a name in .mkv"):
        swap_video(SquareSwapper(), silent_loss, tmp_path / "o.mp4")
    (tmp_path / "t.mp4").write_text("no video at all")
    with pytest.raises(UnreadableVideoError):
        swap_video(SquareSwapper(), tmp_path / "t.mp4", tmp_path / "o.mp4")
    assert sorted(os.listdir(tmp_path)) == ["t.mp4", "v.mkv", "v.mp4", "v.wmv"]


@pytest.mark.parametrize("name", ["with space.mp4", 'it\'s [the] "one".mp4', "ünï-人.mp4", "100%03d.mp4", "-y.mp4"])
def test_names_are_only_names(tmp_path, name):
    video = make_video(tmp_path / "v.mp4", 5).rename(tmp_path / f"in {name}")
    assert swap_video(SquareSwapper(), video, tmp_path / name).frames == 5
    assert read_video_info(tmp_path / name).frames == 5


def test_segments_can_lie_elsewhere(tmp_path):
    (tmp_path / "scratch").mkdir()
    video = make_video(tmp_path / "v.mp4", 60)
    with pytest.raises(KeyboardInterrupt):
        swap_video(SquareSwapper(stop_at=58), video, tmp_path / "o.mp4", work_dir=tmp_path / "scratch")
    assert os.listdir(tmp_path / "scratch") == [".o.mp4.faceshifter"]
    assert swap_video(SquareSwapper(), video, tmp_path / "o.mp4", work_dir=tmp_path / "scratch").resumed
    assert os.listdir(tmp_path / "scratch") == []


def test_memory_does_not_grow_with_length(tmp_path):
    def peak(frames):
        video = make_video(tmp_path / f"{frames}.mp4", frames, size=(120, 160), options={"preset": "ultrafast"})
        gc.collect()
        tracemalloc.start()  # numpy tells it of the frames
        swap_video(SquareSwapper(), video, tmp_path / "o.mp4")
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(20)  # imports
    short, long = peak(50), peak(150)
    assert long < 1.1 * short + 200_000
    assert long < 40 * 120 * 160 * 3  # so many frames, of 150


def test_one_frame(tmp_path):
    video = make_video(tmp_path / "v.mp4", 60, options=SHARP)
    for at, number in [(0, 0), (41, 41), (1.64, 41), (1.63, 41)]:
        swapper = SquareSwapper()
        result = swap_one_frame(swapper, video, at)
        assert swapper.swapped == 1 and square_of(result)[0] < 100
        assert abs(int(result[0, 0, 0]) - int(picture(number)[0, 0, 0])) <= 2
    for at in (60, 2.4, -1):
        with pytest.raises(SettingsError, match=r"has 60 frames, 2\.40 seconds"):
            swap_one_frame(SquareSwapper(), video, at)
