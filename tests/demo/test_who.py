"""Who takes whose place, over HTTP: the same parameters for a photo and for a video."""

import numpy as np
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from group_picture import PEOPLE, changed_places, group
from made_videos import make_video
from PIL import Image

SOURCE = handle_file(PEOPLE[0])
TWO = [handle_file(PEOPLE[0]), handle_file(PEOPLE[4])]


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three people in a photo, and in a video of it: the parameter that takes each, its name, and how to call it."""
    folder = tmp_path_factory.mktemp("three")
    picture = group(1, 2, 3)
    Image.fromarray(picture).save(folder / "three.png")
    make_video(folder / "three.mp4", 3, size=picture.shape[:2], pictures=[picture] * 3, options={"crf": "0"})
    return {
        "/swap": {"target": handle_file(folder / "three.png")},
        "/preview_frame": {"video": handle_file(folder / "three.mp4")},
    }


@pytest.fixture(params=["/swap", "/preview_frame"])
def changed(request, client, three):
    """Call an endpoint; return which of the three people changed."""

    def call(**parameters):
        given = three[request.param] | {"consent": True, "refine": False, "label": False} | parameters
        result = client.predict(**given, api_name=request.param)
        path = result[1] if request.param == "/swap" else result
        return changed_places(group(1, 2, 3), np.asarray(Image.open(path).convert("RGB")))

    return call


def test_faces_that_are_numbered_get_a_source_each(changed):
    assert changed(source=None, faces="1,3", sources=TWO) == [0, 2]


def test_only_the_person_of_the_reference_changes(changed):
    assert changed(source=SOURCE, also=TWO[1:], reference=handle_file(PEOPLE[2])) == [1]


@pytest.mark.parametrize(
    ("contradicting", "said"),
    [
        ({"faces": "1", "sources": TWO}, "The faces '1' are not one number for each of 2 sources; write 1,3 for two."),
        ({"sources": TWO}, "The faces 'largest' are not one number for each of 2 sources"),
        ({"faces": "1,2", "sources": TWO, "also": TWO}, "Faces have sources of their own"),
        ({"faces": "1,2", "sources": TWO, "reference": SOURCE}, "Faces have sources of their own"),
        ({}, "Choose a source picture."),
    ],
)
def test_what_contradicts_itself_is_one_sentence(changed, contradicting, said):
    with pytest.raises((AppError, ValueError), match=said):
        changed(**({"source": None} | contradicting))


def test_a_face_of_which_the_detector_is_not_sure_enough_stays(client, three):
    with pytest.raises(AppError, match="surer than 1"):
        client.predict(**three["/swap"], source=SOURCE, consent=True, min_score=1, api_name="/swap")


def test_a_picture_of_whom_to_replace_is_called_so(client, three, tmp_path):
    (tmp_path / "face.jpg").write_text("no picture")
    wrong = {"source": SOURCE, "consent": True, "reference": handle_file(tmp_path / "face.jpg")}
    with pytest.raises(AppError, match=r"^The picture of whom to replace is not a picture that can be read"):
        client.predict(**three["/swap"], **wrong, api_name="/swap")


def test_a_whole_video_takes_several_people(client, three):
    video = three["/preview_frame"]["video"]
    *_, notes = client.predict(None, video, True, faces="1,3", sources=TWO, api_name="/swap_video")
    assert "3 of 3 frames swapped" in notes


def test_of_a_picture_that_moves_the_notes_say_that_one_frame_was_taken(client, tmp_path):
    frames = [Image.fromarray(group(person)) for person in (1, 2)]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    *_, notes = client.predict(SOURCE, handle_file(tmp_path / "two.gif"), True, api_name="/swap")
    assert "The target picture moves; its first frame was taken." in notes
