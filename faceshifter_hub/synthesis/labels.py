"""The classes of a label map."""

LABELS = {
    "background": 0,
    "skin": 1,
    "eyes": 2,
    "mouth": 3,
    "brows": 4,
    "hair": 5,
    "cloth": 6,
    "hat": 7,
    "hand": 8,
    "glasses": 9,
}
