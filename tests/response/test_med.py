"""True MEDs with the real engine: brute force, company, statuses, options, refusals."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from pkpd.errors import PkpdError
from pkpd.population.cohort import cohort
from pkpd.report.words import results
from pkpd.response.benefit import benefit_of
from pkpd.response.dose_response import dose_response
from pkpd.response.grid import Steady
from pkpd.response.med import STATUSES, med
from pkpd.response.summary import best_dose_set, summarise
from pkpd.simulation import simulate
from pkpd.symbolic.load import load

MODEL = load("ldn/hormesis")
RESPOND = {"responds": 1}  # a non-responder is flat, and has nothing to find
PEOPLE = cohort(MODEL, 60, seed=11, set=RESPOND)


@pytest.fixture(scope="module")
def table():
    return med(MODEL, PEOPLE)


def test_argmax_agrees_with_a_scalar_search_at_tight_tolerance(table):
    checked = 0
    for row in np.flatnonzero(table.columns["status"] == "interior")[:6]:
        steady = Steady(
            MODEL,
            cohort(MODEL, seed=11, ids=[row + 1], set=RESPOND),
            benefit_of(MODEL),
            rtol=1e-9,
            tol=1e-9,
        )
        one = np.array([0])
        untreated = steady.mean(steady.at(one, np.zeros(1)))

        def loss(log_dose, steady=steady, untreated=untreated, one=one):
            return -steady.gain(untreated, steady.mean(steady.at(one, np.exp([log_dose]))))[0]

        middle = np.log(table.columns["med"][row])
        best = minimize_scalar(
            loss, bounds=(middle - 0.5, middle + 0.5), method="bounded", options={"xatol": 1e-5}
        )
        lost = -best.fun + loss(middle)
        assert abs(best.x - middle) < 1e-3 or lost < 1e-6 * untreated[0]
        assert table.columns["benefit_at_med"][row] == pytest.approx(-loss(middle), abs=1e-5)
        checked += 1
    assert checked == 6


def test_a_patient_has_the_same_row_to_the_bit_alone_and_in_company(table):
    alone = med(MODEL, cohort(MODEL, seed=11, ids=[17], set=RESPOND), threads=1)
    for name, column in table.columns.items():
        np.testing.assert_array_equal(alone.columns[name], column[16:17], err_msg=name)


def test_a_long_run_at_the_med_reaches_its_exposure_on_the_day_reported(table):
    c, asked = (
        table.columns,
        [
            "cmax(Cc)",
            "auc(Cc)",
            "mean(pain)",
            "cmax(blockade)",
            "cmin(blockade)",
            "time_above(Cc, 0.3 ng/mL)",
        ],
    )
    assert (np.isnan(c["days_to_90"]) == (c["status"] != "interior")).all()
    for row in np.flatnonzero(c["status"] == "interior")[:3]:
        one, day = PEOPLE.subset([row + 1]), int(c["days_to_90"][row])

        def on(day, one=one, row=row):
            return simulate(
                MODEL,
                f"{float(c['med'][row])!r} mg q24h x 120",
                one,
                endpoints=asked,
                window=f"day {day}",
                occasion="none",
            ).values[0]

        last = on(120)
        np.testing.assert_allclose(
            last[[0, 1, 3, 4]],
            [c[n][row] for n in ("cmax", "auc", "peak_blockade", "trough_blockade")],
            rtol=1e-4,
        )
        near = 0.1 * c["benefit_at_med"][row]
        assert (
            abs(on(day)[2] - last[2]) < near * 1.001
            and abs(on(day - 1)[2] - last[2]) > near * 0.999
        )
        assert all(abs(on(later)[2] - last[2]) < near for later in (day + 1, day + 5, day + 30))


def test_every_patient_has_one_known_status_and_a_med_only_inside(table):
    status = table.columns["status"]
    assert set(status) <= set(STATUSES)
    np.testing.assert_array_equal(np.isnan(table.columns["med"]), status != "interior")
    inside = table.columns["med"][status == "interior"]
    assert ((inside > 0.05) & (inside < 50)).all()


def test_benefit_at_the_med_is_not_below_any_dose_of_the_grid(table):
    best = table.curves.gain.max(axis=1)
    assert (table.columns["benefit_at_argmax"] >= best - 2e-6 * table.columns["untreated"]).all()


def test_the_window_holds_the_med_and_ends_at_nine_tenths(table):
    c = table.columns
    inside = c["status"] == "interior"
    assert (c["w90_low"][inside] < c["med"][inside]).all() and (
        c["med"][inside] < c["w90_high"][inside]
    ).all()


def test_the_three_definitions_of_the_med_are_in_order_and_of_the_same_patients(table):
    c, helped = table.columns, table.columns["responder"]
    assert (c["min_effective_dose"] <= c["argmax"] * 1.001)[helped].all()
    assert (c["w90_low"] <= c["argmax"])[helped].all()
    found = summarise(table)["definitions"]
    for name in ("w90_low", "min_effective_dose"):
        doses = np.where(c[name][helped] > 0, c[name][helped], -np.inf)
        middle = np.quantile(doses, 0.5, method="hazen")
        assert found[name][1]["value"] == pytest.approx(middle, rel=1e-12)
        assert middle < found["argmax"][1]["value"]


def test_mechanism_produces_an_inverted_u_in_most_patients_and_nothing_at_tiny_doses(table):
    summary = summarise(table, (0.1, 6.0))
    assert summary["inverted_u"]["below_80_percent"][0] >= 0.8
    assert summary["small_dose"]["below_5_percent"][0] >= 0.95
    assert sum(summary["status"].values()) == 60


def test_non_responders_are_flat_and_the_others_are_unchanged(table):
    everybody = med(MODEL, cohort(MODEL, 60, seed=11)).columns
    respond = everybody["responds"] == 1
    assert (everybody["status"][~respond] == "flat").all() and 0 < (~respond).sum() < 30
    for name in ("status", "argmax", "benefit_at_argmax"):
        np.testing.assert_array_equal(everybody[name][respond], table.columns[name][respond])


def test_no_dose_takes_away_more_than_a_patients_pain():
    strong = med(MODEL, cohort(MODEL, 24, seed=11, set=RESPOND | {"s_opioid": 50.0}))
    share = strong.curves.gain / strong.columns["untreated"][:, None]
    assert 0.9 < share.max() <= 1.0  # an effect without a bound would be several times the pain


def test_without_glia_and_rebound_the_drug_cannot_help():
    nothing = med(MODEL, cohort(MODEL, 8, seed=11, set=RESPOND | {"glia": 0, "rebound": 0}))
    assert set(nothing.columns["status"]) == {"no_benefit"}
    assert (nothing.curves.gain <= 1e-6 * nothing.columns["untreated"][:, None]).all()


def test_a_drug_that_never_reaches_the_receptor_is_flat():
    flat = med(MODEL, cohort(MODEL, 4, seed=11, set={"kon": 1e-12, "glia": 0}))
    assert set(flat.columns["status"]) == {"flat"}


def test_a_monotone_effect_is_censored_at_the_end_never_reported_as_a_value():
    model = load("pd/effect_compartment")
    high = med(
        model,
        cohort(model, 8, seed=1),
        outcome="effect",
        better="higher",
        into="depot",
        every="24 h",
        doses="1:100 mg",
        delta="1",
    )
    assert set(high.columns["status"]) == {"above_range"} and np.isnan(high.columns["med"]).all()
    assert np.allclose(high.columns["argmax"], 100.0)
    low = med(
        model,
        cohort(model, 8, seed=1),
        outcome="effect",
        better="lower",
        into="depot",
        every="24 h",
        doses="1:100 mg",
        delta="1",
    )
    assert set(low.columns["status"]) == {"no_benefit"}


def test_dose_response_of_the_typical_patient_is_an_inverted_u():
    response = dose_response(MODEL, cohort(MODEL, typical=True))
    best = response.gain[0].argmax()
    assert 1.0 < response.doses[best] < 6.0
    assert 0.5 < response.gain[0, best] < 1.2
    assert response.gain[0, -1] < 0.2 * response.gain[0, best]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"doses": "0:50 mg"}, "logarithmic, so the lowest dose must be above 0"),
        ({"doses": "0.05:50 ml"}, "dimensions differ"),
        ({"outcome": "Pain"}, "Did you mean 'pain'"),
        ({"better": "bigger"}, "'lower' or 'higher'"),
        ({"into": "gut"}, "cannot be dosed into 'gut'"),
        ({"every": "0 h"}, "positive"),
        ({"delta": "-1 %"}, "must not be negative"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_a_sentence(changes, said):
    with pytest.raises(PkpdError, match=said):
        med(MODEL, PEOPLE, **changes)


def test_a_model_without_benefit_prints_the_lines_to_add():
    with pytest.raises(PkpdError, match=r"\[benefit\]"):
        med(load("pk/one_compartment"), cohort(load("pk/one_compartment"), 2))


def test_the_best_dose_falls_when_doses_are_given_more_often():
    """Blockade has less time to end before the next dose, so less of it is best.

    Glia, which only gain from more, are off.
    """
    people = cohort(MODEL, 24, seed=7, set=RESPOND | {"glia": 0.0})
    best = [
        np.log(med(MODEL, people, every=every).columns["argmax"])
        for every in ("12 h", "24 h", "48 h")
    ]
    assert (best[0] < best[1] + 1e-9).all() and (best[1] < best[2] + 1e-9).all()
    assert np.exp(np.median(best[1] - best[0])) > 1.3


def test_a_set_of_more_doses_is_worth_more_but_never_more_than_each_patients_best(table):
    one, two = best_dose_set(table, 1), best_dose_set(table, 2)
    benefit = np.maximum(table.curves.gain, 0.0)
    assert one["mean_benefit"] == pytest.approx(benefit.mean(axis=0).max())
    pairs = [
        np.maximum(benefit[:, [i]], benefit[:, i:]).mean(axis=0).max()
        for i in range(benefit.shape[1])
    ]
    assert two["mean_benefit"] == pytest.approx(max(pairs))
    assert one["mean_benefit"] < two["mean_benefit"] < two["mean_of_own_best"] + 1e-6
    sets = summarise(table)["dose_sets"]
    assert sets[:2] == [one, two] and [len(found["doses"]) for found in sets] == [1, 2, 3]
    (line,) = results.strengths(summarise(table))
    assert (
        line.startswith(f"  {one['doses'][0]:.2g} mg for all is worth ") and "a choice of" in line
    )
    # all patients count, non-responders too: a grid of 33 doses loses little
    assert two["mean_of_own_best"] == pytest.approx(benefit.max(axis=1).mean(), rel=0.01)
