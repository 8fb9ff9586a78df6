"""Trials of one drug beside others, and doses at other times than once a day.

Daily means are those of one simulation of the same doses, which knows nothing of visits.
"""

import numpy as np
import pytest

import pkpd
from pkpd.report.words.trials import trial_sentences
from pkpd.titration.library import rule
from pkpd.trials.conduct import follow
from pkpd.trials.design import from_data
from pkpd.trials.observation import diary
from pkpd.trials.physiology import setting
from pkpd.trials.run import trial
from tests.trials.two_drugs import QUIET, written

BACKGROUNDS = ["4 mg into b q12h", "6 mg into b over 3h at 22:30", "5 mg into b q8h at 23:40"]


def loaded(folder, **numbers):
    varied = "value = 0.8, iiv = { cv = 0.1 }, iov = { cv = 0.2 }"
    return pkpd.load(written(folder, share=varied, **numbers))


def run(model, phases=({"days": 21, "dose": 4.5, "visits_every": 7},), patients=6, **changes):
    """A trial of one arm without noise, with run-in of two days; `arm` has entries of the arm."""
    arm = {"name": "arm", "phases": list(phases)} | changes.pop("arm", {})
    plan = {"model": model.name, "patients": patients, "seed": 7, "run_in": 2, "arms": [arm]}
    plan |= {"diary_set": QUIET, "endpoints": []} | changes
    people = pkpd.cohort(model, patients, seed=7)
    return trial(from_data(plan | {"model": str(model.path)}), people=people)


def days_of(run, *days):
    """(P, n) scores of the only arm on some days."""
    (course,) = run.courses
    return course.score[:, np.array(days) + course.run_in - 1]


def simulated(model, regimen, days, patients=6, first=0, **changes):
    """(P, n) mean pain on each of some days, those of a regimen that began `first` days before."""
    people, found = pkpd.cohort(model, patients, seed=7), []
    for day in days:
        window = (f"{first + day - 1} d", f"{first + day} d")
        asked = {"endpoints": ["mean(pain)"], "window": window, "rtol": 1e-8} | changes
        found.append(pkpd.simulate(model, regimen, people, **asked).values[:, 0])
    return np.column_stack(found)


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
    model = loaded(tmp_path, k="value = 0.2, iiv = { cv = 0.3 }, iov = { cv = 0.2 }")
    given = {"background": BACKGROUNDS[0]}
    with pytest.raises(pkpd.PkpdError, match=r"k of two varies between occasions.*'none'"):
        setting(model, diary(), **given)
    assert setting(model, diary(), occasion="none", **given).background is not None


COURSES = [
    "4 mg into b q12h x 10",
    "wait 3d then 4 mg into b q12h x 10 then wait 2d then 6 mg into b over 3h q24h x 9",
    "6 mg into b over 5h at 08:00, 22:30 x 30 and wait 50h then 2 mg into b",
]


@pytest.mark.parametrize("background", [None, "1 mg into b q8h"])
@pytest.mark.parametrize("course", COURSES)
def test_a_course_of_a_second_drug_is_that_of_a_simulation(model, course, background):
    """It begins, pauses and ends between visits, in flows that go on through them."""
    beside = {} if background is None else {"background": background}
    found = run(model, arm={"beside": course}, benefit=beside)
    days = (1, 4, 7, 8, 10, 11, 21)
    alone = simulated(model, f"4.5 mg into a q24h x 21 and {course}", days, **beside)
    np.testing.assert_allclose(days_of(found, *days), alone, atol=1e-5)


@pytest.mark.parametrize(
    ("background", "written_out"),
    [
        ("4 mg into b q12h", "4 mg into b q12h x {}"),
        ("6 mg into b over 3h at 22:30", "6 mg into b over 3h at 22:30 x {}"),
    ],
)
@pytest.mark.parametrize("last", [0, 9])
def test_a_background_that_ends_leaves_what_is_on_its_way(model, background, written_out, last):
    """The washout of what was taken for long, beside a run that began sixty days before."""
    found = run(model, arm={"background_until": last}, benefit={"background": background})
    doses = written_out.format((60 + last) * (2 if "q12h" in background else 1))
    days = (1, 8, 9, 10, 11, 15)
    regimen = f"{doses} and wait 60d then 4.5 mg into a q24h x 21"
    np.testing.assert_allclose(
        days_of(found, *days), simulated(model, regimen, days, first=60), atol=1e-5
    )


