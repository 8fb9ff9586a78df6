"""Arguments of the wrong kind or name: one sentence that quotes them, as on the command line."""

import pandas as pd
import pytest

import pkpd

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
        (lambda: simulate(outputs="Cc"), "outputs is a list of texts, not 'Cc'"),
        (lambda: simulate(outputs=[3]), r"outputs is a list of texts, not \[3\]"),
        (lambda: simulate(endpoints=3), "endpoints is a list of texts, not 3"),
        (lambda: simulate(carry="x"), "Unknown way to carry inputs between records 'x'"),
        (lambda: simulate(residual=["Cc: 15 %"]), "residual is a dict"),
        (lambda: pkpd.med(ONE, PEOPLE, **BENEFIT, nonsense=3), "Unknown option 'nonsense'"),
        (lambda: pkpd.med(ONE, PEOPLE, **BENEFIT | {"outcome": 3}), "'3'"),
        (lambda: pkpd.med(ONE, PEOPLE, **BENEFIT | {"into": 3}), "'3'"),
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
