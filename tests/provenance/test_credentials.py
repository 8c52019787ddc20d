"""Content credentials: in every format, signed, without faces; and what they say is what a reader reads."""

import datetime
import io
import json
import ssl
import stat
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from PIL import Image

from faceshifter_hub.errors import CredentialsError, SettingsError
from faceshifter_hub.media.animations import Frame, write_animation
from faceshifter_hub.media.images import WRITE_OPTIONS, read_image, write_image
from faceshifter_hub.media.photographs import Photograph
from faceshifter_hub.provenance import signing_key
from faceshifter_hub.provenance.credentials import COMPONENTS, COMPOSITE, WATERMARK, Credentials, read_manifest
from faceshifter_hub.settings import Settings

PICTURE = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
CREDENTIALS = Credentials({"aad_generator": {"address": "aad", "commit": "c0ffee", "sha256": {"a": "b"}}}, "0011aabb")


def active(store):
    return store["manifests"][store["active_manifest"]]


def assertions(store):
    return {one["label"]: one["data"] for one in active(store)["assertions"]}


@pytest.mark.parametrize("suffix", WRITE_OPTIONS)
def test_every_picture_that_is_written_can_be_signed(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    write_image(PICTURE, path, CREDENTIALS)
    store = read_manifest(path)
    assert store is not None and store["validation_state"] == "Valid"
    assert read_image(path).shape == PICTURE.shape
    said = assertions(store)
    [action] = said["c2pa.actions.v2"]["actions"]
    assert (action["action"], action["digitalSourceType"]) == ("c2pa.created", COMPOSITE)
    assert said[COMPONENTS] == CREDENTIALS.components
    assert said[WATERMARK] == {"id": "0011aabb"}
    assert "thumbnail" not in json.dumps(store)


def test_animations_too(tmp_path):
    frames = [Frame(Photograph(np.roll(PICTURE, n, 0)), 100) for n in range(3)]
    for suffix in (".gif", ".webp", ".png", ".avif"):
        path = tmp_path / f"out{suffix}"
        write_animation(frames, path, signature=CREDENTIALS)
        store = read_manifest(path)
        assert store is not None and store["validation_state"] == "Valid"
        assert Image.open(path).n_frames == 3


def test_a_development_key_says_so(tmp_path):
    write_image(PICTURE, tmp_path / "out.png", CREDENTIALS)
    store = read_manifest(tmp_path / "out.png")
    assert store is not None
    assert "proves nothing" in active(store)["signature_info"]["common_name"]
    assert [one["code"] for one in store["validation_status"]] == ["signingCredential.untrusted"]


def test_a_change_is_noticed(tmp_path):
    path = tmp_path / "out.jpg"
    write_image(PICTURE, path, CREDENTIALS)
    content = bytearray(path.read_bytes())
    content[-200] ^= 0xFF
    path.write_bytes(content)
    store = read_manifest(path)
    assert store is not None and store["validation_state"] == "Invalid"


def test_the_inputs_own_credentials_are_kept(tmp_path):
    write_image(PICTURE, tmp_path / "target.jpg", CREDENTIALS)
    parent = active(read_manifest(tmp_path / "target.jpg"))["label"]
    write_image(PICTURE, tmp_path / "out.png", Credentials({}, "22222222", tmp_path / "target.jpg"))
    store = read_manifest(tmp_path / "out.png")
    assert store is not None and store["validation_state"] == "Valid"
    [ingredient] = active(store)["ingredients"]
    assert (ingredient["relationship"], ingredient["active_manifest"]) == ("parentOf", parent)
    assert parent in store["manifests"]
    opened, edited = assertions(store)["c2pa.actions.v2"]["actions"]
    assert (opened["action"], edited["action"]) == ("c2pa.opened", "c2pa.edited")
    assert edited["digitalSourceType"] == COMPOSITE


def test_those_of_the_sources_are_kept_too(tmp_path):
    for name in ("target.jpg", "anna.png", "ben.png"):
        write_image(PICTURE, tmp_path / name, None if name == "ben.png" else CREDENTIALS)
    sources = (tmp_path / "ben.png", tmp_path / "anna.png", tmp_path / "gone.png")
    write_image(PICTURE, tmp_path / "out.png", Credentials({}, "22222222", tmp_path / "target.jpg", sources))
    store = read_manifest(tmp_path / "out.png")
    assert store is not None and store["validation_state"] == "Valid"
    kept = {one["title"]: one["relationship"] for one in active(store)["ingredients"]}
    assert kept == {"target": "parentOf", "source 2": "componentOf"}
    actions = assertions(store)["c2pa.actions.v2"]["actions"]
    assert [one["action"] for one in actions] == ["c2pa.opened", "c2pa.edited", "c2pa.placed"]
    write_image(PICTURE, tmp_path / "out.png", Credentials({}, "22222222", None, sources))
    store = read_manifest(tmp_path / "out.png")
    assert store is not None and store["validation_state"] == "Valid"
    assert [one["title"] for one in active(store)["ingredients"]] == ["source 2"]


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff nothing", None], ids=["empty", "damaged", "plain"])
def test_an_input_without_credentials_that_can_be_read_leaves_none(tmp_path, content):
    target = tmp_path / "target.jpg"
    if content is None:
        write_image(PICTURE, target)
    else:
        target.write_bytes(content)
    write_image(PICTURE, tmp_path / "out.png", Credentials({}, "22222222", target))
    assert "ingredients" not in active(read_manifest(tmp_path / "out.png"))


def test_a_file_without_a_place_for_them_is_written_as_it_is():
    signed = io.BytesIO()
    CREDENTIALS.sign(io.BytesIO(b"matroska"), ".mkv", signed)
    assert signed.getvalue() == b"matroska"


def test_what_cannot_be_signed_is_not_written(tmp_path, monkeypatch):
    def broken() -> signing_key.SigningKey:
        return signing_key.SigningKey("es256", "no certificate", "no key")

    monkeypatch.setattr("faceshifter_hub.provenance.credentials.get_signing_key", broken)
    with pytest.raises(CredentialsError, match="cannot be signed"):
        write_image(PICTURE, tmp_path / "out.png", CREDENTIALS)
    assert not list(tmp_path.iterdir())


# ---- keys


def use(monkeypatch, **settings):
    monkeypatch.setattr(signing_key, "get_settings", lambda: Settings(**settings))


def test_a_development_key_is_made_once_and_private(tmp_path, monkeypatch):
    use(monkeypatch, config=tmp_path / "new")
    first = signing_key.get_signing_key()
    path = tmp_path / "new" / signing_key.FILE
    assert signing_key.get_signing_key() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == [signing_key.FILE]


@pytest.mark.fault
def test_a_development_key_of_before_the_clock_went_back_is_made_anew(tmp_path, monkeypatch):
    use(monkeypatch, config=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(signing_key, "DAY", datetime.timedelta(days=-400))  # valid from then on
        of_the_future = signing_key.get_signing_key()
    write_image(PICTURE, tmp_path / "out.png", CREDENTIALS)
    store = read_manifest(tmp_path / "out.png")
    assert store is not None and store["validation_state"] == "Valid"
    assert signing_key.get_signing_key() != of_the_future


def test_ones_own_key_signs(tmp_path, monkeypatch):
    use(monkeypatch, config=tmp_path)
    made = signing_key.get_signing_key()
    (tmp_path / "chain.pem").write_text(made.certificates)
    (tmp_path / "key.pem").write_text(made.private_key)
    use(monkeypatch, certificates=tmp_path / "chain.pem", private_key=tmp_path / "key.pem", config=Path("/nowhere"))
    assert signing_key.get_signing_key() == made


def test_a_certificate_whose_key_is_no_point_of_its_curve(tmp_path, monkeypatch):
    use(monkeypatch, config=tmp_path)
    made = signing_key.get_signing_key()
    certificate = x509.load_pem_x509_certificates(made.certificates.encode())[0]
    point = certificate.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    content = certificate.public_bytes(Encoding.DER).replace(point, point[:-1] + bytes([point[-1] ^ 1]))
    damaged = tmp_path / "damaged.pem"
    damaged.write_text(ssl.DER_cert_to_PEM_cert(content))
    (tmp_path / "key.pem").write_text(made.private_key)
    with pytest.raises(SettingsError, match="give no certificate and key"):
        signing_key.read_key(damaged, tmp_path / "key.pem")


def test_keys_that_cannot_be_used_are_said(tmp_path, monkeypatch):
    for name in ("one", "other"):
        use(monkeypatch, config=tmp_path / name)
        signing_key.get_signing_key()
    one, other = (tmp_path / name / signing_key.FILE for name in ("one", "other"))
    for settings, said in (
        ({"certificates": one}, "Set both"),
        ({"certificates": one, "private_key": tmp_path / "none.pem"}, "No such file"),
        ({"certificates": one, "private_key": other}, "is not that of the key"),
    ):
        use(monkeypatch, **settings)
        with pytest.raises(SettingsError, match=said):
            signing_key.get_signing_key()
    (tmp_path / "file").write_text("")
    use(monkeypatch, config=tmp_path / "file" / "below")
    with pytest.raises(CredentialsError, match="FACESHIFTER_CONFIG"):
        signing_key.get_signing_key()
