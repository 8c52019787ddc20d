"""The segments of a video that is being swapped: kept in a folder, so that an interrupted run goes on after them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.media.video import Frame, VideoInfo
from faceshifter_hub.media.video_writing import Piece, PieceWriter

SEGMENT_SECONDS = 2  # of the video: what an interrupted run loses at most
JOB = "job"  # what the segments beside it belong to


@dataclass(frozen=True, eq=False)
class Swapped:
    """What became of a frame.

    Attributes:
        pixels: As it was, (H, W, 3).
        result: As it is now.
        has_face: Whether a face of it was changed.
        is_repeated: Whether it is like the one before, whose result it shares.
    """

    pixels: np.ndarray
    result: Frame
    has_face: bool
    is_repeated: bool


class Segments:
    """Segments of a video in a folder; each counts once a note beside it says that it is whole.

    Args:
        folder: Where they are kept.
        info: Of the video.
        job: Hash of all that decides what they look like; segments of another job are deleted.

    Attributes:
        pieces: What is finished.
        state: What the swapper remembered after it; None before the first.
        frames: How many are finished.
        swapped: How many of them show a face that was changed.
        repeated: How many share the result of the one before.

    Raises:
        UnwritableOutputError: The folder cannot be written.
    """

    def __init__(self, folder: Path, info: VideoInfo, job: str):
        self.folder, self.info = folder, info
        self.pieces: list[Piece] = []
        self.state: dict[str, Any] | None = None
        self.frames = self.swapped = self.repeated = 0
        self._writer: PieceWriter | None = None
        self._counts = {"swapped": 0, "repeated": 0}
        self._is_broken = False
        kept = folder / JOB
        if kept.is_file() and kept.read_text("utf-8") == job:
            for note in sorted(folder.glob("[0-9]*.json")):
                self._count(json.loads(note.read_text("utf-8")))
        else:
            for old in folder.iterdir():
                old.unlink()
            with written_whole(kept) as file:
                file.write(job.encode())

    def add(self, swapped: Swapped) -> None:
        """Encode the next frame of a segment.

        Raises:
            UnwritableOutputError: The disk is full; then nothing more is taken, as a frame would be missing.
        """
        if self._is_broken:
            return
        self._is_broken = True
        frame = swapped.result
        if self._writer is None:
            self._writer = PieceWriter(self.folder / f"{len(self.pieces):06}.mp4", self.info, frame.pts)
            self._counts = {"swapped": 0, "repeated": 0}
        self._writer.write(frame)
        self._counts["swapped"] += swapped.has_face
        self._counts["repeated"] += swapped.is_repeated
        self._is_broken = False

    def finish(self, state: dict[str, Any]) -> None:
        """End the segment.

        Args:
            state: What the swapper remembers after it.

        Raises:
            UnwritableOutputError: The disk is full.
        """
        if self._is_broken:
            return
        assert self._writer
        piece, self._writer = self._writer.finish(), None
        times = {"frames": piece.frames, "start": piece.start, "last": piece.last, "end": piece.end}
        facts = {"file": piece.path.name, "times": times, **self._counts, "state": state}
        with written_whole(piece.path.with_suffix(".json")) as file:
            file.write(json.dumps(facts).encode())
        self._count(facts)

    def _count(self, facts: dict[str, Any]) -> None:
        piece = Piece(self.folder / facts["file"], **facts["times"])
        self.pieces.append(piece)
        self.state = facts["state"]
        self.frames += piece.frames
        self.swapped += facts["swapped"]
        self.repeated += facts["repeated"]
