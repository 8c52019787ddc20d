"""What a batch has done already outlasts whatever ends it."""

import resource

import pytest

from faceshifter_hub.errors import UnwritableOutputError
from faceshifter_hub.jobs.record import NAME, Record


def test_a_result_counts_while_it_is_there_and_made_of_the_same(tmp_path):
    output = tmp_path / "sub" / "a\udc80.png"  # a name that is no Unicode
    output.parent.mkdir()
    output.touch()
    Record(tmp_path).add(output, "one")
    record = Record(tmp_path)
    assert record.holds(output, "one") and not record.holds(output, "two")
    record.add(output, "two")
    assert Record(tmp_path).holds(output, "two")
    output.unlink()
    assert not Record(tmp_path).holds(output, "two")


@pytest.mark.fault
@pytest.mark.parametrize("rubbish", [b'{"output": "b.p', b"\xff\xfe", b"[1]", b"3", b"null\n{}", 100_000 * b"["])
def test_a_broken_line_spoils_no_other(tmp_path, rubbish):
    for name in "ac":
        (tmp_path / name).touch()
    Record(tmp_path).add(tmp_path / "a", "one")
    with (tmp_path / NAME).open("ab") as file:
        file.write(rubbish)
    Record(tmp_path).add(tmp_path / "c", "two")
    record = Record(tmp_path)
    assert record.holds(tmp_path / "a", "one") and record.holds(tmp_path / "c", "two")


@pytest.mark.fault
def test_a_full_disk_is_told(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(UnwritableOutputError, match="make room"):
            Record(tmp_path).add(tmp_path / "a", "one")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
