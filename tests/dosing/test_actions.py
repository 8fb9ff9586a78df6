"""Doses as actions: bioavailability, lag, units, order."""

import re

import numpy as np
import pytest

from pkpd import units
from pkpd.dosing.actions import actions, periodic_actions
from pkpd.dosing.rx import rx
from pkpd.errors import DoseError
from pkpd.population.cohort import cohort
from pkpd.symbolic.load import load

MODEL = load("pk/one_compartment")


def theta(**values):
    row = np.array([i.value for i in MODEL.inputs])
    for name, value in values.items():
        row[MODEL.input_names.index(name)] = value
    return row[None, :]


def test_repeated_doses_equal_written_out_doses():
    a = actions(MODEL, rx("3 mg q12h x 4"), theta())
    b = actions(MODEL, rx("3 mg q12h x 1 then wait 12h then 3 mg q12h x 3"), theta())
    np.testing.assert_array_equal(a.time[:1], b.time[:1])
    c = actions(MODEL, rx("3 mg q12h x 2 then 3 mg q12h x 2"), theta())
    np.testing.assert_array_equal(a.time, c.time)
    np.testing.assert_array_equal(a.amount, c.amount)


def test_lag_shifts_and_bioavailability_multiplies():
    a = actions(
        MODEL,
        rx("10 mg q24h x 3"),
        np.vstack([theta(tlag=0.5, fdepot=0.4), theta(tlag=2.0, fdepot=1.0)]),
    )
    np.testing.assert_allclose(a.time.reshape(2, 3), [[0.5, 24.5, 48.5], [2.0, 26.0, 50.0]])
    np.testing.assert_allclose(a.amount.reshape(2, 3), [[4.0] * 3, [10.0] * 3])


def test_central_takes_neither_lag_nor_bioavailability_of_the_depot():
    a = actions(MODEL, rx("10 mg into central"), theta(tlag=0.5, fdepot=0.4))
    assert (a.time[0], a.amount[0], a.state[0]) == (0.0, 10.0, 1)


def test_amounts_are_turned_into_the_state_unit():
    assert actions(MODEL, rx("500 ug into central"), theta()).amount[0] == pytest.approx(
        0.5, rel=1e-15
    )


def test_a_lag_longer_than_the_interval_wraps_around():
    a = periodic_actions(
        MODEL, "depot", np.array([2.0]), 24.0, theta(tlag=25.0, fdepot=0.5), np.array([0])
    )
    assert (a.time[0], a.amount[0]) == (1.0, 1.0)


def test_take_keeps_each_rows_actions_in_the_asked_order():
    a = actions(
        MODEL,
        rx("1 mg q24h x 2"),
        np.vstack([theta(fdepot=0.1), theta(fdepot=0.2), theta(fdepot=0.3)]),
    )
    b = a.take(np.array([2, 0]))
    np.testing.assert_allclose(b.amount, [0.3, 0.3, 0.1, 0.1])
    np.testing.assert_array_equal(b.start, [0, 2, 4])


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("4.5 ml q24h x 2", "'ml' does not fit 'depot'"),
        ("1 mg into gut", "cannot be dosed into 'gut'"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(text, part):
    with pytest.raises(DoseError, match=part):
        actions(MODEL, rx(text), theta())


@pytest.mark.parametrize("unit", ["mg/h", "mg/kg/h", "ug/min/kg", "mg/d", "mg/s"])
def test_a_dose_per_time_is_refused_with_an_infusion_of_that_rate(unit):
    model = load("pk/naltrexone")
    theta = cohort(model, typical=True).theta
    with pytest.raises(DoseError, match="is a rate") as refused:
        actions(model, rx(f"3 {unit} over 4h"), theta)
    remedy = rx(re.findall("'([^']*)'", str(refused.value))[-1])
    (phase,) = remedy.phases
    assert units.factor(f"{phase.unit}/h", unit) * phase.amount / phase.over == pytest.approx(1.0)
    actions(model, remedy, theta)
