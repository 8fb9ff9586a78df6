"""Noncompartmental analysis against Phoenix WinNonlin's numbers and against closed forms.

Data: Theoph (320 mg oral) and Indometh (25 mg bolus) of R's datasets. Phoenix results:
github.com/asancpt/NonCompart-tests.
"""

import json
import re

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.cli import main
from pkpd.nca import area, noncompartmental, profile, terminal_slope

THEOPH = {
    1: (
        [0.0, 0.25, 0.57, 1.12, 2.02, 3.82, 5.1, 7.03, 9.05, 12.12, 24.37],
        [0.74, 2.84, 6.57, 10.5, 9.66, 8.58, 8.36, 7.47, 6.89, 5.94, 3.28],
    ),
    2: (
        [0.0, 0.27, 0.52, 1.0, 1.92, 3.5, 5.02, 7.03, 9.0, 12.0, 24.3],
        [0.0, 1.72, 7.91, 8.31, 8.33, 6.85, 6.08, 5.4, 4.55, 3.01, 0.9],
    ),
    6: (
        [0.0, 0.27, 0.58, 1.15, 2.03, 3.57, 5.0, 7.0, 9.22, 12.1, 23.85],
        [0.0, 1.29, 3.08, 6.44, 6.32, 5.53, 4.94, 4.02, 3.46, 2.78, 0.92],
    ),
    12: (
        [0.0, 0.25, 0.5, 1.0, 2.0, 3.52, 5.07, 7.07, 9.03, 12.05, 24.15],
        [0.0, 1.25, 3.96, 7.82, 9.72, 9.75, 8.57, 6.59, 6.11, 4.57, 1.17],
    ),
}
# auc_last, auc_inf, cl_f, vz_f, lambda_z, points
PHOENIX = {
    1: (147.234748, 214.923632, 1.488901, 30.726232, 0.0484570, 3),
    2: (88.731275, 97.377935, 3.286165, 31.571502, 0.1040864, 4),
    6: (71.697015, 82.175883, 3.894087, 44.353935, 0.0877957, 7),
    12: (115.220208, 125.831540, 2.543083, 23.064524, 0.1102595, 3),
}
HOURS = [0.25, 0.5, 0.75, 1.0, 1.25, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]
INDOMETH = {
    1: [1.5, 0.94, 0.78, 0.48, 0.37, 0.19, 0.12, 0.11, 0.08, 0.07, 0.05],
    4: [1.85, 1.39, 1.02, 0.89, 0.59, 0.4, 0.16, 0.11, 0.1, 0.07, 0.07],
}
BOLUS = {1: (2.393617, 0.158320), 4: (2.462230, 0.455445)}  # c0, lambda_z


def test_phoenix_gives_the_same_for_theophylline():
    frame = pd.concat([pd.DataFrame({"ID": i, "TIME": t, "DV": c}) for i, (t, c) in THEOPH.items()])
    found = noncompartmental(frame, dose=320).set_index("ID")
    for i, expected in PHOENIX.items():
        got = found.loc[i, ["auc_last", "auc_inf", "cl_f", "vz_f", "lambda_z", "points"]].tolist()
        assert got == pytest.approx(list(expected), rel=2e-6)
    assert found["cmax"].tolist() == [10.5, 8.33, 6.44, 9.75] and found["tmax"].tolist() == [
        1.12,
        1.92,
        1.15,
        3.52,
    ]


@pytest.mark.parametrize("who", INDOMETH)
def test_phoenix_gives_the_same_for_a_bolus_of_indomethacin(who):
    found = profile(HOURS, INDOMETH[who], dose=25, route="bolus")
    assert (found["c0"], found["lambda_z"]) == pytest.approx(BOLUS[who], rel=2e-5)
    assert found["cmax"] == INDOMETH[who][0] and found["tmax"] == 0.25


def test_an_exponential_is_integrated_exactly_at_any_times():
    times = np.array([0.0, 0.3, 1.0, 2.0, 5.0, 11.0])
    conc = 8.0 * np.exp(-0.31 * times)
    auc, aumc = area(times, conc)
    np.testing.assert_allclose(auc, (8.0 - conc) / 0.31, rtol=1e-12)
    np.testing.assert_allclose(
        aumc, 8.0 / 0.31**2 - conc * (times / 0.31 + 1 / 0.31**2), rtol=1e-12, atol=1e-12
    )
    found = profile(times, conc, dose=40.0, route="bolus")
    assert (found["auc_inf"], found["cl"], found["mrt"], found["vss"]) == pytest.approx(
        (8 / 0.31, 40 * 0.31 / 8, 1 / 0.31, 5.0), rel=1e-9
    )


def test_a_simulated_infusion_gives_back_clearance_and_volumes(tmp_path):
    model = pkpd.load("pk/two_compartment")
    table = pd.DataFrame({"TIME": [0.0], "AMT": [100.0], "RATE": [50.0], "CMT": ["central"]})
    run = pkpd.simulate(
        model,
        pkpd.events(model, table),
        pkpd.cohort(model, n=3, seed=2),
        np.concatenate([np.arange(0, 6, 0.02), np.arange(6, 300, 1.0)]),
        rtol=1e-9,
    )
    run.write(tmp_path / "run.parquet")
    found = noncompartmental(
        tmp_path / "run.parquet", "Cc", dose="100 mg", route="infusion", duration=2.0
    )
    inputs = pkpd.cohort(model, n=3, seed=2).frame()
    assert found.attrs["units"]["cl"] == "L/h" and found.attrs["units"]["auc_inf"] == "ng/mL*h"
    np.testing.assert_allclose(found["cl"], inputs["cl"], rtol=1e-3)
    np.testing.assert_allclose(found["vss"], inputs["vc"] + inputs["vp"], rtol=5e-3)


