"""Visual predictive check: does a model simulate data like those observed?

The data set is simulated many times over with its own doses, times and covariates, new people and
residual error each time. In bins of time, percentiles of the observations are set against those of
the simulated data sets and their intervals. With prediction correction, observations and simulated
values of a bin are scaled by its median prediction over their own (Bergstrand et al. 2011, AAPS J.
13, 143-151), so that doses and covariates that differ within a bin do not hide what is wrong.

Knows models, records and people; knows nothing of figures or files.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from pkpd import limits
from pkpd.dosing.records import Records, events
from pkpd.errors import PkpdError, ResultError, Stopped
from pkpd.population.cohort import Cohort, cohort
from pkpd.population.residual import residuals
from pkpd.predictive.observed import Observed, observed
from pkpd.progress import watched
from pkpd.result.computed import Computed, Sheet
from pkpd.result.provenance import provenance
from pkpd.result.tables import by_column, by_row
from pkpd.simulation import simulate
from pkpd.symbolic.model import Model, check_model

PERCENTILES = (5.0, 50.0, 95.0)


@dataclass(frozen=True)
class Asked:
    """What is compared, and how.

    percentiles : (Q,) in %; level : of the intervals, in %; limit : of quantification, or None
    after_dose : whether times count from the last dose
    corrected : whether values are corrected for predictions; replicates : data sets asked for
    """

    percentiles: np.ndarray
    level: float
    limit: float | None
    after_dose: bool
    corrected: bool
    replicates: int

    @property
    def ends(self) -> tuple[float, float, float]:
        """Median and ends of an interval, as percentiles over data sets."""
        return 50.0, (100 - self.level) / 2, (100 + self.level) / 2

    def percentiles_of(self, values: np.ndarray, simulated: np.ndarray) -> list[dict[str, Any]]:
        """A row for each percentile of values (n,) and of data sets (R, n)."""
        if self.limit is not None:
            values, simulated = (np.maximum(v, self.limit) for v in (values, simulated))
        found = np.percentile(values, self.percentiles, method="hazen")
        each = np.nanpercentile(simulated, self.percentiles, axis=1, method="hazen")
        middle, low, high = np.nanpercentile(each, self.ends, axis=1, method="hazen")
        columns = {
            "percentile": self.percentiles,
            "observed": found,
            "simulated": middle,
            "low": low,
            "high": high,
            "outside": ~((low <= found) & (found <= high)),
        }
        return by_row(columns)

    def shares_of(self, values: np.ndarray, simulated: np.ndarray) -> dict[str, float]:
        """Shares below the limit of quantification, of values (n,) and of data sets (R, n)."""
        each = (simulated < self.limit).mean(axis=1)
        middle, low, high = np.percentile(each, self.ends, method="hazen")
        found = float((values < self.limit).mean())
        return {"observed": found, "simulated": middle, "low": low, "high": high}


@dataclass(frozen=True, repr=False)
class PredictiveCheck(Computed):
    """A visual predictive check: one row for each stratum, bin and percentile.

    output, unit : of the values; data, column : the table and its column of observations
    count : observations; outside : those in no bin, which are left out
    replicates : simulated data sets; failed : observations that some of them lack, for a patient
        did not finish
    columns : (N,) each: stratum, from, to, TIME (median of the bin), n, percentile, observed,
        simulated (median over data sets), low, high, outside
    below : (N,) each: stratum, from, to, TIME, n, observed, simulated, low, high: shares below the
        limit
    people : the Cohort of the first data set
    """

    NAME: ClassVar[str] = "vpc"
    SUMMARY: ClassVar[str] = "vpc"

    model: Model
    output: str
    unit: str
    data: str
    column: str
    count: int
    outside: int
    replicates: int
    failed: int
    asked: Asked
    columns: dict[str, np.ndarray]
    below: dict[str, np.ndarray]
    people: Cohort

    def sheets(self) -> dict[str, Sheet]:
        values = dict.fromkeys(("observed", "simulated", "low", "high"), self.unit)
        times = dict.fromkeys(("from", "to", "TIME"), self.model.time)
        found = {"vpc": Sheet(self.columns, times | {"percentile": "%"} | values)}
        if self.asked.limit is not None:
            found["below-limit"] = Sheet(self.below, times)
        return found

    def verdict(self) -> dict[str, float]:
        """Number of percentiles compared, how many lie outside, how many would if all were right.

        Not compared are those of which every data set has the same, such as the limit.
        """
        compared = int((self.columns["low"] < self.columns["high"]).sum())
        outside = int(self.columns["outside"].sum())
        return {
            "percentiles": compared,
            "outside": outside,
            "expected": compared * (1 - self.asked.level / 100),
        }

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """What was compared, how many percentiles lie outside their intervals, provenance."""
        return {
            "question": f"Does {self.model.name} simulate {self.output} as {self.data} has it?",
            "output": self.output,
            "unit": self.unit,
            "column": self.column,
            "observations": self.count,
            "in_no_bin": self.outside,
            "replicates": self.replicates,
            "stopped": self.stopped().about() if self.replicates < self.asked.replicates else None,
            "level": self.asked.level,
            "prediction_corrected": self.asked.corrected,
            "limit_of_quantification": self.asked.limit,
            "after_dose": self.asked.after_dose,
            "failed": self.failed,
            **self.verdict(),
            "provenance": provenance(self.model, self.people, command) | {"data": self.data},
        }

    def stopped(self) -> Stopped:
        """The check as what Ctrl-C has left of the one asked for."""
        return Stopped(self, self.replicates, self.asked.replicates, "data sets")


def _check_texts(**given):
    """Raises ResultError for a name that is given and no text."""
    for name, text in given.items():
        if text is not None:
            limits.text(text, name, ResultError)


def _check_correction(limit, covariates):
    """Raises ResultError for what does not go together with prediction correction."""
    if limit is not None:
        raise ResultError(
            "Prediction correction moves values to either side of a limit of quantification; "
            "leave out one of the two."
        )
    if covariates is not None:
        raise ResultError(
            "Predictions are those of the event table's own columns; write the covariates into it "
            "in place of a table of people, or leave out the correction."
        )


@watched(lambda given: given["replicates"], "data sets")
def vpc(
    model: Model,
    data: Any,
    output: str | None = None,
    *,
    column: str | None = None,
    replicates: int = 500,
    seed: int = 1,
    bins: int | Sequence[float] | None = None,
    by: str | None = None,
    after_dose: bool = False,
    corrected: bool = False,
    limit: float | None = None,
    percentiles: Sequence[float] = PERCENTILES,
    level: float = 95.0,
    residual: Mapping[str, str] | None = None,
    set: Mapping[str, Any] | None = None,
    covariates: Any = None,
    carry: str = "backward",
    occasion: str = "dose",
    rtol: float = 1e-6,
    solver: str = "auto",
    threads: int | None = None,
    progress: Callable[[int], object] | Literal[False] | None = None,
) -> PredictiveCheck:
    """Simulate a data set many times and set its observations against the simulated ones.

    Parameters
    ----------
    data : event table with observations, a path or a DataFrame: its doses, times and covariates
        are those of the simulated data sets
    output : name of the output that was observed (default: the first that has residual error)
    column : of the observations, in the output's unit (default: DV, or named like the output)
    replicates : number of simulated data sets
    seed : whole number from 0 to 2^63 - 1, of their people, drawn by plain Monte Carlo
    bins : number of bins of about equally many observations, or their edges in model time
        (default: one for each time where there are at most 15, else 10)
    by : column whose values are strata, each with a panel
    after_dose : bin by the time after a patient's last dose
    corrected : prediction correction; needs predictions above 0
    limit : of quantification, in the output's unit. Values below it, observed or simulated, count
        as the limit; their shares are compared too
    percentiles : share of the values below each, in %
    level : share of the data sets inside an interval, in %
    residual : {"Cc": "15 % + 0.05 ng/mL"} in place of the model's
    set, covariates : as in pkpd.cohort; carry, occasion, rtol, solver, threads : as in
        pkpd.simulate
    progress : called with the number of finished data sets (default: a bar; False for none)

    Returns
    -------
    PredictiveCheck. Raises PkpdError for bad input, and Stopped on Ctrl-C, with the check by the
    data sets that are finished.

    >>> model = pkpd.load("pk/one_compartment")
    >>> check = pkpd.vpc(model, "sampled.csv", replicates=100, residual={"Cc": "20 %"})
    >>> check.replicates, sorted(check.frame()["percentile"].unique().tolist())
    (100, [5.0, 50.0, 95.0])
    """
    check_model(model)
    limits.check_called(progress=progress)
    _check_texts(output=output, column=column, by=by)
    asked = _asked(percentiles, level, limit, after_dose, corrected, replicates)
    if corrected:
        _check_correction(limit, covariates)
    records = data if isinstance(data, Records) else events(model, data)
    name = _output(model, output, residual)
    solving = {"rtol": rtol, "solver": solver, "threads": threads}
    study = _Study(
        model=model,
        records=records,
        looks=observed(records, name, column, bins, by, after_dose),
        output=name,
        people={"seed": seed, "set": set, "covariates": covariates},
        run=solving | {"residual": residual, "carry": carry, "occasion": occasion},
    )
    factor = _correction(study) if corrected else 1.0
    sets: list[np.ndarray] = []
    try:
        for number in range(replicates):
            sets.append(study.simulated(number) * factor)
            if progress:
                progress(len(sets))
    except KeyboardInterrupt as stop:
        if len(sets) < limits.FEWEST_DATA_SETS:
            raise
        raise _check(study, asked, sets, factor).stopped() from stop
    return _check(study, asked, sets, factor)


@dataclass(frozen=True)
class _Study:
    """A data set that is simulated again and again.

    people, run : further arguments of pkpd.cohort and of pkpd.simulate
    """

    model: Model
    records: Records
    looks: Observed
    output: str
    people: Mapping[str, Any]
    run: Mapping[str, Any]

    def cohort(self, number: int = 0) -> Cohort:
        """The people of a simulated data set."""
        return cohort(
            self.model, ids=self.records.ids, sampling="mc", replicate=number, **self.people
        )

    def simulated(self, number: int) -> np.ndarray:
        """(N,) observations of a simulated data set, NaN of patients that did not finish."""
        run = self.solve(self.cohort(number))
        return run.observed[self.looks.row, 0]

    def predicted(self) -> np.ndarray:
        """(N,) predictions for the typical patient with each ID's doses and covariates."""
        run = self.solve(cohort(self.model, typical=True, set=self.people["set"]))
        return run.values[self.looks.row, 0]

    def solve(self, people: Cohort) -> Any:
        return simulate(
            self.model, self.records, people, outputs=[self.output], progress=False, **self.run
        )


