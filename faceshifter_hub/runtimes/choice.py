"""What runs a pipeline's networks, and where: as asked for, or by the settings."""

import torch

from faceshifter_hub.errors import SettingsError
from faceshifter_hub.runtimes import RUNTIMES, Runtime
from faceshifter_hub.settings import get_settings


def pick_runtime(runtime: str | None) -> Runtime:
    """Return the runtime asked for, or by setting.

    Raises:
        SettingsError: There is none of that name.
    """
    name = runtime or get_settings().runtime
    for known in RUNTIMES:
        if name == known:
            return known
    raise SettingsError(f"There is no runtime '{name}'; there are: {', '.join(RUNTIMES)}.")


def pick_device(device: str | None) -> torch.device:
    """Return the device asked for, or by setting; `auto` is CUDA where there is one, else the CPU.

    Raises:
        SettingsError: It does not exist here.
    """
    name = device or get_settings().device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError):
        raise SettingsError(f"There is no device '{name}' on this machine; use 'cpu' or 'auto'.") from None
