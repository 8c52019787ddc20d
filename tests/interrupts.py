"""Ctrl-C for processes that tests start."""

import signal


def heed_interrupts():
    """Undo, in a child, that a shell's background jobs ignore Ctrl-C, which every child inherits."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
