"""Text of another simulator -> a model file -> Model.

Knows files and formats; knows nothing of what each of them holds.
"""

from collections.abc import Mapping
from pathlib import Path

from pkpd import limits, units
from pkpd.errors import ModelError
from pkpd.exchange import formats, model_file
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
    set: Mapping[str, float] | None = None,
) -> Model:
    """The Model of a file of another simulator, written to a model file and loaded from there.

    Nothing in the file is executed, and nothing that it names is opened. What is not understood is
    refused with its line; the numbers are plain, so the units of all but time and amounts are 1.

    source : path of the file; out : path of the model file, which ends in .toml
    format : one of pkpd.exchange.formats.READ (default: what the ending of the file says)
    time, amount : the units that the file counts them in (default: what an SBML document says of
        time, else "h"; "mg", in SBML "1", which is none)
    set : values of names that the file leaves open, such as covariates, in its units

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
    _check_units(time, amount)
    values = _values(set)
    name = formats.of_file(path) if format is None else format
    system = formats.reader(name).read(_text(path), str(path), values)
    text = model_file.written(system, time or system.time, amount or system.amount)
    write_atomically(out, lambda temporary: Path(temporary).write_text(text, encoding="utf-8"))
    return load(out)


def _check_units(time, amount):
    hours, _ = units.dimension("h")
    if time is not None and units.dimension(limits.text(time, "time", ModelError))[0] != hours:
        raise ModelError(f"time is a unit of time such as h, not '{time}'.")
    if amount is not None:
        units.dimension(limits.text(amount, "amount", ModelError))


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
