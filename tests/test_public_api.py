"""The public API, pinned: a name or signature changes only together with `public_api.json`.

After a change that is meant, `python tests/test_public_api.py` writes the file anew.
"""

import inspect
import json
from pathlib import Path

import pytest

import faceshifter_hub

PINS = Path(__file__).with_name("public_api.json")
METHODS = ("__init__", "__call__", "forward", "detect", "from_pretrained", "save_pretrained", "push_to_hub")


def signature(function) -> str:
    """Return a function's parameters and their defaults; how types print differs between versions of Python."""
    bare = inspect.signature(function).replace(return_annotation=inspect.Signature.empty)
    parameters = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in bare.parameters.values()]
    return str(bare.replace(parameters=parameters))


def signatures(name: str) -> dict[str, str]:
    """Return the signature of a public function, or of each main method that a public class has."""
    value = getattr(faceshifter_hub, name)
    if inspect.isclass(value):
        if issubclass(value, Exception):
            return {}
        own = {method: getattr(value, method) for method in METHODS if is_ours(value, method)}
        return {method: signature(function) for method, function in own.items()}
    return {name: signature(value)} if callable(value) else {}


def is_ours(cls: type, method: str) -> bool:
    """Tell whether a method is written in this package, rather than inherited from torch or diffusers."""
    owner = next((base for base in cls.__mro__ if method in vars(base)), object)
    return owner.__module__.startswith("faceshifter_hub")


@pytest.mark.parametrize("name", faceshifter_hub.__all__)
def test_a_public_name_keeps_its_signatures(name):
    assert signatures(name) == json.loads(PINS.read_text())[name]


def test_the_public_names_are_these():
    assert faceshifter_hub.__all__ == list(json.loads(PINS.read_text()))
    assert dir(faceshifter_hub) == faceshifter_hub.__all__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Generator'"):
        _ = faceshifter_hub.Generator


if __name__ == "__main__":
    pins = {name: signatures(name) for name in faceshifter_hub.__all__}
    PINS.write_text(json.dumps(pins, indent=2) + "\n")