def test_an_interval_at_steady_state_gives_clearance_average_and_swing():
    model = pkpd.load("pk/one_compartment")
    table = pd.DataFrame({"TIME": [0.0], "AMT": [100.0], "SS": [1], "II": [12.0], "ADDL": [3]})
    person = pkpd.cohort(model, typical=True)
    frame = pkpd.simulate(model, pkpd.events(model, table), person, "0:24:0.05", rtol=1e-9).frame()
    found = noncompartmental(frame, "Cc", dose="100 mg", every=12.0, unit="ng/mL").iloc[0]
    typical = person.frame().iloc[0]
    assert found["cl_f"] == pytest.approx(typical["cl"] / typical["fdepot"], rel=2e-4)
    assert (
        found["cavg"] == pytest.approx(found["auc_tau"] / 12)
        and 0 < found["fluctuation"] < 400
        and found["accumulation"] > 1
    )


def test_what_a_profile_does_not_hold_is_missing():
    assert np.isnan(terminal_slope(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]))[0])
    found = profile([0.0, 1.0, 2.0], [0.0, 2.0, 1.0], dose=1.0)
    assert (
        np.isnan(found["lambda_z"])
        and np.isnan(found["cl_f"])
        and found["auc_last"] == pytest.approx(1.0 + 1.0 / np.log(2))
    )
    assert profile([0.0, 1.0], [0.0, 0.0])["cmax"] == 0.0


@pytest.mark.parametrize(
    "frame, options, part",
    [
        ({"TIME": [0, 1], "a": [1, 2], "b": [1, 2]}, {}, "--column"),
        ({"TIME": [0, 1], "Cc": [1, 2]}, {"column": "cc"}, "Did you mean 'Cc'"),
        ({"TIME": [0, 1], "DV": [1, "x"]}, {}, "row 2, column DV"),
        ({"T": [0, 1], "DV": [1, 2]}, {}, "no column TIME"),
        ({"TIME": [0, 1], "AMT": [5, 5], "DV": [1, 2]}, {}, "--start"),
        ({"TIME": [0, 1], "DV": [1, 2]}, {"route": "nasal"}, "Unknown route"),
        ({"TIME": [0, 1], "DV": [1, 2]}, {"dose": "much"}, "write a number"),
        ({"TIME": [0, 1], "DV": [1, 2]}, {"start": 5}, "no concentration from time 5"),
    ],
)
def test_bad_input_is_refused(frame, options, part):
    with pytest.raises(pkpd.PkpdError, match=part):
        noncompartmental(pd.DataFrame(frame), **options)


def test_simulated_frames_say_their_units_and_missing_dependent_values_do_not_count():
    model = pkpd.load("pk/one_compartment")
    frame = pkpd.simulate(model, "100 mg", pkpd.cohort(model, n=2, seed=1), "0:48:0.25").frame()
    found = noncompartmental(frame, "Cc", dose="100 mg")
    assert found.attrs["units"]["cl_f"] == "L/h" and found.attrs["units"]["cmax"] == "ng/mL"
    clean = pd.DataFrame({"TIME": [0, 1, 2, 4, 8], "DV": [0.0, 4.0, 3.0, 1.5, 0.4]})
    spoilt = (
        pd.concat([clean, pd.DataFrame({"TIME": [3], "DV": [99.0]})])
        .sort_values("TIME")
        .assign(MDV=[0, 0, 0, 1, 0, 0])
    )
    pd.testing.assert_frame_equal(noncompartmental(spoilt), noncompartmental(clean))


def test_the_command_prints_writes_and_refuses(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        (i, t, c) for i, (times, conc) in THEOPH.items() for t, c in zip(times, conc, strict=True)
    ]
    pd.DataFrame(rows, columns=["id", "Time", "dv"]).to_csv("theoph.csv", index=False)

    def run(*words):
        with pytest.raises(SystemExit) as stop:
            main(["nca", *words])
        return stop.value.code, capsys.readouterr()

    theoph = ("theoph.csv", "--dose", "320 mg", "--unit", "mg/L")
    text = run(*theoph, "--out", "nca.csv")[1].out
    assert (
        "theoph.csv: 4 profiles, oral" in text
        and re.search(r"cl_f +L/h +1\.489 +3\.286 +3\.894 +2\.543", text)
        and "Wrote nca.csv" in text
    )
    assert pd.read_csv("nca.csv")["auc_inf"].tolist() == pytest.approx(
        [PHOENIX[i][1] for i in THEOPH], rel=2e-6
    )
    told = json.loads(run(*theoph, "--json")[1].out)
    assert [p["ID"] for p in told["profiles"]] == list(THEOPH) and told["units"]["vz_f"] == "L"
    pd.DataFrame({"ID": range(1, 21), "TIME": 0.0, "DV": 1.0}).to_csv("many.csv", index=False)
    assert re.search(r"cmax +- +1 +1 +1 +20", run("many.csv")[1].out)
    code, said = run("theoph.csv", "--dose", "320 kg", "--unit", "nM", "--out", "no.csv")
    assert (
        code == 1
        and "dimensions differ" in said.err
        and said.out == ""
        and not (tmp_path / "no.csv").exists()
    )
