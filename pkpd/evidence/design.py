"""Which study would tell most: candidates ranked by what they are worth, at equal size.

Knows comparisons and planned studies; the arithmetic is in `worth`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from pkpd import limits
from pkpd.errors import EvidenceError, quoted
from pkpd.evidence import stored
from pkpd.evidence.draws import Draws, resampled
from pkpd.evidence.ledger import total_covariance
from pkpd.evidence.predictions import Prediction, predict
from pkpd.evidence.studies import Study, listed_studies, studies
from pkpd.evidence.weighed import WeighedExplanations
from pkpd.evidence.worth import Worth, worth
from pkpd.progress import watched
from pkpd.result import Computed, Sheet
from pkpd.result.tables import by_column, by_row
from pkpd.version import release

CANDIDATES = Path(__file__).with_name("ldn") / "candidates"
SAMPLE = 1024  # draws of all explanations together, by weight, that outcomes come from
NO_DRUG = 0.0  # benefit of leaving it, which is always possible


@dataclass(frozen=True, repr=False)
class RankedStudies(Computed):
    """Planned studies and what they are worth.

    worths : of each study; patients : (S,) that each takes; counted : the number that all were
        brought to, or None; of : what they would add to
    """

    NAME: ClassVar[str] = "design"
    SUMMARY: ClassVar[str] = "design"

    studies: tuple[Study, ...]
    worths: tuple[Worth, ...]
    patients: tuple[int, ...]
    counted: int | None
    unit: str
    of: dict[str, Any]

    def sheets(self) -> dict[str, Sheet]:
        columns = {
            "study": [s.name for s in self.studies],
            "title": [s.title for s in self.studies],
            "patients": list(self.patients),
            **by_column(list(map(vars, self.worths))),
        }
        units = {"information": "bit", "information_error": "bit"}
        units |= dict.fromkeys(("value", "value_error"), self.unit)
        order = np.argsort(-np.array(columns["information"]), kind="stable")
        ranked = {name: np.array(values)[order] for name, values in columns.items()}
        return {"studies": Sheet(ranked, units)}

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """The ranking as plain data."""
        rows = by_row(self.sheets()["studies"].columns)
        origin = {"package": "pkpd", "version": release(), "command": command}
        return {
            "studies": rows,
            "unit": self.unit,
            "patients_of_each": self.counted,
            **self.of,
            "provenance": origin,
        }


@watched(lambda given: None, of="draws")
def design(
    comparison: WeighedExplanations,
    candidates: Sequence[Study | str | Path] | str | Path | None = None,
    *,
    patients: int | None = None,
    outcomes: int = 1000,
    folder: str | Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], object] | Literal[False] | None = None,
) -> RankedStudies:
    """Rank planned studies by what they would add to a comparison of explanations.

    Parameters
    ----------
    comparison : what pkpd.compare found
    candidates : Study objects or files, or a folder of them; default: those of low-dose naltrexone
    patients : number of patients that every study is scaled to, its arms in proportion; default:
        their own
    outcomes : number of simulated outcomes of each study
    folder : where finished predictions are kept, and looked for by the next run; default: nowhere
    threads : number of threads (default: all cores)
    progress : called with the number of finished draws of all studies, and their total
        (default: a bar; False for none)

    Returns
    -------
    RankedStudies: expected information on which explanation holds (bits), expected gain of the best
    dose's mean benefit (unit of the outcome), with Monte Carlo standard errors.
    Raises EvidenceError where the comparison has too few effective draws. Ctrl-C ends it.
    """
    if patients is not None:
        limits.check_whole(patients, 2, limits.PATIENTS, "number of patients", EvidenceError)
    limits.check_whole(outcomes, 2, limits.PATIENTS, "number of outcomes", EvidenceError)
    limits.check_called(progress=progress)
    limits.thread_count(threads)
    if folder is not None:
        limits.path(folder, "folder", EvidenceError)
    asked = _candidates(candidates)
    _check_comparison(comparison)
    sample = _sample(comparison)
    worths = []
    for k, s in enumerate(asked):
        prediction = None
        for drawn in sample.draws:
            later = _prediction(s, drawn, comparison, folder, threads)
            prediction = later if prediction is None else prediction.then(later)
            if progress:
                progress(k * len(sample) + len(prediction.mean), len(asked) * len(sample))
        sized = _sized(s, prediction, patients)
        seed = comparison.draws[0].seed
        worths.append(sample.worth(sized.mean, total_covariance(s, sized), outcomes, seed))
    sizes = tuple(patients or s.patients for s in asked)
    about = {
        "explanations": dict(zip(comparison.names, comparison.ledger.weights(), strict=True)),
        "studies_before": list(comparison.ledger.studies),
        "outcomes": outcomes,
    }
    return RankedStudies(asked, tuple(worths), sizes, patients, comparison.unit, about)


def _candidates(given):
    """Planned studies. Raises EvidenceError."""
    given = CANDIDATES if given is None else given
    if isinstance(given, (str, Path)):
        path = limits.path(given, "candidates", EvidenceError)
        given = studies(path) if path.is_dir() else (path,)
    found = listed_studies(given, "candidates")
    for s in found:
        if s.role != "planned":
            raise EvidenceError(f'{s.name}: a study to be designed has role = "planned".')
    if not found:
        raise EvidenceError("candidates names no study.")
    return found


@dataclass(frozen=True)
class _Sample:
    """Draws of all explanations, taken by their weights.

    draws : Draws of each explanation, K of all together
    weights, labels : (K,) weight, and number of the explanation, of each draw
    benefit : (K, 1 + D) mean benefit of no drug and of each dose under each draw
    """

    draws: tuple[Draws, ...]
    weights: np.ndarray
    labels: np.ndarray
    benefit: np.ndarray

    def __len__(self):
        return len(self.weights)

    def worth(self, mean, covariance, outcomes, seed):
        """Worth of a study with mean (K, J) and covariance (K, J, J) of its statistics."""
        return worth(self.weights, self.labels, mean, covariance, self.benefit, outcomes, seed)


def _check_comparison(comparison):
    """Raise EvidenceError unless it says enough of every explanation that matters."""
    if not isinstance(comparison, WeighedExplanations):
        raise EvidenceError(f"comparison is what pkpd.compare returns, not {quoted(comparison)}.")
    if not comparison.whole():
        raise EvidenceError(
            "Too few effective draws of an explanation that matters: compare with more draws."
        )


def _sample(comparison):
    """The _Sample of a comparison.

    Explanations whose effective draws are too few, which have next to no weight, are left out.
    """
    draws, weights, labels, benefit = [], [], [], []
    for m, share in enumerate(comparison.ledger.weights()):
        count = round(share * SAMPLE)
        gains = comparison.benefits[m]
        if not count or gains is None:
            continue
        drawn = comparison.draws[m]
        rows = resampled(comparison.ledger.draw_weights(m), count, drawn.seed)
        equal = np.zeros(count)  # their weight is in how often they were taken
        draws.append(Draws(drawn.model, drawn.seed, drawn.names, drawn.values[rows], equal))
        weights.append(np.full(count, share / count))
        labels.append(np.full(count, m))
        benefit.append(np.nan_to_num(gains[rows]))
    doses = np.concatenate(benefit)
    no_drug = np.full(len(doses), NO_DRUG)
    whole = np.concatenate(weights)
    return _Sample(
        tuple(draws),
        whole / whole.sum(),
        np.concatenate(labels),
        np.column_stack([no_drug, doses]),
    )


def _prediction(study, drawn, comparison, folder, threads):
    """What an explanation predicts of a planned study, from the folder where it is there."""
    each = comparison.people

    def make():
        return predict(study, drawn, each, threads)

    return stored.prediction(study, drawn, each, comparison.width, folder, make)


def _sized(study, prediction, patients):
    """The Prediction of a study with another number of patients."""
    if patients is None:
        return prediction
    factor = study.patients / patients
    return Prediction(prediction.mean, prediction.sampling * factor, prediction.simulation)
