import os
import subprocess
import sys

import numpy as np
import pytest

from faceshifter_hub.errors import UnwritableOutputError
from faceshifter_hub.evaluation.judging.store import Store, hash_array, key_of

ARRAYS = {
    "flag": np.array(True),
    "number": np.array(2.5),
    "nothing": np.array(np.nan, np.float32),
    "count": np.array(-3),
    "half": np.arange(3, dtype=np.float16),
    "text": np.frombuffer("größer".encode(), np.uint8),
    "empty": np.zeros((0, 2), np.float32),
    "turned": np.arange(6.0).reshape(2, 3).T,
    "every second": np.arange(10, dtype=np.int32)[::2],
}
WRITER = """
import sys, numpy as np
from pathlib import Path
from faceshifter_hub.evaluation.judging.store import Store
for _ in range(20):
    Store(Path(sys.argv[1])).put(sys.argv[2], {"a": np.full(200_000, int(sys.argv[3]))})
"""


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "not" / "there")


def only_file(store):
    (path,) = (path for path in store.folder.rglob("*") if path.is_file())
    return path


def test_what_is_put_comes_back_with_shapes_and_types(store):
    store.put("ab12", ARRAYS)
    kept = store.get("ab12")
    assert kept.keys() == ARRAYS.keys()
    for name, values in ARRAYS.items():
        assert kept[name].dtype == values.dtype and kept[name].shape == values.shape
        np.testing.assert_array_equal(kept[name], values)


def test_what_was_not_put_is_unknown(store):
    assert store.get("ab12") is None
    store.put("ab12", {"a": np.array(1)})
    assert store.get("ab13") is None


def test_a_second_measurement_takes_the_place_of_the_first(store):
    store.put("ab12", {"a": np.array(1), "b": np.array(2)})
    store.put("ab12", {"a": np.array(3)})
    assert {name: values.item() for name, values in store.get("ab12").items()} == {"a": 3}
    only_file(store)


@pytest.mark.parametrize("kept", [0, 4, 40, -1])
def test_a_truncated_file_is_unknown_and_can_be_put_again(store, kept):
    store.put("ab12", ARRAYS)
    path = only_file(store)
    path.write_bytes(path.read_bytes()[:kept])
    assert store.get("ab12") is None
    store.put("ab12", ARRAYS)
    assert store.get("ab12") is not None


def test_a_file_of_something_else_is_unknown(store):
    store.put("ab12", ARRAYS)
    only_file(store).write_bytes(b"\xff" * 1000)
    assert store.get("ab12") is None


def test_two_processes_that_write_one_key_leave_a_whole_file(store):
    key = key_of("one")
    command = [sys.executable, "-c", WRITER, str(store.folder), key]
    writers = [subprocess.Popen([*command, str(number)], env=os.environ) for number in (1, 2)]
    while any(writer.poll() is None for writer in writers):
        kept = store.get(key)
        assert kept is None or (len(kept["a"]) == 200_000 and np.ptp(kept["a"]) == 0)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert store.get(key)["a"][0] in (1, 2)
    only_file(store)


def test_a_folder_that_cannot_be_written_is_refused_in_words(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UnwritableOutputError, match=r"file.* cannot be made \(Not a directory\); choose another"):
        Store(tmp_path / "file").put("ab12", ARRAYS)
    (tmp_path / "ab" / "ab12.safetensors").mkdir(parents=True)
    with pytest.raises(UnwritableOutputError, match=r"ab12\.safetensors cannot be written: Is a directory"):
        Store(tmp_path).put("ab12", ARRAYS)
    assert not [path for path in tmp_path.rglob("*partial")]


def test_keys_depend_on_all_parts_and_not_on_the_order_of_a_dictionary():
    assert key_of("a", {"x": 1, "y": [2]}) == key_of("a", {"y": [2], "x": 1})
    different = [
        ("a",), ("a", ""), ("a", "b"), ("ab",), ("b", "a"), (["a", "b"],), ("a", None), ("a", True), ("a", {"x": 1}),
        ("a", {"x": 2}), (),
    ]  # fmt: skip
    assert len({key_of(*parts) for parts in different}) == len(different)


def test_the_hash_of_an_array_tells_shape_type_and_contents():
    values = np.arange(6, dtype=np.int32)
    others = [values.reshape(2, 3), values.reshape(3, 2), values.view(np.uint32), values + 1, values[::-1]]
    assert len({hash_array(x) for x in (values, *others)}) == 6
    assert hash_array(np.arange(12, dtype=np.int32)[::2] // 2) == hash_array(values)  # however it lies in memory
