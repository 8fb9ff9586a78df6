"""Why patients differ, with the real engine: a model whose log MED is a sum of normals.

People of the design, options, refusals.
"""

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pkpd.errors import CohortError, PkpdError, Stopped
from pkpd.population.cohort import cohort
from pkpd.population.sampling import stratified
from pkpd.response.benefit import benefit_of
from pkpd.response.best import best
from pkpd.response.med import med
from pkpd.sensitivity.design import design
from pkpd.sensitivity.sensitivity_indices import sensitivity_indices
from pkpd.sensitivity.study import study
from pkpd.symbolic.load import load
from tests.sensitivity.exact import linear_closed, shapley

PRODUCT = load(str(Path(__file__).with_name("product.toml")))
LDN = load("ldn/hormesis")
S = np.sqrt(np.log1p(np.array([0.6, 0.4, 0.2]) ** 2))  # SDs of log k1, k2, k3


@pytest.fixture(scope="module")
def product():
    return sensitivity_indices(PRODUCT, points=256, most=256, scramblings=8, seed=3)


def test_log_med_that_is_a_sum_of_normals_has_exact_indices(product):
    # by Cholesky the first dimension moves k2 too, the second is what is left of it
    parts = np.array([S[0] - 0.5 * S[1], np.sqrt(0.75) * S[1], S[2], 0.0]) ** 2
    for method in ("sobol_first", "sobol_total"):
        found = product.get("log10_med", method)
        assert list(found) == ["k1", "k2", "k3", "a"]
        np.testing.assert_allclose([v[0] for v in found.values()], parts / parts.sum(), atol=0.02)
    groups = product.get("log10_med", "group_closed")
    assert (
        list(groups) == ["scale", "size"]
        and groups["scale"][0] == pytest.approx(1.0, abs=0.02)
        and groups["size"][0] == pytest.approx(0.0, abs=0.02)
    )


def test_benefit_that_is_a_product_with_the_size_depends_on_the_size_alone(product):
    found = product.get("benefit_at_med", "sobol_total")
    assert (
        found["a"][0] == pytest.approx(1.0, abs=0.01)
        and max(found[k][0] for k in ("k1", "k2", "k3")) < 0.01
    )


def test_shapley_effects_of_correlated_normals_are_exact(product):
    beta, omega = np.array([*S, 0.0]), np.eye(4)
    omega[0, 1] = omega[1, 0] = -0.5
    exact = shapley(lambda s: linear_closed(beta, omega, s), 4)
    found = product.get("log10_med", "shapley")
    assert list(found) == ["k1", "k2", "k3", "a"]
    np.testing.assert_allclose([v[0] for v in found.values()], exact, atol=0.025)
    assert sum(v[0] for v in found.values()) == pytest.approx(1.0)


def test_summary_says_what_was_done(product):
    summary = product.summary("pkpd sensitivity")
    assert (
        summary["evaluations"] == 8 * (256 * 8 + 256 * 5)
        and summary["sobol"]["scramblings"] == 8
        and summary["failed"] == 0
        and summary["censored"] == 0.0
    )
    assert summary["groups"] == ["scale", "size"] and summary["inputs"]["k2"]["group"] == "scale"
    assert summary["numeric_error_log10"] < 0.005
    assert summary["provenance"]["digest"] == PRODUCT.digest


def test_people_of_the_design_are_those_of_the_cohort_at_the_same_points():
    # a cohort combines correlated inputs in alphabetical order, a design in the order of the file
    model = replace(LDN, correlations=())
    changed = {"cl": "2 L/min"}
    plan, people = design(model, changed), cohort(model, 20, seed=5, set=changed)
    smooth = np.array(plan.names) != "responds"  # a cohort draws classes apart
    u = np.full((20, len(plan)), 0.5)
    u[:, smooth] = stratified(5, people.ids, [name for name in plan.names if name != "responds"])
    same = plan.people(u)
    columns = np.array(LDN.input_names) != "responds"
    np.testing.assert_array_equal(same.theta[:, columns], people.theta[:, columns])
    np.testing.assert_array_equal(same.latent, people.latent)


