"""Fits hormetic curves to data: one curve by name, or all of them side by side.

Knows the options and checks them; knows nothing of curves or of how they are fitted.
"""

from collections.abc import Sequence
from typing import Any

from pkpd import limits
from pkpd.errors import PkpdError, closest, quoted
from pkpd.fits.comparison import Comparison, compare
from pkpd.fits.data import assay
from pkpd.fits.least_squares import VARIANCES, fit_one
from pkpd.fits.result import INTERVALS, Fit


def fit(
    data: Any,
    model: str = "brain-cousens",
    *,
    c: float | str | None = None,
    better: str | None = None,
    level: float = 0.95,
    intervals: Sequence[str] = INTERVALS,
    variance: str = "constant",
    dose_scale: float = 1.0,
    dose: str = "dose",
    response: str = "response",
    id: int | None = None,
) -> Fit | Comparison:
    """Fit a hormetic dose-response model, or all of them.

    Parameters
    ----------
    data : path of a table with columns dose, response and perhaps weight, se or n; DataFrame;
        (doses, responses); or a DoseResponse
    model : a curve of pkpd.fits.curves, such as "brain-cousens", "crs-0.5" or "hill-product"; a
        name of R's drc such as "BC.4"; or "all"
    c : 0 or "free", the response at the highest doses (of a bell or a product: at the lowest), in
        the unit of the responses (default: 0 where the equation allows it)
    better : "higher" or "lower", the direction of a hormetic response (default: that of a
        DoseResponse, otherwise higher)
    level : confidence level of the intervals, a share
    intervals : which of peak, zero_equivalent and max_stimulation get one
    variance : "constant", "poisson" (counts) or "proportional" (to the square of the mean)
    dose_scale : the dose s of the crs models, whose published form depends on the unit of dose
    dose, response : names of the columns
    id : ID of a patient, where data is a DoseResponse

    Returns
    -------
    Fit, or pkpd.fits.comparison.Comparison for "all". Raises PkpdError for data or options that
    cannot be used.

    >>> round(pkpd.fit("lettuce.csv").peak, 2)
    0.6
    """
    for name, value in (("model", model), ("dose", dose), ("response", response)):
        limits.text(value, name)
    if id is not None:
        limits.check_whole(id, 1, limits.PATIENTS, "id of a patient")
    table = assay(data, dose, response, id)
    options = {
        "better": table.better if better is None else better,
        "level": level,
        "intervals": intervals,
        "variance": variance,
        "dose_scale": dose_scale,
    }
    _check_options(options)
    if model == "all":
        return compare(table, c=c, **options)
    return fit_one(table, model, c=c, **options)


def _check_options(options):
    better, level, scale = options["better"], options["level"], options["dose_scale"]
    if not isinstance(better, str) or better not in ("higher", "lower"):
        raise PkpdError(f"better {quoted(better)} must be 'higher' or 'lower'.")
    limits.number(level, "level")
    limits.number(scale, "dose_scale")
    if not 0.0 < level < 1.0:
        raise PkpdError(f"level {level:g} must be between 0 and 1, such as 0.95.")
    limits.one_of(options["variance"], VARIANCES, "variance")
    if not scale > 0.0:
        raise PkpdError(f"dose_scale {scale:g} must be above 0: it is the dose s of crs models.")
    for name in limits.texts(options["intervals"], "intervals"):
        if name not in INTERVALS:
            raise PkpdError(f"No interval for '{name}'.{closest(name, INTERVALS)}")
