"""Results: what they are, what each of them can do, and the files they are written to."""

from pkpd.result.computed import Computed, Sheet
from pkpd.result.courses import EndpointResult, EventResult, Result, Run, joined
from pkpd.result.folder import ResultFolder
from pkpd.result.provenance import provenance, same_run, stopped
from pkpd.result.tables import (
    arrow_table,
    json_text,
    plain,
    read_columns,
    write_figure,
    write_json,
    write_table,
)

__all__ = [
    "Computed",
    "EndpointResult",
    "EventResult",
    "Result",
    "ResultFolder",
    "Run",
    "Sheet",
    "arrow_table",
    "joined",
    "json_text",
    "plain",
    "provenance",
    "read_columns",
    "same_run",
    "stopped",
    "write_figure",
    "write_json",
    "write_table",
]
