"""Cohorts: addressed draws, distributions against SciPy and the written CVs, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pkpd.errors import PkpdError
from pkpd.population.cohort import cohort
from pkpd.symbolic.load import load

MODEL = load("ldn/hormesis")
FULL = {sampling: cohort(MODEL, 300, seed=7, sampling=sampling) for sampling in ("sobol", "mc")}
LARGE = cohort(MODEL, 2**14, seed=3)


def column(people, name):
    return people.theta[:, MODEL.input_names.index(name)]


@settings(max_examples=40, deadline=None)
@given(
    ids=st.lists(st.integers(1, 300), min_size=1, max_size=30, unique=True),
    sampling=st.sampled_from(["sobol", "mc"]),
)
def test_a_patient_is_the_same_to_the_bit_in_any_company(ids, sampling):
    part = cohort(MODEL, seed=7, sampling=sampling, ids=ids)
    np.testing.assert_array_equal(part.theta, FULL[sampling].theta[np.array(ids) - 1])
    np.testing.assert_array_equal(part.latent, FULL[sampling].subset(ids).latent)


@pytest.mark.parametrize("sampling", ["sobol", "mc"])
def test_a_smaller_cohort_is_a_prefix_of_a_larger_one(sampling):
    np.testing.assert_array_equal(
        cohort(MODEL, 128, seed=7, sampling=sampling).theta, FULL[sampling].theta[:128]
    )


def test_seeds_and_samplings_differ():
    assert not np.array_equal(cohort(MODEL, 300, seed=8).theta, FULL["sobol"].theta)
    assert not np.array_equal(FULL["mc"].theta, FULL["sobol"].theta)


@pytest.mark.parametrize(
    ("name", "cv"), [("cl", 0.25), ("toff", 0.20), ("ic50_tlr4", 1.0), ("ka", 0.5)]
)
def test_log_normal_inputs_have_the_written_median_and_cv(name, cv):
    x = column(LARGE, name)
    item = next(i for i in MODEL.inputs if i.name == name)
    assert np.median(x) == pytest.approx(item.value, rel=0.01)
    assert np.std(np.log(x)) == pytest.approx(np.sqrt(np.log1p(cv**2)), rel=0.01)


def test_logit_normal_fractions_have_the_written_median_and_stay_inside():
    x = column(LARGE, "f_oral")
    assert x.min() > 0 and x.max() < 1
    assert np.median(x) == pytest.approx(0.126, rel=0.01)
    assert np.std(np.log(x / (1 - x))) == pytest.approx(0.30 / (1 - 0.126), rel=0.01)


def test_truncated_normal_is_that_of_scipy():
    x = column(LARGE, "p0")
    law = stats.truncnorm((4 - 6.4) / 1.5, (10 - 6.4) / 1.5, 6.4, 1.5)
    assert stats.kstest(x, law.cdf).statistic < 0.01


def test_correlated_inputs_have_the_written_latent_correlation():
    names = [i.name for i in MODEL.inputs if i.iiv]
    r = np.corrcoef(LARGE.latent[:, names.index("f_oral")], LARGE.latent[:, names.index("cl")])[
        0, 1
    ]
    assert r == pytest.approx(-0.3, abs=0.02)


def test_a_large_cohort_recovers_every_written_spread_median_and_correlation():
    people = cohort(MODEL, 2**16, seed=11)
    names = [i.name for i in MODEL.inputs if i.iiv and i.iiv.kind != "classes"]
    error = 4 / np.sqrt(
        2**16
    )  # four standard errors of independent draws; Sobol' points scatter less
    for item in MODEL.inputs:
        x = people.theta[:, MODEL.input_names.index(item.name)]
        if item.iiv is None:
            assert (x == item.value).all()
        elif item.iiv.kind == "classes":
            assert [(x == k).mean() for k in range(len(item.iiv.classes))] == pytest.approx(
                [share for _, share in item.iiv.classes], abs=0.5 * error
            )
        elif item.iiv.kind != "normal":
            latent = np.log(x) if item.iiv.kind == "lognormal" else np.log(x / (1 - x))
            middle = (
                np.log(item.value)
                if item.iiv.kind == "lognormal"
                else np.log(item.value / (1 - item.value))
            )
            assert latent.mean() == pytest.approx(middle, abs=error * item.iiv.sd)
            assert latent.std() == pytest.approx(item.iiv.sd, rel=error / np.sqrt(2))
            assert np.median(latent) == pytest.approx(middle, abs=1.26 * error * item.iiv.sd)
    wanted = np.eye(len(names))
    for a, b, r in MODEL.correlations:
        i, j = names.index(a), names.index(b)
        wanted[i, j] = wanted[j, i] = r
    np.testing.assert_allclose(np.corrcoef(people.latent.T), wanted, atol=1.25 * error)


@pytest.mark.parametrize(
    ("sampling", "cl", "toff"),
    [
        (
            "sobol",
            [137.35646961830386, 184.44108475012203, 143.4233991804403],
            [6.899309718718787, 12.003729200044836, 14.82318567692284],
        ),
        (
            "mc",
            [148.35996634964494, 155.89258894817178, 131.22371620731045],
            [7.452564743702283, 41.52698461584136, 4.753661385291457],
        ),
    ],
)
def test_the_patients_of_a_seed_stay_those_of_the_release_that_named_their_draws(
    sampling, cl, toff
):
    people = cohort(MODEL, 3, seed=7, sampling=sampling)
    np.testing.assert_allclose(column(people, "cl"), cl, rtol=1e-12)
    # toff, 8 h in the middle, had a CV of 80 % then and has one of 20 %: the same draws
    then, now = np.sqrt(np.log1p(np.square([0.8, 0.2])))
    drawn = np.log(column(people, "toff") / 8.0) / now
    np.testing.assert_allclose(drawn, np.log(np.divide(toff, 8.0)) / then, rtol=1e-10)


def variant(parameters, covariates=(), correlations=()):
    """MODEL with other inputs, as if another file had been read."""
    return replace(
        MODEL, parameters=tuple(parameters), covariates=tuple(covariates), correlations=correlations
    )


@settings(max_examples=40, deadline=None)
@given(data=st.data(), sampling=st.sampled_from(["sobol", "mc"]), seed=st.integers(0, 10**6))
def test_an_input_has_the_same_values_whatever_else_a_model_has_and_in_any_order(
    data, sampling, seed
):
    inputs = [i for i in MODEL.inputs if i.iiv is not None]
    kept = data.draw(st.lists(st.sampled_from(inputs), min_size=1, max_size=6, unique=True))
    added = data.draw(st.lists(st.text("abxyz_", min_size=1, max_size=4), max_size=4, unique=True))
    strangers = [replace(inputs[0], name=f"own_{name}") for name in added]
    other = variant(data.draw(st.permutations(kept + strangers)))
    ids = data.draw(st.lists(st.integers(1, 300), min_size=1, max_size=4, unique=True))
    one, two = (cohort(m, seed=seed, sampling=sampling, ids=ids) for m in (variant(kept), other))
    for item in kept:
        np.testing.assert_array_equal(one.column(item.name), two.column(item.name))


@settings(max_examples=30, deadline=None)
@given(data=st.data(), r=st.floats(-1, 1), seed=st.integers(0, 10**6))
def test_correlated_inputs_have_the_same_values_in_any_order_and_beside_other_correlations(
    data, r, seed
):
    a, b, c, d = (i for i in MODEL.inputs if i.name in ("ka", "cl", "vc", "toff"))
    near, far = ((a.name, b.name, r), (b.name, a.name, r)), (c.name, d.name, 0.5)
    one = cohort(variant([a, b], correlations=near[:1]), 20, seed)
    order = data.draw(st.permutations([a, b, c, d]))
    two = cohort(variant(order, correlations=(far, near[1])), 20, seed)
    for item in (a, b):
        np.testing.assert_array_equal(one.column(item.name), two.column(item.name))


def test_a_correlation_of_1_makes_one_input_a_function_of_the_other():
    for r in (1.0, -1.0):
        people = cohort(replace(MODEL, correlations=(("cl", "vc", r),)), 100, seed=5)
        drawn = [i.name for i in MODEL.inputs if i.iiv and i.iiv.kind != "classes"]
        z = {name: people.latent[:, drawn.index(name)] for name in ("cl", "vc")}
        np.testing.assert_allclose(z["vc"], r * z["cl"], rtol=1e-12)


def test_setting_a_typical_value_keeps_every_other_number_and_the_variability():
    moved = cohort(MODEL, 300, seed=7, set={"cl": "2 L/min"})
    others = [k for k, n in enumerate(MODEL.input_names) if n != "cl"]
    np.testing.assert_array_equal(moved.theta[:, others], FULL["sobol"].theta[:, others])
    np.testing.assert_allclose(
        column(moved, "cl") / column(FULL["sobol"], "cl"), 120 / 140, rtol=1e-12
    )


def test_the_typical_patient_has_medians_and_reference_covariates():
    one = cohort(MODEL, typical=True)
    assert len(one) == 1
    assert dict(zip(MODEL.input_names, one.theta[0], strict=True))["wt"] == 70.0
    np.testing.assert_array_equal(
        one.theta[0, : len(MODEL.parameters)], [p.value for p in MODEL.parameters]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "whole number from 1 to 4,294,967,296, not 0"),
        ({"n": 2.5}, "whole number from 1 to 4,294,967,296, not 2.5"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"set": {"CL": 1.0}}, "Unknown parameter 'CL' in ldn/hormesis. Did you mean 'cl'"),
        ({"set": {"cl": "2 mg"}}, "dimensions differ"),
        ({"set": {"cl": "abc"}}, "write a number"),
        ({"set": {"f_oral": 1.5}}, "outside what a logitnormal"),
        ({"set": {"glia": 0.5}}, "'glia=0.5' is neither on nor off; write 1 or 0"),
        ({"sampling": "lhs"}, "Unknown sampling 'lhs'"),
        ({"ids": [0]}, "patient ID must be"),
    ],
)
def test_options_that_cannot_be_drawn_are_refused(options, message):
    with pytest.raises(PkpdError, match=message):
        cohort(MODEL, **options)


def test_the_typical_patient_under_several_ids_is_one_and_the_same():
    model = load("ldn/hormesis")
    one, several = (cohort(model, typical=True, ids=ids) for ids in (None, [3, 17]))
    np.testing.assert_array_equal(several.theta, np.repeat(one.theta, 2, axis=0))
    assert several.ids.tolist() == [3, 17] and several.latent.shape == (2, one.latent.shape[1])


def test_a_spread_that_is_set_spreads_the_same_draws_wider():
    usual = cohort(MODEL, 300, seed=7)
    wide = cohort(MODEL, 300, seed=7, spread={"toff": "40 %", "f_oral": 0.5, "p0": "2 NRS"})
    np.testing.assert_array_equal(wide.latent, usual.latent)
    names = [i.name for i in MODEL.inputs if i.iiv and not i.iiv.classes]
    z = dict(zip(names, wide.latent.T, strict=True))
    middle = {item.name: item.value for item in MODEL.inputs}
    expected = middle["toff"] * np.exp(np.sqrt(np.log(1.16)) * z["toff"])
    np.testing.assert_allclose(column(wide, "toff"), expected, rtol=1e-14)
    logit = np.log(middle["f_oral"] / (1 - middle["f_oral"])) + 0.5 * z["f_oral"]
    np.testing.assert_allclose(column(wide, "f_oral"), 1 / (1 + np.exp(-logit)), rtol=1e-14)
    law = stats.truncnorm((4 - 6.4) / 2, (10 - 6.4) / 2, 6.4, 2)
    np.testing.assert_allclose(column(wide, "p0"), law.ppf(stats.norm.cdf(z["p0"])), rtol=1e-9)
    others = [k for k, n in enumerate(MODEL.input_names) if n not in ("toff", "f_oral", "p0")]
    np.testing.assert_array_equal(wide.theta[:, others], usual.theta[:, others])


def test_a_spread_stays_with_other_typical_values_scramblings_and_models():
    wide = cohort(MODEL, 20, seed=7, spread={"toff": 0.4})
    moved = cohort(MODEL, 20, seed=7, spread={"toff": 0.4}, set={"toff": 12.0})
    np.testing.assert_array_equal(wide.under({"toff": 12.0}).theta, moved.theta)
    assert wide.scrambled(1).spread == {"toff": 0.4}
    assert wide.given()[-2:] == ["--spread", "toff=0.4"]
    joined = wide.for_model(load("explanations/glia_alone"))
    assert joined.spread == {}


@pytest.mark.parametrize(
    ("spread", "said"),
    [
        ({"tof": 0.4}, "Did you mean 'toff'"),
        ({"tpain": 0.4}, "do not differ in 'tpain'"),
        ({"responds": 0.4}, "do not differ in 'responds'"),
        ({"toff": -0.1}, "from 0 to"),
        ({"toff": float("nan")}, "from 0 to"),
        ({"toff": "4 h"}, "toff=4 h"),
        ({"f_oral": "30 %"}, "the SD of its logit, here .*, and no CV"),
        ({"p0": "30 %"}, "an SD in NRS, here .*, and no CV"),
        (0.4, "spread is a dict"),
    ],
)
def test_a_spread_that_cannot_be_is_refused(spread, said):
    with pytest.raises(PkpdError, match=said):
        cohort(MODEL, 5, spread=spread)


def test_a_cv_in_per_cent_without_its_sign_gets_a_warning():
    with pytest.warns(UserWarning, match="CV of 4e.03 %"):
        cohort(MODEL, 5, spread={"toff": 40})
    with pytest.raises(PkpdError, match="typical patient"):
        cohort(MODEL, typical=True, spread={"toff": 0.4})
