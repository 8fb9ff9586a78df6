"""Absorption in the ways of the literature: repeated doses are sums of single ones.

What one dose gives is computed beside the package: a distribution of the time of absorption from
SciPy, convolved with what an amount in the body, or in the gut, does to the concentration.
"""

import functools

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import gamma, invgauss, uniform, weibull_min

import pkpd

DOSE, KA, K, VC, SHARE = 100.0, 1.0, 0.1, 50.0, 0.8
SCALE = 1000 * SHARE * DOSE / VC  # ng/mL
LAG = 1.5
slow = pytest.mark.slow


def from_blood(u):
    return np.exp(-K * u) if u >= 0 else 0.0


def from_gut(u, ka=KA):
    return ka / (ka - K) * (np.exp(-K * u) - np.exp(-ka * u)) if u >= 0 else 0.0


def convolved(density, response):
    """What one dose gives whose parts arrive with a density over time."""

    def course(t):
        if t <= 0:
            return 0.0
        middle = [p for p in (0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0) if p < t]
        options = {"epsabs": 1e-13, "epsrel": 1e-12, "limit": 500}
        return quad(lambda s: density.pdf(s) * response(t - s), 0, t, points=middle, **options)[0]

    return course


def side_by_side(first, second, share):
    return lambda t: (1 - share) * first(t) + share * second(t)


def after(delay, response):
    return lambda t: response(t - delay)


# model -> what one dose gives as a share of SCALE, hours between doses
COURSES = {
    "transit": (convolved(gamma(6, scale=1 / 6), from_gut), 24),
    "weibull": (convolved(weibull_min(1.6, scale=2), from_blood), 24),
    "inverse_gaussian": (convolved(invgauss(0.49, scale=3 / 0.49), from_blood), 96),
    "mixed": (side_by_side(from_gut, convolved(uniform(0, 3), from_blood), 0.4), 2),
    "parallel": (side_by_side(from_gut, lambda u: from_gut(u, 0.15), 0.5), 6),
    "biphasic": (side_by_side(from_gut, after(5, lambda u: from_gut(u, 0.8)), 0.5), 4),
}
QUICK = ("weibull", "mixed")
MODELS = [pytest.param(n, marks=() if n in QUICK else slow) for n in COURSES]


@functools.cache
def typical(name):
    model = pkpd.load(f"absorption/{name}")
    return model, pkpd.cohort(model, typical=True, set={"tlag": LAG})


def summed(name, times, doses):
    """Concentration at times of doses at times, all of DOSE."""
    course, _ = COURSES[name]
    return SCALE * np.array([sum(course(t - LAG - d) for d in doses) for t in times])


@pytest.mark.parametrize("name", MODELS)
def test_repeated_doses_are_the_sum_of_single_ones(name):
    model, people = typical(name)
    every = COURSES[name][1]
    times = every * np.array([0.3, 0.9, 1.3, 2.1, 2.6, 3.5])
    found = pkpd.simulate(model, f"100 mg q{every}h x 3", people, times.tolist(), rtol=1e-10)
    expected = summed(name, times, every * np.arange(3))
    np.testing.assert_allclose(found.frame()["Cc"], expected, rtol=1e-8, atol=1e-8 * SCALE)


