"""Events happen when conditions become true, at the moment that a closed form gives."""

import math

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.solvers import status

MODEL = """
title   = "events of every kind"
time    = "h"
outputs = ["a", "times", "b", "c", "d", "e", "x", "y", "z"]

[dose]
a = { unit = "mg" }

[parameters]
k    = { value = 0.3, unit = "1/h", iiv = { cv = 0.3 }, @ }
low  = { value = 2, unit = "mg", @ }
one  = { value = 1, unit = "1", @ }
hour = { value = 1, unit = "h", @ }

[events]
refill = { when = "a < low", set = { a = "a + 5*low", times = "times + 1" } }
later  = { when = "t >= 5*hour and b < 10", set = { b = "b + 3" } }
saw    = { when = "c > 2", set = { c = "c - 2" } }
true_at_the_start = { when = "t >= 0*hour", set = { d = "7" } }
at_the_start = { when = "low > 1*low/2", set = { e = "5" }, at_start = true }
first  = { when = "t > 4*hour", set = { x = "2*x", y = "x" } }
second = { when = "t > 4*hour", set = { x = "x + 1" } }
chain  = { when = "x > 2.5", set = { z = "x" } }

[equations]
m = '''
a(0)        = 10*low       : mg
d/dt(a)     = -k*a         : mg
d/dt(times) = 0*one/hour   : 1
b(0)        = one          : 1
d/dt(b)     = 0*one/hour   : 1
d/dt(c)     = one/hour     : 1
d(0)        = one          : 1
d/dt(d)     = 0*one/hour   : 1
d/dt(e)     = 0*one/hour   : 1
x(0)        = one          : 1
d/dt(x)     = 0*one/hour   : 1
d/dt(y)     = 0*one/hour   : 1
d/dt(z)     = 0*one/hour   : 1
'''
""".replace("@", 'label = "", source = "none", evidence = "assumed"')
OBSERVE = "0:30:0.7"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("events") / "events.toml"
    path.write_text(MODEL)
    return pkpd.load(path)


def course(model, solver="auto", people=None):
    people = pkpd.cohort(model, typical=True) if people is None else people
    options = {"rtol": 1e-10, "solver": solver}
    events = pkpd.events(model, pd.DataFrame([{"TIME": 0.0, "EVID": 2}]))
    return pkpd.simulate(model, events, people, OBSERVE, **options).frame()


def refilled(t, k=0.3):
    """a, and how often it was refilled: from 20 to 2, then again and again from 12 to 2."""
    begin, every = math.log(10) / k, math.log(6) / k
    if t < begin:
        return 20 * math.exp(-k * t), 0
    return 12 * math.exp(-k * ((t - begin) % every)), 1 + (t - begin) // every


@pytest.mark.parametrize("solver", ["auto", pytest.param("rosenbrock", marks=pytest.mark.slow)])
def test_events_happen_when_closed_forms_say(model, solver):
    found = course(model, solver)
    times = found["TIME"].to_numpy()
    a, count = np.transpose([refilled(t) for t in times])
    np.testing.assert_allclose(found["a"], a, rtol=1e-8)
    assert found["times"].tolist() == count.tolist()
    assert found["b"].tolist() == np.where(times >= 5, 4.0, 1.0).tolist()
    np.testing.assert_allclose(found["c"], times % 2, atol=1e-9)
    assert set(found["d"]) == {1.0}
    np.testing.assert_allclose(found["e"], 5, rtol=1e-14)  # a stiff solver rounds zero rates
    for name, after in {"x": 3.0, "y": 1.0, "z": 3.0}.items():  # 2*1, then + 1; y is x before
        before = 1.0 if name == "x" else 0.0
        expected = np.where(times > 4, after, before)
        np.testing.assert_allclose(found[name], expected, rtol=1e-14)


def test_a_patient_has_the_same_bits_alone_and_among_others(model):
    people = pkpd.cohort(model, 21, seed=5)
    together = course(model, people=people)
    alone = course(model, people=people.subset([17]))
    own = together[together["ID"] == 17].reset_index(drop=True)
    assert own.equals(alone.reset_index(drop=True))
    assert together.groupby("ID")["times"].last().nunique() > 1


def test_a_dose_may_set_off_or_put_off_an_event(model):
    people = pkpd.cohort(model, typical=True)
    found = pkpd.simulate(model, "30 mg", people, [7.0, 9.0], rtol=1e-10).frame()
    assert found["times"].tolist() == [0.0, 0.0]
    assert found["a"].tolist() == pytest.approx([50 * math.exp(-0.3 * t) for t in (7, 9)], rel=1e-8)


