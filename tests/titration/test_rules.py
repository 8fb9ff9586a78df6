"""Rules on diaries written by hand: which dose follows, why, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pkpd.errors import TrialError
from pkpd.titration.library import KINDS, rule, rules
from pkpd.titration.rule import ACTS, VisitData

LADDER = [1.0, 2.0, 3.0, 4.0]


def walk(table, scores, baseline=8.0, adverse=None, wanted=0.3):
    """Doses and acts of one patient whose visits show `scores`; the dose found; the memory."""
    found = rule({"ladder": LADDER, "days": 7} | table)
    memory, doses, acts = found.begin(1), [], []
    doses.append(float(found.doses(memory)[0]))
    for k, score in enumerate(scores):
        one = np.ones(1)
        visit = VisitData(
            7 * (k + 1),
            score * one,
            7 * one,
            baseline * one,
            np.array([(adverse or {}).get(k, 0)]),
            0.5 * one,
            wanted * one,
        )
        acts.append(ACTS[found.decide(memory, visit)[0]])
        doses.append(float(found.doses(memory)[0]))
    return doses, acts, memory.found[0], memory


# what a kind needs beside the ladder; the Bayesian one needs a model (test_bayes.py)
NEEDED = {
    "fixed": {"ladder": [2.0]},
    "keep": {"ladder": [0.0]},
    "up-and-down": {"first": 2.0, "steps": 6},
}


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"bayes"}))
@settings(deadline=None, max_examples=50)
@given(scores=st.lists(st.integers(0, 10), min_size=12, max_size=12), wanted=st.floats(0.1, 0.9))
def test_every_kind_stays_on_its_ladder_and_ends_when_it_says(kind, scores, wanted):
    table = {"kind": kind} | NEEDED.get(kind, {})
    doses, acts, dose_found, memory = walk(table, scores, wanted=wanted)
    own = rule({"ladder": LADDER, "days": 7} | table)
    assert set(doses) <= {0.0, *own.ladder} and own.words() in own.description
    if kind == "keep":  # has no end of its own
        assert set(acts) == {"hold"}
        return
    visits = own.longest // own.days
    assert memory.done.all() and acts[visits:] == ["hold"] * (len(scores) - visits)
    assert len(set(doses[visits:])) == 1
    assert np.isnan(dose_found) or 0.0 < dose_found <= max(own.ladder)


@pytest.mark.parametrize("name", rules())
def test_every_rule_of_the_library_has_a_description_a_source_and_an_end(name):
    found = rule(name)
    assert found.description == rules()[name]
    assert found.source and not found.label and found.longest > 0


def test_a_rule_like_another_is_described_as_it_is():
    changed = rule(
        {
            "like": "step-up-2-weeks",
            "ladder": [0.1, 0.2, 0.4, 3.2],
            "days": 10,
            "conditions": [
                {"when": "improvement", "at_least": 0.2, "do": "hold"},
                {"when": "adverse", "at_least": 2, "do": "reduce"},
            ],
        }
    )
    assert changed.description == (
        "up a step every 10 days to the top of 0.1, 0.2, 0.4, 3.2 mg; "
        "hold at an improvement of 20 % or more; "
        "reduce at a number of new adverse events of 2 or more"
    )
    assert not changed.source  # that of the library's rule says nothing of this one
    named = rule({"like": "fixed", "label": "as in the protocol", "ladder": [3.0]})
    assert named.description == "as in the protocol: 3 mg throughout, a visit every 14 days"


# name of a library rule -> what may be changed in it, with values
CHANGES = {
    "fixed": {"ladder": [[3.0], [0.0]], "days": [28], "unit": ["ug"], "window": [14]},
    "step-up-2-weeks": {"ladder": [[1.5, 3.0], [1.5, 3.1, 4.5]], "days": [28], "helped": [0.2]},
    "slow-ladder": {"better": [0.5], "patience": [2], "helped": [0.2, 0.25], "window": [3]},
    "fine-ladder": {"ladder": [[0.1 * k for k in range(1, 60)], [0.2 * k for k in range(1, 31)]]},
    "full-ladder": {"days": [7, 21], "ladder": [[0.1 * k for k in range(1, 30)]]},
    "up-and-down": {
        "first": [2.0],
        "response": [0.5],
        "steps": [10],
        "days": [7],
        "scale": ["linear"],
    },
    "bayes": {
        "choice": ["thompson"],
        "steps": [10],
        "particles": [500],
        "prior_seed": [1],
        "settle": [20.0],
        "misfit": [0.5],
    },
}
CONDITIONS = st.builds(
    lambda when, bound, side, do: {"when": when, side: bound, "do": do},
    st.sampled_from(["improvement", "score", "worse", "adverse"]),
    st.sampled_from([0, 0.25, 0.5, 1]),
    st.sampled_from(["at_least", "at_most"]),
    st.sampled_from(["hold", "reduce", "stop"]),
)


@st.composite
def changed_rules(draw):
    """A rule of the library with some entries changed."""
    name = draw(st.sampled_from(sorted(CHANGES)))
    own = {key: st.sampled_from(values) for key, values in CHANGES[name].items()}
    conditions = st.lists(CONDITIONS, max_size=2)
    return rule(
        {"like": name}
        | draw(st.fixed_dictionaries({}, optional=own))
        | {"conditions": draw(conditions)}
    )


@settings(deadline=None)
@given(changed_rules(), changed_rules())
def test_rules_that_differ_are_described_differently(one, other):
    same = {**vars(one), "source": ""} == {**vars(other), "source": ""}
    assert (one.description == other.description) == (same and one.kind == other.kind)


def test_a_ladder_goes_up_until_no_better_and_back_to_the_best():
    doses, acts, found, _ = walk({"kind": "ladder"}, [7, 5, 4, 5, 3])
    assert (
        doses == [1, 2, 3, 4, 3, 3]
        and acts == ["up", "up", "up", "back to the best", "hold"]
        and found == 3
    )


def test_a_ladder_goes_on_while_nothing_has_helped_and_stops_at_the_top():
    doses, acts, found, _ = walk({"kind": "ladder"}, [7, 8, 7.5, 7])
    assert doses == [1, 2, 3, 4, 0] and acts[-1] == "stop" and np.isnan(found)


def test_a_step_helps_when_it_gives_what_the_patient_wants_or_what_the_rule_says():
    assert np.isnan(walk({"kind": "full-ladder"}, [7, 7, 7, 6])[2])
    assert walk({"kind": "full-ladder"}, [7, 7, 7, 6], wanted=0.2)[2] == 4
    assert walk({"kind": "full-ladder", "helped": 0.25}, [7, 7, 7, 6], wanted=0.9)[2] == 4


def test_a_patient_ladder_waits_for_a_second_worse_step():
    assert walk({"kind": "ladder", "patience": 2}, [5, 6, 4, 5])[0] == [1, 2, 3, 4, 3]
    assert walk({"kind": "ladder", "patience": 2}, [5, 6, 6, 5])[0] == [1, 2, 3, 1, 1]


def test_a_full_ladder_returns_the_best_and_the_lower_of_two_equals():
    assert walk({"kind": "full-ladder"}, [5, 3, 6, 3])[0] == [1, 2, 3, 4, 2]
    assert np.isnan(
        walk({"kind": "full-ladder"}, [7, 7, 7, 6])[2]
    )  # the best is not 30 % better than before treatment


def test_a_step_up_ends_at_the_top_and_counts_as_found_where_it_helps():
    assert walk({"kind": "step-up"}, [7, 7, 7, 5, 7])[:3] == (
        [1, 2, 3, 4, 4, 4],
        ["up", "up", "up", "top", "hold"],
        4,
    )


def test_a_fixed_dose_never_changes():
    doses, acts, found, _ = walk({"kind": "fixed", "ladder": [2.0], "visits": 3}, [1, 9, 5, 9])
    assert doses == [2] * 5 and acts == ["hold", "hold", "end", "hold"] and found == 2


def test_up_and_down_goes_down_after_a_response_and_ends_near_the_ed50():
    doses, acts, found, _ = walk(
        {"kind": "up-and-down", "first": 2.0, "steps": 6}, [8, 5, 8, 5, 8, 5]
    )
    assert doses[:6] == [2, 3, 2, 3, 2, 3] and acts[:2] == ["up", "down"]
    assert found == pytest.approx(np.sqrt(2 * 3))


def test_up_and_down_on_linear_doses_ends_midway_between_two_steps():
    """With a dose of 0 on the ladder too."""
    kind = {"kind": "up-and-down", "ladder": [0, 2, 3], "first": 2, "steps": 6, "scale": "linear"}
    *_, found, _ = walk(kind, [8, 5, 8, 5, 8, 5])
    assert found == pytest.approx((2 + 3) / 2)


def test_nothing_is_decided_without_entries():
    doses, acts, _, _ = walk({"kind": "ladder"}, [np.nan, 5, np.nan])
    assert doses == [1, 1, 2, 2] and acts == ["no entries", "up", "no entries"]


def test_conditions_hold_reduce_and_stop_before_the_rule_decides():
    table = {
        "kind": "step-up",
        "conditions": [
            {"when": "adverse", "at_least": 2, "do": "stop"},
            {"when": "adverse", "at_least": 1, "do": "reduce"},
            {"when": "improvement", "at_least": 0.5, "do": "hold"},
        ],
    }
    doses, acts, _, memory = walk(table, [7, 7, 7, 7, 4, 7, 7], adverse={2: 1, 6: 2})
    assert doses == [1, 2, 3, 2, 2, 2, 2, 2] and acts == [
        "up",
        "up",
        "reduce",
        "top",
        "hold",
        "hold",
        "hold",
    ]
    assert memory.ceiling[0] == 1
    assert walk(table, [7, 7], adverse={1: 2})[:2] == ([1, 2, 0], ["up", "stop"])
    assert walk(table, [4, 7, 4])[0] == [1, 1, 2, 2]


def test_a_rule_may_be_like_another():
    found = rule({"like": "slow-ladder-7-days", "patience": 2})
    assert (found.days, found.patience, found.ladder) == (7, 2, rule("slow-ladder").ladder)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("slow-lader", "Did you mean 'slow-ladder"),
        ({"like": "nothing"}, "like: unknown 'nothing'"),
        ({"ladder": [1]}, "with kind, ladder and days"),
        ({"kind": "step", "ladder": [1]}, "kind: unknown 'step'"),
        ({"kind": "ladder", "ladder": [2, 1]}, "increasing doses"),
        ({"kind": "ladder", "ladder": []}, "increasing doses"),
        ({"kind": "ladder", "ladder": [1], "days": 0}, "days must be a whole number"),
        ({"kind": "ladder", "ladder": [1], "days": 5}, "window: 7 days are more than the 5"),
        ({"kind": "ladder", "ladder": [1], "helped": 1.5}, "helped must lie between 0 and 1"),
        ({"kind": "ladder", "ladder": [1], "pace": 3}, "rule: unknown 'pace'"),
        ({"kind": "fixed", "ladder": [1, 2]}, "ladder of one"),
        (
            {"kind": "up-and-down", "ladder": [1, 2], "first": 1.5, "steps": 5},
            "first: 1.5 mg is not on the ladder",
        ),
        (
            {"kind": "up-and-down", "ladder": [0, 2], "first": 2, "steps": 5},
            "ladder: 0 has no logarithm",
        ),
        (
            {"kind": "up-and-down", "ladder": [1, 2], "first": 1, "steps": 5, "scale": "dose"},
            "scale: 'dose' must be log or linear",
        ),
        (
            {"kind": "up-and-down", "ladder": [1, 2], "first": 1},
            "steps: an up-and-down rule with 0 steps can never stop",
        ),
        ({"kind": "bayes", "ladder": [1, 2]}, "can never stop"),
        (
            {"kind": "bayes", "ladder": [1, 2], "steps": 3, "choice": "best"},
            "choice: unknown 'best'",
        ),
        (
            {
                "kind": "step-up",
                "ladder": [1],
                "conditions": [{"when": "pain", "at_least": 1, "do": "hold"}],
            },
            "conditions.when: unknown 'pain'",
        ),
        (
            {"kind": "step-up", "ladder": [1], "conditions": [{"when": "score", "do": "hold"}]},
            "either at_least or at_most",
        ),
        (
            {
                "kind": "step-up",
                "ladder": [1],
                "conditions": [{"when": "improvement", "at_least": 30, "do": "hold"}],
            },
            "between 0 and 1",
        ),
    ],
)
def test_bad_rules_are_refused_with_the_name_of_the_field(table, said):
    with pytest.raises(TrialError, match=said):
        rule(table)
