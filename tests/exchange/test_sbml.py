"""SBML documents written by hand: each means what the specification says, against closed forms."""

import math
import sys
from pathlib import Path

import pytest

import pkpd

sys.path.append(str(Path(__file__).parents[1]))
from naive import Patient, evaluate

from pkpd.symbolic import parse

libsbml = pytest.importorskip("libsbml")


class Document:
    """An SBML document of level 3, written with formulas as text."""

    def __init__(self):
        self.document = libsbml.SBMLDocument(3, 2)
        self.model = self.document.createModel()

    def __str__(self):
        return libsbml.writeSBMLToString(self.document)

    @staticmethod
    def formula(item, text):
        tree = libsbml.parseL3Formula(text)
        assert tree is not None, libsbml.getLastParseL3Error()
        item.setMath(tree)
        return item

    def compartment(self, name, size=None, constant=True, dimensions=3):
        item = self.model.createCompartment()
        item.setId(name)
        item.setConstant(constant)
        item.setSpatialDimensions(dimensions)
        if size is not None:
            item.setSize(size)
        return self

    def species(self, name, amount=None, conc=None, only=False, boundary=False, at="C", factor=""):
        item = self.model.createSpecies()
        item.setId(name)
        item.setCompartment(at)
        item.setHasOnlySubstanceUnits(only)
        item.setBoundaryCondition(boundary)
        item.setConstant(False)
        if amount is not None:
            item.setInitialAmount(amount)
        if conc is not None:
            item.setInitialConcentration(conc)
        if factor:
            item.setConversionFactor(factor)
        return self

    def parameter(self, name, value=None, constant=True):
        item = self.model.createParameter()
        item.setId(name)
        item.setConstant(constant)
        if value is not None:
            item.setValue(value)
        return self

    def rule(self, kind, name, text):
        item = getattr(self.model, f"create{kind}Rule")()
        if name:
            item.setVariable(name)
        self.formula(item, text)
        return self

    def start(self, name, text):
        item = self.model.createInitialAssignment()
        item.setSymbol(name)
        self.formula(item, text)
        return self

    def function(self, name, text):
        item = self.model.createFunctionDefinition()
        item.setId(name)
        self.formula(item, text)
        return self

    def reaction(self, name, reactants, products, rate, local=()):
        """reactants, products : {species: stoichiometry or (id, stoichiometry or None)}"""
        item = self.model.createReaction()
        item.setId(name)
        item.setReversible(False)
        for make, sides in ((item.createReactant, reactants), (item.createProduct, products)):
            for species, stoichiometry in sides.items():
                reference = make()
                reference.setSpecies(species)
                reference.setConstant(not isinstance(stoichiometry, tuple))
                if isinstance(stoichiometry, tuple):
                    reference.setId(stoichiometry[0])
                    stoichiometry = stoichiometry[1]
                if stoichiometry is not None:
                    reference.setStoichiometry(stoichiometry)
        law = item.createKineticLaw()
        self.formula(law, rate)
        for name, value in local:
            parameter = law.createLocalParameter()
            parameter.setId(name)
            parameter.setValue(value)
        return self

    def event(self, name, trigger, assigned, at_start=None, priority=None, delay=None):
        item = self.model.createEvent()
        item.setId(name)
        item.setUseValuesFromTriggerTime(False)
        made = self.formula(item.createTrigger(), trigger)
        made.setPersistent(True)
        made.setInitialValue(at_start is not True)
        for variable, text in assigned.items():
            assignment = item.createEventAssignment()
            assignment.setVariable(variable)
            self.formula(assignment, text)
        if priority is not None:
            self.formula(item.createPriority(), priority)
        if delay is not None:
            self.formula(item.createDelay(), delay)
        return self


def imported(document, folder, **options):
    file = folder / "theirs.xml"
    file.write_text(str(document), encoding="utf-8")
    return pkpd.import_model(file, folder / "mine.toml", **options)


def slopes(model, t=0.0, **states):
    """Slope of each state at one moment, with other states than those at the start."""
    patient = Patient(model, pkpd.cohort(model, typical=True).theta[0])
    values = dict(zip(model.state_names, patient.start(), strict=True)) | states
    return dict(zip(model.state_names, patient.rate(t, list(values.values())), strict=True))


def names(model, t=0.0, **states):
    """Every name at one moment."""
    patient = Patient(model, pkpd.cohort(model, typical=True).theta[0])
    values = dict(zip(model.state_names, patient.start(), strict=True)) | states
    return patient.names(t, list(values.values()))


def test_concentrations_react_by_amounts(tmp_path):
    given = Document().compartment("C", 2.0).parameter("k", 0.3).species("S", conc=4.0)
    given.species("P", amount=1.0).reaction("J", {"S": 1}, {"P": 2}, "k*S*C")
    model = imported(given, tmp_path)
    assert slopes(model) == pytest.approx({"S_amount": -2.4, "P_amount": 4.8})
    assert names(model)["S"] == 4.0 and names(model)["P"] == 0.5 and names(model)["J"] == 2.4


