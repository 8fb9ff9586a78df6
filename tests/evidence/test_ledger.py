"""Weights of explanations by hand: Gaussian toys whose evidence is known in closed form."""

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import chi2, multivariate_normal, norm

from pkpd.evidence.draws import Draws, chosen, guessed
from pkpd.evidence.ledger import Ledger, fit, log_density, mixture_interval, predictive_share
from pkpd.evidence.predictions import Prediction
from pkpd.evidence.studies import Statistic, Study

SIGMA = 0.1
SEEN = np.array([2.0, 2.05, 1.95])
PRIORS = {"wide": (0.0, 3.0), "near": (2.0, 0.3)}  # mean and SD of the value that studies share


def from_priors(count):
    """Draws from the priors themselves."""
    return (np.zeros(count), np.zeros(count))


def points(count):
    return ndtri((np.arange(count) + 0.5) / count)


def toy(count=20_000):
    """Two explanations, three studies that see the same value with an error."""
    logs = []
    for middle, sd in PRIORS.values():
        value = middle + sd * points(count)
        logs.append(norm.logpdf(SEEN[None, :], value[:, None], SIGMA))
    return Ledger(
        tuple(PRIORS), ("a", "b", "c"), np.array([0.5, 0.5]), tuple(logs), from_priors(len(logs[0]))
    )


def exact(studies=3):
    """Log evidence in closed form: the studies share the value, so they are correlated."""
    found = []
    for middle, sd in PRIORS.values():
        covariance = SIGMA**2 * np.eye(studies) + sd**2
        found.append(
            multivariate_normal.logpdf(SEEN[:studies], np.full(studies, middle), covariance)
        )
    return np.array(found)


def test_the_evidence_of_studies_that_share_a_value_is_that_of_the_closed_form():
    np.testing.assert_allclose(toy().evidence(), exact(), atol=2e-3)
    weights = np.exp(exact() - exact().max())
    np.testing.assert_allclose(toy().weights(), weights / weights.sum(), atol=1e-3)


def test_the_product_of_each_studys_mean_is_wrong_by_orders_of_magnitude():
    product = [
        sum(norm.logpdf(y, middle, np.hypot(sd, SIGMA)) for y in SEEN)
        for middle, sd in PRIORS.values()
    ]
    assert exact()[0] - product[0] > np.log(100)
    # and it weighs the explanations otherwise: a thousand to one instead of twelve to one
    wrong, right = np.diff(product)[0], np.diff(exact())[0]
    assert wrong - right > np.log(100)


def test_a_study_left_out_is_predicted_by_the_others():
    logs = toy().left_out("c")
    np.testing.assert_allclose(logs, exact(3) - exact(2), atol=3e-3)
    np.testing.assert_allclose(toy().without("c").evidence(), exact(2), atol=2e-3)


def test_effective_draws_and_the_error_of_weights_by_repetition():
    rng = np.random.default_rng(5)
    found, errors = [], []
    for _ in range(200):
        logs = []
        for middle, sd in PRIORS.values():
            value = middle + sd * rng.standard_normal(2000)
            logs.append(norm.logpdf(SEEN[None, :], value[:, None], SIGMA))
        ledger = Ledger(
            tuple(PRIORS),
            ("a", "b", "c"),
            np.array([0.5, 0.5]),
            tuple(logs),
            from_priors(len(logs[0])),
        )
        found.append(ledger.weights()[0])
        errors.append(ledger.monte_carlo_error()[0])
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.2)
    equal = Ledger(("m",), ("s",), np.ones(1), (np.zeros((50, 1)),), (np.zeros(50),))
    assert equal.effective()[0] == pytest.approx(50)


def test_densities_are_those_of_scipy_and_unsolved_draws_have_none():
    rng = np.random.default_rng(3)
    root = rng.standard_normal((4, 3, 3))
    covariance = root @ root.transpose(0, 2, 1) + np.eye(3)
    mean, seen = rng.standard_normal((4, 3)), rng.standard_normal(3)
    mean[2, 1] = np.nan
    found = log_density(seen, mean, covariance)
    for k in (0, 1, 3):
        assert found[k] == pytest.approx(multivariate_normal.logpdf(seen, mean[k], covariance[k]))
    assert found[2] == -np.inf


def test_the_interval_of_a_mixture_holds_its_share():
    weights, mean, sd = np.array([0.2, 0.5, 0.3]), np.array([-2.0, 0.0, 3.0]), np.array([1, 0.5, 2])
    low, high = mixture_interval(weights, mean, sd, (0.05, 0.95))
    assert predictive_share(weights, mean, sd, low) == pytest.approx(0.05, abs=1e-9)
    assert predictive_share(weights, mean, sd, high) == pytest.approx(0.95, abs=1e-9)


