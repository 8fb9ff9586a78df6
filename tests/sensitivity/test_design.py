"""People at the points of a study: their law is that of a cohort, whatever the order of a file."""

from dataclasses import replace

import numpy as np
import pytest

import pkpd
from pkpd.population import sobol
from pkpd.sensitivity.design import design

MODEL = pkpd.load("ldn/hormesis")


def latent_correlations(model):
    """Names, and correlations (V, V) of the latent values of the people at 2^12 points."""
    drawn = design(model)
    points = sobol.points(0, 2**12, len(drawn), [7, 0])
    people = drawn.people(points)
    smooth = [i.name for i in model.inputs if i.iiv is not None and i.iiv.kind != "classes"]
    return smooth, np.corrcoef(people.latent.T)


@pytest.mark.parametrize("backwards", [False, True])
def test_people_at_points_have_the_correlations_of_the_model_in_any_order(backwards):
    model = MODEL
    if backwards:
        model = replace(model, parameters=MODEL.parameters[::-1])
    names, found = latent_correlations(model)
    wanted = np.eye(len(names))
    for a, b, r in model.correlations:
        i, j = names.index(a), names.index(b)
        wanted[i, j] = wanted[j, i] = r
    assert model.correlations
    np.testing.assert_allclose(found, wanted, atol=0.05)  # a chance correlation has SD 0.016


def test_people_at_points_have_the_medians_and_spreads_of_a_cohort():
    drawn = design(MODEL)
    people = drawn.people(sobol.points(0, 2**12, len(drawn), [7, 0]))
    cohort = pkpd.cohort(MODEL, 2**12, seed=7)
    for name in drawn.names:
        quantiles = [np.quantile(x.column(name), (0.1, 0.5, 0.9)) for x in (people, cohort)]
        np.testing.assert_allclose(*quantiles, rtol=0.02, atol=1e-9)
