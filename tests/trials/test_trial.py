"""Trials: designs read and refused, allocation, endpoints by hand, type I error."""

import numpy as np
import pytest

from pkpd.errors import PkpdError, PkpdWarning, Stopped
from pkpd.trials.comparison import compared
from pkpd.trials.design import from_data, read
from pkpd.trials.run import allocated, trial
from tests.trials.two_drugs import QUIET

ENDPOINTS = [
    {"name": "change", "kind": "change", "day": 28},
    {"name": "percent", "kind": "percent", "phase": "treatment"},
    {"name": "responders", "kind": "responders", "day": 28},
    {"name": "half", "kind": "responders", "day": 28, "at_least": 0.5},
    {"name": "pgi", "kind": "pgi", "day": 28},
    {"name": "any", "kind": "adverse", "day": 28},
    {"name": "dreams", "kind": "adverse", "day": 28, "event": "dreams"},
    {"name": "dose", "kind": "dose", "day": 28},
    {"name": "settled", "kind": "settled", "day": 28},
    {"name": "effect", "kind": "effect", "day": 28},
    {"name": "stayed", "kind": "stayed", "day": 28},
    {"name": "last", "kind": "change", "day": 28, "carried": True},
]
PLACEBO = {"name": "placebo", "phases": [{"name": "treatment", "days": 28, "dose": 0}]}
DRUG = {"name": "4.5 mg", "phases": [{"name": "treatment", "days": 28, "dose": 4.5}]}
LONG, SHORT = (
    {"days": 28, "visits_every": 7},
    {"name": "washout", "days": 14, "dose": 0, "visits_every": 7},
)
CROSSOVER = [
    {
        "name": "AB",
        "phases": [{"name": "drug", "dose": 4.5} | LONG, SHORT, {"name": "none", "dose": 0} | LONG],
    },
    {
        "name": "BA",
        "phases": [{"name": "none", "dose": 0} | LONG, SHORT, {"name": "drug", "dose": 4.5} | LONG],
    },
]


def design(**changes):
    return from_data(
        {
            "model": "ldn/hormesis",
            "patients": 60,
            "seed": 7,
            "run_in": 7,
            "arms": [PLACEBO, DRUG],
            "endpoints": ENDPOINTS,
        }
        | changes
    )


@pytest.fixture(scope="module")
def shared():
    return trial(design(allocation="shared"))


def test_endpoints_are_those_counted_from_the_diary(shared):
    course = shared.courses[1]
    for row in range(60):
        gone = 0 < course.left[row] < 28
        before, last = course.diary[row, :7], course.diary[row, -7:]
        base, late = (
            np.nanmean(before),
            np.nan if gone or np.isnan(last).all() else np.nanmean(last),
        )
        got = {name: values[1][row] for name, values in shared.values.items()}
        np.testing.assert_allclose(
            [got["change"], got["percent"]], [late - base, 100 * (late / base - 1)]
        )
        assert got["responders"] == (late <= 0.7 * base) and got["half"] == (late <= 0.5 * base)
        end = course.left[row] if gone else 28
        np.testing.assert_allclose(got["last"], np.nanmean(course.diary[row, end : end + 7]) - base)
        assert got["stayed"] == (not gone)
        assert (
            got["any"] == course.events[row].any()
            and got["dreams"] == course.events[row, :, 1].any()
        )
        if gone:
            assert np.isnan([got[name] for name in ("pgi", "dose", "settled", "effect")]).all()
        elif np.isfinite(late):
            marks = [-0.5, -0.3, -0.15, 0.15, 0.3, 0.5]
            assert got["pgi"] == 1 + sum(late / base - 1 > mark for mark in marks)
            assert got["dose"] == 4.5 and got["settled"] == 1
            assert got["effect"] == pytest.approx(course.base[row] - course.score[row, -7:].mean())


def test_shared_arms_have_the_same_patients_with_the_same_noise(shared):
    placebo, drug = shared.courses
    np.testing.assert_array_equal(placebo.ids, drug.ids)
    np.testing.assert_array_equal(placebo.diary[:, :7], drug.diary[:, :7])
    nothing = trial(design(allocation="shared", null="no-effect", patients=8))
    np.testing.assert_array_equal(nothing.courses[0].diary, nothing.courses[1].diary)
    assert nothing.summary()["endpoints"]["change"]["against_first"]["4.5 mg"]["p"] is None


