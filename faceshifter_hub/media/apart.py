"""Decoders in processes of their own, for strangers' files: what a codec does wrong ends there, and in one sentence.

Such a process runs those functions of this room that open files, one call at a time, within the memory and the time
of the settings, and is told no secrets of the environment. It answers with values (`wire.py`), not with code: were it
taken over by a file, it could lie about pixels but run nothing here.
"""

import atexit
import contextlib
import inspect
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from functools import wraps
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, ParamSpec, TypeVar, cast

from faceshifter_hub import errors
from faceshifter_hub.errors import FaceShifterError, MediaError, SettingsError
from faceshifter_hub.media.wire import FILE, NONSENSE, receive, send
from faceshifter_hub.settings import get_settings

HANDED_ON = ("FACESHIFTER_", "LC_")  # of the environment; tokens and the like are not
HANDED_ON_TOO = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ")
MOST_IDLE = 2  # processes kept for the next call
CAN_HAND_OVER = hasattr(socket, "send_fds")  # open files to another process; Windows cannot

OUR_ERRORS = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, FaceShifterError)
}

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_inside = False  # whether this is such a process
_used = False
_idle: list["DecoderProcess"] = []
_lock = Lock()


class _DecoderFailedError(Exception):
    """A process ended, stopped to answer or answered nonsense; the message says which."""


def use_decoder_processes() -> None:
    """Have files decoded apart from now on, as `FACESHIFTER_DECODE_APART=1` does, where the system can; start one."""
    global _used
    _used = CAN_HAND_OVER
    with _lock:
        if _used and not _idle:
            _idle.append(DecoderProcess())


def apart(
    failure: type[MediaError], file: str = "path"
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Have a function of this room, plain or a generator, run in a decoder process where these are used.

    Args:
        failure: Raised when the process dies, or takes too long; the function's own errors come as they are.
        file: The argument that names the file; where it is none (an array, say) the function runs here.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        signature = inspect.signature(function)

        @wraps(function)
        def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            path = signature.bind(*args, **kwargs).arguments[file]
            if _inside or not isinstance(path, (str, Path)) or not (_used or get_settings().decode_apart):
                return function(*args, **kwargs)
            answers = _run(function, args, kwargs, failure, path)
            if inspect.isgeneratorfunction(function):
                return cast(Result, answers)
            with contextlib.closing(answers):
                return next(answers)

        return call

    return decorate


def _run(
    function: Callable, args: tuple, kwargs: dict, failure: type[MediaError], path: str | Path
) -> Generator[Any, None, None]:
    """Yield what a function gives, in a decoder process."""
    with _borrowed() as process:
        try:
            process.ask(function, args, kwargs)
            yield from process.answers()
        except _DecoderFailedError as failed:
            raise failure(f"'{path}' cannot be decoded: its decoder {failed}; use another copy.") from None


@contextlib.contextmanager
def _borrowed() -> Iterator["DecoderProcess"]:
    with _lock:
        process = _idle.pop() if _idle else None
    if process is None or not process.lives():
        process = DecoderProcess()
    try:
        yield process
    finally:
        with _lock:
            keep = process.lives() and len(_idle) < MOST_IDLE
            if keep:
                _idle.append(process)
        if not keep:
            process.end()


@atexit.register
def _end_all() -> None:
    while _idle:
        _idle.pop().end()


if CAN_HAND_OVER:
    os.register_at_fork(after_in_child=_idle.clear)  # they are the parent's


class DecoderProcess:
    """A process that runs functions of this room, and this side of the line to it.

    Raises:
        SettingsError: This system cannot hand files to another process.
    """

    def __init__(self) -> None:
        if not CAN_HAND_OVER:
            raise SettingsError("Files cannot be decoded apart on this system; leave FACESHIFTER_DECODE_APART unset.")
        ours, theirs = socket.socketpair()
        environment = {
            name: value for name, value in os.environ.items() if name.startswith(HANDED_ON) or name in HANDED_ON_TOO
        }
        environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from {__name__} import serve; serve({theirs.fileno()})"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=[theirs.fileno()],
            )
        self._line = Connection(ours.detach())

    def lives(self) -> bool:
        """Tell whether it can be asked something."""
        return self._process.poll() is None

    def ask(self, function: Callable, args: tuple, kwargs: dict) -> None:
        """Have it call a function; `answers` gives what comes of it."""
        files = [value for value in args if hasattr(value, "fileno")]
        with _failures_told():
            send(self._line, [os.getcwd(), function.__module__, function.__qualname__, args, kwargs])
            for file in files:
                file.flush()
                send_handle(self._line, file.fileno(), self._process.pid)

    def answers(self) -> Generator[Any, None, None]:
        """Yield what the call gives, one value, or a generator's; closed before its end, the call ends too."""
        try:
            while (answer := self._receive())[0] == "value":
                yield answer[1]
        except GeneratorExit:
            self._break_off()
            raise
        except BaseException:  # after Ctrl-C, half an answer may be left on the line
            self.end()
            raise
        kind, error = answer
        if kind == "error":
            raise error

    def _break_off(self) -> None:
        try:
            with _failures_told():
                send(self._line, "stop")
            while self._receive()[0] == "value":
                pass
        except _DecoderFailedError:
            self.end()

    def _receive(self) -> tuple[str, Any]:
        limits = get_settings()
        with _failures_told():
            if not self._line.poll(limits.decoder_seconds):
                raise _DecoderFailedError(f"took longer than {limits.decoder_seconds:g} seconds")
            try:
                kind, value = receive(self._line)
                if kind == "error":
                    name, message = value
                    value = OUR_ERRORS[name](message)
            except NONSENSE:
                raise _DecoderFailedError("answered nonsense") from None
        if kind == "memory":
            raise _DecoderFailedError(f"needs more than the {limits.decoder_memory:,} bytes of memory it may have")
        return kind, value

    def end(self) -> None:
        """End the process, whatever it does."""
        self._line.close()
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError):
        raise _DecoderFailedError("crashed") from None


def serve(handle: int) -> None:
    """Answer calls over a socket until the other side is gone: what a decoder process does."""
    global _inside
    _inside = True
    _limit_resources()
    line = Connection(handle)
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = receive(line)
            if request != "stop":  # else one that crossed the end of the call
                _answer(line, *request)


def _limit_resources() -> None:
    import resource

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends when the other side does
    memory = get_settings().decoder_memory
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(line: Connection, place: str, module: str, name: str, args: list, kwargs: dict) -> None:
    os.chdir(place)  # names of files may be relative to where the other side is now
    try:
        function = getattr(import_module(module), name)
        with contextlib.ExitStack() as opened:
            given = [opened.enter_context(_received_file(line)) if value is FILE else value for value in args]
            result = function(*given, **kwargs)
            if not inspect.isgenerator(result):
                send(line, ["value", result])
            else:
                opened.enter_context(contextlib.closing(result))
                for value in result:
                    if line.poll():  # asked to stop
                        break
                    send(line, ["value", value])
        send(line, ["end", None])
    except FaceShifterError as error:
        send(line, ["error", [type(error).__name__, str(error)]])
    except MemoryError:
        send(line, ["memory", None])


def _received_file(line: Connection) -> BinaryIO:
    return os.fdopen(recv_handle(line), "r+b")
