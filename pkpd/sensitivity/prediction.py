"""How well a patient's best dose could be predicted from measurements, and what each one is worth.

Measured are inputs of the model by name, exposure to one dose by blood samples, and the level of
the output that a scan would show. The estimator is scikit-learn's ridge regression on
power-transformed values, their squares and products, cross-validated; it beat gradient boosting
here at a hundredth of the time. Knows virtual patients; knows no figures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from pkpd import limits, units
from pkpd.errors import PkpdError, Stopped, closest, quoted
from pkpd.population.cohort import Cohort, of_model
from pkpd.population.noise import normals
from pkpd.progress import watched
from pkpd.reading import rows_of
from pkpd.response.benefit import benefit_of
from pkpd.response.best import best, precision
from pkpd.response.curves import benefit_entries
from pkpd.result import Computed, Sheet, provenance, stopped
from pkpd.sensitivity.study import CHECKED
from pkpd.sensitivity.study import FEW as FEW_ERRORS
from pkpd.simulation import simulate
from pkpd.symbolic.model import Benefit, Model
from pkpd.symbolic.quantities import dose_list, quantity

if TYPE_CHECKING:
    import pandas as pd

FOLDS = 10
# h after the dose at which blood is drawn
SAMPLES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 24.0)
ASSAY = 0.10  # CV of a measured concentration, so of an area and a peak too: assumed
SCAN = 0.05  # error SD of a measured occupancy, its share of 1: assumed
FEW = 50
EVERYTHING = "every input of the model"
INTERVAL = {
    "mc": "95 %, of independent patients",
    "sobol": "95 % for independent patients; the points of a Sobol' cohort err less",
}


@dataclass(frozen=True, repr=False)
class Prediction(Computed):
    """Explained variance of log10 best dose by sets of measurements.

    measures : (M,) plain data: name, what it is, error
    errors : name -> (N,) squared error of each patient's cross-validated log10 dose, by "all",
        "only <name>", "without <name>" and EVERYTHING
    spread : (N,) the same of the mean of the patients learned from
    patients : how many were learned from; helped : whether only those who are helped enough
    """

    NAME: ClassVar[str] = "predict"
    SUMMARY: ClassVar[str] = "predict"

    model: Model
    benefit: Benefit
    cohort: Cohort
    dose: float
    measures: tuple
    errors: dict
    spread: np.ndarray
    patients: int
    helped: bool

    def sheets(self) -> dict[str, Sheet]:
        """None: all of it is in the summary."""
        return {}

    def frame(self) -> "pd.DataFrame":
        """The scores as a DataFrame, one row each."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """Plain data of every score: what, value, low, high.

        Of "only" ones the R2, of "without" ones the loss against all.
        """
        found = []
        for name, errors in self.errors.items():
            loss = name.startswith("without ")
            gain = errors - self.errors["all"] if loss else self.spread - errors
            value, half = share(gain, self.spread)
            found.append(
                {
                    "measured": name,
                    "kind": "loss" if loss else "r2",
                    "value": value,
                    "low": value - half,
                    "high": value + half,
                }
            )
        return found

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {
            "question": f"share of the variance of log10 best dose of {self.benefit.into} "
            "that measurements explain",
            "patients": self.patients,
            "stopped": stopped(self.cohort),
            "helped": self.helped,
            "folds": FOLDS,
            "estimator": "scikit-learn: ridge regression on power-transformed values, "
            "their squares and products",
            "interval": INTERVAL[self.cohort.sampling],
            "dose": self.dose,
            "unit": self.benefit.unit,
            "measures": self.measures,
            "scores": self.rows(),
            "benefit": benefit_entries(self.benefit),
            "provenance": provenance(self.model, self.cohort, command),
        }


@watched(lambda given: len(given["cohort"]))
def predict(
    model: Model,
    cohort: Cohort,
    measure: Sequence[str] | None = None,
    *,
    dose: float | str | None = None,
    at: Sequence[float | str] | None = None,
    helped: bool = False,
    solver: str = "auto",
    threads: int | None = None,
    progress: Callable[[int], object] | Literal[False] | None = None,
    **changes: Any,
) -> Prediction:
    """Estimate how much of the variance of the log10 best dose measurements could predict.

    Parameters
    ----------
    cohort : people of the model, as pkpd.cohort draws them
    measure : inputs that can be measured without error (default: the covariates that vary)
    dose : of the exposure and the scan, as "4.5 mg" or in the target's unit (default: the third of
        the model's reported doses, or the middle of the range)
    at : times after the dose, in model time or as text, of scans of the [benefit]'s blockade, each
        a measurement of its own (default: "4 h")
    helped : True counts only patients who are helped enough
    solver, threads : as in pkpd.med
    progress : called with the number of finished patients (default: a bar; False for none)
    changes : outcome, better, ... in place of the model's [benefit]

    Returns
    -------
    Prediction. Raises PkpdError for bad input, where scikit-learn is not installed and where the
    best dose is everybody's; and Stopped on Ctrl-C, with the Prediction from those finished.
    """
    threadpool_limits = _threadpool_limits()
    of_model(model, cohort)
    limits.flag(helped, "helped")
    limits.check_called(progress=progress)
    benefit = benefit_of(model, **changes)
    measure = _inputs(model, measure)
    amount = _dose(benefit, dose)
    numerics = {"solver": solver, "threads": threads}
    columns, about = _measured(model, cohort, benefit, measure, amount, at, numerics)
    if not columns:
        raise PkpdError(
            f"{model.name} has no covariate that varies and its [benefit] names no exposure or "
            "blockade, so nothing is measured; name inputs with measure."
        )
    stop = None
    needed = precision(model, cohort.rows(slice(0, CHECKED)), benefit, **numerics)
    try:
        found = best(model, cohort, benefit, progress=progress, **needed.options, **numerics)
    except Stopped as ended:
        found, stop = ended.partial, ended
        cohort = cohort.until(stop.finished)
        columns = rows_of(columns, slice(stop.finished))
    keep = _learned_from(found, columns, helped, needed.error["log10_med"])
    x = rows_of(columns, keep)
    y, theta = found.argmax[keep], cohort.theta[keep]
    with threadpool_limits(1):  # on many small problems threads cost more than they gain
        errors = _errors(x, theta[:, np.ptp(theta, axis=0) > 0], y)
    result = Prediction(
        model,
        benefit,
        cohort,
        amount,
        tuple(about),
        errors,
        squared_deviations(y),
        len(y),
        bool(helped),
    )
    if stop is not None:
        raise Stopped(result, stop.finished, stop.total) from stop
    return result


def _threadpool_limits():
    """That of threadpoolctl. Raises PkpdError without scikit-learn, before patients are solved."""
    try:
        import sklearn.linear_model  # noqa: F401
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise PkpdError(
            "Prediction needs scikit-learn, which is not installed: pip install 'pkpd[predict]'."
        ) from error
    return threadpool_limits


def _learned_from(found, columns, helped, numerical):
    """(P,) whether a patient's best dose and measurements are learned from.

    numerical : error of a log10 best dose. Raises PkpdError where there is nothing to learn.
    """
    measured = np.isfinite(np.column_stack(list(columns.values()))).all(axis=1)
    keep = np.isfinite(found.argmax) & measured & (~np.array(helped) | (found.responder > 0))
    if keep.sum() < FEW:
        raise PkpdError(
            f"{int(keep.sum())} patients are too few to learn from; "
            f"at least {FEW} are needed: raise -n."
        )
    sd = found.argmax[keep].std()
    if not sd > FEW_ERRORS * numerical:
        raise PkpdError(
            f"The best dose is the same for all: the SD of its log10, {sd:.1g}, is no more than "
            f"numerical error, {numerical:.1g}. There is nothing to predict."
        )
    return keep


def _inputs(model, measure):
    varying = _varying(model.inputs)
    if measure is None:
        return _varying(model.covariates)
    for name in limits.texts(measure, "measure"):
        if name not in varying:
            raise PkpdError(
                f"'{name}' is not an input of {model.name} that differs between patients."
                f"{closest(name, varying)}"
            )
    return list(dict.fromkeys(measure))


def _varying(inputs):
    """Names of the inputs that differ between patients."""
    return [item.name for item in inputs if item.iiv is not None]


def _dose(benefit, dose):
    if dose is None:
        return (
            benefit.report[min(2, len(benefit.report) - 1)]
            if benefit.report
            else float(np.sqrt(benefit.lowest * benefit.highest))
        )
    (amount,) = dose_list([dose], benefit.unit, "dose")
    if not amount > 0:
        raise PkpdError(f"dose '{dose}': the dose that exposure is measured after must be above 0.")
    return amount


def _measured(model, cohort, benefit, measure, dose, at, numerics):
    """Name -> (P,) measured values, and plain data on each measurement."""
    columns = {name: cohort.column(name) for name in measure}
    labels = {item.name: item.label for item in model.inputs}
    about = [{"name": name, "what": labels[name], "error": "none"} for name in measure]
    hours = np.array(SAMPLES) * units.factor("h", model.time)
    scans = _times("4 h" if at is None else at, model.time) if benefit.blockade else []
    names = tuple(filter(None, (benefit.exposure, benefit.blockade)))
    if not names:
        return columns, about
    one = simulate(
        model,
        f"{dose!r} {benefit.unit} into {benefit.into}",
        cohort,
        np.unique(np.concatenate([[0.0], hours, scans])),
        outputs=None if set(names) <= set(model.outputs) else names,
        occasion="none",
        residual="none",
        **numerics,
    )
    after = f"after {dose:g} {benefit.unit}"
    if benefit.exposure:
        area, highest = _blood(one, benefit.exposure, np.isin(one.times, [0.0, *hours]))
        columns |= {"auc": area, "cmax": highest}
        samples = f"{benefit.exposure} in {len(hours)} samples up to {hours[-1]:g} {model.time}"
        error = f"CV {ASSAY:.0%} a sample"
        about.append({"name": "auc", "what": f"area of {samples} {after}", "error": error})
        about.append({"name": "cmax", "what": f"highest of {samples} {after}", "error": error})
    for scan in scans:
        name = f"{benefit.blockade} {scan:g} {model.time}"
        columns[name] = _scan(one, benefit.blockade, int(np.flatnonzero(one.times == scan)[0]))
        what = f"{name} {after}, by a scan"
        about.append({"name": name, "what": what, "error": f"SD {SCAN:g}"})
    return columns, about


def _blood(course, name, drawn):
    """Area (P,) and highest (P,) of a concentration in the samples `drawn` (T,), with assay error.

    course : Result
    """
    from scipy.integrate import trapezoid

    values = course.values[:, :, course.names.index(name)]
    level = (values * np.exp(ASSAY * _noise(course, name)))[:, drawn]
    return trapezoid(level, course.times[drawn], axis=1), level.max(axis=1)


def _scan(course, name, k):
    """(P,) blockade of the receptor at time k of a Result, with the error of a scan."""
    return course.values[:, k, course.names.index(name)] + SCAN * _noise(course, name)[:, k]


def _noise(course, name):
    """(P, T) standard normal errors of measuring an output at each time of a Result."""
    people = course.cohort
    address = people.seed, people.ids, f"measured {name}", len(course.times), people.replicate
    return normals(*address)


def _times(text, unit):
    """Times after the dose, from "4 h, 24 h" or numbers."""
    parts = text.split(",") if isinstance(text, str) else text
    limits.check_kind(parts, (list, tuple), "at is a text or a list of times such as '4 h, 24 h'")
    found = [
        quantity(part, unit) if isinstance(part, str) else limits.number(part, "A time in at")
        for part in parts
    ]
    if not found or not all(0 < time < np.inf for time in found):
        raise PkpdError(f"at {quoted(text)}: the times of scans are positive, such as '4 h, 24 h'.")
    return sorted(set(found))


def _errors(x, everything, y):
    """Name -> (N,) squared errors of cross-validated y (N,), for sets of measurements."""
    sets = {"all": list(x)} | {f"only {name}": [name] for name in x}
    for name in x if len(x) > 1 else ():
        sets[f"without {name}"] = [other for other in x if other != name]
    found = {}
    for name, names in sets.items():
        found[name] = squared_errors(np.column_stack([x[n] for n in names]), y)
    return found | {EVERYTHING: squared_errors(everything, y)}


def _folds(count):
    """Masks (N,) of the patients in each fold; they are dealt in turn."""
    return [np.arange(count) % FOLDS == k for k in range(FOLDS)]


def squared_errors(x, y):
    """(N,) squared error of y (N,) as told by x (N, K), each learned from the other folds."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, PowerTransformer

    guess = np.empty(len(y))
    for test in _folds(len(y)):
        learner = make_pipeline(
            PowerTransformer(), PolynomialFeatures(2), RidgeCV(np.geomspace(0.1, 1000, 9))
        )
        guess[test] = learner.fit(x[~test], y[~test]).predict(x[test])
    return (y - guess) ** 2


def squared_deviations(y):
    """(N,) squared error of y (N,) as told by the mean of the other folds."""
    guess = np.empty(len(y))
    for test in _folds(len(y)):
        guess[test] = y[~test].mean()
    return (y - guess) ** 2


def share(gain, spread):
    """Share of the variance (N,) that a gain (N,) is, and half-width of its 95 % interval.

    A ratio of two means over independent patients, its error that of the mean influence of a
    patient: Williamson et al. (2021), Biometrics 77, 9-22, for explained variance with
    cross-fitting. What is claimed is what such a learner explains, taught by as many patients.
    """
    from scipy.special import stdtrit

    count, value = len(gain), gain.mean() / spread.mean()
    influence = (gain - value * spread) / spread.mean()
    return float(value), float(stdtrit(count - 1, 0.975) * influence.std(ddof=1) / np.sqrt(count))
