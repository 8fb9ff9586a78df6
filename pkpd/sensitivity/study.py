"""Which outputs are explained, and their values at points of the unit cube; tables of what was found, with intervals over scramblings.

Knows models with a benefit; the methods themselves know only functions.
"""

from dataclasses import dataclass, field
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
    seen: dict = field(default_factory=lambda: {"patients": 0, "at_ends": 0, "failed": 0, "responders": 0})

    def __call__(self, u, progress=None):
        """Outputs (N, O) of the people at points u (N, V); NaN where one could not be solved."""
        found = best(self.model, self.design.people(u), self.rule, progress=progress, **self.numerics)
        return np.column_stack([found.argmax, found.benefit, found.responder])

    def count(self, values):
        """Remember how many of independent people (N, O) have their best dose at an end of the range, and how many failed."""
        fine = values[~np.isnan(values).any(axis=1)]
        low, high = np.log10(self.rule.lowest), np.log10(self.rule.highest)
        self.seen["patients"] += len(values)
        self.seen["failed"] += len(values) - len(fine)
        self.seen["at_ends"] += int(((fine[:, 0] <= low + 1e-9) | (fine[:, 0] >= high - 1e-9)).sum())
        self.seen["responders"] += int(fine[:, 2].sum())

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


def sobol_indices(model, *, points=512, scramblings=16, progress=None, **given):
    """Sobol' indices S1 and ST of every input that varies, and closed and total ones of the groups, on log10 MED, benefit and response.

    Parameters
    ----------
    points : of each scrambling, a power of two; scramblings : independent repetitions, whose scatter gives the intervals
    progress : called with the number of finished patients; given : see `study`

    Returns
    -------
    Sensitivity. On Ctrl-C that of the scramblings finished so far, if there are two.
    """
    if points < 2 or scramblings < 2:
        raise PkpdError("Sobol' indices need at least 2 points and 2 scramblings; give more.")
    asked = study(model, **given)
    single, groups = _sets(asked.design)
    sets, each, runs = [*single.values(), *groups.values()], per_point(asked.design) * points, []
    try:
        for r in range(scramblings):
            a, b = asked.design.points(0, points, asked.seed, r)
            values = sobol.pick_freeze(lambda u, r=r: asked(u, progress and (lambda n: progress(r * each + n))), a, b, sets)
            asked.count(values[:2].reshape(-1, len(asked.outputs)))
            runs.append(np.concatenate(sobol.indices(values)))
    except KeyboardInterrupt:
        if len(runs) < 2:
            raise
    rows = [(method, n) for kind in ("closed", "total") for method, names in ((SINGLE[kind], single), (f"group_{kind}", groups)) for n in names]
    return Sensitivity(asked, table(asked.outputs, rows, runs), _about(asked, runs, points, scramblings, each))


def per_point(design):
    """How many patients `sobol_indices` solves for each point."""
    return 2 + sum(map(len, _sets(design)))


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


def _about(asked, runs, points, scramblings, each):
    seen = asked.seen
    return {
        "points": points, "scramblings": len(runs), "scramblings_asked": scramblings, "evaluations": each * len(runs), "outputs": asked.outputs,
        "censored": seen["at_ends"] / max(seen["patients"] - seen["failed"], 1), "responders": seen["responders"] / max(seen["patients"] - seen["failed"], 1),
        "failed": seen["failed"], "numeric_error_log10": asked.numeric_error,
    }  # fmt: skip
