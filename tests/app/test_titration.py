"""A titration of the page: that of the package, told on the way."""

import json
import shlex

import numpy as np
import pytest

from pkpd.app import titration
from pkpd.app.state import state
from pkpd.errors import PkpdError

CHOSEN = state([("n", "12"), ("seed", "3"), ("set.toff", "12"), ("spread.b50", "0.9")])


@pytest.fixture(scope="module")
def told():
    words = []
    words.append(titration.panel(CHOSEN, ["step-up-2-weeks"], words.append))
    return words


def test_progress_rises_to_all_titrations_and_the_panel_comes_last(told):
    done = [word["done"] for word in told[:-1]]
    assert done == sorted(done) and done[-1] == told[0]["of"] == 12 * titration.REPETITIONS
    assert "0-10 NRS" in " ".join(told[-1]["sentences"])


def test_the_command_line_and_the_script_give_the_titration_of_the_page(told, run):
    panel = told[-1]
    code, out, _ = run(*shlex.split(panel["command"])[1:], "--json")
    observed = json.loads(out)["observed"]
    assert code == 0 and observed["outcome"]["found"] == sum(panel["counts"])
    names = {}
    exec(panel["python"], names)
    found = names["titration"].found[0]
    doses, counts = np.unique(found[np.isfinite(found)], return_counts=True)
    assert (panel["doses"], panel["counts"]) == (doses.tolist(), counts.tolist())


def test_what_cannot_be_titrated_is_a_sentence():
    cells = state([("model", "ldn/ogf"), ("n", "5")])
    for found, rules, said in (
        (CHOSEN, ["slow-lader"], "Did you mean 'slow-ladder'"),
        (CHOSEN, ["__import__"], "no rule '__import__'"),
        (CHOSEN, [], "no rule, or several"),
        (cells, ["slow-ladder"], "diary"),
    ):
        with pytest.raises(PkpdError, match=said):
            titration.panel(found, rules, lambda word: None)
