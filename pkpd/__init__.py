"""pkpd: dose response and maximally effective doses of virtual patients, computed from mechanism.

The names below are all that a user needs; each is imported when it is first used.
"""

from importlib import import_module

_HOMES = {
    "load": "pkpd.symbolic.load",
    "models": "pkpd.symbolic.load",
    "rx": "pkpd.dosing.rx",
    "events": "pkpd.dosing.table",
    "noncompartmental": "pkpd.nca",
    "cohort": "pkpd.population.cohort",
    "parameter_sets": "pkpd.population.uncertainty",
    "simulate": "pkpd.simulation",
    "dose_response": "pkpd.response.sweep",
    "med": "pkpd.response.med",
    "day": "pkpd.response.day",
    "stream": "pkpd.response.stream",
    "open": "pkpd.response.dataset",
    "summarise": "pkpd.response.summary",
    "fit": "pkpd.response.fit",
    "titrate": "pkpd.trials.observed",
    "trial": "pkpd.trials.run",
    "influences": "pkpd.sensitivity.influences",
    "explain": "pkpd.sensitivity.explanation",
    "predict": "pkpd.sensitivity.prediction",
    "plot": "pkpd.report.plots",
    "PkpdError": "pkpd.errors",
}
__all__ = list(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'pkpd' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__():
    return sorted([*globals(), *__all__])
