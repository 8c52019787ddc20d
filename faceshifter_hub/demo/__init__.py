"""The demo: a Gradio page. `build_demo` lays it out, `launch` serves it."""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before Gradio is imported: it then reports to nobody

from faceshifter_hub.demo.page import build_demo, launch

__all__ = ["build_demo", "launch"]
