"""Visual predictive checks: by hand, by data of the model itself, by data of another one."""

import json
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.errors import PkpdError, Stopped
from pkpd.predictive.observed import observed
from pkpd.predictive.vpc import Asked

SAMPLED = Path(__file__).parents[2] / "docs/sampled.csv"
ERROR = {"residual": {"Cc": "20 %"}}


@pytest.fixture(scope="module")
def model():
    return pkpd.load("pk/one_compartment")


def looks(model, table, **options):
    asked = {"name": "Cc", "column": None, "bins": None, "by": None, "after_dose": False} | options
    return observed(pkpd.events(model, table), **asked)


def asked(**options):
    usual = {"percentiles": np.array([5.0, 50, 95]), "level": 90.0, "limit": None}
    return Asked(**usual | {"after_dose": False, "corrected": False, "replicates": 99} | options)


def test_data_of_the_model_itself_lie_inside_as_often_as_they_should():
    rng, found = np.random.default_rng(3), []
    for _ in range(400):
        rows = asked().percentiles_of(rng.normal(size=24), rng.normal(size=(200, 24)))
        found += [row["outside"] for row in rows]
    # three percentiles of one sample hang together: as if they were half as many
    assert abs(np.mean(found) - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 600)


def test_shares_below_the_limit_are_counted_and_percentiles_stop_at_it():
    values, sets = np.array([1.0, 2.0, 3.0, 4.0]), np.array([[1.0, 1, 3, 4], [2, 3, 4, 5]])
    limited = asked(limit=2.5, percentiles=np.array([50.0]))
    shares = limited.shares_of(values, sets)
    assert shares["observed"] == 0.5 and shares["simulated"] == 0.375
    (row,) = limited.percentiles_of(np.array([1.0, 1, 1, 4]), sets)
    assert row["observed"] == 2.5


def test_a_model_fits_the_data_that_it_made_and_not_those_of_thrice_its_clearance(model):
    right = pkpd.vpc(model, SAMPLED, replicates=60, by="ARM", **ERROR)
    wrong = pkpd.vpc(model, SAMPLED, replicates=60, by="ARM", set={"cl": 15.0}, **ERROR)
    assert right.verdict()["percentiles"] == wrong.verdict()["percentiles"] == 42
    assert right.verdict()["outside"] <= 8 and wrong.verdict()["outside"] >= 20
    frame = right.frame()
    assert sorted(set(frame["stratum"])) == ["ARM high", "ARM low"] and (frame["n"] == 16).all()
    assert (frame["low"] <= frame["simulated"]).all() and (
        frame["simulated"] <= frame["high"]
    ).all()


def test_a_data_set_is_simulated_as_its_own_records_say(model):
    table = pd.read_csv(SAMPLED).query("ID <= 3")
    check = pkpd.vpc(
        model, table, replicates=20, percentiles=[50], level=50, bins=[4, 8.5], **ERROR
    )
    records, medians = pkpd.events(model, table), []
    for number in range(20):
        people = pkpd.cohort(model, ids=[1, 2, 3], sampling="mc", replicate=number)
        frame = pkpd.simulate(model, records, people, progress=False, **ERROR).frame()
        kept = frame[frame["TIME"].between(4, 8.5)]
        medians.append(np.percentile(kept["Cc_obs"], 50, method="hazen"))
    row = check.frame().iloc[0]
    assert row["n"] == 6 and check.summary()["in_no_bin"] == 15
    expected = np.percentile(medians, [50, 25, 75], method="hazen")
    np.testing.assert_array_equal(row[["simulated", "low", "high"]].astype(float), expected)
    dv = pd.to_numeric(table["DV"], errors="coerce")[table["TIME"].between(4, 8.5)]
    assert row["observed"] == np.percentile(dv, 50, method="hazen")


def test_a_corrected_check_takes_the_dose_out_of_linear_kinetics(model):
    """Values of the arm with three times the dose become those of a dose in the middle."""
    one = {"replicates": 20, "bins": [0.5, 0.75], "percentiles": [50]}
    check = pkpd.vpc(model, SAMPLED, corrected=True, **one, **ERROR).frame().iloc[0]
    table = pd.read_csv(SAMPLED).query("TIME == 0.5")
    dv = pd.to_numeric(table["DV"]) * np.where(table["ARM"] == "low", 2.0, 2 / 3)
    # half of the predictions are three times the others: their median lies in the middle
    assert check["observed"] == pytest.approx(np.percentile(dv, 50, method="hazen"), rel=1e-5)


def test_times_few_in_number_are_bins_of_their_own_and_many_are_cut_evenly(model):
    found = looks(model, SAMPLED)
    assert len(found.edges) - 1 == 7 and (np.bincount(found.bin) == 32).all()
    many = pd.DataFrame(
        {"TIME": np.arange(41.0), "AMT": [9.0] + 40 * [0.0], "DV": [np.nan] + 40 * [1]}
    )
    assert (np.bincount(looks(model, many).bin) == 4).all()
    assert np.bincount(looks(model, many, bins=4).bin).tolist() == [10, 10, 10, 10]
    one = pd.DataFrame({"TIME": [0.0, 2], "AMT": [9.0, 0], "DV": [".", 1]})
    assert looks(model, one).bin.tolist() == looks(model, one, bins=3).bin.tolist() == [0]


