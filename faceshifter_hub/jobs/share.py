"""Work shared among the processes that `accelerate launch` or `torchrun` started."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Share:
    """Which part of the work this process does: items `index`, `index + count`, and so on.

    Attributes:
        index: of this process, 0 is the main one.
        count: of the processes.
        device: where its networks run; None for where the settings say.
        gather: returns the lists that all processes give it as one, when all have come as far.
    """

    index: int = 0
    count: int = 1
    device: str | None = None
    gather: Callable[[list[Any]], list[Any]] = list


def find_share() -> Share:
    """Return this process's share: all of the work, unless several were started together."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Share()
    from accelerate import Accelerator, InitProcessGroupKwargs
    from accelerate.utils import gather_object

    patience = InitProcessGroupKwargs(timeout=timedelta(days=1))  # one process may have the longest videos
    state = Accelerator(kwargs_handlers=[patience])
    return Share(state.process_index, state.num_processes, str(state.device), gather_object)
