"""The scalar functions of a model against walking its expressions one by one."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pkpd.bench import workload
from pkpd.bench.scalar import scalar
from pkpd.population.cohort import cohort
from pkpd.symbolic.load import load

sys.path.insert(0, str(Path(__file__).parents[1]))
from naive import Patient


@pytest.mark.parametrize("model", [workload.model(), load("ldn/hormesis")], ids=lambda m: m.name)
def test_scalar_functions_equal_the_walked_expressions(model):
    code, states = scalar(model), len(model.states)
    for theta in cohort(model, 3, seed=5).theta:
        one, c, y, dy = (
            Patient(model, theta),
            np.empty(code.size),
            np.empty(states),
            np.empty(states),
        )
        code.constants(theta, c)
        code.start(c, y)
        np.testing.assert_allclose(y, one.start(), rtol=1e-14)
        y = np.random.default_rng(3).uniform(0.1, 2.0, states)
        code.rates(7.0, y, c, dy)
        np.testing.assert_allclose(dy, one.rate(7.0, y), rtol=1e-12, atol=1e-14)