def test_left_out_intervals_cover_what_they_say_on_2000_ledgers():
    rng = np.random.default_rng(11)
    sd, sigma, inside, count = 1.0, 0.5, 0, 2000
    value = sd * points(400)
    for _ in range(count):
        seen = sd * rng.standard_normal() + sigma * rng.standard_normal(3)
        ledger = Ledger(
            ("m",),
            ("a", "b", "c"),
            np.ones(1),
            (norm.logpdf(seen, value[:, None], sigma),),
            (np.zeros(400),),
        )
        weights = ledger.without("c").draw_weights(0)
        low, high = mixture_interval(weights, value, np.full(400, sigma), (0.05, 0.95))
        inside += low <= seen[2] <= high
    assert 0.88 <= inside / count <= 0.92


def test_draws_chosen_by_some_studies_give_the_same_evidence_with_less_scatter():
    """Half from the prior, half from where study a lies: each with its ratio of densities."""
    middle, sd = PRIORS["wide"]
    found = {"prior": [], "chosen": []}
    for repeat in range(100):
        rng = np.random.default_rng(repeat)
        value = middle + sd * rng.standard_normal((4000, 1))
        pilot = Draws(None, repeat, ("value",), value, np.zeros(4000))
        first = chosen(pilot, norm.logpdf(SEEN[0], value[:, 0], SIGMA), 1000)
        assert np.exp(first.log_ratio).max() <= 2
        plain = Draws(None, repeat, ("value",), value[:1000], np.zeros(1000))
        for name, drawn in (("prior", plain), ("chosen", first)):
            logs = norm.logpdf(SEEN[None, :], drawn.values, SIGMA)
            ledger = Ledger(("m",), ("a", "b", "c"), np.ones(1), (logs,), (drawn.log_ratio,))
            found[name].append(ledger.evidence()[0])
    mean = np.log(np.mean(np.exp(found["chosen"])))  # the evidence is without bias, its log is not
    assert mean == pytest.approx(exact()[0], abs=0.04)
    assert np.std(found["chosen"]) < 0.7 * np.std(found["prior"])


def test_a_guessed_likelihood_is_near_the_true_one_between_known_draws():
    known, others = (
        Draws(None, 1, ("a", "b"), np.random.default_rng(k).random((n, 2)), np.zeros(n))
        for k, n in ((1, 4000), (2, 50))
    )
    true = [norm.logpdf(d.values, [0.5, 0.3], [0.3, 0.2]).sum(axis=1) for d in (known, others)]
    guess = guessed(known, true[0], others)
    assert np.abs(guess - true[1]).max() < 0.2 and np.abs(guess - true[1]).mean() < 0.04
    nowhere = np.where(known.values[:, 0] < 0.5, -np.inf, 0.0)
    assert set(guessed(known, nowhere, others)) & {-np.inf} and np.isfinite(guess).all()


def test_a_likelihood_that_leaves_too_few_draws_is_tempered():
    value = np.linspace(-3, 3, 4000)[:, None]
    pilot = Draws(None, 1, ("value",), value, np.zeros(4000))
    first = chosen(pilot, norm.logpdf(2.0, value[:, 0], 1e-4), 1000)
    assert len(np.unique(first.values[500:])) > 250


def test_a_study_fits_by_the_tail_beyond_its_distance_from_a_draw():
    """Both tails of a normal for one value, chi-square at their joint distance for two."""
    nothing = np.zeros((3, 1, 1))
    one = Study("one", "", "", "C", "fit", (Statistic("a", 20, value=1.0, se=0.3, allowance=0.4),))
    mean = np.array([[1.6], [1.0], [np.nan]])
    found = fit(one, Prediction(mean, nothing + 1.0, nothing))
    np.testing.assert_allclose(found, [2 * norm.sf(0.6 / 0.5), 1.0, 0.0], rtol=1e-12)
    two = Study("two", "", "", "C", "fit", tuple(Statistic(x, 20, value=1.0) for x in "ab"))
    covariance = np.array([[0.04, 0.03], [0.03, 0.09]])
    apart = np.array([0.2, -0.3])
    drawn = Prediction(1.0 - apart[None], covariance[None], np.zeros((1, 2, 2)))
    far = chi2.sf(apart @ np.linalg.inv(covariance) @ apart, 2)
    np.testing.assert_allclose(fit(two, drawn), [far], rtol=1e-12)
