"""A store of graphs that no other test sees."""

import pytest

from faceshifter_hub.settings import get_settings


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of the cache, empty."""
    monkeypatch.setenv("FACESHIFTER_CACHE", str(tmp_path / "cache"))
    get_settings.cache_clear()
    yield tmp_path / "cache"
    get_settings.cache_clear()
