"""How the MED changes with a covariate: the same patients, who differ from themselves in it alone.

Everybody has all covariates at their reference, then one of them at another value. Knows MEDs and
cohorts; knows nothing of how a MED is found.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from pkpd import limits
from pkpd.display import Displayed
from pkpd.errors import PkpdError, all_or_nothing, quoted
from pkpd.population.cohort import Cohort, of_model
from pkpd.population.groups import FEW
from pkpd.progress import watched
from pkpd.response.benefit import benefit_of
from pkpd.response.curves import benefit_entries
from pkpd.response.med import MedTable, parts, table_of
from pkpd.response.quantiles import quantile, share
from pkpd.response.summary import are_independent, known_doses, with_med
from pkpd.result import Computed, Sheet, provenance
from pkpd.symbolic.model import Benefit, Model

MOST = 30  # values in one study
ENDS = (5, 95)  # percentiles at which a covariate of many values is looked at


@dataclass(frozen=True, repr=False)
class Effect(Displayed):
    """One covariate at one value, in its unit. table : MedTable of everybody there"""

    name: str
    value: float
    table: MedTable


@dataclass(frozen=True, repr=False)
class CovariateEffects(Computed):
    """MEDs of the same P patients with one covariate at a time away from its reference.

    cohort : the people as drawn; at : {covariate: its reference}, in its unit
    reference : MedTable of everybody there; effects : an Effect for each value
    """

    NAME: ClassVar[str] = "covariates"
    SUMMARY: ClassVar[str] = "covariates"

    model: Model
    cohort: Cohort
    benefit: Benefit
    at: dict
    reference: MedTable
    effects: tuple

    @property
    def asked(self) -> list[tuple[str, float]]:
        """[(covariate, value)] of the effects."""
        return [(effect.name, effect.value) for effect in self.effects]

    def ratios(self, effect: Effect) -> np.ndarray:
        """(N,) MED at the value over that at the reference, of all whose MED is known at both.

        effect : one of `effects`; known is a MED inside the range of doses
        """
        found = effect.table.column("med") / self.reference.column("med")
        return found[~np.isnan(found)]

    def _row(self, effect):
        """Column -> value of one effect."""
        found, independent = self.ratios(effect), are_independent(self.reference)
        low, middle, high = (quantile(found, level, independent) for level in (0.05, 0.5, 0.95))
        return {
            "covariate": effect.name,
            "value": effect.value,
            "ratio": middle.value,
            "low": middle.low,
            "high": middle.high,
            "p5": low.value,
            "p95": high.value,
            "pairs": len(found),
            **_counted(effect.table),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Plain data of every effect.

        ratio, p5, p95 : median of `ratios`, and where 5 and 95 % of them lie below
        low, high : 95 % interval of the median where patients are independent draws, else NaN
        pairs : number of patients behind them
        with_med : share of all patients with a MED there; median_med : its median, -inf or inf
            beyond the range of doses
        """
        return [self._row(effect) for effect in self.effects]

    def sheets(self) -> dict[str, Sheet]:
        rows = self.rows()
        columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        units = {"median_med": self.benefit.unit}
        return {"covariates": Sheet(columns, units, ("covariate", "value"))}

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """Plain data, ready for JSON. command : for the provenance"""
        return {
            "reference": {"at": self.at} | _counted(self.reference),
            "effects": self.rows(),
            "patients": len(self.cohort),
            "intervals": "independent draws" if are_independent(self.reference) else None,
            "unit": self.benefit.unit,
            "benefit": benefit_entries(self.benefit),
            "provenance": self.provenance(command),
        }

    def provenance(self, command: str | None = None) -> dict[str, Any]:
        """What it takes to compute it again. command : the words of the run, if any"""
        return provenance(self.model, self.cohort, command)


def _counted(table):
    """Share of all patients with a MED, and its median."""
    return {
        "with_med": share(int(with_med(table).sum()), len(table))[0],
        "median_med": quantile(known_doses(table), 0.5).value,
    }


