"""Public functions say what they take and return: in types, docstrings and examples that run."""

import doctest
import inspect
import re
import shutil
from importlib.resources import files
from pathlib import Path
from pkgutil import resolve_name

import pytest

import pkpd
from pkpd.datasets.check import DataCheck
from pkpd.dosing.records import Records
from pkpd.dosing.regimen import Regimen
from pkpd.evidence.design import RankedStudies
from pkpd.evidence.identify import Identifiability
from pkpd.evidence.studies import Study
from pkpd.evidence.weighed import WeighedExplanations
from pkpd.fits.comparison import Comparison
from pkpd.fits.result import Fit
from pkpd.nca.analysis import Noncompartmental
from pkpd.population.cohort import Cohort
from pkpd.population.uncertainty import ParameterSets
from pkpd.predictive.vpc import PredictiveCheck
from pkpd.response.covariate_effects import CovariateEffects
from pkpd.response.curves import DoseResponse
from pkpd.response.dosing_interval import DosingInterval
from pkpd.response.med import MedTable
from pkpd.response.repeat import RepeatedCourse, RepeatedEffects, RepeatedMeds
from pkpd.response.streamed import MedDataset
from pkpd.result import EndpointResult, EventResult, Result
from pkpd.sensitivity.explanation import Explanation
from pkpd.sensitivity.prediction import Prediction
from pkpd.sensitivity.study import Sensitivity
from pkpd.symbolic.model import Model
from pkpd.trials.run import TrialResult
from pkpd.trials.titrate import Titration

ROOT = Path(__file__).parents[1]
FUNCTIONS = {
    name: getattr(pkpd, name) for name in pkpd.__all__ if inspect.isfunction(getattr(pkpd, name))
}
RETURNED = (
    *(Model, Cohort, ParameterSets, Regimen, Records, pkpd.Rule),
    *(Result, EndpointResult, EventResult, DoseResponse, DosingInterval),
    *(MedTable, MedDataset, RepeatedMeds, RepeatedCourse, Titration, TrialResult),
    *(CovariateEffects, RepeatedEffects),
    *(Sensitivity, Explanation, Prediction, Fit, Comparison, Noncompartmental, PredictiveCheck),
    DataCheck,
    *(WeighedExplanations, RankedStudies, Identifiability, Study),
)
# the unit of a real number, or what it is a share or a ratio of
UNIT = re.compile(r"\b(unit|units|model time|hours|days|relative|share)\b")
COUNT = re.compile(r"\b(number of|whole number|ID|IDs|days|patients|seed)\b")
SHAPE = r"\([A-Z](, [A-Z])*,?\)"
NEED_NOTHING = {"models"}  # take nothing, so that nothing can be wrong
# an example would compile a model for a minute, or compute for minutes
WITHOUT_EXAMPLE = {
    "dose_response",
    "med",
    "dosing_interval",
    "covariate_effects",
    "stream",
    "open_results",
    "summarise",
    "titrate",
    "trial",
    "sensitivity_indices",
    "explain",
    "predict",
    "repeat",
    "plot",
    "figures",
    "write_page",
    "compare",
    "design",
    "study",
}


def bare(function, first=0):
    """What has no type in the signature of a function, from its argument `first` on."""
    signature = inspect.signature(function)
    arguments = list(signature.parameters.values())[first:]
    names = [argument.name for argument in arguments if argument.annotation is argument.empty]
    return names + ["return"] * (signature.return_annotation is signature.empty)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_is_annotated(name):
    assert bare(FUNCTIONS[name]) == []


@pytest.mark.parametrize("kind", RETURNED)
def test_methods_of_what_public_functions_return_are_annotated(kind):
    for owner in kind.__mro__[:-1]:
        for name, member in vars(owner).items():
            function = getattr(member, "fget", None) or getattr(member, "func", member)
            if not name.startswith("_") and inspect.isfunction(function):
                assert bare(function, first=1) == [], f"{owner.__name__}.{name}"


def test_the_package_tells_type_checkers_that_it_is_annotated():
    assert (files("pkpd") / "py.typed").is_file()


