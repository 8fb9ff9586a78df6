"""What a study is worth: toys whose information and value are known in closed form."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtri
from scipy.stats import norm

from pkpd.evidence.worth import worth


def shared(count, tau):
    """A value with SD tau in `count` equal draws, seen with a unit error by one study."""
    value = tau * ndtri((np.arange(count) + 0.5) / count)
    return np.full(count, 1.0 / count), value


@pytest.mark.parametrize("tau", [0.5, 2.0])
def test_information_on_a_value_is_that_of_the_linear_gaussian_closed_form(tau):
    weights, value = shared(2000, tau)
    found = worth(
        weights,
        np.arange(2000),
        value[:, None],
        np.ones((2000, 1, 1)),
        np.zeros((2000, 1)),
        outcomes=2000,
    )
    exact = 0.5 * np.log2(1 + tau**2)
    assert abs(found.information - exact) < 4 * found.information_error + 0.01
    assert found.value == 0.0


def test_information_on_two_explanations_is_the_integral_of_their_mixture():
    mean, labels = np.array([0.0] * 50 + [1.5] * 50), np.repeat([0, 1], 50)
    weights = np.repeat([0.7 / 50, 0.3 / 50], 50)
    found = worth(
        weights, labels, mean[:, None], np.ones((100, 1, 1)), np.zeros((100, 1)), outcomes=4000
    )

    def gain(y):
        joint = np.array([0.7, 0.3]) * norm.pdf(y, [0.0, 1.5])
        after = joint / joint.sum()
        return joint.sum() * (after * np.log2(after / [0.7, 0.3])).sum()

    exact = quad(gain, -8, 10)[0]
    assert abs(found.information - exact) < 4 * found.information_error


def test_the_value_of_a_study_with_two_arms_is_that_of_the_closed_form():
    tau = 1.5
    weights, value = shared(2000, tau)
    benefit = np.column_stack([np.zeros(2000), value])
    found = worth(
        weights, np.zeros(2000), value[:, None], np.ones((2000, 1, 1)), benefit, outcomes=4000
    )
    exact = tau**2 / np.sqrt(tau**2 + 1) / np.sqrt(2 * np.pi)
    assert abs(found.value - exact) < 4 * found.value_error
    assert found.information == pytest.approx(0.0, abs=1e-12)


def test_an_outcome_is_not_read_by_the_draw_that_it_comes_from():
    """Otherwise draws far apart would always be told, however many there are."""
    mean = np.array([0.0, 90.0, 200.0, 290.0])
    labels = np.array([0, 0, 1, 1])
    found = worth(
        np.full(4, 0.25), labels, mean[:, None], np.ones((4, 1, 1)), np.zeros((4, 1)), outcomes=50
    )
    assert found.information == pytest.approx(1.0, abs=1e-6)  # by the nearest other draw
