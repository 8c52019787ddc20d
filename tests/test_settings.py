"""Settings out of the environment that cannot be."""

import pytest

from faceshifter_hub import cli
from faceshifter_hub.settings import get_settings


@pytest.fixture(autouse=True)
def read_anew():
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.mark.parametrize("value", ["0", "-1", "many", "1e999", "\udcff"])
def test_a_wrong_setting_is_one_sentence_that_names_it(monkeypatch, capsys, value):
    monkeypatch.setenv("FACESHIFTER_MAX_IMAGE_PIXELS", value)
    assert cli.main(["check", __file__]) == 1
    said = capsys.readouterr().err
    assert (
        said.startswith("faceshifter: The setting FACESHIFTER_MAX_IMAGE_PIXELS is wrong (") and said.count("\n") == 1
    )
