"""Small charts as inline SVG: histograms, intervals, curves.

Each is WIDTH wide, about as wide as a phone's page, so that no screen makes its letters smaller than they are. Colours
are the page's: lines have the class `series-K`, everything else a class of its own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

WIDTH, LEFT, RIGHT = 340, 42, 12  # units: of a chart, of the space for numbers on its left, of that on its right
TOP, PLOT, BOTTOM = 8, 112, 24  # units: above a plot, its height, below it for numbers
ROW, LETTERS = 36, 15  # units: height of a row of intervals, what of it the name takes
BINS = 24
TAILS = (1, 99)  # percentiles of all values at which the outer bins begin
COLOURS = 8  # that the page's style sheet has for series
DASHES = ("none", "7 3", "2 2.5", "9 3 2 3")


@dataclass(frozen=True)
class Bins:
    """Values of several contestants, counted over the same bins.

    Attributes:
        edges: (B + 1,) of the bins; the outer bins hold what lies beyond them, too.
        counts: contestant -> (B,) how many of its values are in each; none of those whose values are all the same.
        always: contestant -> that value.
    """

    edges: np.ndarray
    counts: Mapping[str, np.ndarray]
    always: Mapping[str, float]


def count_bins(values: Mapping[str, np.ndarray]) -> Bins | None:
    """Count the values (N,) of each contestant; those that are no number are left out.

    Returns:
        None where nobody's values differ: there is nothing to draw.
    """
    known = {name: found[np.isfinite(found)] for name, found in values.items()}
    known = {name: found for name, found in known.items() if len(found)}
    always = {name: float(found[0]) for name, found in known.items() if np.allclose(found, found[0], rtol=1e-6)}
    varying = {name: found for name, found in known.items() if name not in always}
    if not varying:
        return None
    pooled = np.concatenate(list(varying.values()))
    low, high = np.percentile(pooled, TAILS)
    if low == high:  # rare exceptions to one value
        low, high = pooled.min(), pooled.max()
    edges = np.linspace(low, high, BINS + 1)
    counts = {name: np.histogram(found.clip(low, high), edges)[0] for name, found in varying.items()}
    return Bins(edges, counts, always)


def histogram(bins: Bins, names: Sequence[str], label: str) -> Markup:
    """Draw outlines over the same bins, up the share of a contestant's values.

    Args:
        bins: of `count_bins`.
        names: of all contestants, in the order of their colours; the first is drawn on top.
        label: what is read out in place of the picture.
    """
    shares = {name: counts / counts.sum() for name, counts in bins.counts.items()}
    x = Axis(bins.edges[0], bins.edges[-1], LEFT, WIDTH - RIGHT)
    y = Axis(0, 100 * max(share.max() for share in shares.values()), TOP + PLOT, TOP)
    outlines = []
    for k, name in reversed(list(enumerate(names))):
        if name in shares:
            steps = "".join(
                f"V{y(100 * share):.1f}H{x(right):.1f}"
                for share, right in zip(shares[name], bins.edges[1:], strict=True)
            )
            path = f"M{LEFT} {y(0):.1f}{steps}V{y(0):.1f}"
            outlines.append(element("path", d=path, **series(k)) if k else element("path", d=path, class_="filled"))
            if k == 0:
                outlines.append(element("path", d=path, **series(k)))
    return figure(label, TOP + PLOT + BOTTOM, [*x_marks(x, TOP + PLOT), *y_marks(y, " %"), *outlines])


@dataclass(frozen=True)
class Interval:
    """A value and its interval, with a name."""

    name: str
    value: float
    low: float
    high: float


def intervals(rows: Sequence[Interval], mean: float, label: str) -> Markup:
    """Draw a dot and its interval in each row, and a line through all at the mean."""
    ends = [end for row in rows for end in (row.low, row.high)] + [mean]
    x = Axis(min(ends), max(ends), 8, WIDTH - RIGHT)
    height = ROW * len(rows) + 4
    drawn = [element("line", class_="mean", x1=x(mean), x2=x(mean), y1=0, y2=height)]
    for k, row in enumerate(rows):
        at = ROW * k + LETTERS + 11
        drawn += [
            element("text", row.name, x=8, y=ROW * k + LETTERS),
            element("line", class_="interval", x1=x(row.low), x2=x(row.high), y1=at, y2=at),
            element("circle", class_="dot", cx=x(row.value), cy=at, r=4.5),
        ]
    return figure(label, height + BOTTOM, [*x_marks(x, height), *drawn])


def curve(steps: Sequence[float], rows: Sequence[Interval], label: str) -> Markup:
    """Draw values over training steps, in ascending order, in the band of their intervals."""
    x = Axis(steps[0], steps[-1], LEFT, WIDTH - RIGHT - 8)
    y = Axis(min(row.low for row in rows), max(row.high for row in rows), TOP + PLOT, TOP)
    across = [x(step) for step in steps]
    upper = [f"{at:.1f},{y(row.high):.1f}" for at, row in zip(across, rows, strict=True)]
    lower = [f"{at:.1f},{y(row.low):.1f}" for at, row in zip(across, rows, strict=True)]
    line = " ".join(f"{at:.1f},{y(row.value):.1f}" for at, row in zip(across, rows, strict=True))
    drawn = [
        element("polygon", class_="filled", points=" ".join([*upper, *reversed(lower)])),
        element("polyline", points=line, **series(0)),
        *(
            element("circle", class_="dot", cx=at, cy=y(row.value), r=3.5)
            for at, row in zip(across, rows, strict=True)
        ),
    ]
    return figure(label, TOP + PLOT + BOTTOM, [*x_marks(x, TOP + PLOT), *y_marks(y), *drawn])


def swatch(k: int) -> Markup:
    """Draw the line of a contestant for a legend."""
    line = element("line", x1=0, x2=34, y1=6, y2=6, **series(k))
    return element("svg", line, viewBox="0 0 34 12", width=34, height=12, aria_hidden="true")


class Axis:
    """Maps values, of which the ends differ, to units of a chart."""

    def __init__(self, low: float, high: float, start: float, end: float):
        self.low, self.high = (low, high) if high > low else (low - 0.5, low + 0.5)
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, at_most: int) -> list[float]:
        """Return round numbers between the ends."""
        step = 10 ** math.floor(math.log10((self.high - self.low) / at_most))
        step *= next(times for times in (1, 2, 5, 10) if (self.high - self.low) / (step * times) <= at_most)
        return [k * step for k in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)]


def x_marks(x: Axis, y: float) -> list[Markup]:
    """Draw an axis at a height, with its numbers below."""
    line = element("line", class_="axis", x1=x.start, x2=x.end, y1=y, y2=y)
    marks = [
        element("line", class_="axis", x1=x(tick), x2=x(tick), y1=y, y2=y + 4)
        + element("text", number(tick), class_="number", x=x(tick), y=y + 17, text_anchor="middle")
        for tick in x.ticks(5)
    ]
    return [line, *marks]


def y_marks(y: Axis, unit: str = "") -> list[Markup]:
    """Draw lines across a plot, with their numbers on the left."""
    return [
        element("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y(tick), y2=y(tick))
        + element("text", number(tick) + unit, class_="number", x=LEFT - 5, y=y(tick) + 4, text_anchor="end")
        for tick in y.ticks(5)
    ]


def number(value: float) -> str:
    """Say a round number briefly: 120000 is 120k."""
    return f"{value / 1000:g}k" if abs(value) >= 10_000 else f"{value:g}"


def series(k: int) -> dict[str, str]:
    """Return the attributes of the K-th contestant's line: those whose colour is the same differ in their dashes."""
    return {"class_": f"series-{k % COLOURS}", "stroke_dasharray": DASHES[(k + k // COLOURS) % len(DASHES)]}


def figure(label: str, height: float, parts: Sequence[Markup]) -> Markup:
    """Put parts into a chart that is read out as its label."""
    return element("svg", Markup("").join(parts), viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=label)


def element(tag: str, content: str = "", **attributes: str | float) -> Markup:
    """Return an element of SVG; content is escaped unless it is Markup, `_` in attributes becomes `-`."""
    said = {
        name.rstrip("_").replace("_", "-"): value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
        for name, value in attributes.items()
    }
    written = Markup("").join(Markup(' {}="{}"').format(name, value) for name, value in said.items())
    return Markup("<{0}{1}>{2}</{0}>").format(tag, written, content)
