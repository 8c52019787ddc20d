"""Which of a picture's faces are meant: by size, by place, by the detector's score."""

from collections.abc import Sequence

from faceshifter_hub.faces.detection import Face


def select_faces(faces: Sequence[Face], which: str, min_score: float = 0.0) -> list[Face]:
    """Return the faces that are meant, from left to right.

    Args:
        faces: Of one picture.
        which: `largest`, `all`, or numbers from left to right, the first is 1: `1,3`. A number that no face has gives
            none.
        min_score: Faces of which the detector is less sure do not count.
    """
    sure = [face for face in left_to_right(faces) if face.score >= min_score]
    match which:
        case "all":
            return sure
        case "largest":
            return [max(sure, key=lambda face: face.area)] if sure else []
    numbers = {int(number) for number in which.split(",")}
    return [face for number, face in enumerate(sure, 1) if number in numbers]


def left_to_right(faces: Sequence[Face]) -> list[Face]:
    """Return the faces in the order of their centres."""
    return sorted(faces, key=lambda face: float(face.box[0] + face.box[2]))
