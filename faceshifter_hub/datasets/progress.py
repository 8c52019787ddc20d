"""How a long command goes, said on stderr."""

import sys


def tell(text: str, end: str = "") -> None:
    """Say how it goes: on a terminal over what was said before, else on a line of its own."""
    if sys.stderr.isatty():
        print(f"\r{text:60}" if text else "", end=end, file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Return a duration in hours, minutes and seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
