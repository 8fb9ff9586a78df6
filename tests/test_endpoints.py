"""Endpoints of simulations: closed forms, a fine grid as twin, identities between windows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pkpd
from pkpd.endpoints import interval, read

ORAL = pkpd.load("pk/one_compartment")
PEOPLE = pkpd.cohort(ORAL, 30, seed=4)
ALL = [f"{kind}(Cc)" for kind in ("cmax", "tmax", "cmin", "tmin", "auc", "mean")] + [
    "time_above(Cc, 1 ug/mL)",
    "time_below(Cc, 1 ug/mL)",
]


def found(regimen, window=None, cohort=PEOPLE, **options):
    """Endpoint by its first word -> (P,)."""
    run = pkpd.simulate(ORAL, regimen, cohort, endpoints=ALL, window=window, **options)
    return {name.partition("(")[0]: run.values[:, k] for k, name in enumerate(run.names)}


def test_an_oral_dose_gives_its_closed_forms():
    ka, cl, vc, f, _ = PEOPLE.theta.T
    ke, e = cl / vc, found("100 mg", window=(0, 1000), rtol=1e-9)
    top = np.log(ka / ke) / (ka - ke)
    np.testing.assert_allclose(e["auc"], 1e5 * f / cl, rtol=1e-7)
    np.testing.assert_allclose(e["tmax"], top, rtol=1e-6)
    # Bateman at its peak
    np.testing.assert_allclose(e["cmax"], 1e5 * f / vc * np.exp(-ke * top), rtol=1e-8)


def test_an_exponential_stays_above_a_level_for_the_logarithm_of_its_height():
    _, cl, vc, _, _ = PEOPLE.theta.T
    e = found("200 mg into central", window=(0, 40), rtol=1e-9)
    np.testing.assert_allclose(
        e["time_above"], np.log(np.maximum(2e5 / vc / 1000, 1.0)) * vc / cl, rtol=1e-7
    )
    np.testing.assert_allclose(e["cmax"], 2e5 / vc, rtol=1e-12)
    np.testing.assert_allclose(e["cmin"], 2e5 / vc * np.exp(-40 * cl / vc), rtol=1e-7)
    assert (e["tmax"] == 0.0).all() and (e["tmin"] == 40.0).all()


def test_the_last_interval_at_steady_state_has_the_area_of_one_dose():
    _, cl, _, f, _ = PEOPLE.theta.T
    e = found("100 mg q12h x 40", window="last interval", rtol=1e-9)
    np.testing.assert_allclose(e["auc"], 1e5 * f / cl, rtol=1e-6)
    assert (e["tmax"] < 12.0).all()


@settings(max_examples=8, deadline=None)
@given(
    st.floats(0.5, 300.0),
    st.sampled_from(["depot", "central"]),
    st.sampled_from([6.0, 8.0, 12.0]),
    st.floats(0.0, 20.0),
    st.floats(0.3, 30.0),
    st.floats(0.3, 30.0),
)
def test_two_windows_make_one_and_no_grid_value_lies_outside(
    dose, into, every, start, first, second
):
    regimen = f"{dose!r} mg into {into} q{every:g}h x 4"
    middle, end = start + first, start + first + second
    whole, a, b = (found(regimen, w) for w in ((start, end), (start, middle), (middle, end)))
    # the last steps of runs that end at different times differ: equal within the solver's tolerance
    for name in ("auc", "time_above", "time_below"):
        np.testing.assert_allclose(whole[name], a[name] + b[name], rtol=1e-5, atol=1e-4)
    size = 1e-5 * whole["cmax"]
    assert (np.abs(whole["cmax"] - np.maximum(a["cmax"], b["cmax"])) <= size).all()
    assert (np.abs(whole["cmin"] - np.minimum(a["cmin"], b["cmin"])) <= size).all()
    np.testing.assert_allclose(whole["time_above"] + whole["time_below"], end - start, rtol=1e-12)
    np.testing.assert_allclose(whole["auc"], whole["mean"] * (end - start), rtol=1e-12)
    grid = pkpd.simulate(ORAL, regimen, PEOPLE, np.linspace(start, end, 200)[:-1]).values[:, :, 0]
    assert (whole["cmax"] >= grid.max(axis=1) - size).all()
    assert (whole["cmin"] <= grid.min(axis=1) + size).all()


def test_hormesis_on_a_fine_grid_is_the_same():
    model = pkpd.load("ldn/hormesis")
    people, rx = pkpd.cohort(model, 12, seed=8), "4.5 mg q24h x 10"
    times = np.linspace(216, 240, 8001)
    asked = [
        "cmax(Cc)",
        "tmax(Cc)",
        "mean(pain)",
        "cmin(pain)",
        "time_above(Cc, 0.3 ng/mL)",
        "cmax(blockade)",
        "cmin(blockade)",
    ]
    got = pkpd.simulate(model, rx, people, endpoints=asked, window=(216, 240)).values.T
    pain, conc, blockade = np.moveaxis(
        pkpd.simulate(model, rx, people, times, outputs=["pain", "Cc", "blockade"]).values, 2, 0
    )
    top = np.argmax(conc, axis=1)
    step = times[1] - times[0]
    np.testing.assert_allclose(got[0], conc.max(axis=1), rtol=1e-5)
    np.testing.assert_allclose(got[1], times[top] - 216, atol=step)
    np.testing.assert_allclose(got[2], pain[:, :-1].mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(got[3], pain.min(axis=1), rtol=1e-6)
    np.testing.assert_allclose(got[4], (conc > 0.3).sum(axis=1) * step, atol=2 * step)
    np.testing.assert_allclose(got[5:], [blockade.max(axis=1), blockade.min(axis=1)], rtol=1e-4)
    # the steps of a run with areas are others
    assert (got[5] >= (1 - 1e-6) * blockade.max(axis=1)).all()
    assert (got[6] <= blockade.min(axis=1) * (1 + 1e-6)).all()


def test_a_patient_has_the_same_endpoints_to_the_bit_alone_and_in_company():
    full = pkpd.simulate(ORAL, "100 mg q12h x 6", PEOPLE, endpoints=ALL, window="day 3", threads=1)
    alone = pkpd.simulate(
        ORAL, "100 mg q12h x 6", PEOPLE.subset([17]), endpoints=ALL, window="day 3"
    )
    np.testing.assert_array_equal(alone.values, full.values[16:17])


def test_an_event_table_gives_each_patient_the_endpoints_of_its_own_records():
    table = pd.DataFrame(
        {
            "ID": [2, 2, 5, 5],
            "TIME": [0.0, 36.0, 6.0, 30.0],
            "AMT": [100.0, 0, 100.0, 0],
            "II": [12.0, 0, 12.0, 0],
            "ADDL": [2, 0, 1, 0],
        }
    )
    run = pkpd.simulate(ORAL, pkpd.events(ORAL, table), PEOPLE, endpoints=ALL)
    for row, (who, rx) in enumerate([(2, "100 mg q12h x 3"), (5, "100 mg q12h x 2")]):
        expected = pkpd.simulate(ORAL, rx, PEOPLE.subset([who]), endpoints=ALL)
        np.testing.assert_allclose(run.values[row], expected.values[0], rtol=1e-6, atol=1e-6)
    frame = run.frame()
    assert list(frame) == ["ID", *ALL] and frame["ID"].tolist() == [2, 5]
    window = {"endpoints": ALL, "window": (12, 24)}
    late = pkpd.simulate(ORAL, pkpd.events(ORAL, table), PEOPLE, **window).values
    same = pkpd.simulate(ORAL, "100 mg q12h x 3", PEOPLE.subset([2]), **window).values
    np.testing.assert_allclose(late[0], same[0], rtol=1e-6)


def test_a_level_follows_the_patient_and_changes_with_its_records():
    model = pkpd.load("pd/indirect_response")
    people = pkpd.cohort(model, 6, seed=1)
    asked = ["time_above(Cc, ic50)", "time_above(Cc, 200 ng/mL)"]
    levels = people.frame()["ic50"]
    own = pkpd.simulate(model, "100 mg q24h x 2", people, endpoints=asked).values
    fine = pkpd.simulate(
        model, "100 mg q24h x 2", people, np.linspace(0, 48, 24001)[:-1], outputs=["Cc"]
    ).values[:, :, 0]
    np.testing.assert_allclose(
        own[:, 0], (fine > levels.to_numpy()[:, None]).sum(axis=1) * 0.002, atol=0.005
    )
    table = pd.DataFrame(
        {"TIME": [0.0, 6.0, 24.0], "AMT": [100.0, 0, 0], "ic50": [200.0, 200.0, 1e9]}
    )
    changed = pkpd.simulate(model, pkpd.events(model, table), people, endpoints=asked).values
    until = pkpd.simulate(model, "100 mg", people, endpoints=asked, window=(0, 6)).values
    np.testing.assert_allclose(changed[:, 0], until[:, 1], rtol=1e-6)


def test_a_failed_patient_has_no_endpoints_and_leaves_the_others_theirs(tmp_path):
    people = pkpd.cohort(ORAL, 3, seed=4)
    people.theta[1, 1] = np.nan
    run = pkpd.simulate(ORAL, "100 mg q12h x 6", people, endpoints=ALL, window="day 3")
    assert run.failed["ID"].tolist() == [2] and np.isnan(run.values[1]).all()
    np.testing.assert_array_equal(
        run.values[2],
        pkpd.simulate(ORAL, "100 mg q12h x 6", PEOPLE, endpoints=ALL, window="day 3").values[2],
    )
    assert run.percentiles()["n"].tolist() == [2] * len(ALL)


def test_columns_carry_their_units():
    units = {
        e.text: e.unit
        for e in read(ORAL, ["auc( Cc )", "tmin(depot)", "mean(Cc)", "time_below(Cc,   2 ng/mL)"])
    }
    assert units == {
        "auc(Cc)": "ng/mL*h",
        "tmin(depot)": "h",
        "mean(Cc)": "ng/mL",
        "time_below(Cc, 2 ng/mL)": "h",
    }
    assert read(ORAL, "time_above(Cc, 2 ug/mL)")[0].level == 2000.0
    assert interval(ORAL, "day 28") == (648.0, 672.0)
    assert interval(ORAL, ("27 d", None)) == (648.0, None)
    regimen = pkpd.rx("1 mg q12h x 3 then 2 mg q24h x 2")
    assert interval(ORAL, "last interval", regimen) == (60.0, 84.0)


@pytest.mark.parametrize(
    "asked, window, part",
    [
        (["cmx(Cc)"], None, "Endpoint 'cmx(Cc)': unknown quantity 'cmx'. Did you mean 'cmax'?"),
        (["cmax(cc)"], None, "Did you mean 'Cc'"),
        (["cmax(Cc"], None, "cannot be read"),
        (["time_above(Cc)"], None, "say which level, such as time_above(Cc, 1 ng/mL)"),
        (["time_above(Cc, 1 mg)"], None, "dimensions differ"),
        (["time_above(Cc, cl)"], None, "'L/h' cannot be converted to 'ng/mL'"),
        (["time_above(Cc, k)"], None, "no state, output, parameter or covariate 'k'"),
        (["auc(Cc, 3)"], None, "takes no level; write auc(Cc)"),
        (["cmax(Cc)", "cmax( Cc )"], None, "named twice"),
        ([], None, "No endpoint"),
        (["cmax(Cc)"], "day 0", "cannot be read; write"),
        (["cmax(Cc)"], (5, 4), "ends before it begins"),
        (["cmax(Cc)"], (500, None), "Nothing lies between 500 and 72 h, the window of ID 1"),
        (["cmax(Cc)"], (0, float("inf")), "An end of the window is a number, not inf"),
        (None, "day 1", "name some"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(asked, window, part):
    with pytest.raises(pkpd.PkpdError) as caught:
        pkpd.simulate(ORAL, "100 mg q12h x 6", PEOPLE, endpoints=asked, window=window)
    assert part in str(caught.value)
