"""Rescue doses: taken by the rating of the day before, and carried into the body as written."""

import re

import numpy as np
import pytest

import pkpd
from pkpd.report.words.trials import trial_sentences
from pkpd.trials.design import from_data
from pkpd.trials.run import trial
from tests.trials.two_drugs import QUIET, written

MISSING = QUIET | {"missing": 0.2}
PEOPLE, DAYS = 8, 14


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    usual = "value = 6.5, iiv = { cv = 0.2 }"
    return written(folder, usual=usual, most="value = 3.0", late="value = 2.5")


def run(path, rescue, ids=None, **changes):
    phases = [{"name": "p", "days": DAYS, "dose": 1.0, "visits_every": 7}]
    plan = {"model": str(path), "patients": PEOPLE, "seed": 7, "run_in": 3, "diary_set": MISSING}
    plan |= {"arms": [{"name": "a", "phases": phases}], "rescue": rescue}
    plan |= {"endpoints": [{"name": "use", "kind": "rescue", "phase": "p"}]}
    return trial(from_data(plan | changes), ids=ids)


@pytest.mark.parametrize(
    ("rescue", "hours", "amount"),
    [
        ({"take": "4 mg into b at 08:00, 23:00", "at_least": 5.5}, (8, 23), "4 mg into b"),
        ({"take": "4 mg into b at 08:00, 23:00", "at_least": [5, 6]}, (8, 23), "4 mg into b"),
        ({"take": "6 mg into b over 4h at 21:00", "at_least": 5.5}, (21,), "6 mg into b over 4h"),
    ],
)
def test_the_day_after_a_bad_one_is_that_of_a_simulation_with_the_doses(
    path, rescue, hours, amount
):
    found = run(path, rescue)
    (course,) = found.courses
    levels = np.broadcast_to(rescue["at_least"], len(hours))
    expected = course.score[:, 2:-1, None] >= levels
    np.testing.assert_array_equal(course.rescue[:, 3:], expected.sum(axis=2))
    assert not course.rescue[:, :3].any()
    used = course.rescue[:, 3:]
    assert (used > 0).any(axis=0).all() and (np.ptp(used, axis=1) > 0).sum() > 2
    model, people = pkpd.load(path), pkpd.cohort(pkpd.load(path), PEOPLE, seed=7)
    for row in np.flatnonzero(np.ptp(used, axis=1) > 0)[:3]:
        times = [24 * day + hour for day in range(DAYS) for hour in hours[: used[row, day]]]
        doses = "".join(f" and wait {time}h then {amount}" for time in times)
        alone = people.subset([row + 1])
        for day in (2, 7, 8, 14):
            window = (f"{day - 1} d", f"{day} d")
            pain = pkpd.simulate(
                model,
                f"1 mg into a q24h x {DAYS}{doses}",
                alone,
                endpoints=["mean(pain)"],
                window=window,
                rtol=1e-8,
            ).values[0, 0]
            assert course.score[row, day + 2] == pytest.approx(pain, abs=1e-5)


def test_use_is_counted_by_patient_and_arm(path):
    rescue = {"take": "4 mg into b at 08:00, 23:00", "at_least": 5.5}
    stops = [{"name": "numb", "when": "cmin(pain) < 4", "stop": True}]
    found = run(path, rescue, adverse=stops)
    (course,) = found.courses
    gone = course.left > 0
    assert gone.any() and not gone.all()
    assert not course.rescue[course.days > np.where(gone, course.left, 99)[:, None]].any()
    use = found.values["use"][0]
    last = course.rescue[:, -7:].mean(axis=1)
    np.testing.assert_array_equal(use, np.where(gone & (course.left < DAYS), np.nan, last))
    np.testing.assert_array_equal(found.people()["rescue"], course.rescue.sum(axis=1))
    np.testing.assert_array_equal(found.diaries()["rescue"], course.rescue.ravel())
    days = np.where(gone, course.left, DAYS).sum()
    used = found.summary()["arms"][0]["rescue"]
    assert used["doses_a_day"] == pytest.approx(course.rescue.sum() / days)
    assert used["patients"] == course.rescue.any(axis=1).mean()
    said = "\n".join(trial_sentences(found.model, found.summary()))
    assert f"rescue doses {100 * used['patients']:.0f} % ({used['doses_a_day']:.2g} a day)" in said
    assert "at 08:00, 23:00 on the day after a rating of at least 5.5" in said


def test_a_patient_takes_the_same_rescue_doses_alone_whatever_the_others_feel(path):
    rescue = {"take": "4 mg into b at 08:00, 23:00", "at_least": 5.5}
    noisy = {"diary_set": {"missing": 0.2}}
    everybody, alone = run(path, rescue, **noisy), run(path, rescue, ids=[5], **noisy)
    assert np.ptp(alone.courses[0].rescue) > 0
    for name in ("rescue", "diary", "score"):
        whole, one = (getattr(found.courses[0], name) for found in (everybody, alone))
        np.testing.assert_array_equal(whole[4:5], one, err_msg=name)


@pytest.mark.parametrize(
    ("rescue", "said"),
    [
        ({"take": "4 mg into a at 08:00", "at_least": 5}, "which receives the trial's own doses"),
        ({"take": "4 mg into b", "at_least": 5}, "take: .*does not say how often"),
        ({"take": "4 mg into b q12h x 4", "at_least": 5}, "take: .*leave out 'x 4'"),
        ({"take": "4 mg into b q36h", "at_least": 5}, "is not the same on all days"),
        ({"take": "4 mg into b q12h", "at_least": [5, 6, 7]}, "each of the 2 doses of a day"),
        ({"take": "4 mg into b q12h", "at_least": [6, 5]}, "one that does not fall"),
        ({"take": "4 mg into b q12h", "at_least": "bad"}, "at_least must be a number"),
        ({"take": "4 mg into b q12h", "at_least": 11}, "no rating is above 10"),
        ({"take": "4 mg into b q12h"}, "rescue: at_least is missing"),
        ({"take": "4 mg into b q12h", "at_most": 5}, "rescue: unknown 'at_most'"),
        ("4 mg", "rescue is a table"),
    ],
)
def test_rescue_doses_that_make_no_sense_are_refused(path, rescue, said):
    with pytest.raises(pkpd.PkpdError, match=said):
        run(path, rescue)


def test_use_without_rescue_doses_is_refused():
    plan = {"model": "ldn/hormesis", "arms": [{"name": "a", "phases": [{"days": 7, "dose": 1}]}]}
    plan |= {"endpoints": [{"name": "use", "kind": "rescue", "day": 7}]}
    with pytest.raises(pkpd.PkpdError, match=re.escape("'use': this trial has no rescue doses")):
        from_data(plan)
