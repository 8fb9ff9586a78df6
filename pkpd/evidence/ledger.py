"""What studies say of explanations: likelihoods, weights, and each study predicted by the others.

All studies are put to the same draw of an explanation's typical values, and only then is the mean
over draws taken. The product of each study's mean would let an explanation use one value for this
study and another for that.
Knows predictions and published numbers; knows no models and simulates nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pkpd.evidence.predictions import Prediction
from pkpd.evidence.studies import Study
from pkpd.evidence.weights import effective, normalised

FEWEST = 100.0  # effective draws below which a number is not reported
MATTERS = 0.01  # weight from which an explanation must have draws enough for an average


def total_covariance(study: Study, prediction: Prediction) -> np.ndarray:
    """(K, J, J) covariance of published statistics around what a draw predicts.

    Chance of the patients (the published standard error in place of the model's where there is
    one), of the simulated people, and the allowance between studies.
    """
    sampling = prediction.sampling.copy()
    for j, s in enumerate(study.statistics):
        if s.se is not None:
            own = np.sqrt(sampling[:, j, j])
            factor = np.where(own > 0, s.se / np.where(own > 0, own, 1.0), 0.0)
            with np.errstate(invalid="ignore"):  # of draws whose spread is infinite: not solved
                sampling[:, j, :] *= factor[:, None]
                sampling[:, :, j] *= factor[:, None]
            sampling[:, j, j] = s.se**2
    allowance = np.diag([s.allowance**2 for s in study.statistics])
    return sampling + prediction.simulation + allowance


def log_density(values: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """(..., K) normal log densities of values (..., J) around means (K, J), covariances (K, J, J).

    -inf where a draw is not solved.
    """
    solved, squared, log_det = _distances(values, mean, covariance)
    density = -0.5 * squared - log_det - 0.5 * mean.shape[1] * np.log(2 * np.pi)
    return np.where(solved, density, -np.inf)


def _distances(values, mean, covariance):
    """(solved (K,), squared distances (..., K), halves of the log determinants (K,)) of draws."""
    solved = np.isfinite(mean).all(axis=1) & np.isfinite(covariance).all(axis=(1, 2))
    safe = np.where(solved[:, None, None], covariance, np.eye(mean.shape[1]))
    lower = np.linalg.cholesky(safe)
    apart = values[..., None, :] - np.where(solved[:, None], mean, 0.0)
    scaled = np.linalg.solve(lower, apart[..., None])[..., 0]
    log_det = np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
    return solved, (scaled**2).sum(axis=-1), log_det


def log_likelihood(study: Study, prediction: Prediction) -> np.ndarray:
    """(K,) log density of a study's published statistics under each draw."""
    return log_density(_published(study), prediction.mean, total_covariance(study, prediction))


def fit(study: Study, prediction: Prediction) -> np.ndarray:
    """(K,) probability that a repetition of a study lies further from a draw's prediction than it.

    The tail of chi-square at the squared distance of all its statistics. Averaged over draws by
    weight it is the posterior predictive P value of Gelman, Meng & Stern (1996), Stat. Sinica 6,
    733-807. 0 where a draw is not solved.
    """
    from scipy.special import chdtrc

    covariance = total_covariance(study, prediction)
    solved, squared, _ = _distances(_published(study), prediction.mean, covariance)
    return np.where(solved, chdtrc(len(study.statistics), squared), 0.0)


def _published(study):
    """(J,) published values of a study."""
    return np.array([s.value for s in study.statistics], float)


