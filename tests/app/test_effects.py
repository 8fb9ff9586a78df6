"""Effects of covariates on the page: those of the package, at the values that were asked."""

import json
import shlex

import pytest

from pkpd.app import effects
from pkpd.app.state import state
from pkpd.errors import PkpdError

CHOSEN = state([("n", "12"), ("seed", "3"), ("set.toff", "12"), ("every", "12"), ("delta", "5")])


def test_the_command_line_and_the_script_give_the_effects_of_the_page(run):
    words = []
    panel = effects.panel(CHOSEN, ["wt=50,100", "cirrhosis=1"], words.append)
    assert [row["name"] for row in panel["rows"]] == ["wt 50 kg", "wt 100 kg", "cirrhosis 1"]
    assert [word["done"] for word in words] == [12, 24, 36, 48]  # the reference is the first
    code, out, _ = run(*shlex.split(panel["command"])[1:], "--json")
    names = {}
    exec(panel["python"], names)
    for rows in (json.loads(out)["effects"], names["effects"].rows()):
        assert [row["ratio"] for row in rows] == [row["ratio"] for row in panel["rows"]]
    assert code == 0 and "1 is the MED of each patient at wt 70 kg" in panel["sentences"][0]


def test_without_values_the_covariates_in_which_patients_differ_are_compared():
    panel = effects.panel(CHOSEN, [], lambda word: None)
    assert [row["name"].split()[0] for row in panel["rows"]] == ["wt", "wt"]
    assert "--at" not in panel["command"] and "at=" not in panel["python"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["wt"], "'wt' names no values"),
        (["wt="], "a value of 'wt' is a number"),
        (["wt=50", "wt=60"], "'wt' is given twice"),
        (["wt=__import__('os')"], "a value of 'wt' is a number"),
        (["wt=1e999"], "a value of 'wt' is a number"),
        (["weight=50"], "Unknown parameter 'weight'"),
        (["wt=-1"], "wt"),
        ([f"wt={','.join(map(str, range(40, 90)))}"], "give 1 to 30"),
    ],
)
def test_values_that_mean_nothing_are_refused_with_a_sentence(texts, said):
    with pytest.raises(PkpdError, match=said) as refused:
        effects.panel(CHOSEN, texts, lambda word: None)
    assert len(str(refused.value)) < 400
