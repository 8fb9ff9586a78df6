"""Numbers with a range: refused in one sentence at every door, Python and command line alike."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pkpd
from pkpd import limits
from pkpd.errors import PkpdError

LDN = pkpd.load("ldn/hormesis")
PEOPLE = pkpd.cohort(LDN, 4, seed=7)
TOLERANCES = [-1, 0, 1, 1000, 1e-14, math.nan, math.inf, None, "fine", True, [1e-6]]
DOORS = {
    "simulate": lambda folder, **given: pkpd.simulate(LDN, "1 mg", PEOPLE, **given),
    "dose_response": lambda folder, **given: pkpd.dose_response(LDN, PEOPLE, **given),
    "med": lambda folder, **given: pkpd.med(LDN, PEOPLE, **given),
    "titrate": lambda folder, **given: pkpd.titrate(LDN, PEOPLE, **given),
    "stream": lambda folder, **given: pkpd.stream(LDN, folder / "out", 4, seed=7, **given),
}


@given(st.floats())
def test_a_tolerance_is_a_number_from_rounding_to_a_tenth(value):
    if 1e-13 <= value <= 0.1:
        assert limits.tolerance(value) == value
    else:
        with pytest.raises(PkpdError, match=r"rtol must be a number between 1e-13 and 0\.1, not"):
            limits.tolerance(value)


@given(
    st.integers() | st.floats() | st.booleans() | st.text() | st.none(),
    st.integers(-5, 5),
    st.integers(6, 9),
)
def test_a_whole_number_is_an_integer_within_its_range(value, least, most):
    if type(value) is int and least <= value <= most:
        limits.check_whole(value, least, most, "size")
        limits.check_whole(np.int32(value), least, most, "size")
    else:
        with pytest.raises(PkpdError, match=f"size must be a whole number from {least} to {most},"):
            limits.check_whole(value, least, most, "size")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("rtol", TOLERANCES, ids=str)
def test_every_function_refuses_a_tolerance_out_of_range(door, rtol, tmp_path):
    with pytest.raises(PkpdError, match="rtol must be a number between 1e-13 and"):
        DOORS[door](tmp_path, rtol=rtol)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_every_function_refuses_a_number_of_threads_out_of_range(door, threads, tmp_path):
    with pytest.raises(PkpdError, match="number of threads must be a whole number from 1 to"):
        DOORS[door](tmp_path, threads=threads)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("solver", ["best", 3, None])
def test_every_function_refuses_an_unknown_solver(door, solver, tmp_path):
    with pytest.raises(PkpdError, match="Unknown solver"):
        DOORS[door](tmp_path, solver=solver)


@pytest.mark.parametrize(
    "command",
    [
        ("simulate", "ldn/hormesis", "--rx", "1 mg"),
        ("dose-response", "ldn/hormesis"),
        ("med", "ldn/hormesis", "--seed", "7"),
        ("med", "ldn/hormesis", "--stream", "--out", "large"),
    ],
)
@pytest.mark.parametrize("rtol", ["-1", "1", "nan", "1000"])
def test_every_command_refuses_a_tolerance_out_of_range(command, rtol, run):
    code, _, message = run(*command, "-n", 20, "--quiet", "--rtol", rtol)
    assert code == 1 and "rtol must be a number between 1e-13 and 0.1" in message
    assert message.count("\n") == 1


HUGE = ("1e13", "1e20", "1e200")
DOSED = {
    "a regimen": lambda dose, _: pkpd.rx(f"{dose} mg"),
    "an event table": lambda dose, _: pkpd.events(
        LDN, pd.DataFrame({"TIME": [0.0], "AMT": [float(dose)]})
    ),
    "the range of a benefit": lambda dose, _: pkpd.med(LDN, PEOPLE, doses=f"1:{dose} mg"),
    "the doses of a benefit": lambda dose, _: pkpd.med(LDN, PEOPLE, report=[float(dose)]),
    "a dose response": lambda dose, _: pkpd.dose_response(LDN, PEOPLE, [1.0, float(dose)]),
    "a titration": lambda dose, _: pkpd.titrate(
        LDN, PEOPLE, {"like": "slow-ladder", "ladder": [1.0, float(dose)]}
    ),
    "a trial": lambda dose, folder: pkpd.trial(trial_of(dose, folder)),
    "a model": lambda dose, folder: pkpd.load(model_with(f'doses = "1:{dose} mg"', folder)),
}


def trial_of(dose, folder):
    """A file of a trial with one dose."""
    path = folder / "trial.toml"
    arm = f"[[arms]]\nname = 'a'\n[[arms.phases]]\nname = 'p'\ndays = 14\ndose = {dose}\n"
    path.write_text(f"model = 'ldn/hormesis'\n{arm}")
    return path


def model_with(line, folder):
    """A file of a model whose [benefit] has this line in place of its own."""
    path = folder / "model.toml"
    name = line.split()[0]
    text = (Path(__file__).parents[1] / "models" / "ldn" / "hormesis.toml").read_text()
    changed, count = re.subn(rf"(?m)^{name}\s*=.*$", line, text, count=1)
    assert count == 1
    path.write_text(changed)
    return path


@pytest.mark.parametrize("where", DOSED)
@pytest.mark.parametrize("dose", HUGE)
def test_a_dose_beyond_all_drugs_is_refused_wherever_it_is_given(where, dose, tmp_path):
    with pytest.raises(PkpdError, match=r"1e\+12"):
        DOSED[where](dose, tmp_path)


@pytest.mark.parametrize("every", ["1e6 h", "20 a", "0 h", "-24 h", "nan h"])
def test_an_interval_is_refused_in_a_model_as_in_an_option(every, tmp_path):
    with pytest.raises(PkpdError, match=r"every|cannot be read") as of_option:
        pkpd.med(LDN, PEOPLE, every=every)
    with pytest.raises(PkpdError) as of_model:
        pkpd.load(model_with(f'every = "{every}"', tmp_path))
    assert str(of_option.value) in str(of_model.value)
