"""The page around the tabs, and how it is served: nothing of a visitor is kept or told to anyone."""

import atexit
import os
import shutil
import signal
import tempfile

import gradio as gr

from faceshifter_hub.demo.choices import Choices
from faceshifter_hub.demo.loading import load_in_background
from faceshifter_hub.demo.photo import build_photo_tab
from faceshifter_hub.errors import SettingsError
from faceshifter_hub.pipeline import pipeline_addresses
from faceshifter_hub.settings import get_settings

TITLE = "FaceShifter Hub"
WELCOME = f"""# {TITLE}

Put the face of a source picture into a target photo, which keeps its pose, expression, light and hair."""
PRIVACY = """Pictures are deleted within two hours, and no one else sees them. A swapped face is synthetic: say so
wherever you show it. Method: [FaceShifter](https://arxiv.org/abs/1912.13457)."""
THEME = gr.themes.Soft(font=["system-ui", "sans-serif"]).set(
    checkbox_border_color="*neutral_400", checkbox_border_color_dark="*neutral_500"
)
CSS = """
.gradio-container { max-width: min(1200px, 100vw) !important; margin: auto; }
#stages .grid-wrap { max-height: none; }
#stages .caption-label { white-space: normal; line-height: 1.2; max-width: calc(100% - 1rem); }
#file:has(.empty), #stages:has(.empty) { display: none; }
/* a message above its checkbox, which Gradio would cover with it */
#consent [data-testid="status-tracker"]:has(.validation-error), #consent .validation-error {
  position: static !important;
}
/* what was missing is there now */
#consent:has(input:checked) .validation-error, #source:has(img) .validation-error, #target:has(img) .validation-error {
  display: none;
}
"""
FILES_LIVE = 3600  # seconds; looked after as often
LONGEST_QUEUE = 16


def build_demo() -> gr.Blocks:
    """Return the page.

    Raises:
        ComponentError: The pipeline of the settings cannot be found or read.
    """
    use_private_folder()
    choices = Choices.of(get_settings().pipeline)
    with gr.Blocks(title=TITLE, delete_cache=(FILES_LIVE, FILES_LIVE)) as demo:
        gr.Markdown(WELCOME, elem_id="welcome")
        build_photo_tab(choices)
        gr.Markdown(PRIVACY, elem_id="privacy")
    return demo.queue(max_size=LONGEST_QUEUE, default_concurrency_limit=1)


def use_private_folder() -> None:
    """Have Gradio keep pictures where only this user can read them, until this process ends."""
    if "GRADIO_TEMP_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="faceshifter-demo-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["GRADIO_TEMP_DIR"] = folder


def launch(demo: gr.Blocks, host: str | None = None, port: int | None = None) -> None:
    """Serve the page until interrupted; the default pipeline is loaded meanwhile.

    Args:
        demo: What `build_demo` gave.
        host: Name or address to listen on; by default `GRADIO_SERVER_NAME`, else this machine alone.
        port: By default `GRADIO_SERVER_PORT`, else the first free one from 7860 on.

    Raises:
        SettingsError: The port cannot be used.
    """
    load_in_background(pipeline_addresses(get_settings().pipeline))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, which deletes visitors' files
    try:
        demo.launch(
            server_name=host,
            server_port=port,
            share=False,
            show_error=False,
            run_history=False,
            enable_monitoring=False,
            strict_cors=True,
            max_file_size=get_settings().max_image_bytes,
            footer_links=["gradio", "settings"],
            theme=THEME,
            css=CSS,
        )
    except OSError as error:
        raise SettingsError(f"The page cannot be served: {error}") from error
