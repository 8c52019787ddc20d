"""`faceshifter swap`: what it writes and prints, and what it says of input it cannot use."""

import io
import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from group_picture import PEOPLE, changed_places, group
from PIL import Image
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import cli
from faceshifter_hub.registry import DATA_ROOT

SOURCE, TARGET, OTHER = map(str, sorted((DATA_ROOT / "examples").glob("*.webp"))[:3])
TOLD = "Networks run by torch on cpu.\n"
pytestmark = pytest.mark.usefixtures("unmarked")  # a mark would be all over the picture


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    return str(save_tiny_pipeline(tmp_path_factory.mktemp("pipeline")))


@pytest.fixture
def swap(pipeline, tmp_path, capsys):
    """Run the command in this process; returns exit code, standard output and standard error."""

    def run(source=SOURCE, target=TARGET, output=tmp_path / "out.png", *options):
        code = cli.main(["swap", str(source), str(target), "-o", str(output), "--pipeline", pipeline, *options])
        return code, *capsys.readouterr()

    return run


def test_as_a_process_of_its_own(pipeline, tmp_path):
    output = tmp_path / "out.png"
    command = [sys.executable, "-m", "faceshifter_hub.cli", "swap", SOURCE, TARGET, "-o", output]
    process = subprocess.run([*command, "--pipeline", pipeline], capture_output=True, text=True)
    assert (process.returncode, process.stdout, process.stderr) == (
        0,
        f"{output}\n",
        "Networks run by torch on cpu.\n",
    )
    with Image.open(output) as result, Image.open(TARGET) as target:
        assert (result.format, result.size) == ("PNG", target.size)


