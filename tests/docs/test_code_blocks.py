"""What the pages of the documentation tell a reader to type works, page by page, from top to bottom.

Each page has a folder of its own with rendered people in it, and one namespace for its Python. The networks are the
real ones, loaded once.
"""

import functools
import shutil

import av
import pytest
from code_blocks import ROOT, find_blocks, parse_block
from group_picture import PEOPLE, group
from PIL import Image, ImageChops

from faceshifter_hub import cli, pipeline

PAGES = sorted(page for page in (ROOT / "docs").rglob("*.md"))
DIARY = "training-log.md"  # code of its day
LANGUAGES = {"python", "sh", "bash", "toml", "json", "text", "mermaid", "html", "yaml"}
SIDE = 256


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder with everything that a page may name: people alone and together, a folder of them, a clip."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, name in enumerate(("source", "target", "anna", "bob", "new", "other", "another-of-source")):
        Image.open(PEOPLE[number]).convert("RGB").resize((SIDE, SIDE)).save(folder / f"{name}.jpg")
    shutil.copy(folder / "source.jpg", folder / "another-of-source.jpg")
    Image.fromarray(group(2, 3, sides=(320, 300))).save(folder / "group.jpg", quality=95)
    (folder / "photos" / "holiday").mkdir(parents=True)
    shutil.copy(folder / "target.jpg", folder / "photos")
    shutil.copy(folder / "anna.jpg", folder / "photos" / "holiday")
    write_clip(folder / "clip.mp4", Image.open(folder / "target.jpg"))
    write_wave(folder / "wave.gif", Image.open(folder / "target.jpg"))
    return folder


def write_clip(path, face, seconds=3, rate=4):
    """Write a video of a face that drifts to the right."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = SIDE + 64, SIDE, "yuv420p"
        for number in range(seconds * rate):
            picture = Image.new("RGB", (SIDE + 64, SIDE), "grey")
            picture.paste(face, (4 * number, 0))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())


def write_wave(path, face):
    """Write an animation of a face that nods."""
    face.save(path, save_all=True, append_images=[ImageChops.offset(face, 0, 4)], duration=200)


@pytest.fixture
def workshop(pictures, tmp_path, monkeypatch):
    """The working directory of a page: a copy of the pictures."""
    shutil.copytree(pictures, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.syspath_prepend(tmp_path / "here")  # a page's own modules
    monkeypatch.setattr(pipeline, "load_component", LOAD_ONCE)


LOAD_ONCE = functools.cache(pipeline.load_component)


def run(block, namespace, capfd):
    """Do what a reader of a block would."""
    if block.file is not None:
        open(block.file, "w").write(block.code)
    elif block.language == "python":
        exec(compile("\n" * (block.line - 1) + block.code, str(block.page), "exec"), namespace)
    elif block.language == "sh":
        for program, *arguments in block.commands:
            assert program == "faceshifter", f"{block.place}: mark a block with {program} as not run, and say why"
            code = cli.main(arguments)
            assert code == 0, f"{block.place}: {' '.join(arguments)}: {capfd.readouterr().err}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT / "docs")))
def test_the_page_does_what_it_says(page, workshop, capfd):
    namespace = {"__name__": "__main__"}
    for block in find_blocks(page):
        assert block.language in LANGUAGES, f"{block.place}: say which language it is, one of {LANGUAGES}"
        parse_block(block)
        if block.not_run is None and page.name != DIARY:
            run(block, namespace, capfd)
