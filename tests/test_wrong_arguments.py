"""Arguments of the wrong kind or name: one sentence that quotes them, as on the command line."""

import inspect
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.response.benefit import benefit_of

ONE = pkpd.load("pk/one_compartment")
PEOPLE = pkpd.cohort(ONE, 4, seed=7)
BENEFIT = {
    "outcome": "Cc",
    "better": "higher",
    "into": "depot",
    "every": "24 h",
    "doses": "1:100 mg",
}


def simulate(**given):
    return pkpd.simulate(ONE, "10 mg", PEOPLE, **given)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pkpd.cohort("pk/one_compartment"), "A model is what pkpd.load returns"),
        (lambda: pkpd.med("ldn/hormesis", PEOPLE), r"write pkpd\.load\('ldn/hormesis'\)"),
        (lambda: pkpd.med(ONE, 100, **BENEFIT), "A cohort is what pkpd.cohort returns, not 100"),
        (lambda: pkpd.explain("ldn/hormesis", 3), "A model is what pkpd.load returns"),
        (lambda: pkpd.sensitivity_indices(None), "A model is what pkpd.load returns, not None"),
        (lambda: pkpd.cohort(ONE, 4, typical="yes"), "typical is True or False, not 'yes'"),
        (lambda: pkpd.cohort(ONE, 4, set="cl=3"), "set is a dict"),
        (lambda: pkpd.cohort(ONE, 4, set={"cl": None}), "'cl' is set to None; write a number"),
        (lambda: pkpd.cohort(ONE, 4, set={"cl": [1]}), r"'cl' is set to \[1\]"),
        (lambda: pkpd.cohort(ONE, 4, set={3: 1}), "Unknown parameter '3'"),
        (lambda: pkpd.cohort(ONE, 4, ids=3), "ids is a list of patient IDs"),
        (lambda: pkpd.cohort(ONE, 4, ids=[2, 2]), "each of them once"),
        (lambda: pkpd.cohort(ONE, 4, sampling=3), "Unknown sampling 3"),
        (lambda: pkpd.cohort(ONE, 4, covariates=3), "A table of people is a path, not 3"),
        (lambda: pkpd.parameter_sets(ONE, None), "is a path, not None"),
        (lambda: pkpd.events(ONE, 3), "A table is a path, not 3"),
        (lambda: pkpd.noncompartmental(None), "A table is a path, not None"),
        (lambda: pkpd.simulate(ONE, 10, PEOPLE), "A regimen is text such as .*, not 10"),
        (lambda: simulate(times=["a"]), r"times are numbers, or start:stop:step, not \['a'\]"),
        (lambda: simulate(times=3j), "times are numbers"),
        (lambda: simulate(times=np.array([1 + 0j, 2])), "times are numbers"),
        (lambda: simulate(times=np.array([0, 3600], "m8[s]")), "times are numbers"),
        (lambda: simulate(times=pd.to_timedelta([0, 1], unit="h")), "times are numbers"),
        (lambda: simulate(times=pd.to_datetime(["2020-01-01"])), "times are numbers"),
        (lambda: simulate(outputs="Cc"), "outputs is a list of texts, not 'Cc'"),
        (lambda: simulate(outputs=[3]), r"outputs is a list of texts, not \[3\]"),
        (lambda: simulate(endpoints=3), "endpoints is a list of texts, not 3"),
        (lambda: simulate(carry="x"), "Unknown way to carry inputs between records 'x'"),
        (lambda: simulate(residual=["Cc: 15 %"]), "residual is a dict"),
        (lambda: pkpd.med(ONE, PEOPLE, **BENEFIT, nonsense=3), "Unknown option 'nonsense'"),
        (lambda: pkpd.med(ONE, PEOPLE, **BENEFIT | {"outcome": 3}), "outcome is a text, not 3"),
        (lambda: pkpd.med(ONE, PEOPLE, **BENEFIT | {"into": 3}), "into is a text, not 3"),
        (
            lambda: pkpd.parameter_sets(ONE, pd.DataFrame({"cl": [1.0]}), count="3"),
            "number of parameter sets must be a whole number",
        ),
    ],
)
def test_a_wrong_argument_is_one_sentence(call, message):
    with pytest.raises(pkpd.PkpdError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


# values of every kind, by the text that a failure prints
VALUES = {
    "3": 3,
    "-1": -1,
    "0.5": 0.5,
    "nan": math.nan,
    "inf": math.inf,
    "1j": 1j,
    "True": True,
    "None": None,
    "a text": "q?",
    "a zero byte": "a\0b",
    "bytes": b"a",
    "[]": [],
    "['a']": ["a"],
    "[object]": [object()],
    "(1, 2)": (1, 2),
    "{}": {},
    "{'x': 'y'}": {"x": "y"},
    "{1, 2}": {1, 2},
    "object": object(),
    "len": len,
    "matrix": np.zeros((2, 2)),
    "words": np.array(["a"]),
}
QUOTED = ("q?", "a\0b", "'a'", "'x'")  # the texts in them, as a message quotes them
TRIAL = Path(__file__).parents[1] / "experiments" / "05-fibromyalgia-2009" / "trial.toml"
LDN = pkpd.load("ldn/hormesis")
FOUR = pkpd.cohort(LDN, 4, seed=7)
TABLES = {
    "doses": pd.DataFrame({"TIME": [0.0], "AMT": [10.0]}),
    "looks": pd.DataFrame({"TIME": [0.0, 1.0, 2.0], "AMT": [9.0, 0, 0], "DV": [None, 5.0, 4.0]}),
    "samples": pd.DataFrame({"TIME": [0.0, 1.0, 2.0, 4.0], "DV": [0.0, 5.0, 4.0, 2.0]}),
    "responses": pd.DataFrame({"dose": [0.0, 1, 2, 4, 8, 16], "response": [9.0, 11, 12, 9, 5, 1]}),
    "sets": pd.DataFrame({"cl": [1.0, 2.0, 3.0]}),
}
MEDS = pkpd.med(ONE, PEOPLE, **BENEFIT)
# every public function, with the arguments that it needs
DOORS = {
    "load": {"name": "pk/one_compartment"},
    "import_model": {"source": "not-there.R", "out": "never-written.toml"},
    "export_model": {"model": ONE, "to": "scipy"},
    "event_table": {"model": ONE, "regimen": "10 mg", "cohort": PEOPLE},
    "models": {},
    "rx": {"text": "10 mg"},
    "events": {"model": ONE, "source": TABLES["doses"]},
    "check_data": {"data": TABLES["doses"], "model": ONE},
    "noncompartmental": {"data": TABLES["samples"]},
    "cohort": {"model": ONE, "n": 4},
    "parameter_sets": {"model": ONE, "source": TABLES["sets"]},
    "simulate": {"model": ONE, "regimen": "10 mg", "cohort": PEOPLE},
    "dose_response": {"model": ONE, "cohort": PEOPLE, **BENEFIT},
    "med": {"model": ONE, "cohort": PEOPLE, **BENEFIT},
    "dosing_interval": {"model": LDN},
    "covariate_effects": {"model": ONE, "cohort": PEOPLE, "at": {"cl": 5}, **BENEFIT},
    "stream": {"model": ONE, "out": "never-written", "n": 4, **BENEFIT},
    "open_results": {"folder": "not-there"},
    "summarise": {"table": MEDS},
    "vpc": {
        "model": ONE,
        "data": TABLES["looks"],
        "replicates": 20,
        "residual": {"Cc": "15 %"},
    },
    "fit": {"data": TABLES["responses"]},
    "titrate": {"model": LDN, "cohort": FOUR},
    "trial": {"design": TRIAL},
    "sensitivity_indices": {"model": ONE, **BENEFIT},
    "explain": {"model": ONE, "id": 3, **BENEFIT},
    "predict": {"model": LDN, "cohort": FOUR},
    "repeat": {"result": MEDS, "again": 3},
    "plot": {"thing": MEDS},
    "figures": {"thing": MEDS},
    "html": {"thing": MEDS},
    "cite": {"model": ONE},
    "write_page": {"folder": "not-there"},
    "study": {"path": "not-there.toml"},
    "compare": {"models": "not-there.toml"},
    "design": {"comparison": None},
    "identify": {
        "model": ONE,
        "regimen": "10 mg",
        "times": [1.0, 2.0],
        "outputs": ["Cc"],
        "residual": {"Cc": "15 %"},
    },
}
# what an argument needs beside it to mean anything
BESIDE = {
    **{
        f"import_model {name}": {"source": "not-there.ctl"}
        for name in ("estimates", "covariance", "data", "table")
    },
    "simulate window": {"endpoints": ["cmax(Cc)"]},
    "noncompartmental duration": {"route": "infusion"},
    "sensitivity_indices diary": {"titrate": "slow-ladder"},
}
OF_A_BENEFIT = tuple(inspect.signature(benefit_of).parameters)[1:-1]  # all but model, **unknown
OF_A_STUDY = ("seed", "set", "solver", "threads")  # given to sensitivity_indices by name
# what a message calls an argument, where not by its own name
CALLED = {
    "to": "format",
    "import_model source": "model to import",
    "import_model out": "model file",
    "n": "number of patients",
    "id": "patient ID",
    "ids": "patient ID",
    "source": "table",
    "data": "table",
    "covariates": "table of people",
    "count": "number of parameter sets",
    "size": "number of patients per chunk",
    "carry": "way to carry",
    "endpoints": "endpoint",
    "replicates": "number of replicates",
    "run_in": "days of run-in",
    "most": "points at most",
    "fit id": "id of a patient",
    "again": "number of scramblings",
    "repeat result": "What can be repeated is",
    "thing": "pkpd.plot draws",
    "html thing": "pkpd.html shows",
    "titrate": "rule",
    "trial n": "patients",
    "people": "cohort",
    "compare people": "number of people",
    "compare models": "comparison",
    "add": "study",
    "studies": "study",
    "candidates": "study",
}
# the values above that are right for an argument, beside its default: they are not tried
NUMBER, NEGATIVE = ("3", "0.5"), ("3", "0.5", "-1")
RIGHT = {
    "by": ("[]",),
    "command": ("a text", "a zero byte"),
    "complain": ("None", "len"),
    "count": ("3",),
    "delta": NUMBER,
    "dose": NUMBER,
    "dose_scale": NUMBER,
    "doses": ("(1, 2)",),
    "duration": NUMBER,
    "every": NUMBER,
    "fit dose": (),
    "half_width": NUMBER,
    "helped": ("True",),
    "id": ("3",),
    "ids": ("(1, 2)", "{1, 2}"),
    "inside": ("(1, 2)",),
    "intervals": ("[]",),
    "level": ("0.5",),
    "vpc level": NUMBER,
    "limit": NEGATIVE,
    "percentiles": ("(1, 2)",),
    "bins": ("3", "(1, 2)"),
    "corrected": ("True",),
    "after_dose": ("True",),
    "vpc by": (),
    "measure": ("[]",),
    "most": ("3",),
    "n": ("3",),
    "out": ("a text",),
    "own_traits": ("True",),
    "partial": ("[]",),
    "points": ("3",),
    "draws": ("3",),
    "compare people": ("3",),
    "width": NUMBER,
    "folder": (),
    "compare folder": ("a text",),
    "design folder": ("a text",),
    "also": ("[]", "['a']"),
    "subjects": ("3",),
    "outcomes": ("3",),
    "patients": ("3",),
    "add": ("[]",),
    "studies": ("[]",),
    "progress": ("len",),
    "again": ("3",),
    "write_page path": ("a text",),
    "replicate": ("3",),
    "replicates": ("3",),
    "report": ("(1, 2)",),
    "residual": ("{}",),
    "resume": ("True",),
    "run_in": ("3",),
    "say": ("len",),
    "scramblings": ("3",),
    "seed": ("3",),
    "set": ("{}",),
    "spread": ("{}",),
    "changed": ("{}",),
    "size": ("3",),
    "start": NEGATIVE,
    "threads": ("3",),
    "times": (*NEGATIVE, "(1, 2)"),
    "typical": ("True",),
    "window": ("(1, 2)",),
}


def arguments(name):
    """(argument, default) of a public function, those of a benefit among them."""
    for argument, parameter in inspect.signature(getattr(pkpd, name)).parameters.items():
        if argument == "changes":
            yield from ((one, None) for one in OF_A_BENEFIT)
        elif argument == "given":
            yield from ((one, None) for one in (*OF_A_STUDY, *OF_A_BENEFIT))
        elif argument != "options":
            yield argument, parameter.default


def test_every_public_function_has_its_arguments_tried():
    public = {name for name in pkpd.__all__ if inspect.isfunction(getattr(pkpd, name))}
    assert public == set(DOORS)


@pytest.mark.parametrize(
    ("name", "argument", "default"),
    [(name, *argument) for name in DOORS for argument in arguments(name)],
    ids=str,
)
def test_a_value_of_any_other_kind_is_one_sentence_on_the_argument(
    name, argument, default, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    function, good = getattr(pkpd, name), DOORS[name] | BESIDE.get(f"{name} {argument}", {})
    called = CALLED.get(f"{name} {argument}", CALLED.get(argument, argument))
    right = RIGHT.get(f"{name} {argument}", RIGHT.get(argument, ()))
    for kind, value in VALUES.items():
        if kind in right or (value is None and default is None):
            continue
        given = good | {argument: value}
        with pytest.raises(pkpd.PkpdError) as caught:
            function(given["thing"]) if "thing" in given else function(**given)
        message = str(caught.value)
        assert "\n" not in message, (kind, message)
        words = {argument, called} if len(argument) > 2 else {called, f"{argument} "}
        assert any(word in message for word in (*words, *QUOTED)), (kind, message)
    assert not list(tmp_path.iterdir())
