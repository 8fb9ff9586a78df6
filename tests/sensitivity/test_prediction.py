"""Prediction of the best dose from measurements: a model with a known answer, errors, refusals."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import pkpd
from pkpd.errors import PkpdError, Stopped
from pkpd.population.cohort import cohort
from pkpd.sensitivity.prediction import EVERYTHING, predict, share, squared_errors
from pkpd.symbolic.load import load

PRODUCT = load(str(Path(__file__).with_name("product.toml")))
LDN = load("ldn/hormesis")


def row(found, name):
    return next(row for row in found.rows() if row["measured"] == name)


def score(found, name):
    return row(found, name)["value"]


@pytest.fixture(scope="module")
def product():
    return predict(PRODUCT, cohort(PRODUCT, 500, seed=4), ["k1", "k2", "k3", "a"])


def test_measuring_all_that_makes_the_log_dose_explains_it_and_each_part_its_share(product):
    s = np.sqrt(np.log1p(np.array([0.6, 0.4, 0.2]) ** 2))
    variance = s @ s - s[0] * s[1]
    assert score(product, "all") > 0.99 and score(product, EVERYTHING) > 0.99
    # alone, a correlated input tells also what goes with it
    assert score(product, "only k1") == pytest.approx((s[0] - 0.5 * s[1]) ** 2 / variance, abs=0.06)
    assert score(product, "without k3") == pytest.approx(s[2] ** 2 / variance, abs=0.05)
    assert score(product, "only a") == pytest.approx(0.0, abs=0.03)


def test_a_share_of_the_variance_has_the_error_of_a_ratio_of_means(product):
    for row in product.rows():
        assert row["low"] <= row["value"] <= row["high"]
    gain, spread = np.random.default_rng(3).gamma(2.0, size=(2, 400))
    value, half = share(gain, spread)
    assert value == pytest.approx(gain.mean() / spread.mean())
    # jackknife: the same error to within 1/n
    left_out = [np.delete(gain, k).mean() / np.delete(spread, k).mean() for k in range(400)]
    error = np.sqrt(399 / 400 * np.sum((np.array(left_out) - value) ** 2))
    assert half == pytest.approx(1.966 * error, rel=0.01)
    assert share(0.4 * spread, spread) == (pytest.approx(0.4), pytest.approx(0.0, abs=1e-12))


def test_nobody_is_told_by_a_learner_that_has_seen_them():
    x = np.random.default_rng(4).normal(size=(60, 1))
    y = x[:, 0].copy()
    moved = y.copy()
    moved[7] += 100.0
    # the patient's own error is that of the same prediction
    same = squared_errors(x, y)[7]
    assert squared_errors(x, moved)[7] == pytest.approx((np.sqrt(same) + 100.0) ** 2, rel=1e-3)


def test_exposure_and_scans_are_measured_after_one_dose_with_error():
    found = predict(LDN, cohort(LDN, 300, seed=7), ["wt", "infl"], at="4 h, 24 h", dose="1.5 mg")
    assert [m["name"] for m in found.measures] == [
        "wt",
        "infl",
        "auc",
        "cmax",
        "blockade 4 h",
        "blockade 24 h",
    ]
    assert found.dose == 1.5 and all("1.5 mg" in m["what"] for m in found.measures[2:])
    # a scan sees exposure and association, which differ between people; body weight is neither
    scan, weight = (row(found, f"only {name}") for name in ("blockade 4 h", "wt"))
    assert scan["low"] > weight["high"]
    assert score(found, EVERYTHING) < 1


def test_a_prediction_does_not_depend_on_threads(product):
    again = predict(PRODUCT, cohort(PRODUCT, 500, seed=4), ["k1", "k2", "k3", "a"], threads=1)
    for name, errors in product.errors.items():
        np.testing.assert_array_equal(errors, again.errors[name])


def test_impossible_requests_raise_a_sentence(monkeypatch):
    people = cohort(PRODUCT, 60, seed=1)
    with pytest.raises(
        PkpdError,
        match=r"'k4' is not an input of product that differs between patients\. "
        "Known: a, k1, k2, k3",
    ):
        predict(PRODUCT, people, ["k4"])
    with pytest.raises(PkpdError, match="nothing is measured"):
        predict(PRODUCT, people)
    with pytest.raises(PkpdError, match="20 patients are too few"):
        predict(PRODUCT, cohort(PRODUCT, 20), ["k1"])
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(
        PkpdError,
        match=r"needs scikit-learn, which is not installed: pip install 'pkpd\[predict\]'",
    ):
        predict(PRODUCT, people, ["k1"])


def test_the_command_prints_the_best_measurement_first_and_writes_a_figure(run, tmp_path):
    path = Path(__file__).with_name("product.toml")
    code, printed, _ = run("predict", path, "--measure", "k3,k1", "-n", 200, "--out", "told")
    assert code == 0 and printed.index("\nk1 ") < printed.index("\nk3 ")
    assert len(json.loads((tmp_path / "told/predict.json").read_text())["scores"]) == 6
    assert (tmp_path / "told/predict.png").stat().st_size > 20_000
    code, _, error = run("predict", "pk/one_compartment")
    assert code == 1 and "no [benefit] table" in error


def test_the_figure_names_every_measurement(product):
    labels = [t.get_text() for t in pkpd.plot(product).axes[0].get_yticklabels()]
    assert set(labels) == {"k1", "k2", "k3", "a"}


def test_ctrl_c_keeps_the_patients_that_are_finished(run, tmp_path, monkeypatch):
    monkeypatch.setattr("pkpd.response.side_by_side.PATIENTS", 64)
    whole = predict(PRODUCT, cohort(PRODUCT, 128, seed=3), ["k1"])

    def stop(done):
        if done > 128:
            raise KeyboardInterrupt

    with pytest.raises(Stopped) as ended:
        predict(PRODUCT, cohort(PRODUCT, 256, seed=3), ["k1"], progress=stop, threads=1)
    kept = ended.value.partial
    assert kept.patients == 192 and kept.summary()["stopped"]["of"] == 256
    assert whole.summary()["stopped"] is None


def test_a_best_dose_that_is_everybodys_cannot_be_predicted(tmp_path):
    humps = Path(__file__).parents[1] / "response" / "humps.toml"
    path = tmp_path / "one-dose.toml"
    path.write_text(humps.read_text().replace('unit = "mg", iiv = { cv = 0.6 }', 'unit = "mg"'))
    model = load(str(path))
    people = cohort(model, 64, seed=3, set={"responds": 1, "n": 2})
    with pytest.raises(PkpdError, match="There is nothing to predict"):
        predict(model, people, ["size"])