def test_the_quick_best_dose_is_that_of_the_full_table():
    people = cohort(LDN, 60, seed=11)
    table, quick = med(LDN, people), best(LDN, people, benefit_of(LDN))
    np.testing.assert_array_equal(quick.flat, table.having("flat"))
    c = {name: column[~quick.flat] for name, column in table.columns.items()}
    error = quick.argmax[~quick.flat] - np.log10(c["argmax"])
    # where the benefit is hardly more than an end of the range gives, the end counts as best
    told = c["benefit_at_argmax"] > 1e-3 * c["untreated"]
    assert np.abs(error[told]).max() < 0.03 and error[told].std() < 0.005
    np.testing.assert_allclose(quick.gain[~quick.flat], c["benefit_at_argmax"], atol=2e-3)
    assert (quick.responder == table.columns["responder"]).mean() > 0.98
    ends = [table.benefit.lowest, table.benefit.highest]
    at_end = np.isclose(c["argmax"][:, None], ends, rtol=1e-9).any(axis=1)
    np.testing.assert_array_equal((quick.ends > 0)[~quick.flat][told], at_end[told])


def test_indices_do_not_depend_on_the_number_of_threads():
    one, two = (
        sensitivity_indices(PRODUCT, points=8, most=8, scramblings=2, threads=k) for k in (1, 2)
    )
    for name, column in one.columns.items():
        np.testing.assert_array_equal(column, two.columns[name])


def test_ctrl_c_keeps_the_scramblings_that_are_finished():
    def stop(done, planned):
        assert planned == 5 * 8 * 8
        if done > 2.5 * 8 * 8:
            raise KeyboardInterrupt

    with pytest.raises(Stopped) as ended:
        sensitivity_indices(PRODUCT, points=8, most=8, scramblings=5, progress=stop)
    kept = ended.value.partial
    whole = sensitivity_indices(PRODUCT, ("sobol",), points=8, most=8, scramblings=2)
    assert (
        kept.about["sobol"]["scramblings"] == 2
        and kept.about["stopped"]
        and "shapley" not in kept.about
    )
    np.testing.assert_array_equal(kept.columns["value"], whole.columns["value"])


def test_too_little_is_refused_with_a_sentence():
    with pytest.raises(PkpdError, match="number of scramblings must be a whole number from 2"):
        sensitivity_indices(PRODUCT, points=64, scramblings=1)
    with pytest.raises(PkpdError, match=r"Unknown method 'sobel'\. Did you mean 'sobol'"):
        sensitivity_indices(PRODUCT, ("sobel",))
    with pytest.raises(PkpdError, match=r"no \[benefit\] table"):
        sensitivity_indices(load("pk/one_compartment"))
    with pytest.raises(CohortError, match="Unknown parameter 'cll'"):
        sensitivity_indices(LDN, set={"cll": 1})


def test_the_command_writes_table_summary_and_figure(run, tmp_path):
    import json

    import pandas as pd

    path = Path(__file__).with_name("product.toml")
    code, printed, _ = run(
        "sensitivity", path, "-n", 16, "--most", 16, "--scramblings", 2, "--out", "why"
    )
    assert code == 0 and "all of scale" in printed and "0.0 % are at an end of the range" in printed
    table = pd.read_parquet(tmp_path / "why/sensitivity.parquet")
    assert list(table) == ["output", "method", "input", "value", "low", "high"]
    assert set(table["method"]) == {
        "sobol_first",
        "sobol_total",
        "group_closed",
        "group_total",
        "shapley",
    }
    assert (
        json.loads((tmp_path / "why/sensitivity.json").read_text())["sobol"]["points"]["k1"] == 16
    )
    assert (tmp_path / "why/sensitivity.png").stat().st_size > 20_000
    code, printed, _ = run(
        "sensitivity", path, "-n", 16, "--most", 16, "--scramblings", 2, "--json"
    )
    assert code == 0 and len(json.loads(printed)["indices"]) == len(table)