def test_time_after_dose_counts_from_additional_doses_too(model):
    table = pd.DataFrame(
        {
            "TIME": [-1.0, 0, 3, 13, 24, 24, 30],
            "AMT": [0.0, 9, 0, 0, 0, 5, 0],
            "II": [0.0, 12, 0, 0, 0, 0, 0],
            "ADDL": [0, 1, 0, 0, 0, 0, 0],
            "DV": [0.1, ".", 1, 2, 3, ".", 4],
        }
    )
    found = looks(model, table, after_dose=True)
    assert found.times.tolist() == [3, 1, 12, 6] and found.values.tolist() == [1, 2, 3, 4]


def test_records_without_a_value_are_no_observations(model):
    table = pd.DataFrame(
        {
            "TIME": [0.0, 1, 2, 3, 4],
            "AMT": [9.0, 0, 0, 0, 0],
            "EVID": [1, 0, 0, 2, 0],
            "MDV": [1, 0, 1, 0, 0],
            "Cc": [7.0, 1, 2, 3, np.nan],
        }
    )
    found = looks(model, table)
    assert found.column == "Cc" and found.values.tolist() == [1.0]


@pytest.mark.parametrize("kind", ["DVID", "CMT"])
def test_observations_of_two_quantities_in_one_column_are_refused(model, kind):
    columns = {"TIME": [0.0, 1, 2, 3], "AMT": [9.0, 0, 0, 0], "EVID": [1, 0, 0, 0]}
    table = pd.DataFrame(columns | {"DV": [np.nan, 5, 2, 4], kind: [1, 1, 2, 1]})
    with pytest.raises(PkpdError, match=f"column {kind}: DV holds observations of 1 and 2"):
        looks(model, table)
    assert len(looks(model, table[table[kind] == 1]).row) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"residual": None}, "no residual error"),
        ({"output": "central", "residual": None}, "'central' has no residual error"),
        ({"column": "CONC"}, "no column CONC of observations"),
        ({"by": "SEX"}, "no column 'SEX'"),
        ({"bins": [1, 1]}, "two increasing numbers"),
        ({"bins": 0}, "at least 1, not 0"),
        ({"bins": "few"}, "bins is a list of numbers"),
        ({"percentiles": [0, 50]}, "between 0 and 100"),
        ({"level": 100}, "between 0 and 100 %"),
        ({"replicates": 5}, "number of replicates"),
        ({"limit": 9, "corrected": True}, "leave out one of the two"),
        ({"corrected": True, "covariates": pd.DataFrame({"wt": [70]})}, "write the covariates"),
    ],
)
def test_what_cannot_be_checked_is_one_sentence(model, options, message):
    with pytest.raises(PkpdError, match=message):
        pkpd.vpc(model, SAMPLED, **{"replicates": 20} | ERROR | options)


def test_ctrl_c_keeps_the_data_sets_that_are_finished(model):
    def after_25(done):
        if done == 25:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Stopped) as stop:
        pkpd.vpc(model, SAMPLED, replicates=60, progress=after_25, **ERROR)
    part = stop.value.partial
    assert stop.value.finished == part.replicates == 25 and stop.value.total == 60
    whole = pkpd.vpc(model, SAMPLED, replicates=25, **ERROR)
    pd.testing.assert_frame_equal(part.frame(), whole.frame())
    assert part.summary()["stopped"]["of"] == 60


def test_the_command_prints_writes_and_draws(run, model):
    code, out, err = run(
        *("vpc", "pk/one_compartment", SAMPLED, "--residual", "Cc: 20 %", "--replicates", 20),
        *("--bins", "3", "--limit", 300, "--by", "ARM", "--out", "check"),
    )
    assert code == 0 and "20 simulated data sets" in out and " of 17 observed percentiles" in out
    assert "used: ID, TIME, AMT, EVID, DV, ARM; unused: none" in err
    assert sorted(p.name for p in Path("check").iterdir()) == [
        *("below-limit.parquet", "model.json", "vpc.json", "vpc.parquet", "vpc.png"),
    ]
    summary = json.loads(Path("check/vpc.json").read_text())
    assert summary["limit_of_quantification"] == 300 and summary["observations"] == 224
    code, _, err = run(
        "vpc", "pk/one_compartment", SAMPLED, "--residual", "Cc: 20 %", "--bins", "a"
    )
    assert code == 1 and "write a number, or edges" in err


def test_the_page_and_the_figure_show_every_stratum(model, tmp_path):
    check = pkpd.vpc(model, SAMPLED, replicates=20, by="ARM", **ERROR)
    titles = [axes.get_title("left") for axes in check.plot().axes]
    assert titles == ["ARM high", "ARM low"]
    page = check.report(tmp_path / "page").read_text()
    assert "observed percentiles lie outside" in page and "ARM low" in page
