"""Event tables against concentrations computed by NONMEM 7 (ADVAN2).

Tables and values: the public comparison of dosing events github.com/mrgsolve/nmtests,
dosing/results/1001-nm.csv and time-varying/results/2001-nm.csv, five digits each.
"""

from pathlib import Path

import pandas as pd
import pytest

import pkpd

USUAL = {
    "ID": 1,
    "TIME": 0.0,
    "AMT": 0.0,
    "RATE": 0.0,
    "II": 0.0,
    "ADDL": 0,
    "SS": 0,
    "EVID": 1,
    "CMT": 1,
    "LAGT": 0.0,
    "BIOAV": 1.0,
    "DUR2": 2.0,
    "RAT2": 10.0,
}
DOSES = ("AMT", "RATE", "II", "ADDL", "SS")

# what is given, and time -> concentration
CASES = {
    "bolus with additional doses": (
        [{"AMT": 100, "II": 24, "ADDL": 3}],
        {1: 3754.4, 24: 1386.5, 74: 6053.8, 130: 290.1},
    ),
    "bolus with lag and bioavailability": (
        [{"AMT": 100, "II": 24, "ADDL": 3, "LAGT": 12.13, "BIOAV": 2.23, "CMT": 2}],
        {12: 0, 13: 10629, 60: 3801.3, 85: 14430},
    ),
    "infusion with additional doses": (
        [{"AMT": 100, "II": 24, "ADDL": 3, "RATE": 10, "CMT": 2}],
        {1: 486.5, 10: 3845.9, 83: 4941.6},
    ),
    "bioavailability shortens an infusion of given rate": (
        [{"AMT": 480, "RATE": 10, "CMT": 2, "BIOAV": 0.5}],
        {24: 6662.4, 25: 6305.9},
    ),
    "bioavailability slows an infusion of modelled duration": (
        [{"AMT": 480, "RATE": -2, "CMT": 2, "BIOAV": 0.5, "DUR2": 48.0}],
        {24: 3331.2, 48: 4221.1, 49: 3995.2},
    ),
    "infusion into the depot": (
        [{"AMT": 100, "II": 24, "ADDL": 3, "RATE": 100 / 12, "CMT": 1}],
        {1: 196.84, 12: 3511.2, 85: 4817.7},
    ),
    "infusion with lag": (
        [{"AMT": 100, "II": 24, "ADDL": 3, "RATE": 10, "LAGT": 4.15, "CMT": 2}],
        {4: 0, 5: 415.22, 15: 3670.3, 77: 2689.8},
    ),
    "infusion with lag and bioavailability": (
        [{"AMT": 100, "II": 24, "ADDL": 3, "RATE": 10, "LAGT": 3.25, "BIOAV": 0.412, "CMT": 2}],
        {4: 367.37, 8: 1780.5, 80: 2417.1},
    ),
    "steady state of an infusion with lag and bioavailability": (
        [
            {
                "AMT": 100,
                "II": 24,
                "ADDL": 3,
                "RATE": 10,
                "LAGT": 3.16,
                "BIOAV": 0.412,
                "SS": 1,
                "CMT": 2,
            }
        ],
        {0: 1002.7, 3: 850.22, 4: 1215.2, 75: 850.22, 100: 804.72},
    ),
    "steady state of an infusion longer than three intervals": (
        [{"AMT": 100, "II": 12, "ADDL": 4, "RATE": 2, "BIOAV": 0.812, "SS": 1, "CMT": 2}],
        {0: 6014.5, 5: 6277.4, 65: 5840.3, 89: 3286.6},
    ),
    "steady state of an infusion of two intervals": (
        [{"AMT": 100, "II": 6, "ADDL": 12, "RATE": 8.3333, "SS": 1, "CMT": 2}],
        {0: 15152, 78: 15152, 79: 14746, 85: 12325},
    ),
    "steady state of an infusion as long as its interval": (
        [{"AMT": 100, "II": 10, "ADDL": 8, "RATE": 0.412 * 10, "BIOAV": 0.412, "SS": 1, "CMT": 2}],
        {0: 3745.5, 45: 3745.5, 90: 3745.5, 91: 3545.0},
    ),
    "steady state of a bolus with lag": (
        [{"AMT": 100, "II": 24, "ADDL": 3, "LAGT": 4, "BIOAV": 0.412, "SS": 1, "CMT": 2}],
        {0: 935.66, 3: 793.34, 4: 2810.9, 28: 2810.9, 100: 750.89},
    ),
    "steady state of a bolus whose lag is almost its interval": (
        [{"AMT": 100, "II": 12, "ADDL": 2, "LAGT": 10, "SS": 1, "CMT": 2}],
        {0: 9270.8, 9: 5651.2, 10: 10349, 34: 10349, 46: 5348.8},
    ),
    "steady state of an oral dose": (
        [{"AMT": 100, "II": 12, "SS": 1}],
        {0: 5552.4, 1: 9009.7, 13: 5255.2},
    ),
    "three steady states at one time": (
        [{"AMT": 100, "II": 12, "SS": s, "LAGT": 5, "CMT": 2} for s in (1, 2, 2)],
        {0: 21126, 4: 16954, 5: 31046},
    ),
    "a second steady state half an interval later": (
        [
            {"AMT": 100, "II": 24, "SS": 1, "ADDL": 3},
            {"TIME": 12.0, "AMT": 50, "II": 24, "SS": 2, "ADDL": 3},
        ],
        {0: 1891.9, 11: 3867.4, 12: 4606.4, 13: 6237.1, 25: 7277.4, 96: 3722.1, 97: 3523.0},
    ),
    "an endless infusion ends at its record": (
        [{"RATE": 100, "SS": 1}],
        {0: 90909, 1: 88547, 2: 84367, 100: 385.67},
    ),
    "bolus, then infusions": (
        [
            {"AMT": 100, "CMT": 2, "LAGT": 1},
            {"TIME": 13, "AMT": 50, "II": 24, "ADDL": 2, "RATE": 24},
        ],
        {1: 5000, 13: 2584.3, 14: 3012.8, 40: 3338.8, 130: 86.893},
    ),
    "modelled duration with lag and bioavailability": (
        [
            {
                "AMT": 100,
                "RATE": -2,
                "DUR2": 9.0,
                "CMT": 2,
                "II": 24,
                "ADDL": 3,
                "LAGT": 5,
                "BIOAV": 0.61,
            }
        ],
        {6: 329.74, 14: 2405.7, 130: 290.4},
    ),
    "steady state of a modelled duration": (
        [
            {
                "AMT": 100,
                "RATE": -2,
                "DUR2": 9.0,
                "CMT": 2,
                "II": 24,
                "ADDL": 3,
                "SS": 1,
                "BIOAV": 0.61,
            }
        ],
        {0: 1438.5, 9: 3282.6, 130: 221.71},
    ),
    "reset and dose": (
        [
            {"AMT": 100, "II": 12, "ADDL": 2, "RATE": 50},
            {"TIME": 50.0, "AMT": 120, "EVID": 4, "II": 12, "ADDL": 3},
        ],
        {24: 4301.4, 36: 5058.9, 49: 2474.8, 50: 0, 51: 4505.3, 87: 9940.9, 130: 1064.5},
    ),
    "reset": (
        [
            {"AMT": 100, "II": 12, "ADDL": 3, "RATE": 50},
            {"TIME": 50.0, "EVID": 3, "CMT": 2},
            {"TIME": 54.0, "AMT": 120, "II": 16, "ADDL": 2},
        ],
        {49: 5158.7, 50: 0, 54: 0, 55: 4505.3, 87: 7964.7, 130: 878.84},
    ),
}


