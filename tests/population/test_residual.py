"""Residual error: observations scatter around predictions as written, from addresses."""

import re

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.population.residual import error_text, residuals

MODEL = pkpd.load("pk/one_compartment")
LARGE = pkpd.cohort(MODEL, 2**11, seed=5)
TIMES = np.arange(1.0, 33.0)


def scatter(error, people=LARGE, **options):
    """Predictions and observations (P, T) under one error."""
    result = pkpd.simulate(MODEL, "100 mg", people, TIMES, residual={"Cc": error}, **options)
    return result.values[:, :, 0], result.observed[:, :, 0]


@pytest.mark.parametrize(
    "error, sd",
    [
        ("50 pg/mL", lambda y: 0.05 + 0 * y),
        ("15 %", lambda y: 0.15 * y),
        ("15 % + 20 ng/mL", lambda y: np.hypot(0.15 * y, 20.0)),
    ],
)
def test_errors_have_the_written_size(error, sd):
    y, seen = scatter(error)
    z = (seen - y) / sd(y)
    assert abs(z.mean()) < 4 / np.sqrt(z.size) and z.std() == pytest.approx(
        1.0, abs=4 / np.sqrt(2 * z.size)
    )


def test_a_logarithmic_error_is_normal_on_the_log_scale_and_never_below_zero():
    y, seen = scatter("log 30 %")
    z = np.log(seen / y) / 0.3
    assert abs(z.mean()) < 4 / np.sqrt(z.size) and z.std() == pytest.approx(
        1.0, abs=4 / np.sqrt(2 * z.size)
    )


def test_predictions_stay_and_errors_come_from_addresses():
    _, seen = scatter("15 %", LARGE.subset([3, 1999]))
    whole_y, whole = scatter("15 %", LARGE.subset(range(1, 2001)))
    np.testing.assert_array_equal(seen, whole[[2, 1998]])
    plain = pkpd.simulate(MODEL, "100 mg", LARGE.subset([3]), TIMES)
    np.testing.assert_array_equal(plain.values[0, :, 0], whole_y[2])
    assert plain.measured == () and list(plain.frame().columns) == ["ID", "TIME", "Cc"]


def test_tables_hold_observations_beside_predictions():
    frame = pkpd.simulate(
        MODEL, "100 mg", LARGE.subset([1]), TIMES, residual={"Cc": "15 %"}
    ).frame()
    assert (
        list(frame.columns) == ["ID", "TIME", "Cc", "Cc_obs"]
        and (frame["Cc"] != frame["Cc_obs"]).all()
    )


def test_more_output_times_do_not_change_the_errors_at_the_records():
    table = pd.DataFrame(
        {
            "ID": [1, 1, 2, 2, 2],
            "TIME": [0, 6, 0, 4, 8],
            "AMT": [100, 0, 50, 0, 0],
            "EVID": [1, 0, 1, 0, 0],
        }
    )
    records = pkpd.events(MODEL, table)
    few, many = (
        pkpd.simulate(MODEL, records, LARGE, times, residual={"Cc": "15 %"}).frame()
        for times in (None, "0:10:0.7")
    )
    np.testing.assert_allclose(few["Cc_obs"], many[many["EVID"] != 2]["Cc_obs"], rtol=1e-5)
    assert (np.abs(few["Cc_obs"] / few["Cc"] - 1)[few["Cc"] > 0] > 1e-3).all()


def test_the_typical_patient_has_no_error():
    assert (
        pkpd.simulate(
            MODEL, "100 mg", pkpd.cohort(MODEL, typical=True), TIMES, residual={"Cc": "15 %"}
        ).measured
        == ()
    )


@pytest.mark.parametrize(
    "error", ["abc", "15 mg", "-5 %", "15 % + 3 %", "log 10 % + 5 %", "1 ng/mL + 1 ng/mL"]
)
def test_a_text_that_is_no_residual_is_refused(error):
    with pytest.raises(pkpd.PkpdError):
        scatter(error, LARGE.subset([1]))


@pytest.mark.parametrize(
    "error, remedies",
    [
        ("0.1", ["0.1 ng/mL", "10 %"]),
        (0.25, ["0.25 ng/mL", "25 %"]),
        ("0.02 + 15 %", ["15 % + 0.02 ng/mL"]),
        ("log 15", ["log 15 %", "log 1500 %"]),
    ],
)
def test_a_number_that_could_be_a_share_or_not_is_refused(error, remedies):
    with pytest.raises(pkpd.PkpdError, match=r"has no (unit|%)") as refused:
        scatter(error, LARGE.subset([1]))
    assert re.findall("'([^']*[a-zA-Z%])'", str(refused.value).split(";")[1]) == remedies
    for remedy in remedies:
        scatter(remedy, LARGE.subset([1]))


def test_an_output_without_a_unit_has_amounts_without_one():
    model = pkpd.load("pd/receptor_binding")
    output = next(name for name in model.outputs if model.unit(name) == "1")
    (error,) = residuals(model, [output], {output: "0.1"})
    assert (error.additive, error.proportional, error_text(error, "1")) == (0.1, 0.0, "0.1")


def test_a_residual_of_an_output_not_simulated_is_refused():
    with pytest.raises(pkpd.PkpdError, match="Did you mean 'Cc'"):
        pkpd.simulate(MODEL, "100 mg", LARGE.subset([1]), TIMES, residual={"cc": "15 %"})