def _asked(percentiles, level, limit, after_dose, corrected, replicates):
    """The Asked of arguments of pkpd.vpc. Raises ResultError."""
    limits.flag(after_dose, "after_dose", ResultError)
    limits.flag(corrected, "corrected", ResultError)
    if limit is not None:
        limit = limits.number(limit, "limit", error=ResultError)
    fewest = limits.FEWEST_DATA_SETS
    limits.check_whole(replicates, fewest, limits.REPEATS, "number of replicates", ResultError)
    levels = _percentiles(percentiles, level)
    return Asked(levels, level, limit, after_dose, corrected, replicates)


def _percentiles(percentiles, level):
    """(Q,) percentiles. Raises ResultError where they or the level are none."""
    levels = np.array(limits.numbers(percentiles, "percentiles", ResultError))
    inside = (levels > 0) & (levels < 100)
    if not len(levels) or not inside.all() or (np.diff(levels) <= 0).any():
        raise ResultError(
            "percentiles are increasing numbers between 0 and 100, such as 5, 50, 95."
        )
    if not 0 < limits.number(level, "level", error=ResultError) < 100:
        raise ResultError(f"The level of the intervals lies between 0 and 100 %, not at {level}.")
    return levels


def _output(model, output, residual):
    """Name of the observed output. Raises PkpdError where it has no residual error."""
    names = model.outputs if output is None else (output,)
    errors = residuals(model, names, residual)
    if not errors:
        what = f"'{output}' has" if output else "The model's outputs have"
        example = output or model.outputs[0]
        raise PkpdError(
            f"{what} no residual error, without which there is no band of observations; "
            f'give it, such as residual={{"{example}": "15 %"}}.'
        )
    return errors[0].name