def test_json_tells_faces_components_and_times(swap, tmp_path):
    code, out, err = swap(SOURCE, TARGET, tmp_path / "out.jpg", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["output"] == str(tmp_path / "out.jpg")
    (face,) = told["faces"]
    assert len(face["box"]) == 4 and 0.9 < face["score"] <= 1
    assert told["components"]["face_detector"]["address"] == "mtcnn"
    for component in told["components"].values():
        assert component["sha256"] and all(len(digest) == 64 for digest in component["sha256"].values())
    assert {"detect", "stage one", "stage two", "paste"} <= told["milliseconds"].keys()


def test_json_tells_of_an_animation_in_which_frames_a_face_changed(swap, tmp_path):
    face = Image.open(TARGET).convert("RGB").resize((160, 160))
    frames = [Image.new("RGB", face.size, "tan"), face, face.rotate(5)]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:], duration=80)
    code, out, err = swap(SOURCE, tmp_path / "moves.gif", tmp_path / "out.webp", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert (told["output"], told["frames"], told["swapped"]) == (str(tmp_path / "out.webp"), 3, 2)
    assert told["components"]["face_detector"]["address"] == "mtcnn" and told["runtime"] == "torch"
    assert len(told["watermark"]) > 0 and told["notes"] == [] and told["seconds"] > 0
    code, out, err = swap(SOURCE, tmp_path / "moves.gif", tmp_path / "out.webp", "--stages", str(tmp_path / "stages"))
    assert (code, out) == (1, "") and "no stages" in err and not (tmp_path / "stages").exists()
    assert swap(SOURCE, tmp_path / "moves.gif", tmp_path / "out.webp")[1:] == (f"{tmp_path / 'out.webp'}\n", TOLD)


def test_stage_pictures_go_to_a_folder(swap, tmp_path):
    assert swap(SOURCE, TARGET, tmp_path / "out.webp", "--stages", str(tmp_path / "new" / "stages"))[0] == 0
    written = {path.name for path in (tmp_path / "new" / "stages").iterdir()}
    assert {"source.png", "target.png", "swapped.png", "error.png", "refined.png", "mask_32.png"} <= written


def test_no_refine_leaves_stage_two_out(swap, tmp_path):
    _, out, _ = swap(SOURCE, TARGET, tmp_path / "out.png", "--no-refine", "--json")
    assert "stage two" not in json.loads(out)["milliseconds"]


def test_of_two_faces_the_largest_is_taken_and_said(swap, tmp_path):
    canvas = Image.new("RGB", (800, 512), "grey")
    canvas.paste(Image.open(TARGET))
    canvas.paste(Image.open(OTHER).resize((256, 256)), (530, 100))
    canvas.save(tmp_path / "two.png")
    code, _, err = swap(SOURCE, tmp_path / "two.png")
    assert (code, err.splitlines()[0]) == (0, "The target picture shows 2 faces; the largest was taken.")


# ---- whose face


@pytest.fixture
def three(tmp_path):
    Image.fromarray(group(1, 2, 3, sides=(320, 230, 250))).save(tmp_path / "three.png")
    return tmp_path / "three.png"


def places(target, output):
    return changed_places(*(np.asarray(Image.open(path).convert("RGB")) for path in (target, output)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--faces", "all"], [0, 1, 2]),
        (["--faces", "1,3"], [0, 2]),
        (["--reference", PEOPLE[3]], [2]),
        (["--also", PEOPLE[4], PEOPLE[5]], [0]),
    ],
)
def test_faces_are_chosen(swap, three, tmp_path, options, expected):
    assert swap(SOURCE, three, tmp_path / "out.png", *map(str, options))[0] == 0
    assert places(three, tmp_path / "out.png") == expected


def test_people_are_mapped(pipeline, three, tmp_path, capsys):
    out = tmp_path / "out.png"
    command = ["swap", str(three), "-o", str(out), "--pipeline", pipeline, "--map", f"{PEOPLE[3]}={SOURCE}"]
    assert cli.main([*command, "--map", f"1={OTHER}", "--stages", str(tmp_path / "stages")]) == 0
    assert places(three, out) == [0, 2]
    assert (tmp_path / "stages" / "1" / "refined.png").exists() and (tmp_path / "stages" / "2").is_dir()


def test_a_person_mapped_twice_gets_the_mean_of_both(pipeline, three, tmp_path):
    def mapped(name, *pairs):
        command = ["swap", str(three), "-o", str(tmp_path / name), "--pipeline", pipeline]
        assert cli.main([*command, *(word for pair in pairs for word in ("--map", pair))]) == 0
        return np.asarray(Image.open(tmp_path / name))

    mean = mapped("mean.png", f"2={SOURCE}", f"1={OTHER}", f"2={PEOPLE[4]}")
    assert places(three, tmp_path / "mean.png") == [0, 1]
    for single in (SOURCE, PEOPLE[4]):
        assert not np.array_equal(mean, mapped("single.png", f"2={single}", f"1={OTHER}"))
    assert np.array_equal(mean, mapped("again.png", f"2={PEOPLE[4]}", f"2={SOURCE}", f"1={OTHER}"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([TARGET], "There is no source; name a photograph, or people and sources by --map."),
        ([SOURCE, TARGET, "--map", "1=x.png"], "--map names every source itself; leave out SOURCE, --also and "),
        ([TARGET, "--map", "x.png"], "--map x.png names no person and source; write PERSON=SOURCE."),
        ([SOURCE, TARGET, "--faces", "none"], "The option faces cannot be 'none'; it says: whose face of the target "),
        ([SOURCE, TARGET, "--strength", "3"], "The option strength cannot be 3.0; it says: 0 keeps the target's "),
        ([SOURCE, TARGET, "--faces", "2"], "The target picture has no face 2: it shows 1, numbered from left to "),
        ([SOURCE, TARGET, "--keep", "mouth"], "This pipeline has no face_parser; give it one or call it without "),
    ],
)
def test_a_choice_that_cannot_be_is_one_sentence(pipeline, tmp_path, capsys, arguments, sentence):
    assert cli.main(["swap", *arguments, "-o", str(tmp_path / "out.png"), "--pipeline", pipeline]) == 1
    assert capsys.readouterr().err.startswith(f"faceshifter: {sentence}")
    assert list(tmp_path.iterdir()) == []


# ---- pictures of every kind


def variants(folder):
    """Write the target in every guise that a picture may come in; returns paths by guise."""
    rgb = Image.open(TARGET).convert("RGB")
    rotated = Image.Exif()
    rotated[0x0112] = 6  # the camera lay on its side
    grey16 = (np.asarray(rgb.convert("L")).astype(np.uint16) * 257).astype("<u2")
    translucent = rgb.copy()
    translucent.putalpha(200)
    ways = {
        "cmyk.jpg": lambda path: rgb.convert("CMYK").save(path, quality=95),
        "sixteen-bit.png": lambda path: Image.fromarray(grey16).save(path),
        "palette.gif": lambda path: rgb.quantize(256).save(path),
        "alpha.png": lambda path: translucent.save(path),
        "rotated.jpg": lambda path: rgb.transpose(Image.Transpose.ROTATE_90).save(path, exif=rotated, quality=95),
        "animated.webp": lambda path: rgb.save(path, save_all=True, append_images=[Image.new("RGB", rgb.size)]),
    }
    for name, write in ways.items():
        write(folder / name)
    return [folder / name for name in ways]


def test_pictures_of_every_kind_are_swapped(swap, tmp_path):
    for path in variants(tmp_path):
        code, _, err = swap(SOURCE, path)
        assert (code, err) == (0, TOLD), path.name
        with Image.open(tmp_path / "out.png") as result:
            assert result.size == (512, 512), path.name


def test_of_several_pages_the_first_is_taken_and_said(swap, tmp_path):
    first = Image.open(TARGET).convert("RGB")
    first.save(tmp_path / "scan.tif", save_all=True, append_images=[first, Image.new("RGB", first.size)])
    code, _, err = swap(SOURCE, tmp_path / "scan.tif")
    assert (code, err) == (0, f"The target picture has 3 pages; only the first was taken.\n{TOLD}")
    first.save(tmp_path / "scan.tif")
    assert swap(SOURCE, tmp_path / "scan.tif")[2] == TOLD


def huge_png(path, side=20_000):
    """Write the header of a picture of 400 million pixels; a reader that decodes it first is caught."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def half_a_jpeg():
    """Return a file whose header promises more than follows."""
    file = io.BytesIO()
    Image.open(TARGET).convert("RGB").save(file, "JPEG")
    return file.getvalue()[: file.tell() // 2]


BAD = {
    "corrupt.jpg": (lambda path: path.write_bytes(half_a_jpeg()), "damaged"),
    "text.jpg": (lambda path: path.write_text("just text"), "not a picture"),
    "empty.jpg": (lambda path: path.touch(), "is empty"),
    "pixel.png": (lambda path: Image.new("RGB", (1, 1)).save(path), "No face was found in the target picture"),
    "huge.png": (huge_png, "pixels"),
    "faceless.png": (lambda path: Image.new("RGB", (300, 300), "tan").save(path), "No face was found"),
    "folder": (lambda path: path.mkdir(), "is no file"),
    "missing.png": (lambda path: None, "cannot be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_sentence_and_leaves_nothing(swap, tmp_path, name):
    write, message = BAD[name]
    write(tmp_path / name)
    before = set(tmp_path.iterdir())
    code, out, err = swap(SOURCE, tmp_path / name)
    assert (code, out) == (1, "")
    assert err.startswith("faceshifter: ") and err.count("\n") == 1 and message in err, err
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("missing/out.png", "no folder"),
        ("out.txt", "does not end in"),
        (".", "does not end in"),
        ("/proc/out.png", "cannot be"),
    ],
)
def test_an_unwritable_output_is_refused(swap, tmp_path, output, message):
    code, out, err = swap(SOURCE, TARGET, tmp_path / output)
    assert (code, out) == (1, "")
    assert message in err and err.count("\n") == 1


def test_an_output_that_exists_survives_a_failure(swap, tmp_path):
    (tmp_path / "out.png").write_text("precious")
    assert swap(SOURCE, tmp_path / "missing.png")[0] == 1
    assert (tmp_path / "out.png").read_text() == "precious"


def test_an_unknown_pipeline_names_the_nearest(capsys, tmp_path):
    command = ["swap", SOURCE, TARGET, "-o", str(tmp_path / "out.png"), "--pipeline", "faceshifter-light"]
    assert cli.main(command) == 1
    assert "did you mean 'faceshifter-lite'?" in capsys.readouterr().err


def test_a_tampered_checkpoint_is_refused(capsys, tmp_path):
    folder = save_tiny_pipeline(tmp_path / "pipeline")
    (weights,) = (folder / "hear_refiner").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-10])
    assert cli.main(["swap", SOURCE, TARGET, "-o", str(tmp_path / "out.png"), "--pipeline", str(folder)]) == 1
    err = capsys.readouterr().err
    assert "damaged" in err and err.count("\n") == 1
    assert not (tmp_path / "out.png").exists()


def test_a_hub_address_without_a_network_is_one_sentence(capsys, tmp_path):
    command = ["swap", SOURCE, TARGET, "-o", str(tmp_path / "out.png"), "--pipeline", "hf://nobody/nothing"]
    assert cli.main(command) == 1
    err = capsys.readouterr().err
    assert err.startswith("faceshifter: The Hub") and err.count("\n") == 1
