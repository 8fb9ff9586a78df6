"""Fits of hormetic curves against published numbers, naive twins and invariances.

Lettuce: van Ewijk & Hoekstra (1993), Ecotoxicol Environ Saf 25:25, data set of R's drc.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import chi2
from scipy.stats import f as fisher

import pkpd
from pkpd.errors import PkpdError
from pkpd.fits.data import assay
from pkpd.fits.fit import fit
from pkpd.fits.least_squares import Problem, quantile
from pkpd.fits.profile_likelihood import profile
from pkpd.result import json_text

LETTUCE = Path(__file__).parents[2] / "docs" / "lettuce.csv"
DOSES = np.array([0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0])


def brain_cousens(x, c=0.0, d=1.0, f=1.0, b=2.0, e=3.0):
    return c + (d - c + f * x) / (1.0 + (x / e) ** b)


def noisy(seed, sd=0.1, replicates=2, **numbers):
    doses = np.repeat(DOSES, replicates)
    return doses, brain_cousens(doses, **numbers) + np.random.default_rng(seed).normal(
        0.0, sd, len(doses)
    )


@pytest.fixture(scope="module")
def lettuce():
    return fit(LETTUCE)


def test_lettuce_has_the_published_optimum_interval_and_test(lettuce):
    found = lettuce.summary()
    assert found["rss"] == pytest.approx(0.12497481, abs=5e-9)
    assert found["peak"] == pytest.approx(0.598482, abs=1e-6)
    assert found["peak_ci"] == pytest.approx((0.2166, 1.205), abs=1e-3)
    assert found["zero_equivalent"] == pytest.approx(2.93055, abs=1e-5)
    ratio = found["hormesis"]["rss_null"] / found["rss"]
    assert chi2.sf(14 * np.log(ratio), 1) == pytest.approx(0.00234, abs=5e-6)  # as drc has it
    assert found["hormesis"]["p_f"] == pytest.approx(fisher.sf(10 * (ratio - 1), 1, 10))
    assert found["hormesis"]["p_half_mixture"] == pytest.approx(found["hormesis"]["p_f"] / 2)
    assert found["hormesis"]["shown"]
    assert found["flags"] == {} and found["n"] == 14 and found["parameters"] == 4


def test_the_peak_of_the_estimates_is_the_peak_of_the_prediction(lettuce):
    fine = np.geomspace(0.05, 10.0, 20_001)
    curve = lettuce.predict(fine)
    assert fine[np.argmax(curve)] == pytest.approx(lettuce.peak, rel=1e-3)
    np.testing.assert_allclose(curve, brain_cousens(fine, **lettuce.estimates), rtol=1e-12)
    assert lettuce.predict(lettuce.zero_equivalent)[0] == pytest.approx(lettuce.control, rel=1e-12)
    assert lettuce.max_stimulation == pytest.approx(
        100 * (curve.max() / lettuce.control - 1), rel=1e-6
    )


def with_peak(c_free, peak, doses, response):
    """Least rss of a Brain-Cousens curve that peaks at a dose.

    f follows from d, b and e; Nelder-Mead from several starts.
    """

    def rss(theta):
        b, e = 1.0 + np.exp(theta[0]), np.exp(theta[1])
        power = (peak / e) ** b
        room = peak * (1.0 - (b - 1.0) * power)
        if room <= 0.0:
            return 1e9
        shape = (1.0 + b * power / room * doses) / (1.0 + (doses / e) ** b)
        wide = np.stack([shape, np.ones(len(doses))][: 1 + c_free], axis=1)
        beta = np.linalg.lstsq(wide, response, rcond=None)[0]
        return ((response - wide @ beta) ** 2).sum() if beta[0] >= 0.0 else 1e9

    starts = [(u, np.log(peak) + k) for u in (-2.0, 0.0, 1.5) for k in (0.5, 2.0)]
    return min(
        minimize(
            rss, s, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-13, "maxiter": 2000}
        ).fun
        for s in starts
    )


@pytest.mark.parametrize("name", ["BC.4", "BC.5"])
def test_the_profile_is_that_of_a_naive_fit_with_its_peak_held(name):
    found = fit(LETTUCE, name, intervals=("peak",))
    problem = Problem(found.assay, "higher", found.c, found.weight)
    peaks = np.array([0.4, 0.6, 1.0, 1.3])
    (got,) = profile(
        [found.scaled.peak_parameterisation(problem.span)],
        problem.points,
        np.log(peaks / problem.middle),
    )
    expected = [
        with_peak(found.c == "free", p, found.assay.dose, found.assay.response) for p in peaks
    ]
    np.testing.assert_allclose((got.rss + problem.pure) * problem.scale, expected, rtol=1e-6)
    limit = found.rss * (1.0 + fisher.ppf(0.95, 1, found.free) / found.free)
    ends = [
        with_peak(found.c == "free", p, found.assay.dose, found.assay.response)
        for p in found.intervals["peak"]
    ]
    np.testing.assert_allclose(ends, limit, rtol=1e-4)


@pytest.mark.parametrize("name", ["brain-cousens", "opposed-emax", "log-gaussian"])
def test_the_rss_at_the_ends_of_an_interval_is_the_limit(name):
    found = fit(noisy(5, sd=0.15), name)
    limit = found.rss * (1.0 + fisher.ppf(0.95, 1, found.free) / found.free)
    problem = Problem(found.assay, "higher", found.c, found.weight)
    for end in found.intervals["peak"]:
        if 0.0 < end < np.inf:
            (at,) = profile(
                [found.scaled.peak_parameterisation(problem.span)],
                problem.points,
                np.log([end / problem.middle]),
            )
            assert (at.rss[0] + problem.pure) * problem.scale == pytest.approx(limit, rel=1e-4)


@pytest.mark.parametrize("level, free", [(0.95, 10), (0.9, 3), (0.99, 40)])
def test_the_limit_is_that_of_an_f_distribution(level, free):
    assert quantile(level, free) == pytest.approx(fisher.ppf(level, 1, free), rel=1e-9)


@given(dose=st.floats(-9.0, 9.0), size=st.floats(-6.0, 6.0), seed=st.integers(0, 50))
@settings(max_examples=5, deadline=None)
def test_units_of_dose_and_response_change_nothing_but_themselves(dose, size, seed):
    x, y = noisy(seed)
    one, other = fit((x, y)), fit((x * 10.0**dose, y * 10.0**size))
    assert other.rss == pytest.approx(one.rss * 100.0**size, rel=1e-9)
    assert other.peak == pytest.approx(one.peak * 10.0**dose, rel=1e-6)
    assert other.intervals["peak"] == pytest.approx(
        np.array(one.intervals["peak"]) * 10.0**dose, rel=1e-5
    )
    assert (other.max_stimulation, *other.p_values) == pytest.approx(
        (one.max_stimulation, *one.p_values), rel=1e-6
    )


def test_a_crs_fit_follows_the_unit_of_dose_if_its_scale_does():
    x, y = noisy(3)
    one, other = fit((x, y), "crs-0.5"), fit((x * 1000.0, y), "crs-0.5", dose_scale=1000.0)
    assert other.peak == pytest.approx(1000.0 * one.peak, rel=1e-6) and other.rss == pytest.approx(
        one.rss, rel=1e-9
    )
    assert fit((x * 1000.0, y), "crs-0.5").rss != pytest.approx(one.rss, rel=1e-3)


@given(order=st.randoms(use_true_random=False))
@settings(max_examples=5, deadline=None)
def test_rows_in_any_order_give_the_same_fit(order):
    x, y = noisy(4)
    rows = list(range(len(x)))
    order.shuffle(rows)
    assert fit((x[rows], y[rows])).peak == pytest.approx(fit((x, y)).peak, rel=1e-7)


def test_a_mirrored_response_has_the_same_peak_where_lower_is_better():
    x, y = noisy(6, sd=0.05, c=0.3)
    up, down = fit((x, y), c="free"), fit((x, 5.0 - y), better="lower")
    assert down.peak == pytest.approx(up.peak, rel=1e-6) and down.rss == pytest.approx(
        up.rss, rel=1e-9
    )
    assert down.zero_equivalent == pytest.approx(up.zero_equivalent, rel=1e-6)
    assert down.estimates["c"] == pytest.approx(5.0 - up.estimates["c"], rel=1e-6)
    assert down.max_stimulation == pytest.approx(
        100 * (up.best_response - up.control) / (5.0 - up.control), rel=1e-6
    )


@pytest.mark.parametrize("numbers", [{}, {"c": 0.2, "b": 3.0}, {"f": 4.0, "e": 0.5}])
def test_an_exact_curve_gives_back_its_numbers(numbers):
    found = fit((DOSES, brain_cousens(DOSES, **numbers)), c="free")
    expected = {"c": 0.0, "d": 1.0, "f": 1.0, "b": 2.0, "e": 3.0} | numbers
    assert found.estimates == pytest.approx(expected, rel=1e-5, abs=1e-8)
    assert "exact" in found.flags and found.intervals == {}


def test_means_with_n_are_their_replicates_up_to_the_scatter_within():
    x, y = noisy(7, replicates=4)
    means = (
        pd.DataFrame({"dose": x, "response": y})
        .groupby("dose", as_index=False)
        .agg(response=("response", "mean"), n=("response", "size"))
    )
    single, grouped = fit((x, y), intervals=()), fit(means, intervals=())
    scatter = ((y - np.repeat(means["response"], 4)) ** 2).sum()
    assert grouped.peak == pytest.approx(
        single.peak, rel=1e-6
    ) and grouped.rss + scatter == pytest.approx(single.rss, rel=1e-9)


def test_a_weight_of_two_is_the_row_written_twice_in_all_but_degrees_of_freedom():
    x, y = noisy(8, replicates=1)
    twice = fit((np.repeat(x, 2), np.repeat(y, 2)), intervals=())
    heavy = fit({"dose": x, "response": y, "weight": np.full(len(x), 2.0)}, intervals=())
    assert heavy.rss == pytest.approx(twice.rss, rel=1e-9) and heavy.peak == pytest.approx(
        twice.peak, rel=1e-7
    )
    by_error = fit({"dose": x, "response": y, "se": np.full(len(x), np.sqrt(0.5))}, intervals=())
    assert by_error.rss == pytest.approx(heavy.rss, rel=1e-9)


@pytest.mark.parametrize("variance, power", [("poisson", 1), ("proportional", 2)])
def test_a_variance_that_follows_the_mean_weighs_by_the_fitted_curve(variance, power):
    x, y = noisy(9, replicates=4)
    found = fit((x, np.abs(y) * 30 + 1), c="free", variance=variance, intervals=())
    np.testing.assert_allclose(found.weight, found.predict(x) ** -float(power), rtol=1e-6)


def test_weights_make_up_for_scatter_that_differs_between_doses():
    x = np.repeat(DOSES, 8)
    y = brain_cousens(x) * np.exp(np.random.default_rng(1).normal(0.0, 0.3, len(x)))
    assert "unequal_variance" in fit((x, y), intervals=()).flags
    assert "unequal_variance" not in fit((x, y), variance="proportional", intervals=()).flags


FLAGS = [
    ("no_peak", (DOSES, 1.0 / (1.0 + DOSES / 5.0)), {}),
    ("no_control", (DOSES[1:], noisy(1, replicates=1)[1][1:]), {}),
    ("other_direction", (noisy(2)[0], 3.0 - noisy(2, sd=0.03)[1]), {}),
    ("open_peak", noisy(3, e=300.0, b=3.0, f=0.05), {}),
    ("peak_outside", noisy(4, sd=0.02, e=0.02, b=1.5, f=200.0), {}),
    ("boundary", (DOSES, 1.0 / (1.0 + DOSES / 5.0)), {}),
    ("ridge", noisy(3, e=300.0, b=3.0, f=0.05), {}),
    ("no_evidence", noisy(5, sd=0.2, f=0.2), {}),
    ("negative", (noisy(1)[0], noisy(1, sd=0.05)[1] - 0.7), {}),
    (
        "lack_of_fit",
        (
            np.repeat(DOSES, 3),
            np.repeat([1, 2, 1, 2, 1, 2, 1, 2.0], 3) + np.tile([0, 0.01, -0.01], 8),
        ),
        {},
    ),
]


@pytest.mark.parametrize("flag, data, options", FLAGS, ids=[f[0] for f in FLAGS])
def test_what_the_data_cannot_tell_is_flagged(flag, data, options):
    found = fit(data, **options)
    assert flag in found.flags and found.flags[flag].endswith(".")


def test_an_open_end_is_0_or_inf_and_a_curve_without_peak_has_no_interval():
    low, high = fit(noisy(3, e=300.0, b=3.0, f=0.05)).intervals["peak"]
    assert 0.0 < low < 100.0 and high == np.inf
    summary = json.loads(json_text(fit((DOSES, 1.0 / (1.0 + DOSES / 5.0))).summary()))
    assert (
        summary["peak"] is None
        and summary["peak_ci"] is None
        and summary["hormesis"]["p_half_mixture"] == 1.0
    )


def test_monotone_rising_data_have_no_upper_limit_of_the_peak():
    found = fit(
        (DOSES, 1.0 + 2.0 * DOSES / (DOSES + 5.0) + np.random.default_rng(2).normal(0.0, 0.02, 8))
    )
    assert found.intervals["peak"][1] == np.inf


def test_one_patient_and_the_median_of_a_simulated_dose_response():
    model = pkpd.load("ldn/hormesis")
    response = pkpd.dose_response(
        model, pkpd.cohort(model, n=8, seed=7), doses=np.geomspace(0.05, 50.0, 12)
    )
    one, median = fit(response, id=3), fit(response)
    np.testing.assert_array_equal(one.assay.response, [response.untreated[2], *response.outcome[2]])
    np.testing.assert_allclose(median.assay.response[1:], np.median(response.outcome, axis=0))
    assert (
        one.better == "lower"
        and one.assay.dose[0] == 0.0
        and "computed" in one.flags
        and one.intervals == {}
    )
    best = response.doses[np.argmax(response.gain[2])]
    assert best / 2.5 < one.peak < best * 2.5
    with pytest.raises(PkpdError, match="No patient 99"):
        fit(response, id=99)


BAD = [
    ((DOSES[:3], [1.0, 2.0, 1.0]), {}, "3 different doses cannot determine the 4 numbers"),
    ((DOSES[:4], [1.0, 2.0, 1.0, 0.5]), {}, "at least 4 doses and 5 responses"),
    ((DOSES, np.ones(8)), {}, "every response is 1"),
    (
        (-DOSES, np.arange(8)),
        {},
        "row 2, column dose: -0.1 must be 0 or more. Are the doses logarithms",
    ),
    ((["a", *DOSES[1:]], np.arange(8)), {}, "row 1, column dose: 'a' is not a number"),
    ((DOSES, [np.inf, *range(7)]), {}, "'inf' is not finite"),
    (([1, 2], [1]), {}, "equal length"),
    ({"dose": DOSES}, {}, "no column response"),
    ("none.csv", {}, "cannot be read"),
    ({"dose": ["0", "0,1"], "response": [1, 2]}, {}, "'0,1' has a comma; write 0.1"),
    ({"dose": DOSES, "response": DOSES, "weights": DOSES}, {}, "'weights' is not read; if it is"),
    ({"dose": DOSES, "response": DOSES, "SEM": DOSES}, {}, "'SEM' is not read; if it is se"),
    ({"dose": DOSES, "response": DOSES, "SD": DOSES}, {}, "response as se, which is SD/sqrt"),
    (
        {"dose": DOSES, "response": DOSES, "se": DOSES * 0 + 1, "weight": DOSES},
        {},
        "keep one of them",
    ),
    ({"dose": DOSES, "response": DOSES, "se": DOSES * 0}, {}, "column se: 0 must be above 0"),
    (noisy(1), {"model": "brain-cousin"}, "Did you mean 'brain-cousens'"),
    (noisy(1), {"better": "up"}, "'higher' or 'lower'"),
    (noisy(1), {"better": "lower", "c": 0}, "leave it free"),
    (noisy(1), {"c": 1}, "0 or 'free'"),
    (noisy(1), {"level": 95}, "between 0 and 1"),
    (noisy(1), {"variance": "binomial"}, "Unknown variance"),
    (noisy(1), {"dose_scale": 0}, "above 0"),
    (noisy(1), {"intervals": ("top",)}, "No interval for 'top'"),
    (noisy(1), {"id": 3}, "id chooses a patient"),
    (noisy(1), {"response": "dose"}, "'dose' is named as the dose and as the response"),
    ((DOSES, brain_cousens(DOSES) - 1.5), {"variance": "poisson"}, "not above 0 at every dose"),
    (([], []), {}, "no row"),
]


@pytest.mark.parametrize("data, options, part", BAD, ids=[b[2] for b in BAD])
def test_bad_input_is_refused(data, options, part):
    with pytest.raises(PkpdError, match=part):
        fit(data, **options)


def test_a_table_is_the_same_with_semicolons_and_decimal_commas(tmp_path):
    commas = tmp_path / "lettuce.csv"
    commas.write_text(LETTUCE.read_text().replace(",", ";").replace(".", ","))
    one, other = assay(LETTUCE), assay(commas)
    np.testing.assert_array_equal(other.dose, one.dose)
    np.testing.assert_array_equal(other.response, one.response)
    assert other.notes[0].endswith("Decimal commas were read as points.")


def test_missing_rows_and_foreign_columns_are_noted(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(
        "plot, Conc ,Yield\n1,0,1.0\n1,0.1,1.1\n2,1,.\n2,1,1.5\n3,10,0.5\n3,30,0.2\n4,100,0.1\n"
    )
    found = fit(path, dose="conc", response="yield", intervals=())
    assert found.n == 6 and found.assay.labels == ("Conc", "Yield")
    assert (
        "1 of 7 rows are left out" in found.assay.notes[0]
        and "used: Conc, Yield; unused: plot; missing: weight, se or n." in found.assay.notes[1]
    )