def test_randomised_patients_are_in_one_arm_by_weight_whoever_else_is_there():
    plan = design(patients=3000, arms=[PLACEBO | {"weight": 1}, DRUG | {"weight": 2}])
    from pkpd.population.cohort import cohort
    from pkpd.symbolic.load import load

    people = cohort(load(plan.model), 3000, 7)
    groups = [set(g.ids) for g in allocated(plan, people)]
    assert not groups[0] & groups[1] and len(groups[0] | groups[1]) == 3000
    assert len(groups[1]) == pytest.approx(2000, abs=80)
    assert set(allocated(plan, people.subset(range(50, 90)))[1].ids) == groups[1] & set(
        range(50, 90)
    )
    assert set(allocated(plan, people, replicate=1)[1].ids) != groups[1]


def test_one_patient_of_a_trial_can_be_replayed_alone(shared):
    alone = trial(design(allocation="shared"), ids=[23])
    np.testing.assert_array_equal(alone.courses[1].diary, shared.courses[1].diary[22:23])
    assert [v[1][0] for v in alone.values.values()] == pytest.approx(
        [v[1][22] for v in shared.values.values()], nan_ok=True
    )


def test_a_trial_without_effect_finds_one_in_five_percent():
    """500 trials of 40 patients each: the 95 % band of the rate is 0.031 to 0.069."""
    run = trial(
        design(
            null="no-effect",
            patients=20_000,
            sampling="mc",
            endpoints=[{"name": "change", "kind": "change", "day": 28}],
        )
    )
    (placebo, drug), groups = run.values["change"], [(c.ids - 1) // 40 for c in run.courses]
    p = [
        compared(drug[groups[1] == k], placebo[groups[0] == k], paired=False)["p"]
        for k in range(500)
    ]
    assert 0.031 <= np.mean(np.array(p) < 0.05) <= 0.069


def test_a_crossover_is_compared_within_patients():
    ends = [{"name": name, "kind": "change", "phase": name} for name in ("drug", "none")]
    ends.append({"name": "gain", "kind": "change", "phase": "drug", "against": "none"})
    run = trial(design(arms=CROSSOVER, endpoints=ends, patients=16))
    for k in (0, 1):
        np.testing.assert_allclose(
            run.values["gain"][k], run.values["drug"][k] - run.values["none"][k]
        )
    assert (
        run.courses[0].dose[0, 7:].tolist() == [4.5] * 28 + [0.0] * 42 or run.courses[0].left[0] > 0
    )


def test_the_summary_describes_a_changed_rule_as_the_doses_show_it():
    ladder = [0.1, 0.4, 1.6, 3.2]
    rule = {
        "like": "step-up-2-weeks",
        "ladder": ladder,
        "conditions": [{"when": "improvement", "at_least": 0.2, "do": "hold"}],
    }
    arms = [{"name": "titrated", "phases": [{"name": "titration", "days": 56, "rule": rule}]}]
    endpoints = [{"name": "dose", "kind": "dose", "day": 56}]
    found = trial(design(arms=arms, endpoints=endpoints, patients=16, diary_set=QUIET))
    assert found.summary()["arms"][0]["rules"] == [
        "up a step every 14 days to the top of 0.1, 0.4, 1.6, 3.2 mg; "
        "hold at an improvement of 20 % or more; for 56 days"
    ]
    (course,) = found.courses
    base = course.diary[:, :7].mean(axis=1)
    for row, diary in enumerate(course.diary[:, 7:]):
        place = 0
        for day in range(0, 56, 14):
            assert (course.dose[row, 7 + day : 21 + day] == ladder[place]).all()
            improved = 1 - diary[day + 7 : day + 14].mean() / base[row] >= 0.2
            place = min(place + (not improved), len(ladder) - 1)
    assert len(np.unique(found.values["dose"][0])) > 1


@pytest.mark.parametrize("allocation", ["shared", "randomised"])
def test_ctrl_c_keeps_the_patients_who_are_finished_in_all_arms(allocation, monkeypatch):
    def interrupt(done):
        if done > 20:
            raise KeyboardInterrupt

    plan = design(allocation=allocation, patients=30)
    whole = trial(plan)
    monkeypatch.setattr("pkpd.trials.run.PATIENTS_AT_ONCE", 10)
    with pytest.raises(Stopped, match="20 of 30 patients are finished") as caught:
        trial(plan, progress=interrupt)
    some = caught.value.partial
    assert some.summary()["provenance"]["stopped"]["finished"] == 20
    for part, course in zip(some.courses, whole.courses, strict=True):
        np.testing.assert_array_equal(part.ids, course.ids[course.ids <= 20])
        for name in ("diary", "dose", "events", "left"):
            whole_rows = getattr(course, name)[course.ids <= 20]
            np.testing.assert_array_equal(getattr(part, name), whole_rows, err_msg=name)


def test_a_randomised_trial_of_one_patient_leaves_the_other_arms_empty():
    found = trial(design(), ids=[17])
    assert sorted(len(course.ids) for course in found.courses) == [0, 1]
    counts = [arm["n"] for arm in found.summary()["endpoints"]["stayed"]["arms"].values()]
    assert sorted(counts) == [0, 1]


def test_a_phase_can_keep_the_dose_that_titration_found():
    up, keep = (
        {"name": "up", "rule": {"like": "step-up-2-weeks", "days": 7}},
        {"name": "keep", "days": 14, "rule": {"kind": "keep", "days": 7}},
    )
    arm = {"name": "titrate", "phases": [up, keep]}
    run = trial(
        design(
            arms=[arm],
            endpoints=[],
            patients=6,
            diary_set={"leave_adverse": 0, "leave_random": 0, "leave_no_benefit": 0},
        )
    )
    assert (run.courses[0].dose[:, 7:] == np.repeat([1.5, 3.0, 4.5, 4.5, 4.5], 7)).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {
                "arms": [
                    {
                        "name": "a",
                        "phases": [
                            {"name": "x", "days": 28, "dose": 1},
                            {"name": "y", "start": 14, "days": 14, "dose": 2},
                        ],
                    }
                ]
            },
            "start: day 14 lies inside 'x'",
        ),
        (
            {"arms": [{"name": "a", "phases": [{"name": "x", "start": 7, "days": 28, "dose": 1}]}]},
            "add a phase with dose = 0",
        ),
        (
            {"arms": [{"name": "a", "phases": [{"name": "x", "days": 20, "rule": "slow-ladder"}]}]},
            "not a whole number of the rule's 14-day steps",
        ),
        (
            {
                "arms": [
                    {
                        "name": "a",
                        "phases": [{"rule": {"kind": "up-and-down", "ladder": [1, 2], "first": 1}}],
                    }
                ]
            },
            r"'a': phases\[0\]: steps: .* can never stop",
        ),
        ({"arms": [{"name": "a", "phases": [{"name": "x", "days": 28, "dose": -1}]}]}, "ladder"),
        ({"arms": [{"name": "a", "phases": [{"name": "x", "days": 28}]}]}, "either rule or dose"),
        ({"arms": [PLACEBO, PLACEBO]}, "'placebo' appears twice"),
        ({"arms": []}, "at least one"),
        ({"arms": [PLACEBO | {"weight": 0}], "endpoints": []}, "weight must be above 0"),
        (
            {"endpoints": [{"name": "e", "kind": "change", "day": 7}]},
            "day 7 lies before the first visit of arm 'placebo' on day 14",
        ),
        ({"endpoints": [{"name": "e", "kind": "change", "day": 29}]}, "lies after the end"),
        ({"endpoints": [{"name": "e", "kind": "change"}]}, "either day or phase"),
        (
            {"endpoints": [{"name": "e", "kind": "change", "phase": "x"}]},
            "endpoints: 'e': phase of arm 'placebo': unknown 'x'",
        ),
        (
            {"endpoints": [{"name": "e", "kind": "responders", "day": 28, "at_least": 30}]},
            "at_least must lie between 0 and 1",
        ),
        (
            {"endpoints": [{"name": "e", "kind": "effect", "day": 28, "window": 29}]},
            "window = 29 days reaches before day 28 of arm 'placebo'; write window = 28 or less",
        ),
        (
            {
                "arms": CROSSOVER,
                "endpoints": [{"name": "e", "kind": "change", "phase": "washout", "window": 15}],
            },
            "reaches before the 14 days of phase 'washout'",
        ),
        (
            {"endpoints": [{"name": "e", "kind": "change", "day": 28, "at_least": 0.5}]},
            "change has no at_least",
        ),
        (
            {"endpoints": [{"name": "e", "kind": "dose", "day": 28, "event": "dreams"}]},
            "dose has no event",
        ),
        (
            {"endpoints": [{"name": "e", "kind": "stayed", "day": 28, "carried": True}]},
            "stayed has no carried",
        ),
        (
            {
                "endpoints": [
                    {"name": "e", "kind": "change", "phase": "treatment", "against": "treatment"}
                ]
            },
            "against is its own phase",
        ),
        ({"endpoints": [{"name": "e", "kind": "chnge", "day": 28}]}, "Did you mean 'change'"),
        ({"endpoints": [{"kind": "change", "day": 28}]}, r"endpoints\[0\]: name is missing"),
        ({"patients": 0}, "patients must be a whole number"),
        ({"patiens": 3}, "Did you mean 'patients'"),
        ({"allocation": "random"}, "Did you mean 'randomised'"),
        ({"null": "none"}, "null: unknown"),
        ({"diary_set": {"missing": 2}}, "must lie between 0 and 1"),
        ({"benefit": {"outcme": "pain"}}, "benefit: unknown 'outcme'"),
    ],
)
def test_bad_designs_are_refused_with_the_name_of_the_field(changes, said):
    with pytest.raises(PkpdError, match=said):
        trial(design(**changes))


