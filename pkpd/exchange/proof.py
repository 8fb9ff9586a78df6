"""The predictions of a NONMEM run, computed again by the imported model and compared.

Knows data sets and tables of NONMEM; knows nothing of control streams but $INPUT and $DATA.
"""

import re
from io import StringIO

import numpy as np
import pandas as pd

from pkpd.dosing.records import events
from pkpd.errors import ModelError, PkpdError
from pkpd.population.cohort import cohort
from pkpd.reading import COLUMNS
from pkpd.simulation import simulate

RTOL = 1e-8
_IGNORE = re.compile(r"IGNORE\s*=\s*(\S)", re.IGNORECASE)


def data_of(text: str, control: str, place: str) -> pd.DataFrame:
    """The data set of a run, with the columns of its $INPUT.

    text : of the data file; control : text of the control stream. Raises ModelError.
    """
    names = _columns(control, place)
    ignored = _ignored(control, place)
    lines = [
        line
        for line in text.splitlines()
        if line.strip() and not _is_ignored(line.strip()[0], ignored)
    ]
    separator = "," if lines and "," in lines[0] else r"\s+"
    try:
        table = pd.read_csv(
            StringIO("\n".join(lines)), sep=separator, header=None, na_values=["."], dtype=str
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ModelError(f"The data of {place} cannot be read: {error}.") from error
    if table.shape[1] < len(names):
        raise ModelError(
            f"The data of {place} have {table.shape[1]} columns, $INPUT names {len(names)}."
        )
    table = table.iloc[:, : len(names)]
    table.columns = names
    return table[[name for name in names if name]]


def typical(data: pd.DataFrame) -> dict[str, float]:
    """The median of each column of numbers, for names of the code that the data give."""
    numbers = data.apply(pd.to_numeric, errors="coerce").median()
    return {str(name): float(value) for name, value in numbers.items() if value == value}


def _columns(control, place):
    """Names of $INPUT, "" of those that are dropped."""
    code = re.sub(r";[^\n]*", "", control)
    found = re.search(r"^\s*\$INP\w*(.*?)(?=^\s*\$|\Z)", code, re.M | re.S | re.I)
    if not found:
        raise ModelError(f"{place}: no $INPUT to name the columns of the data.")
    names = []
    for word in re.findall(r"[^\s,&]+", found[1].upper()):
        parts = word.split("=")
        if {"DROP", "SKIP"} & set(parts):
            names.append("")
        else:
            names.append(next((p for p in parts if p in (*COLUMNS, "ID", "DV")), parts[0]))
    return names


def _ignored(control, place):
    """The sign that begins lines to leave out, "@" where $DATA gives none."""
    code = re.sub(r";[^\n]*", "", control)
    data = re.search(r"^\s*\$DATA(.*?)(?=^\s*\$|\Z)", code, re.M | re.S | re.I)
    options = data[1] if data else ""
    if re.search(r"(?:IGNORE|ACCEPT)\s*=?\s*\(", options, re.IGNORECASE):
        raise ModelError(f"{place}: IGNORE=(...) and ACCEPT in $DATA are not carried over.")
    found = _IGNORE.search(options)
    return found[1] if found else "@"


def _is_ignored(sign, ignored):
    return sign in ("#", ignored) or (ignored == "@" and (sign.isalpha() or sign == "@"))


def table_of(text: str, place: str) -> pd.DataFrame:
    """The last table of a table file of NONMEM. Raises ModelError."""
    last = re.split(r"^TABLE NO\.[^\n]*\n", text, flags=re.M)[-1]
    try:
        table = pd.read_csv(StringIO(last), sep=r"\s+|,", engine="python")
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ModelError(f"The table {place} cannot be read: {error}.") from error
    table.columns = [re.sub(r"[()]", "", str(name).upper()) for name in table.columns]
    return table


def compared(model, data: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Sentences on the largest difference of PRED, and of IPRED where the table has the ETAs.

    Raises ModelError where the table is not one of these data.
    """
    if len(data) != len(table):
        raise ModelError(f"The data have {len(data)} records, the table {len(table)}.")
    known = {*COLUMNS, "ID", *model.input_names}
    given = data[[name for name in data.columns if name in known]]
    etas = _etas(model, table)
    sentences = []
    if "PRED" in table.columns:
        sentences.append(_difference("PRED", "Y", model, given, table))
    if "IPRED" in table.columns and etas and "IPRED" in model.outputs:
        individual = given.assign(**{name: table[name].to_numpy() for name in etas})
        sentences.append(_difference("IPRED", "IPRED", model, individual, table))
    if not sentences:
        raise ModelError("The table has neither PRED nor IPRED with its ETAs.")
    return sentences


def _etas(model, table):
    """Names of the ETAs that a table has."""
    return [name for name in model.input_names if name in table.columns and name[:3] == "ETA"]


def _difference(column, output, model, given, table):
    people = cohort(model, typical=True)
    try:
        run = simulate(
            model, events(model, given), people, outputs=[output], rtol=RTOL, progress=False
        )
    except PkpdError as error:
        raise ModelError(f"{column} cannot be computed again: {error}") from error
    found = run.frame()[output].to_numpy()
    expected = pd.to_numeric(table[column], errors="coerce").to_numpy()
    observed = _observed(given)
    gap = np.where(observed, np.abs(found - expected), 0.0)
    scale = float(np.nanmax(np.abs(expected[observed])))
    row = int(np.nanargmax(np.where(np.isnan(gap), np.inf, gap)))
    return (
        f"{column} of the run computed again at {int(observed.sum())} observations: largest "
        f"difference {gap[row]:.3g}, the largest {column} being {scale:.4g} (record {row + 1})."
    )


def _observed(given):
    """Which records are observations."""
    marks = [name for name in ("EVID", "MDV") if name in given.columns]
    if marks:
        numbers = given[marks].apply(pd.to_numeric, errors="coerce").fillna(0)
        return (numbers == 0).all(axis=1).to_numpy()
    if "AMT" in given.columns:
        return (pd.to_numeric(given["AMT"], errors="coerce").fillna(0) == 0).to_numpy()
    return np.ones(len(given), bool)
