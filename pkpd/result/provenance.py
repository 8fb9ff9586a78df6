"""Provenance: what it takes to compute a result again, and whether two results are of one run.

Knows models, cohorts and versions; knows nothing of what was computed.
"""

from collections.abc import Mapping
from typing import Any

from pkpd.errors import Stopped
from pkpd.population.cohort import Cohort
from pkpd.symbolic.model import Model
from pkpd.version import release

RUN = (
    "model",
    "digest",
    "seed",
    "n",
    "sampling",
    "typical",
    "set",
    "spread",
    "covariates",
    "replicate",
)  # what decides who was computed


def stopped(cohort: Cohort) -> dict[str, Any] | None:
    """How far a run that Ctrl-C stopped has come, as plain data; None for a whole run."""
    if cohort.planned is None:
        return None
    return Stopped(None, len(cohort), cohort.planned).about()


def provenance(model: Model, cohort: Cohort, command: str | None = None) -> dict[str, Any]:
    """What it takes to compute a table again. Deterministic: no clock, no host name."""
    from pkpd.kernels.cache import fingerprint
    from pkpd.solvers.batch import LANES

    spread = {"spread": cohort.spread} if cohort.spread else {}
    return {
        "package": "pkpd",
        "version": release(),
        "model": model.name,
        "digest": model.digest,
        "numbers": model.numbers,
        "seed": cohort.seed,
        "n": len(cohort.ids),
        "sampling": cohort.sampling,
        "typical": cohort.typical,
        "set": cohort.changed,
        **spread,
        "covariates": cohort.table or None,
        "replicate": cohort.replicate,
        "stopped": stopped(cohort),
        "fingerprint": fingerprint(LANES),
        "command": command,
    }


def same_run(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two provenance blocks are about the same patients of the same model."""
    return all(one.get(key) == other.get(key) for key in RUN)
