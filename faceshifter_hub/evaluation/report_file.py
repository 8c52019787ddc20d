"""What a report.json holds, for those who read one that somebody else wrote."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from faceshifter_hub.errors import DataError


class EntryData(BaseModel):
    """A metric: its mean over pairs, and the mean's 95 % interval."""

    name: str
    measured_by: str
    value: FiniteFloat
    interval: tuple[FiniteFloat, FiniteFloat]
    pairs: int


class CaseCounts(BaseModel):
    """How many cases a contestant swapped, why it did not swap others, and in whose swap no face is found again."""

    swapped: int
    failed: dict[str, str]
    faceless: list[str]


class ComponentData(BaseModel):
    """A component of a pipeline, and the SHA-256 of each of its files."""

    address: str
    sha256: dict[str, str]


class ContestantData(BaseModel):
    """A pipeline or what it is compared with."""

    name: str
    kind: Literal["pipeline", "baseline"]
    address: str | None
    step: int | None
    components: dict[str, ComponentData] | None
    cases: CaseCounts
    metrics: list[EntryData]
    groups: dict[str, dict[str, list[EntryData]]]


class JudgeData(BaseModel):
    """What measures, whether no network was trained to please it, and the SHA-256 of each of its files."""

    independent: bool
    sha256: dict[str, str]
    measures: str


class ReportData(BaseModel):
    """A report; its first contestant is the one that it is about."""

    protocol: str
    command: str
    version: str
    rule: str
    data: dict[str, Any]
    left_out: dict[str, str]
    judges: dict[str, JudgeData]
    contestants: list[ContestantData] = Field(min_length=1)
    seconds: dict[str, Any]


def read_report(path: Path) -> dict[str, Any]:
    """Read a report.json.

    Raises:
        DataError: It cannot be read, or is no such report.
    """
    try:
        text = path.read_bytes()
        ReportData.model_validate_json(text, strict=True)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); name a report.json.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its beginning"
        raise DataError(
            f"{path} is no report of today's `faceshifter evaluate` ({where}: {first['msg']}); evaluate again."
        ) from error
    return json.loads(text)
