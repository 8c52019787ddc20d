import io
import json

import c2pa
import numpy as np
import pytest
from made_videos import make_video

from faceshifter_hub import cli
from faceshifter_hub.media.images import read_image, write_image
from faceshifter_hub.provenance import signing_key
from faceshifter_hub.provenance.check import check_file
from faceshifter_hub.provenance.credentials import COMPOSITE, Credentials
from faceshifter_hub.provenance.watermark import embed
from faceshifter_hub.registry import DATA_ROOT

FACE = DATA_ROOT / "examples" / "face_03.webp"
MARK = "5eed5eed"


@pytest.fixture
def ours(tmp_path):
    path = tmp_path / "ours.png"
    write_image(embed(read_image(FACE), MARK), path, Credentials({}, MARK))
    return path


def test_ours(ours):
    report = check_file(ours)
    assert (report.signature, report.watermark, report.is_synthetic) == ("development key", MARK, True)
    assert report.confidence == 1
    assert report.generator == "FaceShifter Hub"
    assert report.signer is not None and "proves nothing" in report.signer
    assert [action.source_type for action in report.actions] == [COMPOSITE.rpartition("/")[2]]
    assert report.assertions["org.faceshifter-hub.watermark"] == {"id": MARK}


def test_a_file_that_says_nothing():
    report = check_file(FACE)
    assert (report.signature, report.watermark, report.is_synthetic) == ("none", None, False)
    assert "says nothing" in report.sentences()[0]


def test_the_watermark_is_left_when_the_credentials_are_gone(ours, tmp_path):
    write_image(read_image(ours), tmp_path / "copy.jpg")
    report = check_file(tmp_path / "copy.jpg")
    assert (report.signature, report.watermark, report.is_synthetic) == ("none", MARK, True)


def test_what_changed_credentials_say_counts_for_nothing(ours, tmp_path):
    as_jpeg = tmp_path / "unmarked.jpg"
    write_image(read_image(FACE), as_jpeg, Credentials({}, MARK))
    content = bytearray(as_jpeg.read_bytes())
    content[-100] ^= 0x01
    as_jpeg.write_bytes(content)
    report = check_file(as_jpeg)
    assert (report.signature, report.is_synthetic) == ("invalid", False)


def test_a_manifest_that_leads_nowhere(tmp_path):
    path = tmp_path / "damaged.jpg"
    write_image(read_image(FACE), path, Credentials({}, MARK))
    path.write_bytes(path.read_bytes().replace(b"#jumbf=c2pa.assertions/", b"#jumbf=c2pa/assertions/", 1))
    assert check_file(path).signature == "unreadable"


def test_anyone_elses(tmp_path):
    action = {"action": "c2pa.created", "digitalSourceType": COMPOSITE, "description": "\x1b[2J" + "x" * 1000}
    said = {
        "claim_generator_info": [{"name": "Somebody\u202e else", "version": "1"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    key = signing_key.get_signing_key()
    write_image(read_image(FACE), tmp_path / "plain.jpg")
    info = c2pa.C2paSignerInfo(key.algorithm, key.certificates.encode(), key.private_key.encode(), None)
    with c2pa.Builder(json.dumps(said)) as builder, io.BytesIO() as signed:
        with (tmp_path / "plain.jpg").open("rb") as file:
            builder.sign(c2pa.Signer.from_info(info), "image/jpeg", file, signed)
        (tmp_path / "theirs.jpg").write_bytes(signed.getvalue())
    report = check_file(tmp_path / "theirs.jpg")
    assert report.generator == "Somebody  else"
    assert report.actions[0].description == " [2J" + "x" * 196
    assert all(sentence.isprintable() for sentence in report.sentences())
    assert report.watermark is None and report.is_synthetic


def test_a_video(tmp_path):
    face = read_image(FACE)
    make_video(tmp_path / "clip.mp4", 12, size=(512, 512), pictures=[face] * 6 + [embed(face, MARK)] * 6)
    assert check_file(tmp_path / "clip.mp4").watermark == MARK
    make_video(tmp_path / "plain.mp4", 4)
    assert check_file(tmp_path / "plain.mp4").watermark is None


@pytest.mark.parametrize("content", [b"", b"nothing", None])
def test_no_picture_is_said(tmp_path, content, capsys):
    path = tmp_path / "no.png"
    if content is not None:
        path.write_bytes(content)
    assert cli.main(["check", str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command(ours, capsys):
    assert cli.main(["check", str(ours)]) == 0
    assert f"id {MARK}" in capsys.readouterr().out
    assert cli.main(["check", str(ours), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["watermark"] == MARK


def test_nothing_is_fetched(tmp_path, monkeypatch):
    """A file that says its credentials lie at an address has none."""
    action = {"action": "c2pa.created", "digitalSourceType": COMPOSITE}
    said = {
        "claim_generator_info": [{"name": "x", "version": "1"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    with c2pa.Builder(json.dumps(said)) as builder:
        builder.set_no_embed()
        builder.set_remote_url("http://127.0.0.1:9/credentials")
        key = signing_key.get_signing_key()
        info = c2pa.C2paSignerInfo(key.algorithm, key.certificates.encode(), key.private_key.encode(), None)
        write_image(np.zeros((32, 32, 3), np.uint8), tmp_path / "plain.jpg")
        with (tmp_path / "plain.jpg").open("rb") as file, (tmp_path / "remote.jpg").open("w+b") as remote:
            builder.sign(c2pa.Signer.from_info(info), "image/jpeg", file, remote)
    assert b"127.0.0.1:9" in (tmp_path / "remote.jpg").read_bytes()
    assert check_file(tmp_path / "remote.jpg").signature in ("none", "unreadable")