@pytest.fixture(scope="module")
def model():
    return pkpd.load(str(Path(__file__).parent / "nonmem.toml"))


def concentrations(model, table):
    return pkpd.simulate(model, pkpd.events(model, table), pkpd.cohort(model, typical=True)).frame()


@pytest.mark.parametrize("case", CASES)
def test_nonmem_gives_the_same_concentration(model, case):
    given, expected = CASES[case]
    doses = pd.DataFrame([USUAL | dose for dose in given])
    seen = pd.DataFrame(
        [
            USUAL
            | {k: v for k, v in given[0].items() if k not in DOSES}
            | {"TIME": float(t), "EVID": 0}
            for t in expected
        ]
    )
    table = pd.concat([doses, seen]).sort_values("TIME", kind="stable")
    found = concentrations(model, table).query("EVID == 0").set_index("TIME")["CP"]
    for time, value in expected.items():
        assert found[time] == pytest.approx(value, rel=6e-5, abs=1e-9)


def test_a_covariate_is_carried_backward_as_nonmem_does(model):
    weight = [62.65, 62.65, 79.43, 71.21, 63.35, 69.55, 60.81, 61.29, 75.54, 65.74]
    table = pd.DataFrame(
        {
            "TIME": [0, *range(0, 36, 4)],
            "EVID": [1] + [0] * 9,
            "AMT": [100] + [0] * 9,
            "II": [24] + [0] * 9,
            "ADDL": [3] + [0] * 9,
            "WT": weight,
        }
    )
    expected = [0, 0, 4077.8, 3273.5, 2669.1, 2144.2, 1759.1, 1441.5, 5250.1, 4266.5]
    assert concentrations(model, table)["CP"].tolist() == pytest.approx(expected, rel=6e-5)
