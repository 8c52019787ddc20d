"""The demo under many visitors at once, by its HTTP interface: `python benchmarks/load.py`.

So many clients each upload two rendered faces, ask for a swap, wait for it and begin anew, for so many seconds. Whom a
full queue refuses comes back a little later; one in twenty leaves while it waits. What came of it all, with the memory
of the server and its decoder processes, goes to docs/reliability/load.json and is drawn beside it; what is no result
and no full queue counts as an error.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from chart import draw_chart

sys.path.append(str(Path(__file__).parents[1] / "tests" / "browser"))

from serving import Server, serve

from faceshifter_hub.demo.inputs import example_faces
from faceshifter_hub.demo.page import LONGEST_QUEUE

ROOT = Path(__file__).parents[1]
REPORT, PICTURE = ROOT / "docs" / "reliability" / "load.json", ROOT / "docs" / "images" / "load.png"
SAMPLED = 2  # seconds between two looks at the memory
COMES_BACK = (1, 4)  # seconds after which whom a full queue refused comes back
LEAVE, LEAVES_AFTER = 0.05, 3  # share of visitors, and after how many seconds
PATIENCE = 120  # seconds; who waited longer was forgotten


@dataclass
class Seen:
    """What clients saw.

    Attributes:
        waited: Seconds from when a swap was accepted until its result.
        places: For each result, in the order in which they came, when its swap had been accepted.
        outcomes: How many swaps were done, refused for a full queue, left, or ended otherwise, by what was said.
        memory: Seconds since the beginning, and MiB.
    """

    waited: list[float] = field(default_factory=list)
    places: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)


async def visit(http: httpx.AsyncClient, faces: list[bytes], until: float, seen: Seen, draw: random.Random) -> None:
    """Swap again and again, as one visitor."""
    while time.monotonic() < until:
        pair = draw.sample(faces, 2)
        files = [("files", (f"{role}.webp", face, "image/webp")) for role, face in zip("ab", pair, strict=True)]
        paths = (await http.post("/gradio_api/upload", files=files)).json()
        source, target = ({"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths)
        body = {"source": source, "target": target, "consent": True}
        answer = await http.post("/gradio_api/call/v2/swap", json=body)
        if answer.status_code == 503:
            seen.outcomes["refused: the queue is full"] += 1
            await asyncio.sleep(draw.uniform(*COMES_BACK))
            continue
        accepted = time.monotonic()
        if answer.is_error:
            seen.outcomes[f"error: {answer.text}"] += 1
            continue
        waiting = LEAVES_AFTER if draw.random() < LEAVE else PATIENCE
        try:
            said = await asyncio.wait_for(result_of(http, answer.json()["event_id"]), waiting)
        except TimeoutError:
            seen.outcomes["left while waiting" if waiting == LEAVES_AFTER else "error: forgotten"] += 1
            continue
        seen.outcomes["done" if said == "complete" else f"error: {said}"] += 1
        if said == "complete":
            seen.waited.append(time.monotonic() - accepted)
            seen.places.append(accepted)


async def result_of(http: httpx.AsyncClient, event: str) -> str:
    """Wait for a swap and fetch its picture; returns `complete`, or what was said instead."""
    said = "the stream ended"
    async with http.stream("GET", f"/gradio_api/call/swap/{event}") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                said = line.removeprefix("event: ")
            elif said == "complete":
                result = json.loads(line.removeprefix("data: "))[1]
                picture = await http.get(f"/gradio_api/file={result['path']}")
                return "complete" if picture.content.startswith(b"\x89PNG") else f"no picture: {picture.status_code}"
            elif said == "error":
                return line
    return said


def memory_of(server: Server) -> float:
    """Return the MiB that the server and its children hold, what they share once each."""
    pids = [server.process.pid]
    for thread in Path(f"/proc/{server.process.pid}/task").iterdir():
        pids += map(int, (thread / "children").read_text().split())
    kilobytes = 0
    for pid in pids:
        with contextlib.suppress(OSError):  # a decoder process may have ended meanwhile
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                kilobytes += int(line.split()[1]) if line.startswith("Pss:") else 0
    return kilobytes / 1024


async def watch_memory(server: Server, began: float, seen: Seen) -> None:
    """Look at the memory now and then, for ever."""
    while True:
        seen.memory.append((time.monotonic() - began, memory_of(server)))
        await asyncio.sleep(SAMPLED)


async def load(server: Server, clients: int, seconds: float) -> dict[str, Any]:
    """Let clients visit a server; returns the report."""
    faces = [Path(face).read_bytes() for face in example_faces()]
    seen, limits = Seen(), httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE, limits=limits) as http:
        alone = Seen()
        await visit(http, faces, time.monotonic() + 10, alone, random.Random(0))  # until everything is warm
        began = time.monotonic()
        watching = asyncio.create_task(watch_memory(server, began, seen))
        visitors = (visit(http, faces, began + seconds, seen, random.Random(n)) for n in range(1, clients + 1))
        await asyncio.gather(*visitors)
        took = time.monotonic() - began
        watching.cancel()
        after = Seen()
        await visit(http, faces, time.monotonic() + 0.1, after, random.Random(0))
    return report_of(seen, took) | {
        "alone": statistics.median(alone.waited),
        "the next visitor waits": after.waited[0] if after.waited else None,
        "clients": clients,
        "seconds": seconds,
    }


def report_of(seen: Seen, took: float) -> dict[str, Any]:
    """Return what clients saw, in numbers."""
    waited = statistics.quantiles(seen.waited, n=100, method="inclusive")
    overtaken = [sum(later < place for later in seen.places[n + 1 :]) for n, place in enumerate(seen.places)]
    held = [mib for _, mib in seen.memory]
    tenth = max(1, len(held) // 10)
    return {
        "outcomes": dict(seen.outcomes.most_common()),
        "swaps a second": len(seen.waited) / took,
        "waited": {"p50": waited[49], "p95": waited[94], "most": max(seen.waited)},
        "overtaken": sum(bool(count) for count in overtaken),
        "memory": {
            "first tenth": statistics.mean(held[:tenth]),
            "last tenth": statistics.mean(held[-tenth:]),
            "most": max(held),
        },
        "memory over time": [[round(at), round(mib)] for at, mib in seen.memory],
    }


def main() -> None:
    """Serve the demo, load it, write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=50, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=600, help="(%(default)s)")
    parser.add_argument("--out", type=Path, default=REPORT, metavar="REPORT.json")
    parser.add_argument("--picture", type=Path, default=PICTURE, metavar="MEMORY.png")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = serve(Path(folder))
        try:
            report = asyncio.run(load(server, arguments.clients, arguments.seconds))
        finally:
            server.stop()
    command = f"python benchmarks/load.py --clients {arguments.clients} --seconds {arguments.seconds:g}"
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "longest queue": LONGEST_QUEUE}
    arguments.out.write_text(json.dumps({"command": command, **machine, **report}, indent=2) + "\n", "utf-8")
    memory = [(at, mib) for at, mib in report["memory over time"]]
    draw_chart(memory, "seconds", "MiB of the server and its decoders").save(arguments.picture, optimize=True)
    print(json.dumps({name: value for name, value in report.items() if name != "memory over time"}, indent=2))


if __name__ == "__main__":
    main()