ALWAYS = """
title   = "an event whose condition no state or time decides"
outputs = ["a"]

[dose]
a = { unit = "mg" }

[parameters]
k   = { value = 0.3, unit = "1/h", @ }
one = { value = 1, unit = "mg", @ }

[events]
first = { when = "k > 0*k", set = { a = "2*a" }, at_start = true }

[equations]
m = '''
a(0)    = one    : mg
d/dt(a) = -k*a   : mg
'''
""".replace("@", 'label = "", source = "none", evidence = "assumed"')


def test_a_condition_of_inputs_alone_holds_from_the_start_or_never(tmp_path):
    path = tmp_path / "always.toml"
    path.write_text(ALWAYS)
    model = pkpd.load(path)
    for k, first in ((0.3, 2.0), (0.0, 1.0)):
        people = pkpd.cohort(model, typical=True, set={"k": k})
        found = pkpd.simulate(model, "0 mg", people, [0.0, 1.0], rtol=1e-10).frame()["a"]
        assert found.tolist() == pytest.approx([first, first * math.exp(-k)], rel=1e-9)


def test_what_a_model_with_events_lacks_is_said(model):
    with pytest.raises(pkpd.PkpdError, match=r"event refill .*is not linear"):
        pkpd.simulate(model, "1 mg", pkpd.cohort(model, typical=True), solver="linear")
    with pytest.raises(pkpd.PkpdError, match="has events, which scipy does not hold; sbml does"):
        pkpd.export_model(model, "scipy")
    benefit = {"outcome": "c", "better": "lower", "into": "a", "every": "24 h", "doses": "1:9 mg"}
    with pytest.raises(pkpd.PkpdError, match="has events, of which no steady state is found"):
        pkpd.med(model, pkpd.cohort(model, 2, seed=1), **benefit, delta="10 %")


WRONG = {
    "no set": ('refill = { when = "a < low" }', "event 'refill' is { when"),
    "no state": ('refill = { when = "a < low", set = { q = "1" } }', "sets 'q', which is no state"),
    "units": ('refill = { when = "a < k", set = { a = "low" } }', "event 'refill', .*compares"),
    "value": ('refill = { when = "a < low", set = { a = "k" } }', "has unit 1/h, not mg"),
    "number": ('refill = { when = "a", set = { a = "low" } }', "is not a comparison"),
    "nothing": ('refill = { when = "a < low", set = {} }', "sets at least one state"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_event_is_refused_with_its_line(what, tmp_path):
    entry, message = WRONG[what]
    lines = MODEL.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("refill"))
    path = tmp_path / "wrong.toml"
    path.write_text("\n".join([*lines[:place], entry, *lines[place + 1 :]]))
    with pytest.raises(pkpd.PkpdError, match=rf"wrong.toml:{place + 1}: .*{message}"):
        pkpd.load(path)


def test_an_event_at_an_equality_is_refused(tmp_path):
    path = tmp_path / "equal.toml"
    path.write_text(MODEL.replace('when = "c > 2"', 'when = "c == 2"'))
    model = pkpd.load(path)
    with pytest.raises(pkpd.PkpdError, match="event 'saw': its condition is made of comparisons"):
        course(model)


PING_PONG = """
title   = "each of two events brings the other about"
time    = "h"
outputs = ["x"]

[dose]
x = { unit = "mg" }

[parameters]
k   = { value = 0.3, unit = "1/h", @ }
one = { value = 1, unit = "mg", @ }

[events]
down = { when = "x > 2*one", set = { x = "0*one" } }
up   = { when = "x < one", set = { x = "3*one" } }

[equations]
m = '''
x(0)    = 1.5*one : mg
d/dt(x) = -k*x    : mg
'''
""".replace("@", 'label = "", source = "none", evidence = "assumed"')


def test_events_that_follow_one_another_without_end_fail_their_patient_alone(tmp_path):
    (tmp_path / "ping_pong.toml").write_text(PING_PONG)
    model = pkpd.load(tmp_path / "ping_pong.toml")
    rows = [(1, 0.0, 1, 10.0), (1, 1.0, 0, 0.0), (2, 0.0, 1, 0.1), (2, 1.0, 0, 0.0)]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "EVID", "AMT"])
    found = pkpd.simulate(model, pkpd.events(model, table), pkpd.cohort(model, n=2), [1.0])
    assert found.status.tolist() == [status.SWITCHING, status.OK]
    assert "without end" in found.failure_sentence()
    assert found.frame()["x"].iloc[-1] == pytest.approx(1.6 * math.exp(-0.3), rel=1e-6)
