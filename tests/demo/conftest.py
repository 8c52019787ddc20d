"""The demo in this process, with tiny untrained networks, called over HTTP."""

import numpy as np
import pytest
from gradio_client import Client
from group_picture import PEOPLE
from made_videos import make_video
from PIL import Image
from tiny_networks import save_tiny_pipeline

from faceshifter_hub.demo import build_demo
from faceshifter_hub.demo.loading import _load
from faceshifter_hub.settings import get_settings


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    """A rendered face that moves a little for five seconds."""
    with Image.open(PEOPLE[1]) as picture:
        face = np.asarray(picture.convert("RGB").resize((256, 256)))
    path = tmp_path_factory.mktemp("film") / "face.mp4"
    return make_video(path, 50, size=(256, 256), pictures=[np.roll(face, n % 20, axis=1) for n in range(50)])


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client of the demo."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "served"))
        patch.setenv("FACESHIFTER_PIPELINE", str(save_tiny_pipeline(folder / "pipeline")))
        get_settings.cache_clear()
        demo = build_demo()
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True)
        yield Client(url, download_files=folder, verbose=False)
        demo.close()
    get_settings.cache_clear()
    _load.cache_clear()
