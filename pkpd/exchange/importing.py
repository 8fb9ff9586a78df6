"""Text of another simulator -> a model file -> Model.

Knows files and formats; knows nothing of what each of them holds.
"""

from collections.abc import Mapping
from pathlib import Path

from pkpd import limits
from pkpd import units as units_of
from pkpd.errors import ModelError
from pkpd.exchange import estimates as estimates_file
from pkpd.exchange import formats, model_file, proof
from pkpd.exchange.units_of_names import Basis
from pkpd.files import content, write_atomically
from pkpd.symbolic.load import load
from pkpd.symbolic.model import Model

LARGEST = 2_000_000  # bytes of a foreign model


def import_model(
    source: str | Path,
    out: str | Path,
    *,
    format: str | None = None,
    time: str | None = None,
    amount: str | None = None,
    units: Mapping[str, str] | None = None,
    set: Mapping[str, float] | None = None,
    estimates: str | Path | None = None,
    covariance: str | Path | None = None,
    data: str | Path | None = None,
    table: str | Path | None = None,
) -> Model:
    """Import a file of another simulator: write it as a model file and load that.

    Nothing in the file is executed, and no file that it names is opened. What is not understood is
    refused with its line; the numbers are plain, so the units of all but time and amounts are 1.

    source : path of the file; out : path of the model file, which ends in .toml
    format : one of pkpd.exchange.formats.READ (default: what the ending of the file says)
    time, amount : the units that the file counts them in (default: what an SBML document says of
        time, else "h"; "mg", in SBML "1", which is none)
    units : {"DV": "ng/mL", "AMT": "mg", "TIME": "h"}, of the observations and of the data, in place
        of time and amount. Those of all other names are solved from the equations; where they do
        not follow they are 1, and a note says so
    set : values of names that the file leaves open, such as covariates, in its units
    estimates : path of the .ext file of a NONMEM run, whose final estimates are taken
    covariance : path of the .cov file of a NONMEM run. That of the THETAs is written beside the
        model file, as mine-uncertainty.toml beside mine.toml, for pkpd.parameter_sets
    data, table : paths of the data and of a table file of a NONMEM run: its PRED, and IPRED where
        the table has the ETAs, are computed again; a note says the largest difference

    Raises ModelError with file and line.

    >>> from pathlib import Path
    >>> _ = Path("one.R").write_text("d/dt(depot) <- -depot\\nd/dt(central) <- depot - central/4")
    >>> pkpd.import_model("one.R", "one.toml").state_names
    ('depot', 'central')
    """
    path = limits.path(source, "A model to import", ModelError)
    out = limits.path(out, "A model file", ModelError)
    if out.suffix != ".toml":
        raise ModelError(f"A model file ends in .toml, not '{out.name}'.")
    basis = _basis(time, amount, units)
    name = formats.of_file(path) if format is None else format
    reader, values = formats.reader(name), _values(set)
    given = _run(name, estimates=estimates, covariance=covariance, data=data, table=table)
    text = _text(path)
    more = {key: given[key] for key in ("estimates", "covariance") if key in given}
    if "data" not in given:
        system = reader.read(text, str(path), values, **more)
        return _written(system, out, basis)
    records = proof.data_of(given["data"], text, str(path))
    system = reader.read(text, str(path), proof.typical(records) | values, **more)
    model = _written(system, out, basis)
    rows = proof.table_of(given["table"], str(table))
    system.notes += proof.compared(model, records, rows)
    return _written(system, out, basis)


def _run(name, **files):
    """Texts of the files of a NONMEM run that are given. Raises ModelError."""
    there = {key: file for key, file in files.items() if file is not None}
    paths = {key: limits.path(p, f"{key} of a run", ModelError) for key, p in there.items()}
    if paths and name != "nonmem":
        raise ModelError(f"{', '.join(paths)}: that of a NONMEM run, not of {name}.")
    texts = {key: _text(path) for key, path in paths.items()}
    if ("data" in texts) != ("table" in texts):
        raise ModelError("A table is compared with the run's data: give both, data and table.")
    return texts


def _written(system, out, given):
    """The Model of a system, by way of its file. given : {"TIME": unit, "AMT": unit, "DV": unit}"""
    amount, time = given.get("AMT", system.amount), given.get("TIME", system.time)
    basis = Basis(amount, time, given.get("DV", "1"))
    _write(out, model_file.written(system, basis, solve="DV" in given))
    if system.estimates is not None:
        _write(uncertainty_file(out), estimates_file.written(system))
    return load(out)


def uncertainty_file(out: Path) -> Path:
    """The file of the covariance of the estimates beside a model file."""
    return out.with_name(f"{out.stem}-uncertainty.toml")


def _write(path, text):
    write_atomically(path, lambda temporary: Path(temporary).write_text(text, encoding="utf-8"))


def _basis(time, amount, given):
    """{"TIME": unit, "AMT": unit, "DV": unit} of those that are given. Raises ModelError."""
    if given is None:
        found = {"TIME": time, "AMT": amount}
    elif time is not None or amount is not None:
        raise ModelError("Units of the data are given by units alone; leave out time and amount.")
    else:
        found = _three_units(given)
    named = {"TIME": "time", "AMT": "amount", "DV": "unit of DV"}
    found = {key: unit for key, unit in found.items() if unit is not None}
    for key, unit in found.items():
        units_of.dimension(limits.text(unit, named[key], ModelError))
    hours, _ = units_of.dimension("h")
    if "TIME" in found and units_of.dimension(found["TIME"])[0] != hours:
        raise ModelError(f"time is a unit of time such as h, not '{found['TIME']}'.")
    return found


def _three_units(given):
    limits.check_kind(given, Mapping, "units is a dict of DV, AMT and TIME", ModelError)
    if set(given) != {"DV", "AMT", "TIME"}:
        raise ModelError(
            'units are those of DV, AMT and TIME, such as "DV=ng/mL, AMT=mg, TIME=h", not of '
            f"{', '.join(map(str, given)) or 'nothing'}."
        )
    return dict(given)


def _values(given):
    """The values that the user gives, as floats."""
    if given is None:
        return {}
    limits.check_kind(given, Mapping, "set is a dict of names and values", ModelError)
    values = {}
    for name, value in given.items():
        name = limits.text(name, "A name in set", ModelError)
        values[name] = limits.number(value, f"'{name}' in set", error=ModelError)
    return values


def _text(path):
    try:
        return content(path, LARGEST).decode("utf-8-sig")
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not UTF-8 text.") from error
