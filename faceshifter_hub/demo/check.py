"""The tab Check: what a picture or a video says of itself, whoever made it."""

from typing import Any

import gradio as gr
from markupsafe import Markup

from faceshifter_hub.demo.inputs import called, said_on_page
from faceshifter_hub.provenance.check import check_file

INTRO = """What does a file say of where it came from? Its signed content credentials (C2PA), whoever wrote them, and
the invisible watermark that every swap made here carries."""
EMPTY = "<p class='hint'>Choose a picture or a video, and press <em>Check</em>.</p>"
NO_FILE = "Choose a file."


def build_check_tab() -> None:
    """Lay out the tab and connect it, within an open `gr.Blocks`."""
    gr.Markdown(INTRO, elem_id="check-intro")
    with gr.Row(equal_height=False):
        with gr.Column():
            file = gr.File(label="Picture or video", file_types=["image", "video"], height=160, elem_id="check-file")
            button = gr.Button("Check", variant="primary", elem_id="check")
        with gr.Column():
            said = gr.HTML(EMPTY, label="What the file says", elem_id="check-said")
            report = gr.JSON(label="The same for programs", elem_id="check-report", open=False)

    def check(file: str) -> tuple[str, dict[str, Any]]:
        """Tell what a file says of where it came from.

        Args:
            file: Picture or video.

        Returns:
            It in words, as HTML, and as JSON.
        """
        with said_on_page("Nothing to check"), called(file, "The file"):
            found = check_file(file)
        sentences = Markup("").join(Markup("<li>{}</li>").format(sentence) for sentence in found.sentences())
        return str(Markup("<ul>{}</ul>").format(sentences)), found.model_dump(mode="json")

    button.click(
        check,
        file,
        [said, report],
        validator=lambda file: gr.validate(file is not None, NO_FILE),
        api_name="check",
        show_progress_on=said,
    )
