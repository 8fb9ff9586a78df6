"""Adverse events that the model makes, and patients who leave because of them.

The days with them are those of a simulation without visits.
"""

import numpy as np
import pytest

import pkpd
from pkpd.report.words.trials import by_arm, trial_sentences
from pkpd.trials.design import from_data
from pkpd.trials.run import trial
from tests.trials.two_drugs import QUIET, written

UNEVENTFUL = QUIET | dict.fromkeys(("insomnia_placebo", "dreams_placebo", "headache_placebo"), 0)
DOSES = "5 mg into a q24h x 14 and wait 40h then 6 mg into b q36h x 4"
PEOPLE = 12


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    numbers = {"k": "value = 0.1, iiv = { cv = 0.5 }", "slow": "value = 1.0"}
    numbers |= {"most": "value = 2.0", "late": "value = 0.0"}
    return written(tmp_path_factory.mktemp("models"), **numbers)


def run(path, adverse, **changes):
    phases = [{"days": 14, "dose": 5, "visits_every": 7}]
    beside = {"name": "both", "phases": phases, "beside": "wait 40h then 6 mg into b q36h x 4"}
    plan = {"model": str(path), "patients": PEOPLE, "seed": 7, "run_in": 2, "diary_set": UNEVENTFUL}
    plan |= {"arms": [beside, {"name": "alone", "phases": phases}], "allocation": "shared"}
    plan |= {"endpoints": [], "adverse": adverse}
    return trial(from_data(plan | changes))


@pytest.fixture(scope="module")
def daily(path):
    """(P, 14) largest sleepiness, and hours above 3, on each day of the arm with both drugs."""
    model, asked = pkpd.load(path), ["cmax(sleepy)", "time_above(sleepy, 3)"]
    people, found = pkpd.cohort(model, PEOPLE, seed=7), []
    for day in range(1, 15):
        window = (f"{day - 1} d", f"{day} d")
        asked_of = {"endpoints": asked, "window": window, "rtol": 1e-8}
        found.append(pkpd.simulate(model, DOSES, people, **asked_of).values)
    return np.moveaxis(found, 0, 1)


