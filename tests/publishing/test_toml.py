"""TOML that is written is TOML that is read."""

import tomllib

from faceshifter_hub.publishing.toml import to_toml


def test_what_is_written_reads_the_same():
    data = {
        "model": {"encoder": {"channels": [4, 8], "spaces": []}, "generator": {}},
        "files": [{"path": "a", "size": 1}, {"path": "b", "size": 2, "of": {"whom": "x"}}],
        "text": 'Zoë said "C:\\data"\n\N{GRINNING FACE}',
        "rate": 1e-05,
        "whole": 2.0,
        "on": True,
        "range": (-1.0, 1.0),
    }
    assert tomllib.loads(to_toml(data)) == data | {"range": [-1.0, 1.0]}
    assert to_toml({}) == ""


def test_a_table_reads_like_one_written_by_hand():
    assert to_toml({"a": 1, "model": {"encoder": {"b": [2]}}}) == "a = 1\n\n[model]\n[model.encoder]\nb = [2]\n"
