"""Values of any kind, drawn by hypothesis, where strangers may hand some in: a result, or one of our errors."""

import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tiny_component import Tiny

from faceshifter_hub.composition import pipeline_addresses
from faceshifter_hub.errors import FaceShifterError
from faceshifter_hub.jobs.job_file import Entry, read_job
from faceshifter_hub.media.images import read_image
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.provenance.watermark import detect
from faceshifter_hub.registry import Manifest, parse_address, read_manifest
from faceshifter_hub.settings import Settings, get_settings

WEIGHTS = "diffusion_pytorch_model.safetensors"
MANIFEST_FIELDS = [field.alias or name for name, field in Manifest.model_fields.items()]
TYPES = ["F64", "F32", "F16", "BF16", "F8_E4M3", "I64", "U8", "BOOL", "C64", "F4", ""]

few = settings(
    derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.none())
plain = st.recursive(
    st.one_of(numbers, st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)
ours = suppress(FaceShifterError)


def fields(names):
    """Return tables in which the names of real fields are frequent."""
    return st.dictionaries(st.one_of(st.sampled_from(list(names)), st.text(max_size=8)), plain, max_size=6)


@few
@given(fields(SwapOptions.model_fields))
def test_options(chosen):
    with ours:
        SwapOptions.of(**chosen)


@few
@given(fields([*Entry.model_fields, *SwapOptions.model_fields]))
def test_jobs(table):
    with ours:
        read_job("job 1", table, Path("somewhere"))


@few
@given(st.text().filter(lambda text: not text.startswith("hf://")))  # which would be fetched
@example("a/" + "b" * 300)
@example("a/\0")
def test_addresses(text):
    for read in (parse_address, pipeline_addresses):
        with ours:
            read(text)


@few
@given(plain, st.sampled_from(["_class_name", "components"]))
def test_pipeline_indices(tmp_path, value, field):
    (tmp_path / "model_index.json").write_text(json.dumps({"components": {}} | {field: value}))
    with ours:
        pipeline_addresses(tmp_path)


@few
@given(st.lists(st.tuples(st.sampled_from(MANIFEST_FIELDS), st.text(max_size=30)), max_size=5))
def test_manifests(tmp_path, lines):
    path = tmp_path / "tiny.toml"
    path.write_text("\n".join(f"{name} = {value}" for name, value in lines), "utf-8", "surrogatepass")
    with ours:
        read_manifest(path, Manifest)


@few
@given(fields(["_class_name", "resolution", "channels", "widths"]))
def test_configurations(tmp_path, config):
    Tiny().save_pretrained(tmp_path / "tiny")
    (tmp_path / "tiny" / "config.json").write_text(json.dumps({"_class_name": "Tiny"} | config))
    with ours:
        Tiny.from_pretrained(tmp_path / "tiny")


@few
@given(
    st.dictionaries(
        st.sampled_from(["conv.weight", "conv.bias", "norm.num_batches_tracked", "__metadata__", "else"]),
        st.one_of(
            plain,
            st.fixed_dictionaries(
                {
                    "dtype": st.sampled_from(TYPES),
                    "shape": st.lists(st.integers(-1, 2**64), max_size=3),
                    "data_offsets": st.lists(st.integers(-1, 64), min_size=2, max_size=2),
                }
            ),
        ),
    ),
    st.binary(max_size=64),
    st.one_of(st.none(), st.integers(0, 2**64 - 1)),
)
def test_headers_of_safetensors(tmp_path, header, content, length):
    Tiny().save_pretrained(tmp_path / "tiny")
    text = json.dumps(header).encode()
    size = len(text) if length is None else length
    (tmp_path / "tiny" / WEIGHTS).write_bytes(size.to_bytes(8, "little") + text + content)
    with ours:
        Tiny.from_pretrained(tmp_path / "tiny")


@few
@given(
    st.sampled_from(sorted(Settings.model_fields)),
    st.one_of(st.text(st.characters(exclude_characters="\0", codec="utf-8")), numbers.map(str)),
)
def test_settings(name, value):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, f"FACESHIFTER_{name.upper()}", value)
        get_settings.cache_clear()
        with ours:
            get_settings()
    get_settings.cache_clear()


@few
@given(
    arrays.arrays(
        st.one_of(st.just(np.uint8), arrays.scalar_dtypes()), arrays.array_shapes(min_dims=0, max_dims=4, min_side=0)
    )
)
def test_arrays_as_pictures(array):
    with ours:
        read_image(array)


@pytest.mark.parametrize("shape", [(60_000, 1), (1, 60_000)])
def test_strips_in_which_a_watermark_is_looked_for(shape):
    assert detect(np.full((*shape, 3), 7, np.uint8)) is None
