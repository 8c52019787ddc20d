"""The card of a data set: what is in it, how every trait is distributed, what it is not."""

import json
import math
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faceshifter_hub.datasets.shards import read_samples
from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.synthesis.datasets.plan import PROCEDURAL, Kind, Plan
from faceshifter_hub.synthesis.parameters import ANCESTRIES

BAR = 40  # characters
SKIN_TONES = ((-30, "dark"), (10, "brown"), (28, "tan"), (41, "intermediate"), (55, "light"), (math.inf, "very light"))
Record = dict[str, Any]  # a picture's identity, attributes, skin tone


def below(edges: Sequence[float], value: float, unit: str = "") -> str:
    """Name the interval between edges that a value is in."""
    k = sum(value >= edge for edge in edges)
    if k == 0:
        return f"below {edges[0]}{unit}"
    return f"{edges[k - 1]} to {edges[k]}{unit}" if k < len(edges) else f"{edges[-1]}{unit} and above"


def intervals(edges: Sequence[float], unit: str = "") -> list[str]:
    """Name all intervals between edges, in order."""
    return [below(edges, value, unit) for value in (-math.inf, *edges)]


def expression_of(record: Record) -> str:
    """Name the expression by what shows most."""
    weight = record["attributes"]["expression"].get
    shown = {
        "eyes closed": weight("eyeBlinkLeft", 0) > 0.8 and weight("eyeBlinkRight", 0) > 0.8,
        "smile": weight("mouthSmileLeft", 0) > 0.25,
        "mouth open": weight("jawOpen", 0) > 0.15,
        "frown": weight("browDownLeft", 0) > 0.25,
        "pout": weight("mouthPucker", 0) > 0.2,
    }
    return next((name for name, shows in shown.items() if shows), "neutral")


def skin_tone_of(record: Record) -> str:
    """Name the class of the skin's typology angle."""
    angle = record["skin_tone"]
    return "hidden" if angle is None else next(name for limit, name in SKIN_TONES if angle <= limit)


def occluders_of(record: Record) -> str:
    """Name what stands before the face."""
    return " and ".join(sorted({each["kind"] for each in record["attributes"]["occluders"]})) or "none"


def light_of(record: Record) -> str:
    """Name the side that the key lamp is on."""
    across = record["attributes"]["light"]["key"][0]
    return "from the left" if across < -0.35 else "from the right" if across > 0.35 else "from the front"


AGES, ANGLES = (25, 35, 45, 55, 65, 75), (-45, -30, -15, 15, 30, 45)
DEGREES = "\N{DEGREE SIGN}"


@dataclass(frozen=True)
class Trait:
    """A trait, the value of one picture, and the order of its values where they have one."""

    title: str
    value: Callable[[Record], str]
    order: Sequence[str] = field(default=())


TRAITS = (
    Trait("Sex", lambda r: r["identity"]["sex"]),
    Trait("Ancestry, the largest share", lambda r: max(zip(r["identity"]["ancestry"], ANCESTRIES, strict=True))[1]),
    Trait("Age in years", lambda r: below(AGES, r["identity"]["age"]), intervals(AGES)),
    Trait("Skin tone as photographed", skin_tone_of, [name for _, name in SKIN_TONES]),
    Trait("Beard", lambda r: (r["identity"]["beard"] or {"style": "none"})["style"]),
    Trait("Expression", expression_of),
    Trait(
        "Yaw",
        lambda r: below(ANGLES, math.degrees(r["attributes"]["pose"]["yaw"]), DEGREES),
        intervals(ANGLES, DEGREES),
    ),
    Trait(
        "Pitch",
        lambda r: below(ANGLES[1:-1], math.degrees(r["attributes"]["pose"]["pitch"]), DEGREES),
        intervals(ANGLES[1:-1], DEGREES),
    ),
    Trait("Hair style", lambda r: r["attributes"]["hair"]["style"] or "none"),
    Trait("Hat", lambda r: (r["attributes"]["hat"] or {"kind": "none"})["kind"]),
    Trait("Make-up", lambda r: "some" if r["attributes"]["make_up"]["lipstick"] > 0 else "none"),
    Trait("Occluders", occluders_of),
    Trait("Key light", light_of),
    Trait("Surroundings", lambda r: r["attributes"]["background"]["environment"] or "painted backdrop"),
)