def members():
    """(name, function, what its docstring says) of what the classes of results have in public.

    With what a class below another leaves to the docstring of the other.
    """
    found = {}
    for kind in RETURNED:
        for owner in kind.__mro__[:-1]:
            for name, member in vars(owner).items():
                function = getattr(member, "fget", None) or getattr(member, "func", member)
                function = inspect.unwrap(getattr(function, "__func__", function))
                if name.startswith("_") or not inspect.isfunction(function):
                    continue
                same = [vars(base)[name] for base in owner.__mro__ if name in vars(base)]
                said = [other.__doc__ or "" for other in same]
                found[f"{owner.__name__}.{name}"] = function, "\n".join(said)
    return [(name, *parts) for name, parts in found.items()]


MEMBERS = members()


def raised(function):
    """Whether the text of a function itself raises an error of pkpd."""
    return re.search(r"raise (?!NotImplemented)\w*Error", inspect.getsource(function))


@pytest.mark.parametrize(("name", "function", "said"), MEMBERS, ids=[m[0] for m in MEMBERS])
def test_a_result_says_what_its_members_take_and_return(name, function, said):
    signature = inspect.signature(function)
    returned = str(signature.return_annotation)
    assert said.strip()
    for argument in signature.parameters.keys() - {"self", "cls"}:
        assert re.search(rf"\b{argument}\b", said), argument
    if re.search(r"^<class 'numpy.ndarray'>$|^np.ndarray$", returned):
        assert re.search(SHAPE, said)
    if returned == "<class 'float'>":
        assert UNIT.search(said.lower())
    if raised(function):
        assert re.search(r"\bRaises \w+Error\b", said)


def described(text):
    """{argument: what a docstring says of it}, from entries such as "a, b : what they are"."""
    entry = r"(?:^|; )(\w+(?:, \w+)*) : "
    pieces = re.split(entry, re.split(r"\n(?:Returns|Raises|>>>)\b", text)[0], flags=re.M)
    found = {}
    for names, said in zip(pieces[1::2], pieces[2::2], strict=True):
        found |= dict.fromkeys(names.split(", "), " ".join(said.split()))
    return found


def described_elsewhere(said, argument):
    """Whether an entry such as "as in pkpd.cohort" leads to one of the same argument."""
    place = re.search(r"\bas (?:in|for) (pkpd[\w.]*)\.(\w+)", said)
    if place is None:
        return False
    return argument in described(inspect.getdoc(resolve_name(f"{place[1]}:{place[2]}")))


def arguments(kind):
    """(function, argument) for each public argument whose type names a kind of value."""
    found = []
    for name, function in FUNCTIONS.items():
        for argument in inspect.signature(function).parameters.values():
            if re.search(rf"\b{kind}\b", str(argument.annotation)):
                found.append((name, argument.name))
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_docstring_names_each_argument_and_what_is_raised(name):
    text = inspect.getdoc(FUNCTIONS[name])
    names = inspect.signature(FUNCTIONS[name]).parameters
    assert [argument for argument in names if not re.search(rf"\b{argument}\b", text)] == []
    if name not in NEED_NOTHING:
        assert re.search(r"\bRaises (\w+Error|Stopped)\b", text)
    if "progress" in names:  # Ctrl-C may come before the end
        assert "Ctrl-C" in text


@pytest.mark.parametrize(("name", "argument"), arguments("ndarray"))
def test_a_docstring_gives_the_shape_of_each_array(name, argument):
    said = described(inspect.getdoc(FUNCTIONS[name]))[argument]
    assert re.match(f"{SHAPE} ", said), said


@pytest.mark.parametrize(("name", "argument"), arguments("float"))
def test_a_docstring_gives_the_unit_of_each_real_number(name, argument):
    said = described(inspect.getdoc(FUNCTIONS[name]))[argument]
    assert described_elsewhere(said, argument) or UNIT.search(said), said


@pytest.mark.parametrize(("name", "argument"), arguments("int"))
def test_a_docstring_says_what_each_whole_number_counts(name, argument):
    said = described(inspect.getdoc(FUNCTIONS[name]))[argument]
    assert described_elsewhere(said, argument) or COUNT.search(said), said


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - WITHOUT_EXAMPLE))
def test_the_examples_of_a_docstring_run(name, tmp_path, monkeypatch):
    for table in (ROOT / "docs").glob("*.csv"):
        shutil.copy(table, tmp_path)
    monkeypatch.chdir(tmp_path)
    (found,) = doctest.DocTestFinder(recurse=False).find(
        FUNCTIONS[name], name, globs={"pkpd": pkpd}
    )
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(found)
    assert results.attempted and not results.failed
