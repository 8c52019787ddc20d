"""Processes that share the work: spawned, so that none inherits a graphics context or threads of torch."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import connection
from multiprocessing.synchronize import Event
from typing import TypeVar

from faceshifter_hub.errors import WorkerError

AHEAD = 2  # tasks a process that are begun or wait before the first one's result is taken

Task = TypeVar("Task")
Result = TypeVar("Result")
_stop: Event | None = None  # of a worker: set when nobody wants its result any more


class Stopped(Exception):
    """Nobody wants this result any more."""


def map_in_processes(function: Callable[[Task], Result], tasks: Iterable[Task], processes: int) -> Iterator[Result]:
    """Yield `function(task)` in the order of `tasks`; closing the generator stops the processes.

    `function` belongs to a module, calls `heed_stop` now and then, and caches what it needs for every task. The main
    module of this process is imported by each worker: where workers render, it must not import torch.

    Raises:
        WorkerError: A process was ended from outside, or what `function` raises.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(processes, context, begin, (stop,))
    waiting: deque[Future[Result]] = deque()
    rest = iter(tasks)

    def submit(count: int) -> None:
        with interrupts_held_back():
            waiting.extend(pool.submit(function, task) for task in islice(rest, count))

    try:
        submit(AHEAD * processes)
        while waiting:
            result = waiting.popleft().result()
            submit(1)
            yield result
    except BrokenProcessPool as error:
        raise WorkerError(
            "A worker process was ended from outside, perhaps for want of memory; start again, with fewer "
            "processes if it happens again."
        ) from error
    finally:
        with interrupts_held_back():  # a second Ctrl-C must not leave processes that nobody waits for
            stop.set()
            pool.shutdown(cancel_futures=True)


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back; processes started meanwhile never get it: it is their parent that stops them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin(stop: Event) -> None:
    """Prepare a worker: it ends when its parent is no more."""
    global _stop
    _stop = stop
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Wait until the parent process has ended, however it did, then end this one."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def heed_stop() -> None:
    """Return if somebody still wants the result.

    Raises:
        Stopped: Nobody does.
    """
    if _stop is not None and _stop.is_set():
        raise Stopped
