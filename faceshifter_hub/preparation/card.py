"""What a prepared folder says of itself: a card with counts, and a list of what was left out."""

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.preparation.duplicates import MOST_BITS
from faceshifter_hub.preparation.examine import MARGIN, MIN_SHARPNESS
from faceshifter_hub.preparation.fill import Line, Plan, encode_line
from faceshifter_hub.preparation.photographs import Photograph


def write_rejected(output: Path, lines: Sequence[Line]) -> None:
    """Write `rejected.jsonl`: file, reason and what was measured of everything left out.

    Raises:
        UnwritableOutputError: It cannot be written.
    """
    with written_whole(output / "rejected.jsonl") as file:
        file.writelines(encode_line(entry) for line in lines for entry in line["rejected"])


def write_card(output: Path, plan: Plan, photographs: Sequence[Photograph], lines: Sequence[Line]) -> None:
    """Write `README.md`.

    Raises:
        UnwritableOutputError: It cannot be written.
    """
    files = {kept["file"] for line in lines for kept in line["kept"]}
    kept = [photograph for photograph in photographs if photograph.file in files]
    people = len({photograph.person or photograph.number for photograph in kept})
    splits = Counter(photograph.split for photograph in kept)
    reasons = Counter(entry["reason"] for line in lines for entry in line["rejected"])
    explained = {
        "corrupt": "the file cannot be decoded",
        "too large": "the file or the picture exceeds the limits of the settings",
        "no face": "the detector finds none",
        "small": f"the aligned square is less than {plan.min_face} pixels wide in the photograph",
        "blurred": f"the variance of the Laplacian on the aligned face is less than {MIN_SHARPNESS:g}",
        "duplicate": f"the face's 256-bit difference hash is at most {MOST_BITS} bits from an earlier one's",
    }
    rows = "\n".join(f"| {reason} | {reasons[reason]} | {meaning} |" for reason, meaning in explained.items())
    options = shlex.join(["--size", str(plan.size), "--min-face", str(plan.min_face)])
    with written_whole(output / "README.md") as file:
        file.write(
            f"""---
configs:
  - config_name: default
    data_files: "photos-*.tar"
---

# Photographs to train on

{len(kept)} faces of {people} people out of {plan.photographs} photographs: {splits["training"]} for training, \
{splits["validation"]} for validation, nobody in both.

Made by faceshifter-hub {plan.version}; the same command on the same photographs makes the same folder:

    faceshifter prepare IN OUT {options}

A sample of a shard (WebDataset) is `KEY.jpg`, an aligned face of {plan.size} pixels with {MARGIN:.0%} more on each \
side, and `KEY.json`: the source `file`, its `person` (null where nobody else's picture is one's own), the `split`, \
five `landmarks`, and what was measured: `side`, how many pixels the aligned square had in the photograph, and \
`sharpness`.

| left out | photographs | because |
|---|---|---|
{rows}

`rejected.jsonl` names them.

These are photographs of real people: the rights and the consent that the collection has are the ones that hold here.
""".encode()
        )
