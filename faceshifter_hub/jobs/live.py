"""A camera, swapped as it films: what cannot be swapped in time is passed over, so that what is seen is now."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Condition, Thread

import cv2
import numpy as np

from faceshifter_hub.errors import CameraError
from faceshifter_hub.frames import FrameSwapper

Show = Callable[[np.ndarray], bool]


class Camera:
    """The newest frame of a camera; a thread of its own takes every frame, so that none of them waits.

    Args:
        place: Number of a camera, from 0, or what OpenCV opens as one: a device, an address, a video.

    Raises:
        CameraError: It cannot be opened.
    """

    def __init__(self, place: int | str):
        self.place = place
        self._capture = cv2.VideoCapture(place)
        if not self._capture.isOpened():
            raise CameraError(f"There is no camera '{place}', or another program uses it; choose another by --camera.")
        self._newest: np.ndarray | None = None
        self._ended = False
        self._changed = Condition()
        self._thread = Thread(target=self._film, daemon=True)
        self._thread.start()

    def _film(self) -> None:
        while not self._ended:
            filmed, frame = self._capture.read()
            with self._changed:
                self._newest = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if filmed else None
                self._ended = self._ended or not filmed
                self._changed.notify()

    def frames(self) -> Iterator[np.ndarray]:
        """Yield the newest frame (H, W, 3) uint8 RGB, never one twice, until the camera ends."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._ended)
                frame, self._newest = self._newest, None
            if frame is None:
                return
            yield frame

    def close(self) -> None:
        """Let go of the camera."""
        self._ended = True
        self._thread.join()
        self._capture.release()


def swap_live(swapper: FrameSwapper, camera: int | str, show: Show) -> int:
    """Swap what a camera films until `show` says that it is enough, or the camera ends.

    Args:
        swapper: Who swaps.
        camera: See `Camera`.
        show: Takes each frame (H, W, 3) uint8 RGB; returns whether to go on.

    Returns:
        How many frames were shown.

    Raises:
        CameraError: The camera cannot be opened, or films nothing.
    """
    shown = 0
    with closing(Camera(camera)) as filming:
        for frame in filming.frames():
            shown += 1
            if not show(swapper.swap([frame], [swapper.assign(frame)])[0]):
                break
    if not shown:
        raise CameraError(f"The camera '{camera}' films nothing; look whether it is covered, locked or in use.")
    return shown


@contextmanager
def window(title: str) -> Iterator[Show]:
    """Open a window; what is returned shows a frame in it, and says no once it is closed, or Q or Escape is pressed.

    Raises:
        CameraError: There is no screen for a window.
    """
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):  # OpenCV's window would end the process
        raise CameraError(
            "There is no screen to show frames on; the demo's tab Live shows them in a browser: faceshifter demo."
        )
    cv2.namedWindow(title, cv2.WINDOW_NORMAL)

    def show(frame: np.ndarray) -> bool:
        cv2.imshow(title, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1) & 0xFF
        return key not in (27, ord("q")) and cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1

    try:
        yield show
    finally:
        cv2.destroyWindow(title)