@pytest.mark.parametrize(
    ("taken", "regimen"),
    [
        ("q6h", "4.5 mg into a q6h x 84"),
        ("at 08:00", "4.5 mg into a at 08:00 x 21"),
        ("at 22:00", "4.5 mg into a at 22:00 x 21"),
        ("q48h", "4.5 mg into a q48h x 11"),
        ("at 07:30, 21:00", "4.5 mg into a at 07:30, 21:00 x 42"),
    ],
)
def test_doses_are_taken_as_often_and_at_the_times_that_a_phase_says(model, taken, regimen):
    found = run(model, [{"days": 21, "dose": 4.5, "visits_every": 7, "taken": taken}])
    days = (1, 2, 7, 8, 21)
    np.testing.assert_allclose(days_of(found, *days), simulated(model, regimen, days), atol=1e-5)


@pytest.mark.parametrize(
    ("arm", "changes", "said"),
    [
        ({"beside": "4 mg into a q12h x 4"}, {}, "into a, which receives the trial's own doses"),
        ({"beside": "4 mg q12h x 4"}, {}, "into a, which receives the trial's own doses"),
        ({"beside": "4 mg into c q12h x 4"}, {}, "cannot be dosed into 'c'"),
        ({"beside": "4 mL into b q12h x 4"}, {}, "'mL' does not fit 'b'"),
        ({"beside": "4 mg into b q12h"}, {}, "beside: .*does not say how many doses"),
        ({"beside": "4 mg into b q12h x 60"}, {}, "due on day 30, after the end of the arm on"),
        ({"beside": "4 mg into b"}, {"null": "same-med"}, "'same-med' makes the effect"),
        ({"background_until": 7}, {}, "there is no background that could end"),
        (
            {"background_until": 14},
            {"benefit": {"background": "4 mg into b q12h"}},
            "ends on day 14; leave it out",
        ),
        ({"taken": "over 2h q12h"}, {}, "says more than when"),
        ({"taken": "into b q12h"}, {}, "says more than when"),
        ({"taken": "q12h x 4"}, {}, "taken: .*leave out 'x 4'"),
        ({"taken": "with meals"}, {}, "taken: .*cannot read 'with'"),
        (
            {"taken": "q12h", "rule": {"kind": "bayes", "ladder": [1.0, 2.0], "steps": 2}},
            {},
            "once in every interval of the benefit",
        ),
    ],
)
def test_what_cannot_be_given_is_refused_with_its_place(model, arm, changes, said):
    phase = {"days": 14, "dose": 4.5} | {k: arm.pop(k) for k in ("taken", "rule") if k in arm}
    if "rule" in phase:
        phase = {k: v for k, v in phase.items() if k not in ("days", "dose")}
    with pytest.raises(pkpd.PkpdError, match=f"arms: 'arm': .*{said}"):
        run(model, [phase], arm=arm, **changes)


def test_a_course_whose_inputs_vary_between_occasions_is_refused(tmp_path):
    model = loaded(tmp_path, k="value = 0.2, iiv = { cv = 0.3 }, iov = { cv = 0.2 }")
    course = {"beside": "4 mg into b q12h x 4"}
    with pytest.raises(pkpd.PkpdError, match=r"k of two varies between occasions.*'none'"):
        run(model, arm=course)
    assert len(run(model, arm=course, occasion="none").courses) == 1


def test_a_result_says_what_each_arm_was_given_beside(model):
    course = COURSES[0]
    found = run(
        model,
        [{"days": 21, "dose": 4.5, "visits_every": 7, "taken": "at 08:00"}],
        arm={"beside": course, "background_until": 9},
        benefit={"background": "1 mg into b q8h"},
    )
    said = "\n".join(trial_sentences(model, found.summary()))
    assert f"taken at 08:00; for 21 days; beside it {course}; the background until day 9" in said


