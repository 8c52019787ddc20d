"""The page around the tabs, and how it is served: nothing of a visitor is kept or told to anyone."""

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

import gradio as gr

from faceshifter_hub.composition import pipeline_addresses
from faceshifter_hub.demo.check import build_check_tab
from faceshifter_hub.demo.choices import Choices
from faceshifter_hub.demo.compare import build_compare_tab
from faceshifter_hub.demo.components import build_components_tab
from faceshifter_hub.demo.doors import MIDDLEWARE, fetch_nothing
from faceshifter_hub.demo.inspect import build_inspect_tab
from faceshifter_hub.demo.live import build_live_tab
from faceshifter_hub.demo.loading import load_in_background
from faceshifter_hub.demo.photo import build_photo_tab
from faceshifter_hub.demo.video import build_video_tab
from faceshifter_hub.errors import SettingsError
from faceshifter_hub.media.apart import use_decoder_processes
from faceshifter_hub.settings import get_settings

TITLE = "FaceShifter Hub"
WELCOME = f"""# {TITLE}

Put the face of a source picture into a target photo, which keeps its pose, expression, light and hair."""
PRIVACY = """Pictures are deleted within two hours, and no one else sees them. A swapped face is synthetic: every
result says so by an invisible watermark and signed credentials, and so must you wherever you show it. Method:
[FaceShifter](https://arxiv.org/abs/1912.13457)."""
THEME = gr.themes.Soft(font=["system-ui", "sans-serif"]).set(
    checkbox_border_color="*neutral_400",
    checkbox_border_color_dark="*neutral_500",
    # what the theme makes too pale to read
    block_label_text_color="*primary_700",
    block_title_text_color="*primary_700",
    block_info_text_color="*neutral_600",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    input_placeholder_color="*neutral_500",
    link_text_color_dark="*primary_300",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_dark="*primary_600",
    button_primary_background_fill_hover_dark="*primary_700",
    checkbox_label_background_fill_selected="*primary_600",
    checkbox_label_background_fill_selected_dark="*primary_600",
)
CSS = Path(__file__).with_name("page.css").read_text("utf-8")
# a tab whose pictures are still empty takes those of the tab Photo, and what was said of them
CARRY_OVER = """(source, target, consent, ownSource, ownTarget, ownConsent) =>
  ownSource || ownTarget ? [ownSource, ownTarget, ownConsent] : [source, target, consent]"""
CARRY_SOURCE = "(source, own) => own || source"
PAIR_TABS = {"Compare": build_compare_tab, "Inspect": build_inspect_tab}
SOURCE_TABS = {"Video": build_video_tab, "Live": build_live_tab}
FILES_LIVE = 3600  # seconds; looked after as often
LONGEST_QUEUE = 16
# whose states are kept; each holds the whole page, a third of a megabyte, and every call by HTTP is a visit of its own
MOST_SESSIONS = 256


def build_demo() -> gr.Blocks:
    """Return the page.

    Raises:
        ComponentError: The pipeline of the settings cannot be found or read.
    """
    use_private_folder()
    fetch_nothing()
    choices = Choices.of(get_settings().pipeline)
    with gr.Blocks(title=TITLE, delete_cache=(FILES_LIVE, FILES_LIVE)) as demo:
        available = gr.State(choices)
        gr.Markdown(WELCOME, elem_id="welcome")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Photo", elem_id="photo-tab"):
                photo = build_photo_tab(available)
            for title, build in PAIR_TABS.items():
                with gr.Tab(title, elem_id=f"{title.lower()}-tab") as tab:
                    own = build(available)
                inputs = [*photo.components, *own.components]
                tab.select(None, inputs, own.components, js=CARRY_OVER, api_visibility="private")
            for title, build_one in SOURCE_TABS.items():
                with gr.Tab(title, elem_id=f"{title.lower()}-tab") as tab:
                    source = build_one(demo, available)
                if source is not None:
                    tab.select(None, [photo.source, source], source, js=CARRY_SOURCE, api_visibility="private")
            with gr.Tab("Check", elem_id="check-tab"):
                build_check_tab()
            with gr.Tab("Components", elem_id="components-tab"):
                build_components_tab(available)
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
    use_decoder_processes()
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
            max_file_size=get_settings().max_upload_bytes,
            state_session_capacity=MOST_SESSIONS,
            app_kwargs={"middleware": MIDDLEWARE},
            footer_links=["gradio", "settings"],
            theme=THEME,
            css=CSS,
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise SettingsError(f"The page cannot be served: {error}") from error
    load_in_background(pipeline_addresses(get_settings().pipeline))  # not before: a process that loads cannot just end
    demo.block_thread()
