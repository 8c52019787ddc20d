"""FrameSwapper: the pipeline for frames that follow one another, of a video or a camera."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from faceshifter_hub.cast import Assignment, Identity, Role, assign_roles, is_everyone_meant
from faceshifter_hub.faces.detection import QUARTER_TURNS, Face, detect_everyone, detect_turned
from faceshifter_hub.faces.selection import select_faces
from faceshifter_hub.faces.tracking import FaceTracker, Track, distance
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.pipeline import FaceShifterPipeline, Source
from faceshifter_hub.provenance.credentials import Credentials
from faceshifter_hub.provenance.marks import draw_id
from faceshifter_hub.safety.content import check_content

SEARCH_EVERY = 25  # frames, until faces are looked for in all turns again and, where everyone is meant, at all sizes
SHRINK = 0.7  # of the smallest face then found: the smallest sought until then
CONTENT_EVERY = 50  # frames, and results, of which the first passes the content gate
APART = 0.5  # of a face's size: nearer to each other are only two findings of one face
AGAIN_EVERY = 10  # frames, until a track that nobody was recognised in is looked at again


class FrameSwapper:
    """Swaps faces of frames; who was given an identity keeps it while the face moves, hides, crosses another.

    A face that the detector misses for some frames is swapped in these too, as long as it is there.

    Args:
        pipeline: That swaps.
        source: As the pipeline's call takes it, but no list.
        options: Of the swap. `largest` is whoever has the largest face when nobody who was chosen is in sight; numbers
            count from left to right where a face appears first.

    Raises:
        FaceShifterError: As the pipeline's call.
    """

    def __init__(self, pipeline: FaceShifterPipeline, source: Source, options: SwapOptions):
        pipeline.check(options)
        self.pipeline, self.options = pipeline, options
        self.notes: list[str] = []  # what a user should know of the source
        self.roles = pipeline.cast(source, notes=self.notes)
        self.reset()

    def reset(self) -> None:
        """Forget whom was seen: another clip begins."""
        self.tracker = FaceTracker()
        self.sources: WeakKeyDictionary[Track, Identity | None] = WeakKeyDictionary()  # until the tracker forgets them
        self.number, self.changed = 0, 0
        self.turns: Sequence[int] = QUARTER_TURNS  # in which faces are looked for
        self.smallest: float | None = None  # side in pixels of a face that is looked for
        self.mark_id = draw_id(self.options)

    def state(self) -> dict[str, Any]:
        """Return what is remembered of the frames so far, as JSON knows it."""
        roles = {role.source: number for number, role in enumerate(self.roles)}
        roles_of_tracks = [
            [place, None if (source := self.sources[track]) is None else roles[source]]
            for place, track in enumerate(self.tracker.tracks)
            if track in self.sources
        ]
        tracks = [track.state() for track in self.tracker.tracks]
        searched = {"number": self.number, "turns": list(self.turns), "smallest": self.smallest}
        return {"tracks": tracks, "roles": roles_of_tracks, "mark_id": self.mark_id} | searched

    def restore(self, state: dict[str, Any]) -> None:
        """Go on after the frames whose `state` it was, of a swapper of the same fingerprint."""
        self.reset()
        like = self.roles[0].source.z
        self.tracker.tracks = [Track.restored(track, like) for track in state["tracks"]]
        for place, role in state["roles"]:
            self.sources[self.tracker.tracks[place]] = None if role is None else self.roles[role].source
        self.number, self.mark_id = state["number"], state["mark_id"]
        self.turns, self.smallest = state["turns"], state["smallest"]

    def assign(self, frame: np.ndarray) -> list[Assignment]:
        """Return which faces of the next frame (H, W, 3) uint8 RGB get which identity; frames come in their order.

        Raises:
            ContentError: It seems to show nudity; not every frame is looked at.
        """
        if self.number % CONTENT_EVERY == 0:
            check_content(frame, "target's frame")
        faces = select_faces(self._detect(frame), "all", self.options.min_score)
        tracks = self.tracker.update(faces, self.pipeline.embedder(frame))
        followed = self.tracker.bridge(frame)
        undecided = [track for track in tracks if track not in self.sources]
        if self.number % AGAIN_EVERY == 0:
            undecided += [track for track in tracks if track in self.sources and self.sources[track] is None]
        if undecided:
            self._decide(undecided, [*tracks, *followed])
        self.number += 1
        assigned: list[Assignment] = []
        for track in [*tracks, *followed]:
            source = self.sources.get(track)
            taken = any(distance(track.face, one.face) < APART for one in assigned)  # by somebody found just there
            if source is not None and not (track.followed and taken):
                assigned.append(Assignment(track.face, source))
        return assigned

    def _detect(self, frame: np.ndarray) -> list[Face]:
        """Return the faces of the next frame; all turns and sizes are searched now and then, else where faces were."""
        detector, everywhere = self.pipeline.components["face_detector"], self.number % SEARCH_EVERY == 0
        if not is_everyone_meant(self.roles, self.options):
            faces, turn = detect_turned(detector, frame, QUARTER_TURNS if everywhere else self.turns)
            self.turns = (turn,)
        elif everywhere:
            faces, self.turns = detect_everyone(detector, frame)
            self.smallest = min([SHRINK * face.area**0.5 for face in faces], default=None)
        else:
            faces, _ = detect_everyone(detector, frame, self.turns, self.smallest)
        return faces

    def _decide(self, undecided: Sequence[Track], tracks: Sequence[Track]) -> None:
        """Give tracks their identity, or None for now."""
        role = self.roles[0]
        if not is_everyone_meant(self.roles, self.options):
            if not any(self.sources.get(track) for track in tracks):
                self.sources[max(tracks, key=lambda track: track.face.area)] = role.source
            return
        by_face: dict[Face, Track] = {track.face: track for track in tracks}
        roles = self._open_roles(tracks)
        assigned = assign_roles(roles, list(by_face), self.options, lambda face: by_face[face].z) if roles else []
        meant = {by_face[one.face]: one.source for one in assigned}
        for track in undecided:
            self.sources[track] = meant.get(track)

    def _open_roles(self, tracks: Sequence[Track]) -> list[Role]:
        """Return the roles that nobody in sight has."""
        if self.roles[0].person is None:
            return self.roles
        taken = {id(self.sources.get(track)) for track in tracks}
        return [role for role in self.roles if id(role.source) not in taken]

    def swap(self, frames: Sequence[np.ndarray], assigned: Sequence[Sequence[Assignment]]) -> list[np.ndarray]:
        """Return the frames (H, W, 3) uint8 RGB with their faces swapped; what they are given decides alone.

        Raises:
            ContentError: A result seems to show nudity; not every one is looked at.
        """
        results = self.pipeline.swap_faces(frames, assigned, self.options, mark_id=self.mark_id)[0]
        for result, its in zip(results, assigned, strict=True):
            if its:
                if self.changed % CONTENT_EVERY == 0:
                    check_content(result, "result's frame")
                self.changed += 1
        return results

    def credentials(self, target: Path | None = None) -> Credentials | None:
        """Return what the clip's file says of itself; None where marks are off.

        Args:
            target: The file that was swapped, whose own credentials are kept as an ingredient.
        """
        return self.pipeline.credentials(self.mark_id, target, [role.source for role in self.roles])

    def fingerprint(self) -> str:
        """Return a hash of all that decides what becomes of a frame: components, identities, options."""
        facts = json.dumps([self.pipeline.describe_components(), self.options.model_dump(mode="json")])
        digest = hashlib.sha256(facts.encode())
        for role in self.roles:
            person = role.person.z.cpu().numpy().tobytes() if isinstance(role.person, Identity) else role.person
            digest.update(repr((person, role.source.z.cpu().numpy().tobytes())).encode())
        return digest.hexdigest()