def test_cycles_within_a_patient_are_the_mean_difference_of_their_pairs(model):
    """An N-of-1 trial: two weeks on the drug, one without it, three times."""
    phases = [{"name": "drug", "days": 14, "dose": 4.5, "visits_every": 7, "taken": "at 22:00"}]
    phases += [{"name": "none", "days": 7, "dose": 0}]
    ends = [{"name": "gain", "kind": "change", "phase": "drug", "against": "none"}]
    ends += [{"name": "drug", "kind": "change", "phase": "drug"}]
    found = run(model, phases, arm={"repeat": 3}, endpoints=ends, occasion="none")
    given = "4.5 mg into a at 22:00 x 14 then wait 7d then " * 2 + "4.5 mg into a at 22:00 x 14"
    on, off = [], []
    for cycle in (0, 21, 42):
        for days, into in (((8, 14), on), ((15, 21), off)):
            window = (f"{cycle + days[0] - 1} d", f"{cycle + days[1]} d")
            into.append(simulated(model, given, [1], window=window, occasion="none")[:, 0])
    values = {name: arms[0] for name, arms in found.values.items()}
    usual = days_of(found, 0)[:, 0]
    np.testing.assert_allclose(values["drug"], np.mean(on, axis=0) - usual, atol=1e-5)
    np.testing.assert_allclose(
        values["gain"], np.mean(on, axis=0) - np.mean(off, axis=0), atol=1e-5
    )
    said = "\n".join(trial_sentences(model, found.summary()))
    assert "for 7 days; all of it 3 times" in said


def test_cycles_that_a_patient_did_not_come_to_do_not_count(model):
    phases = [{"name": name, "days": 7, "dose": dose} for name, dose in (("on", 4.5), ("off", 0))]
    ends = [{"name": "gain", "kind": "change", "phase": "on", "against": "off"}]
    leave = QUIET | {"leave_random": 0.9, "noise_sd": 1.0}
    plan = {"arm": {"repeat": 4}, "endpoints": ends, "diary_set": leave, "patients": 40}
    found = run(model, phases, **plan)
    (course,) = found.courses
    for row, (left, gain) in enumerate(zip(course.left, found.values["gain"][0], strict=True)):
        weeks = course.diary[row, 2:].reshape(8, 7).mean(axis=1)
        whole = 4 if left == 0 else left // 14
        pairs = weeks[: 2 * whole].reshape(whole, 2)
        mean = (pairs[:, 0] - pairs[:, 1]).mean() if whole else np.nan
        assert gain == pytest.approx(mean, nan_ok=True)
    assert {0, 1, 2, 3} <= {left // 14 for left in course.left}


@pytest.mark.slow
def test_naltrexone_in_a_course_of_morphine_is_that_of_a_simulation():
    model = pkpd.load("ldn/opioid")
    course = (
        "wait 2d then 30 mg into morphine_tablet q12h x 8 and 2 mg into morphine over 3h q24h x 7"
    )
    background = "10 mg into morphine_depot q12h"
    people = pkpd.cohort(model, 3, seed=7)
    phases = [{"days": 7, "dose": 4.5, "taken": "at 22:00"}]
    plan = {"model": "ldn/opioid", "run_in": 1, "diary_set": QUIET, "endpoints": []}
    plan |= {"arms": [{"name": "arm", "phases": phases, "beside": course}]}
    plan |= {"adverse": [{"name": "withdrawal", "when": "cmax(cows) >= 4"}]}
    plan |= {"benefit": {"background": background}}
    (found,) = trial(from_data(plan), people=people, rtol=1e-8).courses
    given, met = f"4.5 mg into depot at 22:00 x 7 and {course}", []
    for day in range(1, 8):
        ask = {"endpoints": ["mean(pain_now)", "cmax(cows)"], "background": background}
        window = (f"{day - 1} d", f"{day} d")
        values = pkpd.simulate(model, given, people, window=window, rtol=1e-8, **ask).values
        np.testing.assert_allclose(found.score[:, day], values[:, 0], atol=1e-5)
        met.append(values[:, 1] >= 4)
    begun = np.transpose(met) & ~np.pad(np.transpose(met), ((0, 0), (1, 0)))[:, :-1]
    np.testing.assert_array_equal(found.events[:, 1:, 3], begun)
    assert begun.any() and not np.all(met)
