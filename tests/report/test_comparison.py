"""Results side by side: lines are the percentiles of each; what shares no axis is refused."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import pkpd
from pkpd.errors import CohortError, PkpdError
from pkpd.trials.design import from_data

MODEL = pkpd.load("pk/one_compartment")
PEOPLE = pkpd.cohort(MODEL, 16, seed=3, covariates=pd.DataFrame({"sex": ["f", "m"], "cl": [3, 5]}))
QUANTILES = ("0.05", "0.5", "0.95")
GOAL = {"outcome": "Cc", "better": "higher", "into": "depot", "every": "24 h", "doses": "1:100mg"}


def course(text="100 mg q12h x 2", people=PEOPLE):
    return pkpd.simulate(MODEL, text, people, "0:24:2")


@pytest.fixture(scope="module")
def meds():
    return [pkpd.med(MODEL, PEOPLE, **GOAL, delta=f"{delta} ng/mL") for delta in (1, 500)]


def lines(axes):
    """Label -> (x, y) of the lines of an axes that have one."""
    shown = [line for line in axes.lines if not line.get_label().startswith("_")]
    return {line.get_label(): np.array(line.get_data(), float) for line in shown}


def test_each_line_is_the_median_of_its_own_course():
    results = [course(), course("200 mg q24h x 1")]
    (axes,) = pkpd.plot(results, labels=["twice", "once"]).axes
    drawn = lines(axes)
    assert list(drawn) == ["twice (16)", "once (16)"]
    for line, result in zip(drawn.values(), results, strict=True):
        median = np.percentile(result.values[:, :, 0], 50, axis=0, method="hazen")
        np.testing.assert_array_equal(line[1], median)
        np.testing.assert_array_equal(line[0], result.times)


def test_without_labels_results_are_called_what_differs_between_them():
    (axes,) = pkpd.plot([course(), course("200 mg q24h x 1")]).axes
    assert list(lines(axes)) == ["100 mg q12h x 2 (16)", "200 mg (16)"]
    changed = course(people=pkpd.cohort(MODEL, 16, seed=3, set={"cl": 9}))
    plain = course(people=pkpd.cohort(MODEL, 16, seed=3))
    (axes,) = pkpd.plot([plain, changed]).axes
    assert list(lines(axes)) == ["as in the model (16)", "cl = 9 (16)"]


def test_subgroups_are_those_of_the_tables():
    result = course()
    (axes,) = result.plot(by="sex").axes
    for letter in "fm":
        rows = PEOPLE.others["sex"] == letter
        label = f"sex {letter} ({rows.sum()})"
        median = np.percentile(result.values[rows, :, 0], 50, axis=0, method="hazen")
        np.testing.assert_array_equal(lines(axes)[label][1], median)
    with pytest.raises(CohortError, match="No input or column 'six'"):
        result.plot(by="six")


def test_one_result_needs_no_name():
    (axes,) = pkpd.plot(course(), outputs=["Cc"]).axes
    assert list(lines(axes)) == ["patients (16)"]


def test_axes_of_the_user_are_drawn_on_and_lines_may_be_linear_or_logarithmic():
    own = Figure().subplots()
    assert pkpd.plot([course()], ax=own, log=False) is own.figure
    assert own.get_yscale() == "linear" and len(own.lines) == 1
    assert pkpd.plot(course(), log=True).axes[0].get_yscale() == "log"


def test_the_share_of_patients_at_or_below_a_dose_counts_every_patient(meds):
    curves, shares = pkpd.plot(meds, labels=["one", "many"]).axes
    for (label, (doses, percent)), table in zip(lines(shares).items(), meds, strict=True):
        inside = table.column("med")[np.isfinite(table.column("med"))]
        below = table.having("below_range").sum()
        assert percent[-1] == pytest.approx(100 * (below + len(inside)) / len(table))
        np.testing.assert_array_equal(doses[1:-1], np.sort(inside))
        have = len(inside) + below + table.having("above_range").sum()
        assert f"{100 * have / len(table):.0f} % have one" in label
    median = meds[0].curves.percentiles((50,))[0]
    np.testing.assert_allclose(lines(curves)["one"][1], median)
    table = meds[0]
    rows = PEOPLE.others["sex"] == "f"
    curves, _ = table.plot(by=["sex"]).axes
    median = np.percentile(table.curves.gain[rows], 50, axis=0, method="hazen")
    np.testing.assert_allclose(lines(curves)["sex f"][1], median)


def test_the_figure_of_a_repeated_study_shows_its_intervals(meds):
    again = pkpd.repeat(meds[0], 4)
    _, shown = meds[0].plot(repeated=again).axes
    _, plain = meds[0].plot().axes
    found = again.summary()[again.key]
    ends = [(found[f"quantile_{q}"]["low"], found[f"quantile_{q}"]["high"]) for q in QUANTILES]
    finite = np.isfinite(ends).all(axis=1).sum()
    assert len(shown.patches) - len(plain.patches) == finite
    assert "over 4 runs" in shown.get_xlabel()


def test_arms_of_trials_are_drawn_together_and_their_folders_set_side_by_side(run, tmp_path):
    arms = [{"name": "drug", "phases": [{"name": "all", "days": 14, "dose": 4.5}]}]
    plan = {"model": "ldn/hormesis", "patients": 8, "run_in": 7, "arms": arms}
    trials = [pkpd.trial(from_data(plan | {"seed": seed})) for seed in (1, 2)]
    (axes,) = pkpd.plot(trials, labels=["first", "second"]).axes
    assert list(lines(axes)) == ["first, drug (8 patients)", "second, drug (8 patients)"]
    with pytest.raises(PkpdError, match="leave out by"):
        pkpd.plot(trials, by="wt")
    for name, trial in zip("ab", trials, strict=True):
        trial.write(tmp_path / name)
    code, out, _ = run("contrast", "a", "b")
    assert code == 0 and out.count("drug") == 2 and "seed" in out


def test_what_shares_no_axis_is_refused(meds):
    with pytest.raises(PkpdError, match="Only results of one kind"):
        pkpd.plot([course(), meds[0]])
    with pytest.raises(PkpdError, match="not a Model"):
        pkpd.plot([MODEL])
    with pytest.raises(PkpdError, match="an empty list has nothing"):
        pkpd.plot([])
    with pytest.raises(PkpdError, match="one text for each of the 2"):
        pkpd.plot([course(), course()], labels=["one"])
    with pytest.raises(PkpdError, match="outputs are those of time courses"):
        pkpd.plot(meds, outputs=["Cc"])
    with pytest.raises(PkpdError, match="pain: not in all results"):
        pkpd.plot([course()], outputs=["pain"])
    lower = pkpd.med(MODEL, PEOPLE, **GOAL | {"better": "lower"}, delta="1 ng/mL")
    with pytest.raises(PkpdError, match="they share no axis"):
        pkpd.plot([meds[0], lower])


def test_two_folders_side_by_side_give_both_results_and_how_far_each_patient_moves(run, tmp_path):
    words = ("-n", 16, "--seed", 3, "--outcome", "Cc", "--better", "higher", "--into", "depot")
    words += ("--every", "24 h", "--doses", "1:100mg", "--delta", "1 ng/mL", "--quiet")
    for name, cl in (("a", 4), ("b", 8)):
        assert run("med", "pk/one_compartment", *words, "--set", f"cl={cl}", "--out", name)[0] == 0
    code, out, _ = run("contrast", "a", "b", "--label", "slow", "--label", "fast", "--out", "c")
    assert code == 0 and "slow" in out and "cl = 4.0" in out and "cl = 8.0" in out
    assert "No patient has a MED inside the range in both." in out
    page = (tmp_path / "c/contrast.html").read_text()
    assert "<svg" in page and "What differs between the runs" in page
    assert "cl = 4.0" in page and "cl = 8.0" in page
    assert (tmp_path / "c/contrast.png").read_bytes().startswith(b"\x89PNG")
    assert run("contrast", "a", "a")[1].count("what differs") == 0
    code, _, error = run("contrast", "a")
    assert code == 2 and "at least two folders" in error
    code, _, error = run("contrast", "a", "b", "--label", "one")
    assert code == 2 and "--label 2 times" in error


def test_subgroups_have_a_figure_of_their_own_beside_that_of_intervals(run, tmp_path):
    words = ("-n", 16, "--seed", 3, "--outcome", "Cc", "--better", "higher", "--into", "depot")
    words += ("--every", "24 h", "--doses", "1:100mg", "--delta", "1 ng/mL", "--replicates", 2)
    assert run("med", "pk/one_compartment", *words, "--by", "cl", "--out", "meds")[0] == 0
    assert {path.name for path in (tmp_path / "meds").glob("*.png")} == {"med.png", "med-by.png"}
    (tmp_path / "seen.csv").write_text("TIME,Cc\n1,900\n4,700\n")
    words = ("--rx", "100 mg", "-n", 16, "--by", "cl", "--data", "seen.csv", "--out", "run.csv")
    code, out, _ = run("simulate", "pk/one_compartment", *words)
    assert code == 0 and "run.png" in out and "run-by.png" in out


def test_subgroups_and_intervals_are_not_drawn_together(meds):
    with pytest.raises(PkpdError, match="repeated and by are not drawn together"):
        meds[0].plot(by="sex", repeated=pkpd.repeat(meds[0], 2))
    with pytest.raises(PkpdError, match="data and several results are not drawn together"):
        pkpd.plot([course(), course()], data=[])
