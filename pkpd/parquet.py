"""Parquet files that anybody may have written, read with a bound on what they unpack to.

A small file can hold gigabytes: a page of zeros packs a thousandfold, and one long text may stand
in every row. So texts are counted before they are written out. Knows Parquet and bytes; knows
nothing of what columns mean.
"""

MOST_BYTES = 4_000_000_000  # of a table in memory
ROWS_AT_ONCE = 65_536  # unpacked before they are counted


def read_table(source, columns=None, most=MOST_BYTES):
    """The pyarrow Table of a path or binary file: all columns, or those named, in that order.

    Raises ValueError where it unpacks to more than `most` bytes, as the file says or as it turns
    out, or has not the columns; and ValueError, OSError or pyarrow.ArrowException where it is
    damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(source)
    schema = metadata.schema.to_arrow_schema()
    missing = [name for name in columns or () if name not in schema.names]
    if missing:
        raise ValueError(f"it has no column '{missing[0]}'")
    _check_size(_stated_bytes(metadata, columns), most)
    held, batches = 0, []
    file = pq.ParquetFile(source, metadata=metadata, read_dictionary=_texts(metadata))
    for batch in file.iter_batches(ROWS_AT_ONCE, columns=columns, use_threads=False):
        held += sum(_bytes(column) for column in batch.columns)
        _check_size(held, most)
        batches.append(_written_out(batch, schema))
    if not batches:
        return file.read(columns=columns).cast(_part(schema, columns))
    table = pa.Table.from_batches(batches)
    return table if columns is None else table.select(columns)


def _stated_bytes(metadata, columns):
    """Bytes of some columns, or all, as the file states them; at least 8 a value."""
    total = 0
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            column = metadata.row_group(group).column(place)
            if columns is None or column.path_in_schema in columns:
                width = max(8, metadata.schema.column(place).length)
                total += max(column.total_uncompressed_size, width * column.num_values)
    return total


def _texts(metadata):
    """Columns of texts, which are read as numbers of the texts that occur."""
    leaves = [metadata.schema.column(place) for place in range(metadata.num_columns)]
    return [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]


def _bytes(column):
    """Bytes of a pyarrow Array once its texts are written out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return column.nbytes
    lengths = pc.binary_length(column.dictionary).cast(pa.int64())
    return column.indices.nbytes + (pc.sum(lengths.take(column.indices)).as_py() or 0)


def _written_out(batch, schema):
    """The batch in the types of the file's schema."""
    import pyarrow as pa

    wanted = _part(schema, batch.schema.names)
    pairs = zip(batch.columns, wanted.types, strict=True)
    return pa.RecordBatch.from_arrays([column.cast(kind) for column, kind in pairs], schema=wanted)


def _part(schema, names):
    """The schema of some columns, or all, with its metadata."""
    import pyarrow as pa

    if names is None or list(names) == schema.names:
        return schema
    return pa.schema([schema.field(name) for name in names], metadata=schema.metadata)


def _check_size(count, most):
    if count > most:
        raise ValueError(f"it unpacks to more than {most / 1e9:g} GB")
