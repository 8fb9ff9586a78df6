"""What each column of a data set is used for, and which columns a model asks for besides.

Knows names of columns and the inputs and outputs of a model; knows nothing of what cells hold.
"""

from pkpd.nca.samples import FLAGS, LIMITS
from pkpd.reading import COLUMNS, KINDS, Table
from pkpd.symbolic.model import Model

USES = {
    "ID": "the patient",
    "AMT": "amount of a dose",
    "RATE": "rate of an infusion; -1 and -2 leave it or the duration to the model",
    "II": "interval of additional doses or of a steady state",
    "ADDL": "number of additional doses",
    "SS": "steady state",
    "EVID": "kind of record",
    "CMT": "target of a dose: number or name of a state",
    "MDV": "1 for a record without an observation",
}
NOT_UNDERSTOOD = {
    "l1": "groups of correlated observations: not understood, their residual errors are drawn "
    "apart",
    "l2": "groups of correlated observations: not understood, their residual errors are drawn "
    "apart",
    "cont": "continued records: not understood",
    "pcmt": "compartment of the prediction: not understood, all outputs are computed",
    "call": "calls of PK: not understood",
    "limit": "lower end of a censored observation: not understood",
    **dict.fromkeys(
        LIMITS,
        "limit of quantification: read by pkpd nca alone; for pkpd vpc give it as --limit",
    ),
    "occ": "occasion: not read; an occasion begins with each dose, or see --occasion",
    "tad": "time after dose: not read, it follows from TIME and the doses",
}
FLAGGED = (
    "marks observations below the limit of quantification: read by pkpd nca alone; for pkpd vpc "
    "write the limit in their place and give it as --limit"
)


def observed(read: Table, model: Model) -> list[str]:
    """The columns that hold observations: DV, and those named like an output."""
    return [c for c in read.columns if c == "DV" or (c in model.outputs and c not in COLUMNS)]


def uses(read: Table, model: Model) -> list[tuple[str, str]]:
    """(column, what it is used for) of each column, then of each covariate without a column."""
    spelled = {item.name.lower(): item for item in model.inputs}
    found = [(name, _use(name, model, spelled.get(name.lower()))) for name in read.columns]
    for name in read.lacking(model.covariate_names):
        found.append((f"({name})", "covariate of the model, has no column: drawn from the model"))
    return found


def _use(name, model, item):
    """What a column is used for; item : input of the model with its name, or None."""
    if item is not None and name not in COLUMNS:
        kind = "covariate" if item.name in model.covariate_names else "parameter"
        return f"{kind} {item.name}{_in(item.unit)}, in place of the model's own"
    if name == "DV":
        return f"observations, of {model.outputs[0]} where an option does not say of what"
    if name in model.outputs and name not in COLUMNS:
        return f"observations of {name}"
    return _of_record(name, model) or _unused(name)


def _of_record(name, model):
    """What a column of records is used for, "" for another."""
    if name == "TIME":
        return f"time in {model.time}"
    if name == "AMT" and len({dosed.unit for dosed in model.doses}) == 1:
        return f"amount of a dose{_in(model.doses[0].unit)}"
    return USES.get(name, "")


def _unused(name):
    plain = name.lower()
    if name.upper() in FLAGS:
        return FLAGGED
    if plain in KINDS:
        return "quantity that is observed: not read; keep those of one output in the table"
    return NOT_UNDERSTOOD.get(plain, "not used")


def _in(unit):
    return "" if unit == "1" else f" in {unit}"