def test_elasticities_of_the_typical_patient_follow_from_the_scales_of_dose_and_pain():
    found = sensitivity_indices(LDN, ("local",), points=2, most=2)
    slope = {name: value[0] for name, value in found.get("log10_med", "elasticity").items()}
    gain = {name: value[0] for name, value in found.get("benefit_at_med", "elasticity").items()}
    # twice the base per labelled mg is half the dose
    assert slope["salt"] == pytest.approx(-1.0, abs=0.005)
    assert slope["mw"] == pytest.approx(1.0, abs=0.005)
    # pain counted in twice as many points has the same best dose and twice the benefit
    points = ("p0", "s_opioid", "s_glia")
    assert sum(slope[name] for name in points) == pytest.approx(0.0, abs=0.001)
    assert sum(gain[name] for name in points) == pytest.approx(1.0, abs=0.001)
    # a bounded effect, p0*(1 - exp(-r)), grows with p0 by what it lacks of one without a bound;
    # the dose follows p0 only as the bound bends what tone makes of a day
    typical = med(LDN, cohort(LDN, typical=True)).columns
    r = -np.log1p(-typical["benefit_at_med"][0] / typical["untreated"][0])
    assert gain["p0"] == pytest.approx(1 - r / np.expm1(r), abs=0.01)
    assert abs(slope["p0"]) < 0.02
    spider = found.about["local"]["spider"]
    assert set(spider["log10_med"]) == {i.name for i in LDN.inputs if i.iiv}
    middle = {
        name: values[4]
        for name, values in spider["log10_med"].items()
        if name not in ("wt", "responds", "p0")  # the median of p0, cut at its ends, is 6.5
    }
    np.testing.assert_allclose(list(middle.values()), middle["toff"], atol=1e-9)


def test_screening_ranks_inputs_by_how_far_they_move_the_dose():
    found = sensitivity_indices(PRODUCT, ("morris",), points=8, scramblings=4)
    size = {name: value[0] for name, value in found.get("log10_med", "morris_mean_abs").items()}
    assert size["k1"] > size["k3"] > 0.05 and size["a"] == pytest.approx(0.0, abs=2e-3)


def test_screening_and_local_answers_have_their_own_figures(run, tmp_path):
    code, printed, _ = run(
        "sensitivity",
        Path(__file__).with_name("product.toml"),
        "--methods",
        "morris,local",
        "--scramblings",
        2,
        "--out",
        "why",
    )
    assert code == 0 and "Typical patient: change in %" in printed and "moves by half" in printed
    assert sorted(f.name for f in (tmp_path / "why").iterdir()) == [
        "model.json",
        "sensitivity-spider.png",
        "sensitivity.json",
        "sensitivity.parquet",
        "sensitivity.png",
    ]


def test_a_class_owns_a_dimension_unless_it_is_set():
    model = load(str(Path(__file__).with_name("classes.toml")))
    plan = design(model)
    assert plan.names == ("k", "kind", "f") and list(plan.groups()) == ["all"]
    people = plan.people(plan.points(0, 1024, 1, 0)[0])
    assert people.column("kind").mean() == pytest.approx(0.75, abs=0.01) and set(
        people.column("kind")
    ) == {0.0, 1.0}
    assert design(model, {"kind": 0}).names == ("k", "f")
    assert (design(model, {"kind": 0}).people(np.full((4, 2), 0.3)).column("kind") == 0).all()


def test_outputs_that_do_not_vary_are_reported_and_not_drawn(run, tmp_path):
    cc = shlex.split("--outcome Cc --better higher --into depot --every '24 h' --doses 1:100mg")
    given = ["pk/one_compartment", *cc]
    code, printed, _ = run(
        "sensitivity", *given, "-n", 4, "--most", 4, "--scramblings", 2, "--out", "why"
    )
    assert (
        code == 0
        and "log10 MED is the same for all patients" in printed
        and "100.0 % are at an end of the range" in printed
    )
    assert (tmp_path / "why/sensitivity.png").exists()


def test_non_responders_count_with_the_dose_of_the_typical_class():
    asked = study(LDN, seed=3)
    u = asked.draw(0, 64, 0)[0]
    people = asked.design.people(u)
    silent = people.column("responds") == 0
    values = asked(u)
    assert (
        silent.any()
        and (values[silent, 1] == pytest.approx(0.0, abs=1e-6))
        and (values[silent, 2] == 0).all()
    )
    same = asked(np.where(np.array(asked.design.names) == "responds", 0.9, u))
    np.testing.assert_allclose(values[:, 0], same[:, 0], atol=1e-12)