@pytest.mark.parametrize("name", MODELS)
def test_a_steady_state_is_the_sum_of_all_past_doses(name):
    model, people = typical(name)
    every = COURSES[name][1]
    record = {"TIME": 0.0, "EVID": 1, "AMT": DOSE, "II": every, "SS": 1, "ADDL": 1, "CMT": 1}
    events = pkpd.events(model, pd.DataFrame([record]))
    times = every * np.array([0.3, 0.9, 1.3])
    found = pkpd.simulate(model, events, people, times.tolist(), rtol=1e-10).frame()
    expected = summed(name, times, every * np.arange(-200, 2))
    np.testing.assert_allclose(found.loc[found["TIME"] > 0, "Cc"], expected, rtol=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_a_search_over_doses_finds_the_same_steady_state(name):
    model, people = typical(name)
    every = COURSES[name][1]
    benefit = {"outcome": "Cc", "better": "higher", "into": "depot", "every": f"{every} h"}
    found = pkpd.dose_response(model, people, **benefit, doses="50:200 mg", delta="1 ng/mL")
    mean = 0.8 * 200 / 50 / (K * every) * 1000  # of the largest dose, whatever its absorption
    largest = found.frame().iloc[-1]
    assert largest["DOSE"] == pytest.approx(200.0)
    assert largest["Cc"] == pytest.approx(mean, rel=1e-5)


def test_records_beside_a_regimen_tell_the_equations_the_same():
    model, people = typical("weibull")
    table = pd.DataFrame({"TIME": [0.0, 24.0, 48.0], "AMT": DOSE, "CMT": 1})
    times = [10.0, 30.0, 60.0]
    by_table = pkpd.simulate(model, pkpd.events(model, table), people, times, rtol=1e-10).frame()
    by_text = pkpd.simulate(model, "100 mg q24h x 3", people, times, rtol=1e-10).frame()
    at = by_table["TIME"].isin(times)
    np.testing.assert_allclose(by_table.loc[at, "Cc"], by_text["Cc"], rtol=1e-12)


def test_a_background_of_such_doses_begins_at_its_steady_state():
    model, people = typical("weibull")
    times = [1.0, 10.0, 30.0]
    found = pkpd.simulate(
        model, "0 mg", people, times, background="100 mg into depot q24h", rtol=1e-10
    ).frame()
    expected = summed("weibull", np.array(times), 24.0 * np.arange(-20, 2))
    np.testing.assert_allclose(found["Cc"], expected, rtol=1e-7)


def test_time_after_dose_and_the_last_dose_are_states_that_doses_set():
    model, _ = typical("transit")
    assert model.state_names[-2:] == ("tad_depot", "last_dose_depot")
    assert model.memory == "tad(depot)"


WRONG = {
    "tad(gut)": "tad\\(gut\\): 'gut' is no dose target",
    "last_dose(central)*cl/vc": "in d/dt\\(x\\)",
}


@pytest.mark.parametrize("rate", WRONG)
def test_a_wrong_use_is_one_sentence(rate, tmp_path):
    path = tmp_path / "wrong.toml"
    include = 'include = ["pk/one_compartment"]\n'
    path.write_text(include + f"[equations]\nmine = '''\nd/dt(x) = {rate} : 1\n'''\n")
    with pytest.raises(pkpd.PkpdError, match=WRONG[rate]):
        pkpd.load(path)


SHARING = {
    "depot": "is given with 'depot', which is no other dose target",
    "nobody": "is given with 'nobody', which is no other dose target",
    "central": "must be in mg and must not be given with a third one",
}


@pytest.mark.parametrize("other", SHARING)
def test_a_dose_is_shared_with_another_target_alone(other, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(
        'include = ["pk/one_compartment"]\n[override]\nnames = ["depot", "central"]\n[dose]\n'
        'central = { unit = "mg", with = "depot" }\n'
        f'depot = {{ unit = "mg", with = "{other}" }}\n'
    )
    with pytest.raises(pkpd.PkpdError, match=SHARING[other]):
        pkpd.load(path)


def test_nothing_is_dosed_into_a_part_of_other_doses_alone():
    model, people = typical("mixed")
    with pytest.raises(pkpd.PkpdError, match="cannot be dosed into 'central'"):
        pkpd.simulate(model, "100 mg into central", people, [1.0])
    table = pd.DataFrame({"TIME": [0.0], "AMT": DOSE, "CMT": 2})
    with pytest.raises(pkpd.PkpdError, match="'2' cannot be dosed; dose into 1 or depot"):
        pkpd.events(model, table)


def test_a_dose_that_enters_several_targets_is_no_infusion():
    model, people = typical("mixed")
    with pytest.raises(pkpd.PkpdError, match="enters central as well"):
        pkpd.simulate(model, "100 mg into depot over 2h", people, [1.0])
    table = pd.DataFrame({"TIME": [0.0], "AMT": DOSE, "RATE": 10.0, "CMT": 1})
    with pytest.raises(pkpd.PkpdError, match="row 1: a dose that enters several targets"):
        pkpd.simulate(model, pkpd.events(model, table), people, [1.0])


def test_no_export_and_no_trial_forgets_what_doses_tell_the_equations():
    model, _ = typical("weibull")
    with pytest.raises(pkpd.PkpdError, match="which no export holds"):
        pkpd.export_model(model, "scipy")


def test_a_target_with_another_one_is_written_below_it(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(
        'outputs = ["a"]\n[dose]\nb = { unit = "mg", with = "a" }\na = { unit = "mg" }\n'
        '[parameters]\nk = { value = 1, unit = "1/h", label = "", source = "x", '
        'evidence = "assumed" }\n'
        "[equations]\nm = '''\nd/dt(a) = -k*a : mg\nd/dt(b) = -k*b : mg\n'''\n"
    )
    with pytest.raises(pkpd.PkpdError, match="with 'a'; write it below that one"):
        pkpd.load(path)
