import pytest

from faceshifter_hub.datasets.folder import filling
from faceshifter_hub.errors import UnwritableOutputError


@pytest.mark.fault
def test_what_a_killed_run_left_is_swept_away(tmp_path):
    (tmp_path / ".faces-000000.tar.7.partial").write_bytes(b"half a sha")
    with filling(tmp_path):
        assert list(tmp_path.iterdir()) == []


@pytest.mark.fault
def test_two_runs_never_fill_one_folder(tmp_path):
    with (
        filling(tmp_path),
        pytest.raises(UnwritableOutputError, match=r"^Another run is filling"),
        filling(tmp_path),
    ):
        pass
    with filling(tmp_path):
        pass
