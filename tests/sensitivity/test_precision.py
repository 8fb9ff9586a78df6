"""Sensitivities of outputs that do not differ, or that the quick grid does not see."""

from pathlib import Path

import numpy as np
import pytest

from pkpd.report.words import sensitivity as words
from pkpd.response.best import FULL, QUICK
from pkpd.sensitivity.sensitivity_indices import SHARES, sensitivity_indices
from pkpd.sensitivity.study import study
from pkpd.symbolic.load import load

HUMPS = Path(__file__).parents[1] / "response" / "humps.toml"
SMALL = {"points": 64, "most": 64, "scramblings": 2}


@pytest.fixture(scope="module")
def one_dose(tmp_path_factory):
    """A model in which only the size of the effect differs, so that the best dose is the same."""
    path = tmp_path_factory.mktemp("models") / "one-dose.toml"
    path.write_text(HUMPS.read_text().replace('unit = "mg", iiv = { cv = 0.6 }', 'unit = "mg"'))
    return load(str(path))


def test_a_best_dose_that_is_the_same_for_all_has_no_shares(one_dose):
    found = sensitivity_indices(one_dose, seed=3, set={"responds": 1, "n": 2}, **SMALL)
    assert "log10_med" in found.about["alike"] and "benefit_at_med" not in found.about["alike"]
    shares = np.isin(found.columns["method"], SHARES)
    dose = found.columns["output"] == "log10_med"
    assert np.isnan(found.columns["value"][shares & dose]).all()
    size = found.get("benefit_at_med", "sobol_total")["size"]
    assert size[0] == pytest.approx(1.0, abs=0.1)
    summary = found.summary()
    headings = dict(words.tables_of(found.columns, summary))
    assert any("log10 MED is the same for all patients" in text for text in headings)
    assert not any("Shares of the variance of log10 MED" in text for text in headings)


def test_curves_steeper_than_the_quick_grid_get_the_full_one():
    model = load(str(HUMPS))
    flat, steep = (study(model, seed=3, set={"responds": 1, "n": n}) for n in (2, 32))
    assert flat.precision.options == QUICK and flat.precision.error["log10_med"] < 0.005
    assert steep.precision.options == FULL and steep.precision.error["log10_med"] < 0.005
    u = steep.draw(0, 64, 0)[0]
    s, k = steep.design.people(u).column("s"), 1e-4
    np.testing.assert_allclose(steep(u)[:, 0], np.log10(2 * s * np.sinh(12 * k)), atol=1e-3)
