import os
import tarfile

import pytest

from faceshifter_hub.datasets.shards import read_sample, read_samples, scan_shard, write_shard
from faceshifter_hub.errors import DataError, UnwritableOutputError

SAMPLES = [
    ("face-00000000", {"webp": b"a" * 700, "labels.png": b"b" * 512, "json": b"{}"}),
    ("face-00000001", {"webp": b"", "labels.png": b"c", "json": b'{"index":1}'}),
]


@pytest.fixture
def shard(tmp_path):
    path = tmp_path / "faces-000000.tar"
    write_shard(path, SAMPLES)
    return path


def test_a_shard_is_a_tar_file_whose_neighbours_share_a_key(shard):
    with tarfile.open(shard) as tar:
        members = tar.getmembers()
        assert [member.name for member in members] == [f"{key}.{field}" for key, fields in SAMPLES for field in fields]
        assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(0, 0, 0, "")}
        assert tar.extractfile(members[0]).read() == b"a" * 700


def test_any_sample_is_read_alone(shard):
    spans = scan_shard(shard)
    assert len(spans) == 2
    assert read_sample(shard, spans[1]) == {"__key__": b"face-00000001", **SAMPLES[1][1]}
    assert [sample["__key__"].decode() for sample in read_samples(shard)] == [key for key, _ in SAMPLES]


def test_the_same_samples_make_the_same_bytes(shard):
    before = shard.read_bytes()
    write_shard(shard, SAMPLES)
    assert shard.read_bytes() == before


@pytest.mark.parametrize("length", [0, 100, 700, 2048, 4096])
def test_a_shard_that_was_cut_off_is_refused_by_name(shard, length):
    os.truncate(shard, length)
    with pytest.raises(DataError, match=r"faces-000000\.tar is no whole shard \([^\n]+\); delete it and give"):
        scan_shard(shard)


def test_what_is_no_tar_file_is_refused_by_name(shard):
    shard.write_bytes(b"not a tar file" * 100)
    with pytest.raises(DataError, match=r"no whole shard \(no header of a tar file at byte 0\)"):
        scan_shard(shard)


def test_a_member_of_negative_size_is_refused(shard):
    content = bytearray(shard.read_bytes())
    content[124:135] = b"-0000001000"  # would lead back to where it stands, for ever
    shard.write_bytes(content)
    with pytest.raises(DataError, match="negative size"):
        scan_shard(shard)


def test_a_sample_without_a_key_is_one_all_the_same(shard):
    content = bytearray(shard.read_bytes())
    content[:100] = b".json".ljust(100, b"\0")
    shard.write_bytes(content)
    assert len(scan_shard(shard)) >= 2


@pytest.mark.fault
def test_a_failure_in_the_middle_leaves_what_was_there(shard):
    def failing():
        yield SAMPLES[0]
        raise OSError(28, "No space left on device")

    before = shard.read_bytes()
    with pytest.raises(UnwritableOutputError, match=r"faces-000000\.tar cannot be written: No space left"):
        write_shard(shard, failing())
    assert [path.name for path in shard.parent.iterdir()] == [shard.name]
    assert shard.read_bytes() == before
