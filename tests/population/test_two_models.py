"""People of one model handed to another: refused, or joined by the names of inputs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pkpd
from pkpd.solvers.batch import compile, solve

ONE, TWO = pkpd.load("pk/one_compartment"), pkpd.load("pk/two_compartment")
BENEFIT = {
    "outcome": "Cc",
    "better": "higher",
    "into": "depot",
    "every": "24 h",
    "doses": "1:100 mg",
}
OF_TWO = pkpd.cohort(TWO, 5, seed=7)
SETS = pkpd.parameter_sets(TWO, pd.DataFrame({"cl": [4.0, 5.0]}))


@pytest.mark.parametrize(
    "use",
    [
        lambda people: pkpd.simulate(ONE, "10 mg", people),
        lambda people: pkpd.simulate(ONE, "10 mg", people, endpoints=["cmax(Cc)"]),
        lambda people: pkpd.med(ONE, people, **BENEFIT),
        lambda people: pkpd.dose_response(ONE, people, **BENEFIT),
        lambda people: pkpd.titrate(ONE, people, **BENEFIT),
        lambda people: pkpd.predict(ONE, people, **BENEFIT),
        lambda people: list(pkpd.parameter_sets(ONE, pd.DataFrame({"cl": [4.0]})).cohorts(people)),
    ],
)
def test_every_function_refuses_the_people_of_another_model(use):
    with pytest.raises(pkpd.PkpdError, match="patients of pk/two_compartment, not of the pk/one"):
        use(OF_TWO)


def test_a_model_edited_and_loaded_again_refuses_the_people_it_had_before(tmp_path):
    path = tmp_path / "mine.toml"
    text = Path(ONE.path).read_text(encoding="utf-8")
    path.write_text(text)
    before = pkpd.cohort(pkpd.load(str(path)), 5, seed=7)
    path.write_text(text + "\n# another thought\n")
    after = pkpd.load(str(path))
    with pytest.raises(pkpd.PkpdError, match="another version of mine, not of the mine given"):
        pkpd.simulate(after, "10 mg", before)
    joined = before.for_model(after)
    np.testing.assert_array_equal(joined.theta, before.theta)
    assert joined.from_table == ()


def test_an_event_table_read_for_another_model_is_refused():
    records = pkpd.events(TWO, pd.DataFrame({"TIME": [0.0], "AMT": [10.0]}))
    with pytest.raises(pkpd.PkpdError, match="read for another model"):
        pkpd.simulate(ONE, records, pkpd.cohort(ONE, 2, seed=7))


def test_joined_people_give_the_numbers_of_their_inputs_and_not_of_their_columns():
    joined = OF_TWO.for_model(ONE)
    for name in ONE.input_names:
        np.testing.assert_array_equal(joined.column(name), OF_TWO.column(name))
    run = pkpd.simulate(ONE, "10 mg", joined, times=[1.0, 5.0], occasion="none")
    # the closed form of one compartment with absorption
    ka, cl, vc, f = (joined.column(name)[:, None] for name in ("ka", "cl", "vc", "fdepot"))
    ke, t = cl / vc, np.array([1.0, 5.0]) - joined.column("tlag")[:, None]
    amount = 10 * f * ka / (ka - ke) * (np.exp(-ke * t) - np.exp(-ka * t))
    state = pkpd.simulate(ONE, "10 mg", joined, times=[1.0, 5.0], outputs=["central"])
    np.testing.assert_allclose(state.values[:, :, 0], np.where(t > 0, amount, 0), rtol=1e-8)
    assert run.cohort.origin.startswith("people of pk/two_compartment")


def test_inputs_that_the_other_model_lacks_and_classes_that_differ_are_refused():
    with pytest.raises(pkpd.PkpdError, match="lack q, vp, which pk/two_compartment needs"):
        pkpd.cohort(ONE, 5).for_model(TWO)


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(ONE.parameters), unit=st.sampled_from(["L/h", "mL/min", "L/d"]))
def test_joining_is_by_name_in_any_order_and_unit(order, unit):
    factor = {"L/h": 1.0, "mL/min": 1000 / 60, "L/d": 24.0}[unit]
    inputs = tuple(replace(i, unit=unit) if i.name == "cl" else i for i in order)
    people = pkpd.cohort(ONE, 4, seed=3)
    joined = people.for_model(replace(ONE, parameters=inputs, digest="another"))
    for name in ONE.input_names:
        wanted = people.column(name) * (factor if name == "cl" else 1.0)
        np.testing.assert_allclose(joined.column(name), wanted, rtol=1e-12)


def test_parameter_sets_leave_what_joining_has_kept():
    joined = OF_TWO.for_model(ONE)
    assert "vc" in joined.from_table  # the models have other typical volumes
    sets = pkpd.parameter_sets(ONE, pd.DataFrame({"vc": [40.0]}))
    with pytest.raises(pkpd.PkpdError, match="'vc' is a column of people of pk/two_compartment"):
        list(sets.cohorts(joined))


@pytest.mark.parametrize("shape", [(4, 1), (4, 30), (4,)])
def test_a_solver_refuses_rows_that_are_not_the_models_inputs(shape):
    with pytest.raises(pkpd.PkpdError, match=r"are the .* inputs of pk/one_compartment"):
        solve(compile(ONE), np.ones(shape), t1=1.0)


def test_meds_of_other_people_are_no_truth_for_a_titration():
    model = pkpd.load("ldn/hormesis")
    people, others = (pkpd.cohort(model, 4, seed=seed) for seed in (7, 8))
    with pytest.raises(pkpd.PkpdError, match="MEDs of other people"):
        pkpd.titrate(model, people, truth=pkpd.med(model, others))
    with pytest.raises(pkpd.PkpdError, match=r"truth is what pkpd.med returns, not 3"):
        pkpd.titrate(model, people, truth=3)