def test_events_begin_on_the_days_on_which_a_simulation_crosses_the_bound(path, daily):
    found = run(
        path,
        [
            {"name": "sleepy", "when": "cmax(sleepy) >= 4.5"},
            {"name": "long", "when": "time_above(sleepy, 3) > 4 h"},
        ],
        endpoints=[{"name": "ever", "kind": "adverse", "day": 14, "event": "long"}],
    )
    events = found.courses[0].events[:, 2:, 3:]
    met = np.stack([daily[:, :, 0] >= 4.5, daily[:, :, 1] > 4], axis=2)
    begun = met & ~np.pad(met, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    np.testing.assert_array_equal(events, begun)
    assert begun.sum(axis=(0, 1)).min() > PEOPLE / 2 and not met.all(axis=(0, 1)).any()
    assert not found.courses[0].left.any()
    ever = found.people()["ever"][:PEOPLE]
    np.testing.assert_array_equal(ever, met[:, :, 1].any(axis=1))
    assert list(found.diaries()["sleepy"][:16]) == [False, False, *begun[0, :, 0]]


def test_a_patient_leaves_after_the_first_day_with_an_event_that_stops(path, daily):
    found = run(path, [{"name": "sleepy", "when": "cmax(sleepy) >= 4.5", "stop": True}])
    met = daily[:, :, 0] >= 4.5
    first = np.where(met.any(axis=1), met.argmax(axis=1) + 1, 0)
    both, alone = found.courses
    np.testing.assert_array_equal(both.left, first)
    assert (first > 1).any() and (first == 0).any() and (alone.left == 0).sum() > (first == 0).sum()
    gone = (first > 0)[:, None] & (both.days > first[:, None])
    np.testing.assert_array_equal(np.isnan(both.diary), gone)
    why = found.people()["left_because"][:PEOPLE]
    assert set(why) == {"", "stopped: sleepy"} and (np.array(why) != "").sum() == (first > 0).sum()
    summary = found.summary()
    assert summary["arms"][0]["left_because"]["stopped: sleepy"] == (first > 0).sum()
    counts = [str((course.left > 0).sum()) for course in found.courses]
    header, rows = by_arm(summary, "left_because")
    assert header == ("why patients left", "both", "alone")
    assert ("stopped: sleepy", *counts) in rows
    had = [f"{100 * course.events[:, :, 3].any(axis=1).mean():.0f} %" for course in found.courses]
    assert ("sleepy", *had) in by_arm(summary, "adverse")[1]
    said = "\n".join(trial_sentences(found.model, summary))
    assert f"{(first > 0).sum()} left ({(first > 0).sum()} stopped: sleepy)" in said
    assert "sleepy is a day with cmax(sleepy) >= 4.5, after which the patient leaves" in said


def test_what_holds_before_treatment_begins_when_it_comes_back(path):
    """Pain is above the bound untreated, falls below it in most patients, and comes back."""
    phases = [{"days": 7, "dose": 20}, {"name": "off", "days": 14, "dose": 0, "visits_every": 7}]
    arms = [{"name": "a", "phases": phases}]
    adverse = [{"name": "back", "when": "mean(pain) >= 5", "stop": True}]
    (course,) = run(path, adverse, arms=arms).courses
    (free,) = run(path, [], arms=arms, run_in=1).courses
    met = free.score >= 5
    begun = met[:, 1:] & ~met[:, :-1]
    assert met[:, 0].all() and begun.any(axis=1).sum() > PEOPLE / 2
    np.testing.assert_array_equal(course.left, np.where(begun.any(axis=1), begun.argmax(1) + 1, 0))


def test_events_of_a_phase_are_counted_among_those_who_entered_it(path):
    """A patient who left in the first phase is missing in the second."""
    phases = [{"name": name, "days": 7, "dose": 5} for name in ("first", "second")]
    ends = [{"name": phase["name"], "kind": "adverse", "phase": phase["name"]} for phase in phases]
    adverse = [{"name": "sleepy", "when": "cmax(sleepy) >= 4.5", "stop": True}]
    beside = {"name": "both", "beside": "wait 150h then 6 mg into b q36h x 5", "phases": phases}
    found = run(path, adverse, arms=[beside], endpoints=ends)
    left = found.courses[0].left
    inside = [(left >= first) & (left < first + 7) for first in (1, 8)]
    assert all(some.any() for some in inside) and (left == 0).any()
    first, second = (found.values[name][0] for name in ("first", "second"))
    np.testing.assert_array_equal(first, inside[0])
    np.testing.assert_array_equal(second, np.where(inside[0], np.nan, inside[1]))
    assert found.summary()["endpoints"]["second"]["arms"]["both"]["n"] == (~inside[0]).sum()


def test_days_are_lived_as_without_events(path):
    """Days that are judged one by one give the entries of days that are solved in one piece."""
    plain, judged = run(path, []), run(path, [{"name": "never", "when": "cmax(sleepy) > 11"}])
    for one, other in zip(plain.courses, judged.courses, strict=True):
        np.testing.assert_allclose(one.score, other.score, atol=1e-5)
        assert not other.events[:, :, 3].any()


def test_new_events_make_patients_leave_as_those_of_the_diary_do(path):
    diary = UNEVENTFUL | {"leave_adverse": 1}
    found = run(path, [{"name": "sleepy", "when": "cmax(sleepy) >= 4.5"}], diary_set=diary)
    both, begun = found.courses[0], found.courses[0].events[:, :, 3]
    at = np.where(begun.any(axis=1), both.days[begun.argmax(axis=1)], 0)
    np.testing.assert_array_equal(both.left, at)
    assert (both.left > 0).any() and set(found.people()["left_because"]) <= {"", "adverse event"}


def test_a_rule_sees_them(path):
    rule = {"kind": "fixed", "ladder": [5.0], "days": 7}
    rule |= {"conditions": [{"when": "adverse", "at_least": 1, "do": "stop"}]}
    arms = [{"name": "a", "phases": [{"days": 14, "rule": rule}]}]
    found = run(path, [{"name": "sleepy", "when": "cmax(sleepy) >= 3.2"}], arms=arms)
    (course,) = found.courses
    had = course.events[:, 2:9, 3].any(axis=1)
    assert had.any() and not had.all()
    np.testing.assert_array_equal(course.dose[:, 9:].max(axis=1), np.where(had, 0.0, 5.0))


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"when": "cmax(slepy) > 4"}, "when: .*no state or output 'slepy'. Did you mean 'sleepy'"),
        ({"when": "sleepy above 4"}, "when: .*cannot be read"),
        ({"when": "cmax(sleepy) > 4 mg"}, "when: "),
        ({"when": 4}, "when must be text"),
        ({"when": "cmax(sleepy) > 4", "stop": 1}, "stop is true or false"),
        ({"when": "cmax(sleepy) > 4", "name": "dreams"}, "something else is called so"),
        ({"when": "cmax(sleepy) > 4", "name": "score"}, "something else is called so"),
    ],
)
def test_events_that_cannot_be_judged_are_refused(path, event, said):
    with pytest.raises(pkpd.PkpdError, match=f"adverse: '.*{said}"):
        run(path, [{"name": "e"} | event])
