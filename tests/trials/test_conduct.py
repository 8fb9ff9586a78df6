"""Patients through visits: nothing restarts, patients are independent, rules find what is there."""

import numpy as np
import pytest

from pkpd.dosing.actions import arriving, single_actions
from pkpd.kernels.lower import area
from pkpd.population.cohort import cohort
from pkpd.population.occasions import by_occasion
from pkpd.response.dose_response import dose_response
from pkpd.simulation import simulate
from pkpd.solvers.batch import compile, solve
from pkpd.symbolic.load import load
from pkpd.titration.library import rule
from pkpd.trials.conduct import follow
from pkpd.trials.observation import Observer, diary
from pkpd.trials.physiology import setting
from tests.trials.two_drugs import QUIET

MODEL = load("ldn/hormesis")
PEOPLE = cohort(MODEL, 48, seed=7)
USUAL = setting(MODEL, diary())
LADDER = rule("slow-ladder-7-days")


@pytest.fixture(scope="module")
def course():
    return follow(USUAL, PEOPLE, [(70, LADDER)], run_in=7)


def test_a_rule_that_never_changes_the_dose_equals_the_fixed_dose_to_the_bit():
    fixed = follow(
        USUAL, PEOPLE, [(56, rule({"kind": "fixed", "ladder": [4.5], "days": 7}))], run_in=7
    )
    stuck = rule(
        {
            "like": "step-up-2-weeks",
            "ladder": [4.5, 50.0],
            "days": 7,
            "conditions": [{"when": "score", "at_least": 0, "do": "hold"}],
        }
    )
    other = follow(USUAL, PEOPLE, [(56, stuck)], run_in=7)
    for name in ("diary", "score", "dose", "taken", "events", "left", "reason"):
        np.testing.assert_array_equal(getattr(fixed, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize(
    "kind", ["slow-ladder-7-days", {"like": "thompson", "days": 7, "steps": 10, "particles": 64}]
)
def test_a_patient_alone_has_the_same_diary_and_doses_to_the_bit(kind):
    chosen = rule(kind).prepare(USUAL)
    everybody = follow(USUAL, PEOPLE, [(70, chosen)], run_in=7)
    alone = follow(USUAL, cohort(MODEL, seed=7, ids=[31]), [(70, chosen)], run_in=7)
    for name in ("diary", "score", "dose", "taken", "events", "left", "reason", "found"):
        np.testing.assert_array_equal(
            getattr(everybody, name)[30:31], getattr(alone, name), err_msg=name
        )


def test_daily_means_are_those_of_one_uninterrupted_run(course):
    """The doses that were taken, late ones at their time, in one solve without visits."""
    s, n = USUAL, len(PEOPLE)
    kernel = compile(
        MODEL, observe=(area("pain"), area("blockade")), integrals=("pain", "blockade")
    )
    takes, late = Observer(s.diary, PEOPLE.seed, PEOPLE.ids, course.base, 7, 70).doses(70)
    times = np.where(takes, 24.0 * np.arange(70) + late, np.inf)
    theta = by_occasion(PEOPLE, np.arange(70)[:, None])
    own = 70 * np.arange(n)[:, None] + np.arange(70)
    arrive, amount = arriving(MODEL, "depot", times, course.dose[:, 7:], theta, own)
    acts = single_actions(
        MODEL,
        "depot",
        np.hstack([times, arrive]),
        np.hstack([times, amount]),
        np.hstack([own, np.full_like(own, -1)]),
    )
    run = solve(
        kernel, theta, 70 * np.arange(n), t1=70 * 24.0, actions=acts, grid=24.0 * np.arange(1, 71)
    )
    stayed = course.left == 0
    daily = np.diff(run.out[:, :, 0], axis=1, prepend=0.0) / 24.0
    np.testing.assert_allclose(course.score[stayed, 7:], daily[stayed], atol=2e-5)
    np.testing.assert_array_equal(course.taken[stayed, 7:], (course.dose[:, 7:] * takes)[stayed])
    assert stayed.sum() > n / 2


@pytest.mark.parametrize("occasion", ["dose", "7 d", "none"])
def test_patients_who_take_every_dose_have_the_occasions_of_a_simulation(occasion):
    place = setting(MODEL, diary(changes=QUIET), occasion=occasion)
    visits = follow(
        place, PEOPLE, [(28, rule({"kind": "fixed", "ladder": [4.5], "days": 14}))], run_in=1
    )
    run = simulate(
        MODEL,
        "4.5 mg q24h x 28",
        PEOPLE,
        endpoints=["mean(pain)"],
        window=("26 d", "27 d"),
        occasion=occasion,
    )
    np.testing.assert_allclose(visits.score[:, -2], run.values[:, 0], atol=2e-5)


def test_occasions_are_drawn_anew_in_each_repetition_and_not_under_null_controls():
    plan = [(14, rule({"kind": "fixed", "ladder": [4.5], "days": 7}))]
    quiet = diary(changes=QUIET)
    first, again, off = (
        follow(place, PEOPLE, plan, run_in=1, replicate=k).score[:, 1:]
        for place, k in (
            (setting(MODEL, quiet), 0),
            (setting(MODEL, quiet), 1),
            (setting(MODEL, quiet, occasion="none"), 0),
        )
    )
    assert 0.002 < np.abs(first - again).max(axis=1).mean() < 0.1
    assert 0.002 < np.abs(first - off).max(axis=1).mean() < 0.1
    same = [
        follow(setting(MODEL, quiet, "same-med"), PEOPLE, plan, run_in=1, replicate=k).score
        for k in (0, 1)
    ]
    np.testing.assert_array_equal(*same)


def test_the_audit_log_holds_every_dose(course):
    log = course.audit()
    for patient in (1, 2, 17):
        mine = log["ID"] == patient
        last = course.left[patient - 1] or 70
        doses = np.zeros(len(course.days))
        for day, following in zip(log["DAY"][mine], log["NEXT"][mine], strict=True):
            doses[course.days > day] = following
        doses[course.days > last] = 0.0
        np.testing.assert_array_equal(doses, course.dose[patient - 1])
        seen = [
            np.nanmean(course.diary[patient - 1, (course.days > d - 7) & (course.days <= d)])
            for d in log["DAY"][mine][1:]
        ]
        np.testing.assert_allclose(log["SCORE"][mine][1:], seen)
    assert set(log["RULE"]) <= {"start", "up", "back to the best", "hold", "stop", "no entries"}


def naive_ladder(doses, means, baseline, wanted):
    """Doses of one patient: up until a dose has helped and the next is no better, then back."""
    taken, best, place, done = [doses[0]], (baseline, None), 0, False
    for mean in means:
        if not (done or np.isnan(mean)):
            if mean < best[0]:
                best = (mean, place)
            if best[0] <= (1 - wanted) * baseline and best[1] < place:
                place, done = best[1], True
            elif place == len(doses) - 1:
                place, done = (best[1] if best[0] <= (1 - wanted) * baseline else None), True
            else:
                place += 1
        taken.append(0.0 if place is None else doses[place])
    return taken


def test_doses_follow_from_the_diary_as_the_rule_says(course):
    wanted = USUAL.diary.traits(PEOPLE.seed, PEOPLE.ids)["improvement_wanted"]
    for row in range(len(PEOPLE)):
        last = int(course.left[row] or 70) // 7 * 7
        means = [
            np.nanmean(course.diary[row, (course.days > d - 7) & (course.days <= d)])
            for d in range(7, last + 1, 7)
        ]
        expected = naive_ladder(
            LADDER.ladder, means, np.nanmean(course.diary[row, :7]), wanted[row]
        )
        for k, dose in enumerate(expected[:-1]):
            assert set(course.dose[row, 7 + 7 * k : 14 + 7 * k]) == {dose}, (row, k)


def test_following_patients_only_until_their_rule_ends_finds_the_same(course):
    short = follow(USUAL, PEOPLE, [(70, LADDER)], run_in=7, until_done=True)
    np.testing.assert_array_equal(short.found, course.found)
    assert np.isnan(short.diary).sum() > np.isnan(course.diary).sum()


def test_after_leaving_there_is_neither_diary_nor_dose(course):
    gone = (course.left > 0)[:, None] & (course.days > course.left[:, None])
    assert (
        gone.any()
        and np.isnan(course.diary[gone]).all()
        and not course.dose[gone].any()
        and not course.taken[gone].any()
    )


def test_a_full_ladder_without_noise_finds_the_best_dose_of_the_ladder():
    """Half-lives are shortened so that 28 days are more than eight of the slowest."""
    people = cohort(
        MODEL,
        24,
        seed=7,
        set={"tgl": 12.0, "trec": 12.0, "tend": 6.0, "tmem": 6.0, "tpain": 12.0, "toff": 4.0},
    )
    place = setting(MODEL, diary(changes=QUIET), occasion="none")
    ladder = rule(
        {
            "like": "full-ladder",
            "ladder": [0.5, 1.5, 3.0, 6.0, 12.0],
            "days": 28,
            "window": 1,
            "helped": 0.0,
        }
    )
    found = follow(place, people, [(ladder.longest, ladder)], run_in=1, until_done=True).found[:, 0]
    benefit = dose_response(MODEL, people, ladder.ladder).gain
    best = np.where(
        benefit.max(axis=1) > 0, np.array(ladder.ladder)[benefit.argmax(axis=1)], np.nan
    )
    ordered = np.sort(np.column_stack([benefit, np.zeros(24)]), axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > 1e-3
    assert clear.sum() > 18 and len(np.unique(best[clear])) > 3
    np.testing.assert_array_equal(found[clear], best[clear])


def test_a_late_dose_arrives_after_a_visit_as_it_would_without_one():
    """Everything prescribed arrives, some of it after the next visit."""
    place = setting(MODEL, diary(changes=QUIET | {"late": 1, "late_most": 30.0}))
    late = follow(
        place,
        PEOPLE.subset([1, 2, 3]),
        [(28, rule({"kind": "fixed", "ladder": [4.5], "days": 1, "window": 1}))],
        run_in=1,
    )
    once = follow(
        place,
        PEOPLE.subset([1, 2, 3]),
        [(28, rule({"kind": "fixed", "ladder": [4.5], "days": 28}))],
        run_in=1,
    )
    np.testing.assert_allclose(late.score, once.score, atol=2e-5)


def part_of_the_way(choice):
    """What a Bayesian rule reaches almost without noise, in 4 cohorts of 40 patients of the prior.

    0 is the one dose that is best for all of a cohort, 1 everybody's own best of the ladder.
    """
    place = setting(MODEL, diary(changes=QUIET | {"noise_sd": 0.2}))
    table = {"like": "bayes", "choice": choice, "steps": 12, "days": 28, "helped": 0.0}
    ladder = rule(table).prepare(place)
    reached = whole = 0.0
    for seed in range(1, 5):
        people = cohort(MODEL, 40, seed=seed)
        course = follow(place, people, [(ladder.longest, ladder)], run_in=7, until_done=True)
        gain = dose_response(MODEL, people, ladder.ladder).gain
        step = np.searchsorted(ladder.ladder, np.nan_to_num(course.found[:, 0]))
        one_for_all = np.maximum(gain[:, gain.mean(axis=0).argmax()], 0.0).sum()
        reached += np.maximum(gain[np.arange(40), step], 0.0).sum() - one_for_all
        whole += np.maximum(gain.max(axis=1), 0.0).sum() - one_for_all
    return reached / whole


def test_bayesian_weights_find_the_dose_of_a_patient_of_the_prior():
    """By Thompson sampling, which tries doses: 0.75 of the way in 5 such cohorts, each of 3 priors.

    Always the largest expected benefit tries little and learns little: 0.43 over 9 priors, and in
    one cohort anything from 0 to 0.8.
    """
    tried, expected = part_of_the_way("thompson"), part_of_the_way("expected")
    assert tried > 0.5
    assert 0.0 < expected < tried
