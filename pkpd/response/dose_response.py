"""Benefit of doses at periodic steady state: the same patients at every dose, in one batched solve.

B(x) = untreated mean of the outcome over one dosing interval minus the treated one (sign by
`better`). Knows models with a benefit and cohorts; knows nothing of peaks.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from pkpd import limits
from pkpd.errors import PkpdError
from pkpd.population.cohort import Cohort, of_model
from pkpd.population.parts import by_parts
from pkpd.progress import watched
from pkpd.response import side_by_side
from pkpd.response.benefit import benefit_of
from pkpd.response.curves import DoseResponse, joined
from pkpd.response.grid import Steady, dose_grid, log_grid
from pkpd.response.several import warn_of_several
from pkpd.symbolic.model import Model


@watched(lambda given: len(given["cohort"]))
def dose_response(
    model: Model,
    cohort: Cohort,
    doses: str | Sequence[float] | np.ndarray | None = None,
    *,
    rtol: float = 1e-6,
    solver: str = "auto",
    threads: int | None = None,
    progress: Callable[[int], object] | Literal[False] | None = None,
    **changes: Any,
) -> DoseResponse:
    """Dose response of a cohort at periodic steady state.

    Parameters
    ----------
    doses : (D,) increasing positive doses in the target's unit, or "0.05:50 mg" for 33 on the log
        axis (default: the model's)
    changes : outcome, better, into, every, delta in place of the model's [benefit]
    rtol : relative tolerance; solver : see pkpd.solvers.batch.compile
    threads : number of threads (default: all cores); results do not depend on it
    progress : called with the number of finished patients (default: a bar; False for none)

    Returns
    -------
    DoseResponse. Raises PkpdError for bad input, and Stopped on Ctrl-C, with the DoseResponse of
    the patients that are finished.
    """
    of_model(model, cohort)
    limits.check_called(progress=progress)
    if doses is None or isinstance(doses, str):
        benefit = benefit_of(model, **changes, doses=doses)
        grid = log_grid(benefit)
    else:
        grid = _checked(doses)
        benefit = benefit_of(model, **changes)
    if changes.get("subject_to") is not None and benefit.subject_to:
        raise PkpdError("A dose response judges no constraint: leave out subject_to.")

    warn_of_several(model, cohort, benefit, rtol=rtol, solver=solver, follow=False)

    def work(part, _):
        steady = Steady(model, part, benefit, rtol=rtol, solver=solver, threads=threads)
        return dose_grid(steady, grid).response()

    return by_parts(cohort, side_by_side.PATIENTS, work, joined, progress)


def _checked(doses):
    """(D,) doses of a sequence. Raises PkpdError."""
    grid = np.array(limits.numbers(doses, "doses"))
    if not (len(grid) and grid[0] > 0 and (np.diff(grid) > 0).all()):
        raise PkpdError("doses must be positive and increasing.")
    if grid[-1] > limits.DOSE:
        raise PkpdError(f"doses end at {grid[-1]:g}; a dose is at most {limits.DOSE:g}.")
    return grid