@watched(lambda given: None)
def covariate_effects(
    model: Model,
    cohort: Cohort,
    at: Mapping[str, Any] | None = None,
    *,
    rtol: float = 1e-6,
    solver: str = "auto",
    threads: int | None = None,
    progress: Callable[[int], object] | Literal[False] | None = None,
    **changes: Any,
) -> CovariateEffects:
    """How the MED of the same patients changes with their covariates, for a forest plot.

    Parameters
    ----------
    cohort : the patients; their covariates as drawn say what is usual
    at : {"wt": [50, 100], "cirrhosis": 1}: values of covariates or other inputs, as numbers in
        their units or texts with one (default: of each covariate in which these people differ, the
        5 and 95 % percentiles, or every value where there are few)
    changes : outcome, better, into, every, doses, delta, ... in place of the model's [benefit]
    rtol : relative tolerance; solver : see pkpd.solvers.batch.compile
    threads : number of threads (default: all cores); results do not depend on it
    progress : called with the number of finished patients at all values
        (default: a bar; False for none)

    Returns
    -------
    CovariateEffects. Everybody has all covariates, and all inputs in `at`, at their reference, then
    one of them at another value; all else about a patient stays. Raises PkpdError for bad input.
    Ctrl-C leaves nothing: an effect without the others is not what was asked.
    """
    of_model(model, cohort)
    limits.check_called(progress=progress)
    benefit = benefit_of(model, **changes)
    asked = _named(at) if at is not None else _usual(cohort)
    numerics = {"rtol": rtol, "solver": solver, "threads": threads}
    return effects_of(cohort, benefit, asked, numerics, progress)


def effects_of(cohort, benefit, asked, numerics, progress=None):
    """The CovariateEffects of a cohort.

    asked : [(covariate, value)]; numerics : rtol, solver and threads, as in pkpd.med
    """
    model = cohort.model
    names = dict.fromkeys([*model.covariate_names, *dict(asked)])
    typical = cohort.at_reference(names)
    others = [typical.each_with({name: value}) for name, value in asked]
    tables: list[MedTable] = []
    for people in (typical, *others):
        before = len(cohort) * len(tables)
        advance = None if progress is None else lambda done, n=before: progress(n + done)
        with all_or_nothing():
            found = list(parts(model, people, benefit, progress=advance, beside=(), **numerics))
        tables.append(table_of(model, people, benefit, found))
    at = {name: float(typical.column(name)[0]) for name in names}
    effects = [
        Effect(name, float(people.column(name)[0]), table)
        for (name, _), people, table in zip(asked, others, tables[1:], strict=True)
    ]
    return CovariateEffects(model, cohort, benefit, at, tables[0], tuple(effects))


def _named(at):
    """[(covariate, value)] of {covariate: value or values}. Raises PkpdError."""
    if not isinstance(at, Mapping) or not at:
        raise PkpdError(f'at is a dict such as {{"wt": [50, 100]}}, not {quoted(at)}.')
    asked = []
    for name, values in at.items():
        several = isinstance(values, (list, tuple, np.ndarray))
        asked += [(name, value) for value in (values if several else [values])]
    if not 0 < len(asked) <= MOST:
        raise PkpdError(f"at has {len(asked)} values; give 1 to {MOST}.")
    return list(dict.fromkeys(asked))


def _usual(cohort):
    """[(covariate, value)] of the covariates in which people differ. Raises PkpdError."""
    asked = []
    for item in cohort.model.covariates:
        asked += [(item.name, value) for value in _usual_values(item, cohort.column(item.name))]
    if not asked:
        raise PkpdError(
            f"These people of {cohort.model.name} differ in no covariate; say which inputs, and "
            'what they are to be: at={"wt": [50, 100]}, or --at wt=50,100.'
        )
    return asked


def _usual_values(item, column):
    """Values of a covariate worth comparing with its reference. column : (P,) of the people"""
    distinct = np.unique(column)
    if len(distinct) > FEW:
        return [float(f"{end:.3g}") for end in np.percentile(column, ENDS, method="hazen")]
    reference = item.value if item.reference is None else item.reference
    return [float(value) for value in distinct if value != reference]
