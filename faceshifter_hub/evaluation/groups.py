"""Groups of people in which a pipeline may fare differently: by skin tone, age, sex, and glasses of the target."""

import math

from faceshifter_hub.evaluation.cases import Case
from faceshifter_hub.evaluation.judging.observation import Observation
from faceshifter_hub.models.face_parser import WORN

TAN, LIGHT = 10.0, 41.0  # degrees of the typology angle: below is dark skin, above is light
AGES = (35.0, 55.0)  # years
SURE = 0.7  # probability from which a sex is taken for known


def skin_group(angle: float) -> str:
    """Return the group of a typology angle in degrees; not a number where none is known."""
    if math.isnan(angle):
        return "unknown"
    return "dark" if angle < TAN else "light" if angle > LIGHT else "intermediate"


def age_group(years: float) -> str:
    """Return the group of an age."""
    young, old = AGES
    return (
        f"below {young:.0f}"
        if years < young
        else f"{old:.0f} and above"
        if years >= old
        else f"{young:.0f} to {old:.0f}"
    )


def sex_group(female: float) -> str:
    """Return the group of a probability."""
    return "female" if female >= SURE else "male" if female <= 1 - SURE else "unsure"


def groups_of(case: Case, source: Observation, target: Observation) -> dict[str, str]:
    """Return what is known of a case, and what the judges estimate where nothing is."""
    estimated = {
        "skin of the source": skin_group(float(source.skin_tone)),
        "skin of the target": skin_group(float(target.skin_tone)),
        "age of the source": age_group(float(source.age)),
        "sex of the source": sex_group(float(source.female)),
        "glasses of the target": "worn" if target.glasses > WORN else "none",
    }
    guessed = {f"{name} (estimated)": value for name, value in estimated.items() if name not in case.groups}
    return dict(case.groups) | guessed
