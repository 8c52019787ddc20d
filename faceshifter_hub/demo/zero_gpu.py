"""GPUs that a Space lends for the length of a call (ZeroGPU); everywhere else functions stay what they are."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def on_lent_gpu(seconds: int) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Have a function run on a GPU, for so long at most, where the package `spaces` lends one."""
    try:
        import spaces
    except ImportError:
        return lambda function: function
    return spaces.GPU(duration=seconds)
