"""Model -> text of another simulator.

Knows formats; knows nothing of what each of them holds.
"""

from pkpd.errors import ModelError, PkpdError
from pkpd.exchange import formats
from pkpd.symbolic.model import Model, check_model


def export_model(model: Model, to: str) -> str:
    """The text of a model in the format `to`: equations, typical values, doses as it can say them.

    Numbers are plain, in the units that the model declares; variability between people, residual
    error and [benefit] are not carried over.

    to : one of pkpd.exchange.formats.WRITTEN, such as "scipy"

    Raises ModelError for an unknown format, a model with events, and for an equation that the
    format cannot hold.

    >>> print(pkpd.export_model(pkpd.load("pk/one_compartment"), "scipy").splitlines()[0])
    \"\"\"One-compartment model, oral or intravenous: time in h.
    """
    check_model(model)
    module = formats.writer(to)
    if model.events:
        raise ModelError(f"{model.name} has events, which no export holds.")
    try:
        text: str = module.write(model)
    except ModelError:
        raise
    except PkpdError as error:
        raise ModelError(f"{model.name} cannot be written as {to}: {error}") from error
    return text
