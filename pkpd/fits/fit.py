"""Fits hormetic curves to data: one curve by name, or all of them side by side.

Knows the options and checks them; knows nothing of curves or of how they are fitted.
"""

import numpy as np

from pkpd.errors import PkpdError, closest
from pkpd.fits.comparison import compare
from pkpd.fits.data import assay
from pkpd.fits.least_squares import VARIANCES, fit_one
from pkpd.fits.result import INTERVALS


def fit(
    data,
    model="brain-cousens",
    *,
    c=None,
    better=None,
    level=0.95,
    intervals=INTERVALS,
    variance="constant",
    dose_scale=1.0,
    dose="dose",
    response="response",
    id=None,
):
    """Fit a hormetic dose-response model, or all of them.

    Parameters
    ----------
    data : path of a table with columns dose, response and perhaps weight, se or n; DataFrame;
        (doses, responses); or a DoseResponse
    model : "brain-cousens", "crs-1", "crs-0.5", "crs-0.25", "hill-product", "opposed-emax",
        "log-gaussian", "log-logistic", a name of R's drc such as "BC.4", or "all"
    c : 0 or "free", the response at the highest doses (of a bell or a product: at the lowest)
        (default: 0 where the equation allows it)
    better : "higher" or "lower", the direction of a hormetic response (default: that of a
        DoseResponse, otherwise higher)
    level : of the intervals
    intervals : which of peak, zero_equivalent and max_stimulation get one
    variance : "constant", "poisson" (counts) or "proportional" (to the square of the mean)
    dose_scale : the dose s of the crs models, whose published form depends on the unit of dose
    dose, response : names of the columns
    id : a patient of a DoseResponse

    Returns
    -------
    Fit, or pkpd.fits.comparison.Comparison for "all". Raises PkpdError for data or options that
    cannot be used.
    """
    table = assay(data, dose, response, id)
    options = {
        "better": better or table.better,
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
    if better not in ("higher", "lower"):
        raise PkpdError(f"better '{better}' must be 'higher' or 'lower'.")
    if not 0.0 < level < 1.0:
        raise PkpdError(f"level {level:g} must be between 0 and 1, such as 0.95.")
    variance = options["variance"]
    if variance not in VARIANCES:
        raise PkpdError(f"Unknown variance '{variance}'.{closest(variance, VARIANCES)}")
    if not 0.0 < scale < np.inf:
        raise PkpdError(f"dose_scale {scale:g} must be above 0: it is the dose s of crs models.")
    unknown = [name for name in options["intervals"] if name not in INTERVALS]
    if unknown:
        raise PkpdError(f"No interval for '{unknown[0]}'.{closest(unknown[0], INTERVALS)}")
