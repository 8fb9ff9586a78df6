"""Effects of covariates on MEDs: a model whose MED goes with a known power of body weight."""

from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.errors import CohortError, PkpdError

HUMPS = Path(__file__).with_name("humps.toml").read_text()
ORIGIN = 'source = "test", evidence = "assumed"'
INPUTS = f"""
wt_ref = {{ value = 70, unit = "kg", label = "reference", {ORIGIN} }}
[covariates]
wt = {{ value = 75, unit = "kg", reference = 70, iiv = {{ cv = 0.2 }}, label = "weight", {ORIGIN} }}
sex = {{ value = 0, unit = "1", label = "1 for men", {ORIGIN} }}
[equations]
"""
SCALED = "x = a/(s*(wt/wt_ref)**0.75*(1 + sex)) : 1"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Best dose s (wt/70)**0.75, twice that for men."""
    text = HUMPS.replace("[equations]", INPUTS).replace("x = a/s : 1", SCALED)
    path = tmp_path_factory.mktemp("scaled") / "scaled.toml"
    path.write_text(text)
    return pkpd.load(str(path))


@pytest.fixture(scope="module")
def people(model):
    return pkpd.cohort(model, 64, seed=3)


@pytest.fixture(scope="module")
def found(model, people):
    at = {"wt": [50, "100 kg"], "sex": 1}
    return pkpd.covariate_effects(model, people, at)


def expected(wt, sex):
    return (wt / 70) ** 0.75 * (1 + sex)


def test_every_patients_ratio_is_the_known_power_of_weight(found):
    for effect, wt, sex in zip(found.effects, (50, 100, 70), (0, 0, 1), strict=True):
        ratios = found.ratios(effect)
        assert len(ratios) == (found.reference.column("responds") == 1).sum() > 30
        np.testing.assert_allclose(ratios, expected(wt, sex), rtol=3e-3)
    frame = found.frame()
    np.testing.assert_allclose(frame["ratio"], [expected(50, 0), expected(100, 0), 2], rtol=3e-3)
    np.testing.assert_array_equal(frame["with_med"], found.summary()["reference"]["with_med"])
    assert frame["low"].isna().all()  # Sobol' points are no independent draws


def test_nothing_of_a_patient_changes_but_the_covariate(found, people):
    drawn = people.theta.copy()
    place = people.model.input_names.index
    drawn[:, place("wt")] = 70
    np.testing.assert_array_equal(found.reference.cohort.theta, drawn)
    drawn[:, place("wt")] = 100
    np.testing.assert_array_equal(found.effects[1].table.cohort.theta, drawn)


def test_a_med_beyond_the_range_is_counted_and_gives_no_ratio(model, tmp_path):
    flat = pkpd.cohort(model, 64, seed=3, set={"n": 1})
    cut = pkpd.covariate_effects(model, flat, {"wt": 50})
    best = [table.column("med") for table in (cut.reference, cut.effects[0].table)]
    lowest = float(np.nanmedian(best[0]))
    cut = pkpd.covariate_effects(model, flat, {"wt": 50}, doses=(lowest, 50))
    (effect,), (row,) = cut.effects, cut.rows()
    assert row["pairs"] == len(cut.ratios(effect)) == (np.min(best, axis=0) > lowest).sum() > 3
    assert effect.table.having("below_range").sum() > cut.reference.having("below_range").sum() > 0
    assert row["median_med"] == -np.inf
    page = cut.report(tmp_path).read_text()
    assert f"< {lowest:g} mg" in unescape(page) and "wt 50 kg" in page


def test_covariates_that_vary_are_looked_at_near_the_ends_of_these_people(model):
    table = pd.DataFrame({"sex": [0.0, 1.0], "s": [500.0, 700.0]})
    people = pkpd.cohort(model, 16, seed=3, covariates=table)
    usual = pkpd.covariate_effects(model, people)
    low, high = np.percentile(people.column("wt"), (5, 95), method="hazen")
    assert usual.asked == [("wt", float(f"{low:.3g}")), ("wt", float(f"{high:.3g}")), ("sex", 1.0)]
    with pytest.raises(PkpdError, match="differ in no covariate"):
        pkpd.covariate_effects(model, pkpd.cohort(model, typical=True))


def test_intervals_are_those_of_independent_draws_or_of_repeated_runs(model, found):
    drawn = pkpd.cohort(model, 48, seed=5, sampling="mc")
    (row,) = pkpd.covariate_effects(model, drawn, {"s": 1200}).rows()
    assert row["low"] <= row["ratio"] <= row["high"] and row["p5"] < row["low"] < row["high"]
    again = pkpd.repeat(found, 3)
    assert list(again.frame()) == ["replicate", "wt=50", "wt=100", "sex=1"]
    other = pkpd.covariate_effects(model, found.cohort.scrambled(2), {"wt": 50})
    assert again.frame()["wt=50"][2] == other.rows()[0]["ratio"]
    sets = pkpd.parameter_sets(model, pd.DataFrame({"wt_ref": np.linspace(60.0, 80.0, 39)}))
    under = pkpd.repeat(found, sets).found
    np.testing.assert_allclose(under.runs, np.tile(under.value, (39, 1)), rtol=3e-3)


def test_the_forest_plot_draws_the_medians_against_1(found):
    axes = found.plot().axes[0]
    medians = next(line for line in axes.lines if line.get_label() == "median")
    np.testing.assert_array_equal(medians.get_xdata(), found.frame()["ratio"])
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "wt 50 kg",
        "wt 100 kg",
        "sex 1",
    ]
    axes.figure.canvas.draw()
    (beside,) = axes.child_axes
    share = f"{100 * found.frame()['with_med'][0]:.0f} % have a MED"
    assert all(tick.get_text().endswith(share) for tick in beside.get_yticklabels())
    low, high = axes.get_xlim()
    assert axes.get_xscale() == "log" and low < expected(50, 0) and high > expected(70, 1)
    again = pkpd.repeat(found, 2)
    assert len(found.plot(repeated=again).axes[0].collections) == len(axes.collections) + 1


def test_what_cannot_be_asked_is_one_sentence(model, people):
    for at, message in (
        ({"weight": 50}, "Unknown parameter 'weight'"),
        ({"wt": "heavy"}, "wt=heavy"),
        ({"wt": -5}, "outside what a lognormal value can be"),
        ({"wt": []}, "give 1 to 30"),
        ({}, "at is a dict"),
    ):
        with pytest.raises((CohortError, PkpdError), match=message):
            pkpd.covariate_effects(model, people, at)


def test_the_command_prints_and_writes_the_same_numbers(model, run, tmp_path):
    name = model.path
    words = (
        "--at",
        "wt=50,100 kg",
        "--at",
        "sex=1",
        "-n",
        16,
        "--seed",
        3,
        "--replicates",
        2,
        "--report",
    )
    code, out, error = run("covariates", name, *words, "--out", "forest")
    assert code == 0, error
    assert "wt 70 kg, sex 0 (reference)" in out and "over 2 scramblings" in out
    assert (tmp_path / "forest/covariates.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "forest/report.html").read_text()
    assert "How far covariates move the best dose" in page and "over 2 scramblings" in page
    again = pd.read_parquet(tmp_path / "forest/replicates.parquet")
    np.testing.assert_allclose(again["wt=50"], expected(50, 0), rtol=3e-3)
    assert run("covariates", name, "--at", "wt")[2].startswith("--at 'wt': write NAME=VALUES")
