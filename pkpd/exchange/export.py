"""Model -> text of another simulator.

Knows formats; knows nothing of what each of them holds.
"""

from pkpd.errors import ModelError, PkpdError
from pkpd.exchange import formats
from pkpd.symbolic.model import Model, check_model


def export_model(model: Model, to: str) -> str:
    """Write a model as text in the format `to`, as far as that format can hold it.

    Numbers are plain, in the units that the model declares. rxode2, mrgsolve and NONMEM get
    variability between people, residual error and covariates, SBML events. The head of the text
    says what is not carried over.

    to : one of pkpd.exchange.formats.WRITTEN, such as "scipy"

    Raises ModelError for an unknown format, and for events and equations that it cannot hold.

    >>> print(pkpd.export_model(pkpd.load("pk/one_compartment"), "scipy").splitlines()[0])
    \"\"\"One-compartment model, oral or intravenous: time in h.
    """
    check_model(model)
    module = formats.writer(to)
    if model.events and not formats.FORMATS[to].events:
        able = ", ".join(f.name for f in formats.FORMATS.values() if f.events)
        raise ModelError(f"{model.name} has events, which {to} does not hold; {able} does.")
    if model.memory or any(dosed.beside for dosed in model.doses):
        raise ModelError(
            f"{model.name} uses tad(...) or last_dose(...), or has doses that enter several "
            "targets, which no export holds."
        )
    try:
        text: str = module.write(model)
    except ModelError:
        raise
    except PkpdError as error:
        raise ModelError(f"{model.name} cannot be written as {to}: {error}") from error
    return text