def test_species_of_amounts_alone_are_not_divided_by_their_size(tmp_path):
    given = Document().compartment("C", 2.0).species("S", amount=4.0, only=True)
    given.reaction("J", {"S": 1}, {}, "0.5*S")
    assert slopes(imported(given, tmp_path)) == {"S": -2.0}


def test_a_boundary_species_stays(tmp_path):
    given = Document().compartment("C", 1.0).species("B", conc=3.0, boundary=True)
    given.species("S", conc=0.0).reaction("J", {"B": 1}, {"S": 1}, "B")
    assert slopes(imported(given, tmp_path)) == {"S_amount": 3.0}


def test_a_growing_compartment_dilutes(tmp_path):
    given = Document().compartment("C", 2.0, constant=False).species("S", conc=3.0)
    given.rule("Rate", "C", "0.5*C").parameter("r", constant=False).rule(
        "Assignment", "r", "rateOf(S)"
    )
    model = imported(given, tmp_path)
    assert slopes(model) == {"C": 1.0, "S_amount": 0.0}
    assert names(model, C=4.0)["S"] == 1.5
    assert names(model)["r"] == pytest.approx(-1.5)  # S = n/C falls as C grows: -n C'/C**2


def test_a_compartment_without_dimensions_has_amounts(tmp_path):
    given = Document().compartment("C", dimensions=0).species("S", amount=5.0)
    given.reaction("J", {"S": 1}, {}, "S")
    assert slopes(imported(given, tmp_path)) == {"S": -5.0}


def test_stoichiometry_by_rules_numbers_and_starts(tmp_path):
    given = Document().compartment("C", 1.0).parameter("k", 2.0)
    given.species("A", amount=1.0).species("B", amount=0.0)
    given.reaction("J", {"A": ("n", None)}, {"B": ("m", 3.0)}, "k")
    given.rule("Assignment", "n", "2*time + 1")
    assert slopes(imported(given, tmp_path), t=2.0) == {"A_amount": -10.0, "B_amount": 6.0}


def test_conversion_factors_multiply_what_reactions_do(tmp_path):
    given = Document().compartment("C", 1.0).parameter("f", 1000.0)
    given.species("S", amount=1.0, factor="f").species("P", amount=0.0)
    given.reaction("J", {"S": 1}, {"P": 1}, "0.5")
    assert slopes(imported(given, tmp_path)) == {"S_amount": -500.0, "P_amount": 0.5}


def test_a_local_parameter_hides_a_global_one(tmp_path):
    given = Document().compartment("C", 1.0).parameter("k", 2.0).species("S", amount=1.0)
    given.reaction("J", {"S": 1}, {}, "k*S", local=[("k", 7.0)])
    given.reaction("K", {}, {"S": 1}, "k*S")
    assert slopes(imported(given, tmp_path)) == {"S_amount": -5.0}


def test_initial_assignments_follow_each_other_and_rules(tmp_path):
    given = Document().compartment("C", 2.0).parameter("a", 3.0).parameter("b").parameter("c")
    given.parameter("x", constant=False).start("b", "c + 1").start("c", "2*a*r")
    given.parameter("r", constant=False).rule("Assignment", "r", "a + time")
    given.rule("Rate", "x", "b").start("x", "b*10")
    model = imported(given, tmp_path)
    found = names(model, t=5.0)
    assert found["c"] == 18.0 and found["b"] == 19.0 and found["x"] == 190.0  # at time 0
    assert found["r"] == 8.0


def test_algebraic_rules_are_solved_for_what_nothing_else_determines(tmp_path):
    given = Document().compartment("C", 1.0).parameter("total", 10.0).parameter("y", constant=False)
    given.species("S", conc=4.0).reaction("J", {"S": 1}, {}, "y")
    given.rule("Algebraic", "", "total - 2*y - S")
    model = imported(given, tmp_path)
    assert names(model)["y"] == 3.0 and slopes(model) == {"S_amount": -3.0}


def test_events_set_concentrations_by_amounts_and_what_rests_becomes_a_state(tmp_path):
    given = Document().compartment("C", 2.0).parameter("p", 1.0, constant=False)
    given.species("S", conc=4.0).reaction("J", {"S": 1}, {}, "0.1*S*C")
    given.event("low", "S < 3 && p < 5", {"S": "S + p", "p": "p*2"}, priority="1")
    given.event("first", "time >= 0", {"p": "7"}, at_start=True, priority="2")
    model = imported(given, tmp_path)
    assert slopes(model) == {"p": 0.0, "S_amount": -0.8}
    first, low = model.events  # in the order of their priorities
    assert first.at_start and first.changes == (("p", "7"),) and not low.at_start
    changed = dict(low.changes)
    assert set(changed) == {"S_amount", "p"}
    known = names(model, p=3.0, S_amount=5.0)
    new = evaluate(parse.checked(changed["S_amount"]), known)
    assert new == (5.0 / 2.0 + 3.0) * 2.0
    assert evaluate(parse.checked(low.trigger), known) == 1.0
    assert evaluate(parse.checked(low.trigger), known | {"S": 3.5}) == 0.0