def _correction(study):
    """(N,) factors: median prediction of an observation's stratum and bin over its own.

    Raises ResultError where a prediction is not above 0.
    """
    predicted, factor = study.predicted(), np.ones(len(study.looks.row))
    if not (predicted > 0).all():
        wrong = study.records.row[study.looks.row[~(predicted > 0)][0]]
        raise ResultError(
            f"{study.records.name}: row {wrong}: the prediction is not above 0, and values cannot "
            "be corrected for it; leave out such rows, or the correction."
        )
    for _, _, places in study.looks.groups():
        factor[places] = np.median(predicted[places]) / predicted[places]
    return factor


def _check(study, asked, sets, factor):
    """The PredictiveCheck by the simulated data sets, each (N,)."""
    looks, simulated = study.looks, np.array(sets)
    values = looks.values * factor
    rows, below = [], []
    for stratum, k, places in looks.groups():
        head = {
            "stratum": stratum,
            "from": looks.edges[k],
            "to": looks.edges[k + 1],
            "TIME": np.median(looks.times[places]),
            "n": len(places),
        }
        rows += [head | row for row in asked.percentiles_of(values[places], simulated[:, places])]
        if asked.limit is not None:
            below.append(head | asked.shares_of(values[places], simulated[:, places]))
    return PredictiveCheck(
        model=study.model,
        output=study.output,
        unit=study.model.unit(study.output),
        data=study.records.name,
        column=looks.column,
        count=len(values),
        outside=int((looks.bin < 0).sum()),
        replicates=len(sets),
        failed=int(np.isnan(simulated).any(axis=0).sum()),
        asked=asked,
        columns=by_column(rows),
        below=by_column(below),
        people=study.cohort(),
    )