def write_card(folder: Path, plan: Plan) -> None:
    """Write `README.md`.

    Raises:
        DataError: A shard is damaged.
        UnwritableOutputError: The card cannot be written.
    """
    faces = count(json.loads(sample["json"]) for sample in samples(folder, plan, "faces"))
    targets = count(json.loads(sample["json"])["target"] for sample in samples(folder, plan, "triplets"))
    sections = [("the faces", faces), ("the triplets' targets", targets)]
    distributions = [distribution(title, counts) for title, counts in sections if counts[0].total()]
    with written_whole(folder / "README.md") as file:
        file.write("\n\n".join([introduction(plan), *distributions]).encode() + b"\n")


def samples(folder: Path, plan: Plan, kind: Kind) -> Iterable[dict[str, bytes]]:
    """Yield every sample of a kind."""
    for shard in plan.shards():
        if shard.kind == kind:
            yield from read_samples(folder / shard.name)


def count(records: Iterable[Record]) -> list[Counter[str]]:
    """Count the values of each trait."""
    counts: list[Counter[str]] = [Counter() for _ in TRAITS]
    for record in records:
        for trait, counter in zip(TRAITS, counts, strict=True):
            counter[trait.value(record)] += 1
    return counts


def distribution(title: str, counts: Sequence[Counter[str]]) -> str:
    """Return a section with a bar for each value of each trait."""
    blocks = [bars(trait, counter) for trait, counter in zip(TRAITS, counts, strict=True)]
    return f"## Distribution over {title}\n\n" + "\n\n".join(blocks)


def bars(trait: Trait, counts: Counter[str]) -> str:
    """Return the values of a trait: bar, share, number."""
    names = [name for name in trait.order if name in counts]
    names += sorted(counts.keys() - set(names), key=lambda name: (-counts[name], name))
    width, most, total = max(map(len, names)), max(counts.values()), counts.total()
    lines = [
        f"{name:{width}}  {'#' * max(round(BAR * counts[name] / most), 1):{BAR}}  {counts[name] / total:6.1%}  "
        f"{counts[name]}"
        for name in names
    ]
    return "\n".join([f"### {trait.title}", "", "```", *lines, "```"])


def introduction(plan: Plan) -> str:
    """Return what the data set is, how it was made, its rights, and what it is not."""
    total = plan.identities * plan.per_identity
    assets = (
        "procedural skin, brows and hair"
        if plan.assets == PROCEDURAL
        else f"the asset pack whose `index.json` has the SHA-256 `{plan.assets}`"
    )
    takes = {
        "face": "the source's face in the target's head; outside `region` the pixels are the target's own",
        "head": "the source's whole head with the target's attributes",
    }[plan.truth]
    return f"""# Synthetic faces

{total} faces of {plan.identities} people, {plan.triplets} triplets of source, target and their true swap, \
{plan.size} pixels wide. Nobody in these pictures exists.

![A part of it](contact_sheet.webp)

Made by faceshifter-hub {plan.version} with {assets}; the same command makes the same data set:

    {command_of(plan)}

Shards are WebDataset tar files; `docs/synthesis.md` of faceshifter-hub says what each field of a sample is. The \
truth of a triplet is {takes}.

**Rights.** Geometry, skins, hair and other assets are CC0 (MakeHuman and its community); the pictures are CC0 as well.

**What it is not.** No photographs: skin, hair and light look rendered, and a model trained on these alone will not \
do well on photographs. No children: adults only. No census: the distributions below are the renderer's priors, and \
`ancestry` mixes three sets of shape targets of MakeHuman; it says nothing of anybody's origin. Skin tone is the \
individual typology angle of what was photographed, light included."""


def command_of(plan: Plan) -> str:
    """Return the command that makes a data set."""
    words: list[object] = ["faceshifter", "synthesize", "OUT"]
    if plan.benchmark:
        words += ["--benchmark", plan.benchmark.split()[0]]
    else:
        if plan.identities:
            words += ["--identities", plan.identities, "--per-identity", plan.per_identity]
        if plan.triplets:
            words += ["--triplets", plan.triplets, "--truth", plan.truth]
        words += ["--size", plan.size, "--seed", plan.seed]
    return shlex.join(map(str, words))
