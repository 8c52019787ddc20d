"""The demo in a process of its own, and a browser to visit it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from faceshifter_hub.registry import DATA_ROOT

ROOT = Path(__file__).parents[2]
CHROMIUM_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
CAMERA_FLAGS = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@dataclass
class Server:
    """The demo, running."""

    url: str
    process: subprocess.Popen
    temporary: Path
    log: Path
    environment: dict[str, str]

    def stop(self):
        """End it as a service manager would."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def serve(temporary, **environment):
    """Start the demo with variables of the environment; its files lie in a folder, its log beside it."""
    port = free_port()
    log = temporary.with_suffix(".log")
    variables = os.environ | {"GRADIO_SERVER_PORT": str(port), "TMPDIR": str(temporary)} | environment
    variables.pop("GRADIO_TEMP_DIR", None)
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT
        )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return Server(f"http://127.0.0.1:{port}", process, temporary, log, variables)
        time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"The demo does not serve its page:\n{log.read_text()}")


def open_browser(playwright, folder):
    """Open Chromium, whose camera shows a rendered face; the film for it is written to a folder.

    Raises:
        RuntimeError: Chromium is missing.
    """
    executable = shutil.which("chromium")
    if executable is None:
        raise RuntimeError("The demo is tested in a real browser, which is missing: run `apt-get install chromium`.")
    camera = f"--use-file-for-fake-video-capture={write_film(folder / 'face.y4m')}"
    return playwright.chromium.launch(executable_path=executable, args=[*CHROMIUM_FLAGS, *CAMERA_FLAGS, camera])


def write_film(path):
    """Write a film of a rendered face, 640x480, as YUV4MPEG2; returns the path."""
    with Image.open(sorted((DATA_ROOT / "examples").glob("*.webp"))[2]) as face:
        picture = ImageOps.pad(face.convert("RGB"), (640, 480)).convert("YCbCr")
    luma, *chroma = picture.split()
    planes = [luma, *(plane.resize((320, 240)) for plane in chroma)]
    frame = b"FRAME\n" + b"".join(plane.tobytes() for plane in planes)
    path.write_bytes(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420mpeg2\n" + 10 * frame)
    return path
