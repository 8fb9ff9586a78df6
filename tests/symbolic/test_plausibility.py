"""What is likely a slip is a warning with its place, in `check` and in the run."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pkpd
from pkpd.errors import PkpdWarning
from pkpd.simulation.run import _doubts

TEXT = """title = "One compartment"
time = "h"
outputs = ["Cc"]
[dose]
central = { unit = "mg" }
[parameters]
cl = { value = 4.0, unit = "L/h", IIV label = "clearance", ASSUMED }
vc = { value = 40.0, unit = "L", label = "volume", ASSUMED }
[covariates]
wt = { value = 70.0, unit = "kg", iiv = { cv = 0.2 }, label = "weight", ASSUMED }
[equations]
pk = '''
d/dt(central) = -cl/vc*central*(wt/wt) : mg
Cc            = central/vc             : mg/L
'''
""".replace("ASSUMED", 'source = "test", evidence = "assumed"')
LDN = pkpd.load("ldn/hormesis")


@pytest.fixture
def written(tmp_path):
    def make(iiv="", weight="70.0"):
        path = tmp_path / "mine.toml"
        path.write_text(TEXT.replace("IIV", iiv and f"iiv = {iiv},").replace("70.0", weight))
        return str(path)

    return make


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "mine.toml"
    path.write_text(TEXT.replace("IIV", "iiv = { cv = 0.3 },"))
    return pkpd.load(str(path))


@pytest.mark.parametrize(
    ("iiv", "message"),
    [
        ("{ cv = 30 }", "mine.toml:7: 'cl' varies between people by a CV of 3e+03 %"),
        ("{ cv = 3.5 }", "by a CV of 350 %"),
        ("{ sd = 20 }", "by a CV of 500 %"),
    ],
)
def test_a_spread_above_300_percent_is_a_warning_with_its_line(written, iiv, message, run):
    path = written(iiv)
    with pytest.warns(PkpdWarning, match=message.replace("+", r"\+")):
        pkpd.load(path)
    code, printed, noted = run("check", path)
    assert code == 0 and "is sound" in printed and message in noted
    assert noted.count("Warning: ") == 1


@settings(max_examples=20, deadline=None)
@given(cv=st.floats(0, 3), weight=st.floats(0.2, 700))
def test_what_people_can_be_is_no_warning(model, cv, weight):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pkpd.cohort(model, 2, set={"wt": weight})
        pkpd.cohort(model, covariates=pd.DataFrame({"wt": [weight, 70.0]}))


@settings(max_examples=20, deadline=None)
@given(weight=st.floats(-1e4, 0) | st.floats(701, 1e6))
def test_what_nobody_weighs_is_a_warning_wherever_it_is_written(model, weight):
    with pytest.warns(PkpdWarning, match="'wt' is .* kg.*Is the unit right"):
        pkpd.cohort(model, covariates=pd.DataFrame({"wt": [weight, 70.0]}))
    records = pkpd.events(model, pd.DataFrame({"TIME": [0.0], "AMT": [1.0], "wt": [weight]}))
    assert ["'wt' is" in sentence for sentence in _doubts(model, records)] == [True]


def test_a_weight_that_nobody_has_is_said_by_check_set_and_run(written, run, model):
    with pytest.warns(PkpdWarning, match=r"mine.toml:10: 'wt' is 60000 kg: people weigh 0\.2 to"):
        pkpd.load(written(weight="60000"))
    with pytest.warns(PkpdWarning, match="'wt' is 60000 kg"):
        pkpd.cohort(model, 2, set={"wt": 60000})
    words = ("simulate", "pk/naltrexone", "--rx", "1 mg", "-n", 2, "--times", "0:1:1")
    code, _, noted = run(*words, "--set", "wt=60000")
    assert code == 0 and noted.count("Warning: 'wt' is 60000 kg") == 1


@pytest.mark.parametrize(
    "regimen", ["4500 mg q24h x 2", "0.0045 mg", "4.5 g", "1.5 mg q24h x 2 then 2 g"]
)
def test_a_thousand_times_the_usual_amount_is_a_warning(regimen):
    (sentence,) = _doubts(LDN, pkpd.rx(regimen))
    assert sentence.startswith("A dose of ") and "made for 0.05 to 50 mg" in sentence
    assert not list(_doubts(LDN, pkpd.rx("4.5 mg q24h x 28 then 50 mg")))
    assert not list(_doubts(LDN, pkpd.rx("0 mg")))


def test_a_dose_per_kg_is_judged_by_what_the_typical_person_is_given():
    (sentence,) = _doubts(LDN, pkpd.rx("45 mg/kg q24h x 2"))  # of 70 kg
    assert sentence.startswith("A dose of 3150 mg: the model was made for 0.05 to 50 mg")
    assert not list(_doubts(LDN, pkpd.rx("45 ug/kg q24h x 2 then 4.5 mg")))


def test_one_amount_a_thousand_times_the_others_of_a_table_is_a_warning(model):
    table = pd.DataFrame({"TIME": np.arange(5.0), "AMT": [5, 5, 5000, 5, 5]})
    (sentence,) = _doubts(model, pkpd.events(model, table))
    assert sentence == "A dose of 5000 mg stands beside doses of 5 mg. Is it right?"
    assert not list(_doubts(model, pkpd.events(model, table.assign(AMT=[5, 5, 50, 1, 5]))))


def test_a_run_warns_of_its_doses():
    people = pkpd.cohort(pkpd.load("ldn/hormesis"), typical=True)
    with pytest.warns(PkpdWarning, match="A dose of 4500 mg: the model was made for"):
        pkpd.simulate(LDN, "4500 mg", people, times=[0.0, 1.0])
