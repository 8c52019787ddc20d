import pytest

from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.errors import UnwritableOutputError


@pytest.mark.fault
def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(UnwritableOutputError, match="cannot be written: Not a directory"),
        written_whole(tmp_path / "file" / "page.html"),
    ):
        pass
