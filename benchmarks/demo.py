"""How soon the demo answers, and what a swap costs through its page and its endpoint next to Python alone.

`python benchmarks/demo.py` serves the demo on the default pipeline and visits it with Chromium. It prints the time
from navigation until the page answers a click, with an empty cache and a full one, and the time of a swap of rendered
examples by each of three doors, which take turns: the page, from the click until the result is shown;
`gradio_client`, with what it uploads and downloads; a Python process that swaps and saves. All are warm.
With OMP_NUM_THREADS=1, what else the machine does disturbs them less.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from gradio_client import Client, handle_file
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

sys.path.append(str(Path(__file__).parents[1] / "tests" / "browser"))

from serving import open_browser, serve

from faceshifter_hub.demo.inputs import NO_SOURCE, example_pairs

# Pressing it with nothing chosen has the server say what is missing; before the page listens, nothing happens.
ANSWERED = """sentence => {
  if (document.body.innerText.includes(sentence)) return true;
  document.querySelector('#swap')?.click();
  return false;
}"""
CLICK_UNTIL_SHOWN = """() => new Promise(resolve => {
  const pictures = () => [...document.querySelectorAll('#slider img')];
  const before = pictures().map(one => one.src), clicked = performance.now();
  const shown = one => one.complete && one.naturalWidth && !before.includes(one.src);
  const look = () => {
    const now = pictures();
    const done = now.length === 2 && now.every(shown);
    done ? resolve((performance.now() - clicked) / 1000) : requestAnimationFrame(look);
  };
  document.querySelector('#swap').click();
  look();
})"""


def visit(context: BrowserContext, url: str) -> float:
    """Return the seconds from navigation until the button Swap answers."""
    page = context.new_page()
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_function(ANSWERED, arg=NO_SOURCE, polling=50)
    seconds = time.perf_counter() - began
    page.close()
    return seconds


def time_visits(browser: Browser, url: str, times: int) -> dict[str, list[float]]:
    """Return the seconds until the page answers, by whether the browser was there before."""
    seconds: dict[str, list[float]] = {"first visit": [], "later visit": []}
    for _ in range(times):
        with browser.new_context() as context:  # its cache is its own
            for spent in seconds.values():
                spent.append(visit(context, url))
    return seconds


def swap_on_page(page: Page, number: int) -> float:
    """Return the seconds from click to result of an example pair, which is chosen before."""
    source, target = example_pairs()[number]
    page.locator("#examples tbody tr").nth(number).click()
    for name, path in (("source", source), ("target", target)):
        page.locator(f"#{name} img[src$='{Path(path).name}']").wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)  # until nothing moves
    seconds = page.evaluate(CLICK_UNTIL_SHOWN)
    page.wait_for_timeout(500)  # and until the rest of it is written and shown
    return seconds


def swap_by_client(client: Client, number: int) -> float:
    """Return the seconds of a call of the endpoint."""
    source, target = example_pairs()[number]
    began = time.perf_counter()
    client.predict(handle_file(source), handle_file(target), True, api_name="/swap")
    return time.perf_counter() - began


def swap_in_python(orders: Connection) -> None:
    """Swap the example pairs whose numbers come, and answer with the seconds, until None comes."""
    from faceshifter_hub.pipeline import FaceShifterPipeline

    pipeline = FaceShifterPipeline.from_pretrained()
    with tempfile.TemporaryDirectory() as folder:
        while (number := orders.recv()) is not None:
            source, target = example_pairs()[number]
            began = time.perf_counter()
            pipeline(source, target).images[0].save(Path(folder, "swapped.png"))
            orders.send(time.perf_counter() - began)


def time_swaps(doors: dict[str, Callable[[int], float]], times: int) -> dict[str, list[float]]:
    """Return the seconds of swaps by each door; they take turns, so that all suffer alike from a busy machine."""
    pairs = len(example_pairs())
    for swap in doors.values():
        swap(0)  # what is slow once only
    seconds: dict[str, list[float]] = {name: [] for name in doors}
    for n in range(1, times + 1):
        for name, swap in doors.items():
            seconds[name].append(swap(n % pairs))
    return seconds


def measure(visits: int, swaps: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Serve the demo, and return the seconds of visits and of swaps."""
    context = multiprocessing.get_context("spawn")
    orders, theirs = context.Pipe()
    python = context.Process(target=swap_in_python, args=(theirs,))
    python.start()

    def ask_python(number: int) -> float:
        orders.send(number)
        return orders.recv()

    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch, "demo")
        folder.mkdir()
        server = serve(folder)
        try:
            client = Client(server.url, download_files=scratch, verbose=False)
            swap_by_client(client, 0)  # once the default pipeline is loaded
            browser = open_browser(playwright, Path(scratch))
            seen = time_visits(browser, server.url, visits)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(server.url)
            page.locator("#consent input").check()
            doors: dict[str, Callable[[int], float]] = {
                "Python": ask_python,
                "page": lambda number: swap_on_page(page, number),
                "gradio_client": lambda number: swap_by_client(client, number),
            }
            swapped = time_swaps(doors, swaps)
            browser.close()
        finally:
            server.stop()
            orders.send(None)
            python.join()
    return seen, swapped


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=5, help="of either kind (%(default)s)")
    parser.add_argument("--swaps", type=int, default=7, help="by each door (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()

    seen, swapped = measure(arguments.visits, arguments.swaps)
    answers = {name: statistics.median(seconds) for name, seconds in seen.items()}
    swaps = {name: statistics.median(seconds) for name, seconds in swapped.items()}
    python = swaps["Python"]
    if arguments.json:
        ratios = {name: seconds / python for name, seconds in swaps.items()}
        facts: dict[str, Any] = {"answers": answers, "swaps": swaps, "ratios": ratios}
        print(json.dumps({**vars(arguments), "cores": os.cpu_count(), **facts}, indent=2))
        return
    print(f"medians of {arguments.visits} visits and {arguments.swaps} swaps, {os.cpu_count()} cores")
    for name, seconds in answers.items():
        print(f"{name:24} answers after {seconds:5.2f} s")
    for name, seconds in swaps.items():
        print(f"swap by {name:16} {seconds:5.2f} s, {seconds / python:.2f} of Python's")


if __name__ == "__main__":
    main()