def test_doses_far_from_the_models_are_questioned():
    huge = {"name": "g", "phases": [{"name": "treatment", "days": 28, "dose": 4500}]}
    with pytest.warns(
        PkpdWarning, match=r"A dose of 4500 mg: the model was made for 0.05 to 50 mg"
    ):
        trial(design(arms=[huge], patients=2))


def test_a_file_names_itself_in_its_mistakes(tmp_path):
    path = tmp_path / "trial.toml"
    path.write_text(
        'model = "ldn/hormesis"\n'
        'arms = [{ name = "a", phases = [{ days = 7, dose = 1, rule = "fixed" }] }]\n'
    )
    with pytest.raises(
        PkpdError, match=r"trial.toml: arms: 'a': phases\[0\]: give either rule or dose"
    ):
        read(path)
    path.write_text("model = \n")
    with pytest.raises(PkpdError, match=r"trial.toml: not valid TOML"):
        read(path)
    with pytest.raises(PkpdError, match="cannot be read"):
        read(tmp_path / "none.toml")


WRONG = (None, True, -1, 0, 1.5, 10**12, float("nan"), "x", [], ["x"], {}, {"x": 1}, [{}])
PLACES = [
    *(
        (k,)
        for k in (
            "patients",
            "seed",
            "run_in",
            "title",
            "model",
            "diary",
            "set",
            "diary_set",
            "benefit",
            "arms",
            "endpoints",
            "null",
            "sampling",
            "adverse",
            "rescue",
        )
    ),
    *(("arms", 0, k) for k in ("name", "weight", "phases", "repeat", "beside", "background_until")),
    *(("arms", 0, "phases", 0, k) for k in ("name", "start", "days", "rule", "taken")),
    *(("adverse", 0, k) for k in ("name", "when", "stop")),
    *(("rescue", k) for k in ("take", "at_least")),
    *(
        ("arms", 0, "phases", 0, "rule", k)
        for k in ("kind", "ladder", "days", "window", "unit", "label", "conditions", "like")
    ),
    *(
        ("arms", 0, "phases", 0, "rule", k)
        for k in ("helped", "steps", "first", "response", "source")
    ),
    *(
        ("endpoints", 0, k)
        for k in (
            "name",
            "kind",
            "day",
            "phase",
            "window",
            "at_least",
            "event",
            "against",
            "carried",
        )
    ),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda p: ".".join(map(str, p)))
def test_whatever_a_field_holds_a_design_is_read_or_refused_with_a_sentence(place):
    for wrong in WRONG:
        rule = {"kind": "up-and-down", "ladder": [1.0, 2.0], "days": 14, "first": 1.0, "steps": 2}
        data = {
            "model": "ldn/hormesis",
            "arms": [{"name": "a", "phases": [{"name": "p", "days": 28, "rule": rule}]}],
            "endpoints": [{"name": "e", "kind": "change", "day": 28}],
            "adverse": [{"name": "withdrawal", "when": "cmax(cows) > 5"}],
            "rescue": {"take": "10 mg into morphine_depot q12h", "at_least": 7},
        }
        inner = data
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = wrong
        try:
            from_data(data)
        except PkpdError as error:
            assert str(error).endswith((".", "?")) and "\n" not in str(error)
