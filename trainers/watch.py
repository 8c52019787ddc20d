"""Watches a run's losses, and stops it where going on would only waste time."""

import math
from collections.abc import Mapping

from faceshifter_hub.errors import TrainingError

COLLAPSED_LOSS = 1e-3  # the hinge loss of a discriminator that nothing fools any more
COLLAPSED_STEPS = 1000


class Watch:
    """Stops a run whose losses are not finite, or whose discriminator has won for good."""

    def __init__(self) -> None:
        self.won = 0  # steps in a row

    def check(self, step: int, values: Mapping[str, float]) -> None:
        """Look at the losses of step number `step`.

        Raises:
            TrainingError: A loss is not finite, or the discriminator's has been near 0 for COLLAPSED_STEPS steps.
        """
        for name, value in values.items():
            if not math.isfinite(value):
                raise TrainingError(f"At step {step} the loss `{name}` is {value}")
        self.won = self.won + 1 if values.get("discriminator", math.inf) < COLLAPSED_LOSS else 0
        if self.won == COLLAPSED_STEPS:
            raise TrainingError(
                f"At step {step} the discriminator has collapsed (its loss was below {COLLAPSED_LOSS} for "
                f"{COLLAPSED_STEPS} steps, so the generator learns nothing from it)"
            )
