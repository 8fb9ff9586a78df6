"""A trial of one drug beside another that everybody has taken for long."""

import numpy as np
import pytest

import pkpd
from pkpd.titration.library import rule
from pkpd.trials.conduct import follow
from pkpd.trials.observation import diary
from pkpd.trials.physiology import setting

MODEL = """
title = "pain under a drug and an opioid"
outputs = ["pain"]
[dose]
a = { unit = "mg", f = "share", lag = "late" }
b = { unit = "mg", lag = "late" }
[benefit]
outcome = "pain"
better  = "lower"
into    = "a"
every   = "24 h"
doses   = "0.1:100 mg"
delta   = "0.5"
[parameters]
k     = { value = 0.2, unit = "1/h", iiv = { cv = 0.3 }, IOV label = "", @ }
share = { value = 0.8, unit = "1", iiv = { cv = 0.1 }, iov = { cv = 0.2 }, label = "", @ }
half  = { value = 3.0, unit = "mg", label = "", @ }
most  = { value = 2.5, unit = "NRS", label = "", @ }
usual = { value = 6.0, unit = "NRS", label = "", @ }
late  = { value = 0.7, unit = "h", label = "", @ }
[equations]
e = '''
d/dt(a) = -k*a                                           : mg
d/dt(b) = -0.5*k*b                                       : mg
pain    = usual - most*(a/(half + a) + b/(half + b))     : NRS
'''
""".replace("@", 'source = "test", evidence = "assumed"')
QUIET = dict.fromkeys(
    (
        "noise_sd",
        "placebo_max",
        "missing",
        "missed",
        "late",
        "leave_adverse",
        "leave_random",
        "leave_no_benefit",
        "step",
    ),
    0,
)
BACKGROUNDS = ["4 mg into b q12h", "6 mg into b over 3h at 22:30", "5 mg into b q8h at 23:40"]


def loaded(folder, iov=""):
    path = folder / "two.toml"
    path.write_text(MODEL.replace("IOV", iov))
    return pkpd.load(path)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return loaded(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("beside", BACKGROUNDS)
def test_days_of_a_trial_are_those_of_a_simulation_beside_the_same_drug(model, beside):
    """Visits fall into flows and doses that are on their way, and nothing of them is lost."""
    people = pkpd.cohort(model, 6, seed=7)
    place = setting(model, diary(changes=QUIET), background=beside)
    plan = [(21, rule({"kind": "fixed", "ladder": [4.5], "days": 7}))]
    course = follow(place, people, plan, run_in=1)
    for day in (1, 7, 8, 15, 21):
        run = pkpd.simulate(
            model,
            "4.5 mg into a q24h x 21",
            people,
            background=beside,
            endpoints=["mean(pain)"],
            window=(f"{day - 1} d", f"{day} d"),
            rtol=1e-8,
        )
        np.testing.assert_allclose(course.score[:, day], run.values[:, 0], atol=1e-5)


def test_the_baseline_is_that_of_the_background_alone(model):
    people = pkpd.cohort(model, 6, seed=7)
    beside = BACKGROUNDS[0]
    found = pkpd.titrate(
        model, people, "slow-ladder", background=beside, diary=diary(changes=QUIET)
    )
    alone = pkpd.dose_response(model, people, background=beside)
    np.testing.assert_allclose(found.course.score[:, 0], alone.untreated, atol=1e-5)
    assert (alone.untreated < 5.5).all()


def test_occasions_of_the_other_drug_are_refused(tmp_path):
    model = loaded(tmp_path, "iov = { cv = 0.2 },")
    given = {"background": BACKGROUNDS[0]}
    with pytest.raises(pkpd.PkpdError, match=r"k of two varies between occasions.*'none'"):
        setting(model, diary(), **given)
    assert setting(model, diary(), occasion="none", **given).beside is not None