FORMULAS = [
    ("f(2, 3)", 13.0),
    ("piecewise(1, time < 1, 2, time < 3, 3)", 2.0),
    ("piecewise(1, time > 1 && !(time > 3) || false, 3)", 1.0),
    ("2*(time >= 2)", 2.0),
    ("xor(true, false, time > 5)", 1.0),
    ("implies(time > 1, time > 5) + 0", 0.0),
    ("root(3, 27) + sqrt(16) + sqr(3)", 16.0),
    ("log(2, 8) + ln(exponentiale) + log10(100)", 6.0),
    ("quotient(-7, 2) + rem(-7, 2)", -4.0),
    ("max(1, 5, 3) - min(4, 2)", 3.0),
    ("sec(1)*cos(1) + csc(1)*sin(1) + cot(1)*tan(1)", 3.0),
    ("cosh(1)*sech(1) + sinh(1)*csch(1) + coth(1)*tanh(1)", 3.0),
    ("arcsinh(sinh(0.7)) + arccosh(cosh(0.7)) + arctanh(tanh(0.7))", 2.1),
    ("arccsch(csch(0.7)) + arcsech(sech(0.7)) + arccoth(coth(0.7))", 2.1),
    ("factorial(4) + ceil(1.2) + floor(-1.2) + abs(-3)", 27.0),
    ("avogadro/6.02214179e23", 1.0),
    ("pi + time", math.pi + 2.0),
]


@pytest.mark.parametrize(("text", "value"), FORMULAS)
def test_formulas_mean_what_the_specification_says(text, value, tmp_path):
    given = Document().function("f", "lambda(x, y, g(x) + y*y)").function("g", "lambda(z, z*2)")
    given.parameter("y", constant=False).rule("Assignment", "y", text)
    assert names(imported(given, tmp_path), t=2.0)["y"] == pytest.approx(value, rel=1e-14)


def test_time_has_the_unit_of_the_document_or_that_of_the_user(tmp_path):
    given = Document().parameter("x", 1.0, constant=False).rule("Rate", "x", "-x")
    assert imported(given, tmp_path).time == "s"
    assert imported(given, tmp_path, time="d").time == "d"
    hour = given.model.createUnitDefinition()
    hour.setId("hour")
    unit = hour.createUnit()
    unit.setKind(libsbml.UNIT_KIND_SECOND)
    for set_, value in ((unit.setMultiplier, 3600), (unit.setScale, 0), (unit.setExponent, 1)):
        set_(value)
    given.model.setTimeUnits("hour")
    assert imported(given, tmp_path).time == "h"


def test_species_can_be_dosed_and_the_course_is_exact(tmp_path):
    given = Document().compartment("C", 10.0).species("S", amount=0.0)
    given.reaction("J", {"S": 1}, {}, "0.5*S*C")
    model = imported(given, tmp_path, time="h", amount="mg")
    people = pkpd.cohort(model, typical=True)
    run = pkpd.simulate(model, "100 mg", people, [1.0, 4.0], outputs=["S"], rtol=1e-10)
    expected = [10 * math.exp(-0.5 * t) for t in (1.0, 4.0)]
    assert run.values[0, :, 0] == pytest.approx(expected, rel=1e-8)


WRONG = {
    "no XML": ("hello", r"theirs.xml:\d+: "),
    "entities": ('<!DOCTYPE x [<!ENTITY a "b">]><sbml/>', "entities"),
    "cut off": (str(Document())[:-20], r"theirs.xml:\d+: "),
    "no value": (
        Document().parameter("k").parameter("x", 1.0, False).rule("Rate", "x", "k"),
        "'k' has no value",
    ),
    "a circle": (
        Document().parameter("x", constant=False).start("x", "y").parameter("y").start("y", "x"),
        "circle",
    ),
    "no inverse tangent": (
        Document().parameter("x", constant=False).rule("Assignment", "x", "arctan(time)"),
        r"xml:\d+: the function 'arctan' is not carried over",
    ),
    "an unknown function": (
        Document().parameter("x", constant=False).rule("Assignment", "x", "g(time)"),
        "function 'g', which the model does not define",
    ),
    "a delay": (
        Document().parameter("x", 1, False).event("e", "time > 1", {"x": "2"}, delay="1"),
        "an event with a delay",
    ),
    "two unknowns": (
        Document().parameter("x", 1, False).parameter("y", 1, False).rule("Algebraic", "", "x - y"),
        "algebraic rule",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_carried_over_is_one_sentence(what, tmp_path):
    given, message = WRONG[what]
    with pytest.raises(pkpd.PkpdError, match=message) as caught:
        imported(given, tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "mine.toml").exists()
