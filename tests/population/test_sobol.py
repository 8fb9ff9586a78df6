"""Sobol' points against SciPy's own engine."""

import numpy as np
import pytest
from scipy.stats import qmc

from pkpd.population import sobol


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PKPD_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("dimensions, seed", [(1, 1), (7, 3), (25, 7)])
def test_points_have_the_bits_of_scipy_and_any_range_is_part_of_the_whole(cache, dimensions, seed):
    engine = qmc.Sobol(dimensions, scramble=True, bits=sobol.BITS, rng=np.random.default_rng(seed))
    whole = engine.random(1024) + 2.0 ** -(sobol.BITS + 1)
    for _ in range(2):  # drawn, then read from the cache
        np.testing.assert_array_equal(sobol.points(0, 1024, dimensions, seed), whole)
        np.testing.assert_array_equal(sobol.points(17, 300, dimensions, seed), whole[17:300])


def test_a_damaged_cache_file_is_computed_again(cache):
    before = sobol.points(0, 8, 3, 1)
    for file in (cache / "sobol").glob("*.npy"):
        file.write_bytes(file.read_bytes()[:40])
    np.testing.assert_array_equal(sobol.points(0, 8, 3, 1), before)
