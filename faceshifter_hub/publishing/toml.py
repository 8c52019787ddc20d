"""Writes TOML, which the standard library only reads."""

import json
from collections.abc import Mapping
from typing import Any


def to_toml(table: Mapping[str, Any], prefix: str = "") -> str:
    """Return a table of plain data as TOML: its own values, then the tables in it; no None anywhere."""
    own, inner = [], []
    for name, value in table.items():
        if isinstance(value, Mapping):
            inner.append(f"[{prefix}{name}]\n{to_toml(value, f'{prefix}{name}.')}")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            inner += [f"[[{prefix}{name}]]\n{to_toml(row, f'{prefix}{name}.')}" for row in value]
        else:
            own.append(f"{name} = {json.dumps(value, ensure_ascii=False)}\n")
    return "\n".join(part for part in ("".join(own), *inner) if part)
