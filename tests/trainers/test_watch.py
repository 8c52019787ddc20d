import pytest

from faceshifter_hub.errors import TrainingError
from trainers.watch import COLLAPSED_STEPS, Watch


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run(value):
    with pytest.raises(TrainingError, match=r"At step 7 the loss `identity` is -?(nan|inf)"):
        Watch().check(7, {"attribute": 1.0, "identity": value})


def test_a_discriminator_that_wins_for_good_stops_the_run():
    watch = Watch()
    for step in range(1, COLLAPSED_STEPS):
        watch.check(step, {"discriminator": 0.0})
    with pytest.raises(TrainingError, match=f"At step {COLLAPSED_STEPS} the discriminator has collapsed"):
        watch.check(COLLAPSED_STEPS, {"discriminator": 0.0})


@pytest.mark.parametrize("relief", [{"discriminator": 0.5}, {}])
def test_a_discriminator_that_wins_now_and_then_does_not(relief):
    watch = Watch()
    for step in range(3 * COLLAPSED_STEPS):
        watch.check(step, {"discriminator": 0.0} if step % 100 else relief)
