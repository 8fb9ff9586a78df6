"""Which outputs are explained, and their values at points of the unit cube; tables of what was found, with intervals over scramblings.

Knows models with a benefit; the methods themselves know only functions.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pkpd.errors import PkpdError
from pkpd.response.best import best, error
from pkpd.response.goal import goal
from pkpd.response.nested import over_scramblings
from pkpd.result import provenance
from pkpd.sensitivity import sobol
from pkpd.sensitivity.design import Design, design
from pkpd.symbolic.model import Benefit, Model

OUTPUTS = ("log10_med", "benefit_at_med", "responder")
SINGLE = {"closed": "sobol_first", "total": "sobol_total"}
CHECKED = 64  # patients on which the error of the quick MED is measured


@dataclass(frozen=True)
class Study:
    """The question: which inputs move the outputs. numerics : solver, threads"""

    model: Model
    rule: Benefit
    design: Design
    seed: int
    numerics: dict
    outputs: tuple = OUTPUTS

    def __call__(self, u, progress=None):
        """Outputs (N, O) of the people at points u (N, V); NaN where one could not be solved."""
        found = best(self.model, self.design.people(u), self.rule, progress=progress, **self.numerics)
        return np.column_stack([found.argmax, found.benefit, found.responder])

    def seen_in(self, values):
        """What independent people (N, O) were like, as plain data: shares at the ends of the range and helped enough, how many failed."""
        fine = values[~np.isnan(values).any(axis=1)]
        ends = np.log10([self.rule.lowest, self.rule.highest])
        return {
            "outputs": self.outputs, "censored": float(np.isclose(fine[:, :1], ends, rtol=0, atol=1e-9).any(axis=1).mean()),
            "responders": float(fine[:, 2].mean()), "failed": len(values) - len(fine), "numeric_error_log10": self.numeric_error,
        }  # fmt: skip

    @cached_property
    def numeric_error(self):
        """Root mean square error of log10 MED by the quick grid and tolerances, on some patients."""
        people = self.design.people(self.design.points(0, CHECKED, self.seed, 0)[0])
        return error(self.model, people, self.rule, best(self.model, people, self.rule, **self.numerics), **self.numerics)


@dataclass(frozen=True)
class Sensitivity:
    """What moves the outputs of a model.

    columns : output, method, input, value, low, high, one row each (docs/architecture.md); about : plain data on how they were found
    """

    study: Study
    columns: dict
    about: dict

    @property
    def model(self):
        return self.study.model

    def get(self, output, method):
        """{input or group: (value, low, high)}, in the order of the table."""
        c = self.columns
        rows = (c["output"] == output) & (c["method"] == method)
        return {str(n): tuple(x) for n, *x in zip(c["input"][rows], c["value"][rows], c["low"][rows], c["high"][rows], strict=True)}

    def frame(self):
        """The columns as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.columns)

    def summary(self, command=None):
        """Plain data, ready for JSON."""
        origin = self.study.design.people(np.full((1, len(self.study.design)), 0.5), self.study.seed)
        groups = {name: [n for n, inside in zip(self.study.design.names, mask, strict=True) if inside] for name, mask in self.study.design.groups().items()}
        rule = {k: v for k, v in vars(self.study.rule).items() if k != "place"}
        return self.about | {"groups": groups, "benefit": rule, "provenance": provenance(self.model, origin, command) | {"n": self.about["evaluations"]}}


def study(model, *, seed=1, set=None, solver="auto", threads=None, **changes):
    """Study of a model. set : typical values; changes : outcome, better, ... in place of the model's [benefit]. Raises PkpdError."""
    return Study(model, goal(model, **changes), design(model, set), seed, {"solver": solver, "threads": threads})


def sobol_indices(model, *, half_width=0.02, points=256, most=4096, scramblings=16, progress=None, **given):
    """Sobol' indices S1 and ST of every input that varies, and closed and total ones of the groups, on log10 MED, benefit and response.

    Parameters
    ----------
    half_width : of the 95 % intervals; points are doubled for the inputs and groups that have not reached it
    points, most : of each scrambling, at first and at most, powers of two; scramblings : independent repetitions, whose scatter gives the intervals
    progress : called with the number of finished patients and of those planned so far; given : see `study`

    Returns
    -------
    Sensitivity. On Ctrl-C that of what is finished, if there are two scramblings.
    """
    if points < 2 or scramblings < 2:
        raise PkpdError("Sobol' indices need at least 2 points and 2 scramblings; give more.")
    asked = study(model, **given)
    single, groups = _sets(asked.design)
    work = Work(asked, progress)
    samples = sobol.PickFreeze(work, lambda first, last, r: asked.design.points(first, last, asked.seed, r), [*single.values(), *groups.values()], [])

    def before(r, first, wanted):
        if r == 0:
            work.plan(scramblings * (first or points) * (2 + len(wanted)))

    whole = sobol.refine(samples, scramblings, points, most, half_width, before)
    rows = [(method, n) for kind in ("closed", "total") for method, names in ((SINGLE[kind], single), (f"group_{kind}", groups)) for n in names]
    estimates = samples.estimates()
    about = asked.seen_in(np.concatenate([values for own in samples.values for values in own[:2]]))
    counts = {name: samples.count(m) for m, name in enumerate([*single, *groups])}
    about |= {"points": counts, "scramblings": len(estimates), "half_width": half_width, "stopped": not whole, "evaluations": work.done}
    return Sensitivity(asked, table(asked.outputs, rows, estimates.reshape(len(estimates), len(rows), -1)), about)


class Work:
    """A study as a function of points that tells how far it is."""

    def __init__(self, asked, progress):
        self.asked, self.progress, self.done, self.planned = asked, progress, 0, 0

    def plan(self, count):
        self.planned += count

    def __call__(self, u):
        found = self.asked(u, self.progress and (lambda n: self.progress(self.done + n, self.planned)))
        self.done += len(u)
        return found


def _sets(design):
    """Masks of single inputs, then of groups, and their names: ({name: mask}, {group: mask})."""
    groups = design.groups()
    return dict(zip(design.names, np.eye(len(design), dtype=bool), strict=True)), groups if len(groups) > 1 else {}


def table(outputs, rows, runs):
    """Tidy columns of estimates.

    rows : J (method, input); runs : R estimates (J, O)
    """
    runs = np.moveaxis(np.array(runs), 2, 1).reshape(len(runs), -1)
    found = over_scramblings(range(runs.shape[1]), runs[0], runs[1:])
    method, name = (np.tile([row[k] for row in rows], len(outputs)) for k in (0, 1))
    return {"output": np.repeat(outputs, len(rows)), "method": method, "input": name, "value": found.value, "low": found.low, "high": found.high}
