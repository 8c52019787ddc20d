"""The classes of a label map: what the renderer says of every pixel, and what a face parser learns to say."""

LABELS = {
    "background": 0,
    "skin": 1,  # beards and the inside of nose and ears included
    "eyes": 2,
    "brows": 3,  # and lashes
    "lips": 4,
    "teeth": 5,  # and tongue and the inside of the mouth
    "hair": 6,
    "glasses": 7,  # frames and dark lenses; what one sees through clear ones keeps its own class
    "hat": 8,
    "hand": 9,
    "object": 10,
    "cloth": 11,
}
