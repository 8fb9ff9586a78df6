"""Parquet files of any origin: the table that pyarrow reads, or a refusal before it is unpacked."""

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pkpd.errors import PkpdError
from pkpd.parquet import read_table
from pkpd.reading import table

COLUMNS = {
    "numbers": st.floats(),
    "whole": st.integers(-5, 5),
    "texts": st.sampled_from(["", "a", "ä", "long " * 50]),
    "flags": st.booleans(),
    "bytes": st.binary(max_size=3),
}
rows = st.lists(st.tuples(*(st.none() | kind for kind in COLUMNS.values())), max_size=20)


@settings(max_examples=30, deadline=None)
@given(
    rows,
    st.sets(st.sampled_from(list(COLUMNS)), min_size=1),
    st.sampled_from(["none", "snappy", "zstd"]),
)
def test_what_is_read_is_what_pyarrow_reads(drawn, chosen, compression):
    columns = zip(*drawn, strict=True) if drawn else [[] for _ in COLUMNS]
    kinds = [pa.float64(), pa.int64(), pa.string(), pa.bool_(), pa.binary()]
    arrays = [pa.array(c, kind) for c, kind in zip(columns, kinds, strict=True)]
    written = pa.Table.from_arrays(arrays, list(COLUMNS)).replace_schema_metadata({"whose": "mine"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        pq.write_table(written, path, compression=compression)
        found, some = read_table(path), read_table(path, sorted(chosen))
    assert found.schema.equals(written.schema, check_metadata=True)
    assert found.to_pandas().equals(written.to_pandas())
    assert some.to_pandas().equals(written.select(sorted(chosen)).to_pandas())


def bomb(path, array):
    """A file of a few kilobytes, whose texts are plain texts to a reader."""
    pq.write_table(pa.table({"x": array}), path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 200_000
    return path


@pytest.mark.parametrize(
    "array",
    [
        pa.array(np.zeros(20_000_000)),
        pa.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), ["y" * 100_000]),
    ],
    ids=["a page of zeros", "one text in every row"],
)
def test_a_file_that_unpacks_to_more_than_the_bound_is_refused(array, tmp_path):
    path = bomb(tmp_path / "bomb.parquet", array)
    with pytest.raises(ValueError, match=r"unpacks to more than 0\.1 GB"):
        read_table(path, most=1e8)


def test_a_table_that_unpacks_to_too_much_is_one_sentence(tmp_path):
    texts = pa.DictionaryArray.from_arrays(np.zeros(100_000, np.int32), ["y" * 100_000])
    path = bomb(tmp_path / "bomb.parquet", texts)
    with pytest.raises(PkpdError, match="unpacks to more than 4 GB") as caught:
        table(path, PkpdError)
    assert "\n" not in str(caught.value)
