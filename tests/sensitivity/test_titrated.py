"""The observed MED explained: it is the best step of a diary, and noise is an input."""

import numpy as np
import pytest

from pkpd.errors import TrialError
from pkpd.population.cohort import cohort
from pkpd.sensitivity.sensitivity_indices import sensitivity_indices
from pkpd.sensitivity.study import study
from pkpd.sensitivity.titrated import NOISE, best_step, titrated
from pkpd.symbolic.load import load
from pkpd.trials.titrate import titrate

LDN = load("ldn/hormesis")
RULE = "slow-ladder"


@pytest.fixture(scope="module")
def silent():
    """Nobody responds."""
    return sensitivity_indices(
        LDN,
        ("sobol",),
        points=16,
        most=16,
        scramblings=2,
        seed=3,
        titrate=RULE,
        set={"responds": 0},
    )


def test_the_best_step_is_the_observed_med_where_there_is_one():
    table = titrate(LDN, cohort(LDN, 120, seed=7), RULE, replicates=1)
    found = table.found[0]
    best = best_step(table.course, table.rule.ladder[0])
    there = np.isfinite(found)
    np.testing.assert_array_equal(best[there], found[there])
    assert set(best) <= set(table.rule.ladder) and there.any() and not there.all()


def test_patients_are_those_that_a_titration_of_the_same_address_finds():
    asked = titrated(study(LDN, seed=5), RULE)
    u = asked.draw(0, 40, 0)[0]
    values = asked(u)
    people = asked.design.people(u[:, :-1], 5, ids=u[:, -1].astype(int))
    table = titrate(LDN, people, RULE, replicates=1, seed=5)
    np.testing.assert_array_equal(values[:, 1], np.isfinite(table.found[0]))


def test_exchanging_the_noise_changes_what_is_seen_and_not_who_is_seen():
    asked = titrated(study(LDN, seed=5), RULE)
    a, b = asked.draw(0, 64, 0)
    other = np.where(asked.groups[NOISE], b, a)
    np.testing.assert_array_equal(other[:, :-1], a[:, :-1])
    assert (
        len(np.unique(np.concatenate([a[:, -1], b[:, -1], asked.draw(64, 128, 1)[0][:, -1]])))
        == 192
    )
    assert (asked(a) == asked(a)).all() and (asked(other)[:, 0] != asked(a)[:, 0]).mean() > 0.3


def test_where_nobody_responds_noise_is_all_and_rebound_and_glia_are_nothing(silent):
    total = silent.get("log10_observed", "group_total")
    assert total["rebound"][0] == 0.0 and total["glia"][0] == 0.0
    assert total[NOISE][0] > 0.7
    # everybody's best dose is the same where no dose does anything
    assert (
        np.isnan(silent.get("log10_med", "sobol_total")["toff"][0])
        and silent.about["censored"] == 1.0
    )


def test_observed_outputs_stand_beside_the_true_ones(silent):
    assert silent.about["outputs"] == (
        "log10_med",
        "benefit_at_med",
        "responder",
        "log10_observed",
        "observed",
    )
    assert silent.about["evaluations"] == 2 * 16 * (2 + 29 + 5) + 2 * 16 * (2 + 29 + 6)
    assert silent.about["observed"]["rule"] and 0 < silent.about["observed"]["found"] < 1


def test_an_unknown_rule_is_refused():
    with pytest.raises(TrialError, match="slow-ladder"):
        sensitivity_indices(LDN, ("sobol",), titrate="slow-laddr")
