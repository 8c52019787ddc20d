"""A Ray cluster that shares the work, in place of processes here (see `workers.py`)."""

import logging
import os
import pickle
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from faceshifter_hub.errors import WorkerError, first_line

MOST_BLOCKS = 10_000  # of tasks, each the work of one core: Ray Data keeps an account of every block
POLL_SECONDS = 0.5
NAMESPACE = "faceshifter"  # of the names of boards

Task = TypeVar("Task")
Result = TypeVar("Result")
Said = TypeVar("Said")


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect to a Ray cluster, and leave it, or end it if it was started here.

    Args:
        address: `local` starts a cluster on this machine's cores, `auto` finds the one that this machine belongs to,
            `HOST:6379` and `ray://HOST:10001` are those of others.

    Raises:
        WorkerError: Ray is not installed, or there is no such cluster.
    """
    if find_spec("ray") is None:
        raise WorkerError("A Ray cluster needs Ray: pip install 'faceshifter-hub[scale]'.")
    # no statistics to Ray's makers; a cluster that is lost must not be replaced by one that Ray starts here by itself
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_AUTO_CONNECT": "0"}
    import ray

    settings = {name: value for name, value in os.environ.items() if name.startswith("FACESHIFTER_")}
    try:
        if address != "local":
            check_listening(address)
        ray.init(
            address,
            include_dashboard=False if address == "local" else None,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            runtime_env={"env_vars": settings},
        )
    except Exception as error:  # Ray's are of many kinds
        reason = getattr(error, "strerror", None) or first_line(error)
        raise WorkerError(
            f"There is no Ray cluster to be had at '{address}' ({reason}); name another, or leave --ray out."
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def check_listening(address: str) -> None:
    """Find that somebody listens at an address: Ray itself would try for minutes, and say so on stderr.

    Raises:
        OSError: Nobody does.
        ValueError: It is no address.
    """
    from ray._private.services import get_ray_address_from_environment

    if address == "auto":
        address = get_ray_address_from_environment(address, None)
    parts = urlsplit(address if "//" in address else f"//{address}")
    socket.create_connection((parts.hostname, parts.port), timeout=10).close()


def map_on_cluster(
    function: Callable[[Task], Result], tasks: Iterable[Task], meanwhile: Callable[[], None] = lambda: None
) -> Iterator[Result]:
    """Yield `function(task)` in the order of `tasks`, while connected.

    Args:
        function: Of a module that every node has.
        tasks: To do.
        meanwhile: Called now and then, while a result is waited for.

    Raises:
        WorkerError: The cluster gave up, or what `function` raises.
    """
    import ray
    from ray.exceptions import RayError

    calls = [pickle.dumps(partial(function, task)) for task in tasks]
    if not calls:
        return
    try:
        stream: Any = ray.remote(num_cpus=0)(Stream).remote(ray.put(calls))  # Ray warns of large arguments
        while True:
            taken = stream.take.remote()
            while not ray.wait([taken], timeout=POLL_SECONDS)[0]:
                meanwhile()
            if (result := ray.get(taken)) is None:
                return
            outcome = pickle.loads(result)
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome
    except (RayError, ConnectionError, ImportError) as error:
        reason = str(error).splitlines()[-1].partition(". ")[0]  # after a traceback, and before guesses
        raise WorkerError(
            f"The Ray cluster gave up ({reason}). Every node needs this version of faceshifter-hub; the same command "
            "goes on where this one stopped."
        ) from error


class Board(Generic[Said]):
    """What workers say of their work while they do it: an actor of the cluster, which is gone with this object.

    Attributes:
        name: By which workers find it; see `write_on_board`.
    """

    def __init__(self) -> None:
        import ray

        self.name = uuid4().hex
        self._actor: Any = ray.remote(num_cpus=0)(Notes).options(name=self.name, namespace=NAMESPACE).remote()

    def read(self) -> dict[str, Said]:
        """Return what each task says last."""
        import ray

        return ray.get(self._actor.read.remote())


class Notes:
    """The actor behind a board."""

    def __init__(self) -> None:
        self.notes: dict[str, Any] = {}

    def write(self, task: str, said: Any) -> None:
        """Keep what a task says in place of what it said before; None for nothing more."""
        self.notes.pop(task, None)
        if said is not None:
            self.notes[task] = said

    def read(self) -> dict[str, Any]:
        """Return it."""
        return self.notes


def write_on_board(board: str, task: str, said: Any) -> None:
    """Say something of a task on the board of that name, from within a worker; None for nothing more."""
    import ray

    try:
        notes: Any = ray.get_actor(board, namespace=NAMESPACE)
    except ValueError:  # lost with its node: whoever reads it notices, too
        return
    notes.write.remote(task, said)


class Stream:
    """Results of pickled calls, in their order, as they are asked for.

    An actor: Ray Data's own driver has to be inside the cluster, where this process need not be (`ray://`).
    """

    def __init__(self, calls: list[bytes]) -> None:
        import ray.data

        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        blocks = min(len(calls), MOST_BLOCKS)
        rows = ray.data.from_items([{"call": call} for call in calls], override_num_blocks=blocks)
        self.rows = iter(rows.map(work).iter_rows())

    def take(self) -> bytes | None:
        """Return the next result, None after the last."""
        row = next(self.rows, None)
        return None if row is None else row["result"]


def work(row: dict[str, bytes]) -> dict[str, bytes]:
    """Carry out a call; what it raises is a result too, because Ray would wrap it in its own words."""
    try:
        outcome = pickle.loads(row["call"])()
    except Exception as error:
        outcome = error
    return {"result": pickle.dumps(outcome)}
