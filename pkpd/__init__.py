"""pkpd: dose response and maximally effective doses of virtual patients, computed from mechanism.

The names below are all that a user needs; each is imported when it is first used.
"""

import warnings
from importlib import import_module
from typing import Any

_HOMES = {
    "load": "pkpd.symbolic.load",
    "models": "pkpd.symbolic.load",
    "import_model": "pkpd.exchange.importing",
    "export_model": "pkpd.exchange.export",
    "event_table": "pkpd.exchange.event_table",
    "rx": "pkpd.dosing.rx",
    "events": "pkpd.dosing.records",
    "check_data": "pkpd.datasets.check",
    "noncompartmental": "pkpd.nca",
    "cohort": "pkpd.population.cohort",
    "parameter_sets": "pkpd.population.uncertainty",
    "simulate": "pkpd.simulation",
    "vpc": "pkpd.predictive.vpc",
    "dose_response": "pkpd.response.dose_response",
    "med": "pkpd.response.med",
    "covariate_effects": "pkpd.response.covariate_effects",
    "dosing_interval": "pkpd.response.dosing_interval",
    "stream": "pkpd.response.stream",
    "open_results": "pkpd.response.streamed",
    "summarise": "pkpd.response.summary",
    "fit": "pkpd.fits.fit",
    "titrate": "pkpd.trials.titrate",
    "Rule": "pkpd.titration.rule",
    "trial": "pkpd.trials.run",
    "sensitivity_indices": "pkpd.sensitivity.sensitivity_indices",
    "explain": "pkpd.sensitivity.explanation",
    "predict": "pkpd.sensitivity.prediction",
    "repeat": "pkpd.response.repeat",
    "compare": "pkpd.evidence.compare",
    "design": "pkpd.evidence.design",
    "identify": "pkpd.evidence.identify",
    "study": "pkpd.evidence.studies",
    "plot": "pkpd.report.figures.plots",
    "figures": "pkpd.report.figures.plots",
    "cite": "pkpd.report.words.references",
    "html": "pkpd.report.page.screen",
    "write_page": "pkpd.report.page.page",
    "PkpdError": "pkpd.errors",
    "Stopped": "pkpd.errors",
    "PkpdWarning": "pkpd.errors",
}
__all__ = list(_HOMES)
_FORMER = {"day": "dosing_interval", "open": "open_results", "influences": "sensitivity_indices"}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("pkpd.version").release()
    if name in _FORMER:
        new = _FORMER[name]
        warnings.warn(f"pkpd.{name} is now pkpd.{new}.", DeprecationWarning, stacklevel=2)
        name = new
    if name not in _HOMES:
        raise AttributeError(f"module 'pkpd' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), "__version__", *__all__])
