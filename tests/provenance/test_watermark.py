"""The watermark on rendered people: nobody sees it, and what happens to pictures does not take it away."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from faceshifter_hub.media.images import read_image
from faceshifter_hub.provenance.lattice import KX, KY, OWNER, tile
from faceshifter_hub.provenance.payload import encode
from faceshifter_hub.provenance.watermark import detect, embed
from faceshifter_hub.registry import DATA_ROOT

MARK = "1234abcd"
FACES = sorted((DATA_ROOT / "examples").glob("*.webp"))


@pytest.fixture(scope="module")
def photo():
    return read_image(FACES[0])


@pytest.fixture(scope="module")
def marked(photo):
    return embed(photo, MARK)


def psnr(one, other):
    return 10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2))


def as_jpeg(picture, quality):
    with io.BytesIO() as file:
        Image.fromarray(picture).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))


def resized(picture, factor):
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def on_a_screen(picture):
    page = np.full((560, 900, 3), 245, np.uint8)
    shown = resized(picture, 0.8)
    page[60 : 60 + shown.shape[0], 100 : 100 + shown.shape[1]] = shown
    return as_jpeg(page, 80)


ATTACKS = {
    "none": lambda picture: picture,
    "JPEG 50": lambda picture: as_jpeg(picture, 50),
    "half the size": lambda picture: resized(picture, 0.5),
    "twice the size": lambda picture: resized(picture, 2),
    "a third of the area": lambda picture: picture[150:446, 90:386],
    "a third of the sides, as JPEG": lambda picture: as_jpeg(picture[201:372, 170:341], 80),
    "a screenshot": on_a_screen,
    "brighter": lambda picture: cv2.convertScaleAbs(picture, alpha=1.15, beta=10),
    "grey": lambda picture: cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_survives(marked, attack):
    found = detect(ATTACKS[attack](marked))
    assert found is not None and found.id == MARK
    assert found.confidence > 0.85


def test_it_survives_h264(marked):
    av = pytest.importorskip("av")
    with io.BytesIO() as file:
        with av.open(file, "w", format="mp4") as video:
            stream = video.add_stream("libx264", rate=25, options={"crf": "28"})
            stream.height, stream.width = marked.shape[:2]
            stream.pix_fmt = "yuv420p"
            for _ in range(3):
                video.mux(stream.encode(av.VideoFrame.from_ndarray(marked, format="rgb24")))
            video.mux(stream.encode())
        file.seek(0)
        with av.open(file) as video:
            frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    found = detect(frames[-1])
    assert found is not None and found.id == MARK


def test_it_tells_by_how_much_a_screenshot_was_reduced(marked):
    found = detect(on_a_screen(marked))
    assert found is not None
    assert found.size == pytest.approx(0.8 * 512 / np.sqrt(560 * 900), rel=0.01)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.stem)
def test_nobody_sees_it_and_unmarked_pictures_have_none(face):
    photo = read_image(face)
    marked = embed(photo, MARK)
    assert psnr(photo, marked) >= 42
    assert np.abs(marked.astype(int) - photo).max() <= 16
    assert detect(photo) is None


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (16, 16), (900, 3)])
def test_pictures_too_small_for_it_pass(shape):
    picture = np.full((*shape, 3), 128, np.uint8)
    assert embed(picture, MARK).shape == picture.shape
    assert detect(picture) is None


def test_grey_stays_grey(photo):
    grey = ATTACKS["grey"](photo)
    marked = embed(grey, MARK)
    assert (marked == marked[..., :1]).all() and not np.array_equal(marked, grey)


def test_the_pattern_is_the_same_for_ever():
    """Or what was marked before could not be read any more."""
    assert (len(KY), int(KY.sum()), int(np.abs(KX).sum())) == (606, 5306, 5306)
    assert OWNER[:12].tolist() == [-1, 44, 14, 67, -1, 114, 15, 25, -1, 39, 83, 85]
    assert "".join(map(str, encode(MARK)[64:80])) == "1110011001010100"
    assert tile(encode(MARK).tobytes())[0, :4] == pytest.approx([-0.7689, -0.4429, 0.1792, 0.7158], abs=1e-4)