@dataclass(frozen=True)
class Ledger:
    """Log likelihoods of S studies under the draws of M explanations.

    models, studies : names; prior : (M,) weights before any study, which sum to 1
    logs : an array (K_m, S) for every explanation
    ratios : an array (K_m,) for every explanation: log of the prior's density over the draws'
    """

    models: tuple[str, ...]
    studies: tuple[str, ...]
    prior: np.ndarray
    logs: tuple[np.ndarray, ...]
    ratios: tuple[np.ndarray, ...]

    def without(self, study: str) -> "Ledger":
        """The ledger with one study left out."""
        return self.only([name for name in self.studies if name != study])

    def only(self, studies: Sequence[str]) -> "Ledger":
        """The ledger of some of its studies."""
        columns = [self.studies.index(name) for name in studies]
        logs = tuple(log[:, columns] for log in self.logs)
        return Ledger(self.models, tuple(studies), self.prior, logs, self.ratios)

    def evidence(self) -> np.ndarray:
        """(M,) log of the mean over draws of the product over studies."""
        pairs = zip(self.logs, self.ratios, strict=True)
        return np.array([_log_mean(log.sum(axis=1), ratio) for log, ratio in pairs])

    def weights(self) -> np.ndarray:
        """(M,) weight of each explanation: prior times evidence, summing to 1."""
        return _normalised(np.log(self.prior) + self.evidence())

    def draw_weights(self, model: int) -> np.ndarray:
        """(K,) weight of each draw within an explanation, summing to 1."""
        return _normalised(self.logs[model].sum(axis=1) + self.ratios[model])

    def effective(self) -> np.ndarray:
        """(M,) number of equally weighted draws as precise as the weighted ones (Kish)."""
        return np.array([effective(self.draw_weights(m)) for m in range(len(self.models))])

    def monte_carlo_error(self) -> np.ndarray:
        """(M,) standard error of the weights from the finite number of draws, to first order."""
        weights = self.weights()
        pairs = zip(self.logs, self.ratios, strict=True)
        relative = np.array([_relative_error(log.sum(axis=1), ratio) for log, ratio in pairs])
        # d w_m / d log evidence_j = w_m (1[m = j] - w_j)
        pull = weights[:, None] * (np.eye(len(weights)) - weights[None, :])
        return np.sqrt((pull**2) @ relative**2)

    def left_out(self, study: str) -> np.ndarray:
        """(M,) log density of a study under each explanation, informed by all the others."""
        column, others = self.studies.index(study), self.without(study)
        found = []
        for m, log in enumerate(self.logs):
            weights = others.draw_weights(m)
            found.append(_log_sum(_log(weights), log[:, column]))
        return np.array(found)


def mixture_interval(
    weights: np.ndarray, mean: np.ndarray, sd: np.ndarray, levels: Sequence[float]
) -> list[float]:
    """Quantiles of a mixture of normals with weights, means and SDs (K,), by bisection.

    NaN for a mixture of nothing.
    """
    from scipy.special import ndtr

    if not (weights > 0).any():
        return [float("nan")] * len(levels)
    kept = weights > 1e-12 * weights.max()
    weights, mean, sd = weights[kept] / weights[kept].sum(), mean[kept], sd[kept]
    low, high = (mean - 10 * sd).min(), (mean + 10 * sd).max()
    ends = np.array([[low] * len(levels), [high] * len(levels)])
    for _ in range(60):
        middle = ends.mean(axis=0)
        below = (weights * ndtr((middle[:, None] - mean) / sd)).sum(axis=1)
        rises = below < levels
        ends[0], ends[1] = np.where(rises, middle, ends[0]), np.where(rises, ends[1], middle)
    return ends.mean(axis=0).tolist()


def predictive_share(weights: np.ndarray, mean: np.ndarray, sd: np.ndarray, value: float) -> float:
    """Share of a mixture of normals that lies below a value, NaN for a mixture of nothing."""
    from scipy.special import ndtr

    if not (weights > 0).any():
        return float("nan")
    return float(weights @ ndtr((value - mean) / sd))


def _log(weights):
    with np.errstate(divide="ignore"):
        return np.log(weights)


def _log_mean(logs, ratio):
    return _log_sum(logs, ratio) - _log_sum(ratio)


def _log_sum(*logs):
    from scipy.special import logsumexp

    return float(logsumexp(sum(logs)))


def _normalised(logs):
    return normalised(logs) if np.isfinite(logs).any() else np.full(len(logs), np.nan)


def _relative_error(logs, ratio):
    """Standard error of a mean of exp(logs) with weights exp(ratio), relative to it."""
    if not np.isfinite(logs).any():
        return np.nan
    x, w = np.exp(logs - logs.max()), np.exp(ratio - ratio.max())
    w = w / w.sum()
    return float(np.sqrt((w**2 * (x / (w @ x) - 1.0) ** 2).sum()))
