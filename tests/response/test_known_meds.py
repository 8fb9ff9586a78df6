"""MEDs with the real engine on curves whose best dose is known: flat to steep, and over 0."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import lambertw

from pkpd.errors import PkpdError
from pkpd.population.cohort import cohort
from pkpd.response.med import med
from pkpd.symbolic.load import load

TEXT = Path(__file__).with_name("humps.toml").read_text()
HUMPS = load(str(Path(__file__).with_name("humps.toml")))
OVER_ZERO = {"outcome": "effect", "better": "higher"}
EVERYBODY = {"responds": 1}


def known(people):
    """(P,) MED of x**n exp(-x**n): the amount is s in the middle of the interval."""
    k, s = people.column("k"), people.column("s")
    return 2 * s * np.sinh(12 * k)


def nothing_is_reported(table, rows):
    """Of patients whom no dose moves there is no dose, and nothing at a dose."""
    at_a_dose = ("med", "argmax", "second_peak", "w90_low", "w90_high", "zero_equivalent")
    of_a_dose = ("min_effective_dose", "benefit_at_med", "benefit_at_argmax", "days_to_90")
    for name in (*at_a_dose, *of_a_dose, "cmax", "auc"):
        assert np.isnan(table.columns[name][rows]).all(), name
    for name in ("responder", "plateau", "multimodal"):
        assert not table.columns[name][rows].any(), name


@pytest.mark.parametrize("n", [1, 2, 8, 32])
def test_the_med_is_exact_from_flat_to_steep_and_no_grid_dose_is_better(n):
    people = cohort(HUMPS, 128, seed=3, set=EVERYBODY | {"n": n})
    table = med(HUMPS, people)
    c = table.columns
    assert (c["status"] == "interior").all() and not c["multimodal"].any()
    np.testing.assert_allclose(np.log(c["med"] / known(people)), 0.0, atol=1e-3)
    assert (c["benefit_at_med"] >= table.curves.gain.max(axis=1) - 1e-6 * c["untreated"]).all()
    np.testing.assert_allclose(c["benefit_at_med"], people.column("size"), rtol=1e-3)


def test_windows_of_a_steep_hump_end_at_nine_tenths():
    people = cohort(HUMPS, 64, seed=3, set=EVERYBODY | {"n": 16})
    c = med(HUMPS, people).columns
    # u = x**16 with u exp(1 - u) = 0.9
    for name, branch in (("w90_low", 0), ("w90_high", -1)):
        u = -lambertw(-0.9 / np.e, branch).real
        np.testing.assert_allclose(np.log(c[name] / (known(people) * u ** (1 / 16))), 0, atol=1e-3)


@pytest.mark.parametrize("typical", [1, 0])
@pytest.mark.parametrize("delta", ["10 %", "0", "0.5"])
def test_non_responders_are_flat_where_the_untreated_value_is_0(tmp_path, typical, delta):
    path = tmp_path / "over-zero.toml"
    path.write_text(TEXT.replace("responds = { value = 1", f"responds = {{ value = {typical}"))
    model = load(str(path))
    people = cohort(model, 128, seed=7)
    table = med(model, people, delta=delta, **OVER_ZERO)
    c, silent = table.columns, people.column("responds") == 0
    assert 30 < silent.sum() < 70
    assert (c["status"][silent] == "flat").all() and (c["status"][~silent] == "interior").all()
    np.testing.assert_allclose(np.log(c["med"] / known(people))[~silent], 0.0, atol=1e-3)
    nothing_is_reported(table, silent)


def test_delta_is_a_share_of_the_typical_effect_where_the_untreated_value_is_0():
    people = cohort(HUMPS, 32, seed=7)
    c = med(HUMPS, people, **OVER_ZERO).columns
    np.testing.assert_allclose(c["threshold"], 0.1 * 4.0, rtol=1e-3)
    alone = med(HUMPS, people.subset([5]), **OVER_ZERO).columns
    for name in c:
        np.testing.assert_array_equal(alone[name], c[name][4:5], err_msg=name)


def test_a_share_of_nothing_is_refused_and_a_number_in_its_place_is_not():
    people = cohort(HUMPS, 8, seed=7, set={"drug": 0.0})
    with pytest.raises(PkpdError, match=r"10 % is a share of the untreated effect, which is 0"):
        med(HUMPS, people, **OVER_ZERO)
    table = med(HUMPS, people, delta="0.1", **OVER_ZERO)
    assert set(table.columns["status"]) == {"flat"}
    nothing_is_reported(table, slice(None))


@pytest.mark.parametrize("rtol", [1e-4, 1.1e-6, 1e-8])
def test_what_is_reported_of_non_responders_does_not_depend_on_the_tolerance(rtol):
    people = cohort(HUMPS, 64, seed=7)
    table = med(HUMPS, people, rtol=rtol)
    silent = people.column("responds") == 0
    assert (table.having("flat") == silent).all()
    nothing_is_reported(table, silent)
