"""Rules of a user's own: in a file, which is never executed, and as a subclass of pkpd.Rule."""

import re
from pathlib import Path

import numpy as np
import pytest

import pkpd
from pkpd.errors import PkpdError, TrialError
from pkpd.titration.library import rule
from pkpd.titration.rule import DOWN, UP, VisitData
from pkpd.trials.design import from_data

PAGE = (Path(__file__).parents[2] / "docs/trials.md").read_text()
FILE = re.search(r"```toml my-rule.toml\n(.*?)```", PAGE, re.S).group(1)
CLASS = re.search(r"```python\n(.*?WhileItFalls.*?)```", PAGE, re.S).group(1)


def test_a_rule_in_a_file_is_the_table_that_it_holds(tmp_path):
    path = tmp_path / "my-rule.toml"
    path.write_text(FILE)
    found = rule(str(path))
    assert found == rule(path) and found.ladder == (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
    assert found.kind == "ladder" and found.helped == 0.2 and not found.source
    assert found.description.startswith("with steps of a week, but never above 3 mg: up a step")


def test_a_trial_finds_the_file_beside_its_design(tmp_path):
    (tmp_path / "own.toml").write_text(FILE)
    phase = {"days": 42, "rule": "own.toml"}
    data = {
        "model": "ldn/hormesis",
        "arms": [{"name": "a", "phases": [phase]}],
        "endpoints": [{"name": "pain", "kind": "change", "day": 42}],
    }
    assert from_data(data, tmp_path).arms[0].phases[0].rule == rule(tmp_path / "own.toml")
    with pytest.raises(TrialError, match="cannot be read"):
        from_data(data, tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read"),
        ("kind = ", "not valid TOML"),
        ('kind = "mine"', "unknown 'mine'"),
        ('like = "slow-ladder"\nprior = "x"', "unknown 'prior'"),
        ('like = "slow-ladder"\nladder = [3, 1]', "increasing doses"),
        ('like = "other.toml"', "unknown 'other.toml'"),
        ("x = 1", "a rule is the name of one"),
        ("#" * 1_000_001, "too many"),
    ],
)
def test_a_wrong_file_is_one_sentence_with_its_path(tmp_path, text, sentence):
    path = tmp_path / "own.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(TrialError, match=sentence) as error:
        rule(path)
    assert str(error.value).startswith(str(path))


def test_the_command_line_titrates_by_a_file(run, tmp_path):
    (tmp_path / "my-rule.toml").write_text(FILE)
    words = ["med", "ldn/hormesis", "-n", "8", "--seed", "3", "--titrations", "1", "--no-figure"]
    code, out, err = run(*words, "--titrate", "my-rule.toml", "--out", "own")
    assert (code, err) == (0, "") and "Observed: with steps of a week" in out
    code, _, err = run(*words, "--titrate", "absent.toml")
    assert code == 1 and "absent.toml: cannot be read" in err


def test_a_subclass_in_python_titrates_and_remembers(capsys):
    space = {}
    exec(compile(CLASS.replace("n=64", "n=12"), "docs/trials.md", "exec"), space)
    found, own = space["found"], space["rule"]
    assert "observed_outcome" in capsys.readouterr().out
    assert found.rule.description.startswith("mine: up a step every 14 days as long as")
    audit = found.course.audit()
    for patient in found.cohort.ids:
        rows = audit["ID"] == patient
        scores, acts = audit["SCORE"][rows], audit["RULE"][rows]
        fell = np.diff(np.append(np.inf, scores[1:])) < 0
        assert all(fell[:-1]) and set(acts[1:-1]) <= {"up", "no entries"}
        assert set(audit["DOSE"][rows]) <= {0.0, *own.ladder}


def test_a_subclass_is_refused_where_its_numbers_are_wrong():
    class Nothing(pkpd.Rule):
        pass

    with pytest.raises(PkpdError, match="increasing doses"):
        Nothing(ladder=())
    with pytest.raises(NotImplementedError):
        Nothing(ladder=(1.0,)).words()


def visit_of(score):
    """What a visit shows of patients with a baseline of 6 who want a fall of a fifth."""
    score = np.asarray(score, float)
    several, none = np.full(len(score), 7), np.zeros(len(score))
    return VisitData(14, score, several, none + 6.0, none, none + 0.5, none + 0.2)


@pytest.mark.parametrize(
    ("act", "place"),
    [
        (DOWN, [-2, 0]),  # below no dose at all: Python would count from the top
        (DOWN, [0.5, 1.0]),
        (DOWN, [np.nan, 1.0]),
        (DOWN, [0, 1, 2]),
        (DOWN, None),
        ("down", 0),
        (-1, 0),
        (99, 0),
    ],
)
def test_a_step_off_the_ladder_is_refused(act, place):
    class Own(pkpd.Rule):
        kind = "own"

        def step(self, memory, visit, who):
            return act, place

    own = Own(ladder=(1.0, 2.0, 3.0))
    with pytest.raises(TrialError, match="A step of the rule 'own' must return two arrays"):
        own.decide(own.begin(2), visit_of([4.0, 5.0]))


def test_a_step_above_the_ladder_is_to_its_top_and_one_to_no_dose_is_taken():
    class Own(pkpd.Rule):
        kind = "own"

        def step(self, memory, visit, who):
            return UP, memory.place + np.array([7, -1])

    own = Own(ladder=(1.0, 2.0, 3.0))
    memory = own.begin(2)
    own.decide(memory, visit_of([4.0, 5.0]))
    assert own.doses(memory).tolist() == [3.0, 0.0]


@pytest.mark.parametrize("ladder", [[0.5, 1.0, 1.5], np.arange(0.5, 2.0, 0.5), (0.5, 1, 1.5)])
def test_a_ladder_is_any_sequence_of_numbers(ladder):
    found = rule({"like": "slow-ladder", "ladder": ladder, "days": np.int64(7)})
    assert found.ladder == (0.5, 1.0, 1.5) and found.longest == 21


@pytest.mark.parametrize(
    "table",
    [
        {"like": "slow-ladder", "ladder": [0, 1, 2]},
        {"like": "full-ladder", "ladder": [0, 1, 2]},
        {"like": "up-and-down", "ladder": [0, 1, 2], "first": 0, "scale": "linear"},
    ],
    ids=lambda table: table["like"],
)
def test_no_drug_is_never_the_dose_found(table):
    """Patients who are best without the drug: their MED is none, which has no logarithm."""
    found = rule(table)
    memory = found.begin(2)
    for visit in range(found.longest // found.days):
        found.decide(memory, visit_of([2.0 + visit, 3.0 if visit else 6.0]))
    assert memory.done.all() and np.isnan(memory.found[0])


def test_a_kept_dose_needs_a_phase_before():
    people = pkpd.cohort(pkpd.load("ldn/hormesis"), 2, seed=3)
    with pytest.raises(TrialError, match="goes on with the dose of the phase before"):
        pkpd.titrate(people.model, people, {"kind": "keep"})
    data = {
        "model": "ldn/hormesis",
        "arms": [{"name": "a", "phases": [{"days": 14, "rule": {"kind": "keep"}}]}],
        "endpoints": [{"name": "pain", "kind": "change", "day": 14}],
    }
    with pytest.raises(TrialError, match="goes on with the dose of the phase before"):
        from_data(data)
    with pytest.raises(TrialError, match="has no ladder; leave it out"):
        rule({"kind": "keep", "ladder": [1, 2]})
