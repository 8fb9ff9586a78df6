"""The battery that every model of the library must pass."""

import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import trapezoid

from pkpd.dosing.rx import rx
from pkpd.population.cohort import cohort
from pkpd.simulation import simulate
from pkpd.symbolic.load import load, models
from pkpd.symbolic.model import _computed_with

LIBRARY = Path(__file__).parent.parent / "models"
SLOW = (
    "absorption/",
    "explanations/",
    "ldn/crushed",
    "ldn/ogf",
    "ldn/tramadol",
    "ldn/ultra",
)  # to compile
COMPILED = [
    pytest.param(name, marks=pytest.mark.slow) if name.startswith(SLOW) else name
    for name in models()
]


@pytest.mark.parametrize("name", models())
def test_every_number_has_a_unit_a_source_and_a_grade(name):
    keys = set(re.findall(r"@\w+\{(\w+),", (LIBRARY / "references.bib").read_text()))
    for item in load(name).inputs:
        assert item.unit and item.source and item.label
        cited = re.match(r"([A-Z]\w+\d{4}):", item.source)
        assert cited is None or cited[1] in keys, item.source


@pytest.mark.parametrize("name", models())
def test_a_measured_number_names_a_paper_or_label_of_the_bibliography(name):
    keys = re.findall(r"@\w+\{(\w+),", (LIBRARY / "references.bib").read_text())
    for item in load(name).inputs:
        if item.evidence in ("measured", "estimated"):
            assert any(key in item.source for key in keys), (item.name, item.source)


@pytest.mark.parametrize("name", COMPILED)
def test_an_untreated_patient_stays_at_rest(name):
    model = load(name)
    result = simulate(model, "0 mg", cohort(model, typical=True), times="0:48:12")
    assert (result.status == 0).all()
    np.testing.assert_allclose(result.values, np.repeat(result.values[:, :1], 5, axis=1), atol=1e-9)


# of models with two drugs: the level of an opioid without which nothing shows, and the outputs that
# each target leaves alone, as they are of the other drug
HELD = {"held": 0.16}
# morphine alone lets no pain break through
OF_NALTREXONE = {"Cc", "Cn", "blockade", "receptor", "need", "breakthrough"}
MORPHINE = ("morphine_tablet", "morphine_depot", "morphine")
STILL = {
    ("explanations/no_effect", "depot"): {"pain"},
    ("ldn/opioid", "depot"): {"Cmor", "agonist"},
    ("ldn/acute_dependence", "depot"): {"Cmor"},
    ("ldn/ultra_low_dose", "depot"): {"Cmor", "agonist"},
    ("ldn/crushed_capsule", "depot"): {"Cmor", "agonist"},
    ("ldn/crushed_capsule", "central"): {"Cmor", "agonist"},
    ("ldn/tramadol", "depot"): {"Ctra", "Cm1", "agonist"},
    ("ldn/tramadol", "tramadol_depot"): OF_NALTREXONE,
} | {
    (name, into): OF_NALTREXONE
    for name in (
        "ldn/opioid",
        "ldn/acute_dependence",
        "ldn/ultra_low_dose",
        "ldn/crushed_capsule",
    )
    for into in MORPHINE
}


@pytest.mark.parametrize("name", COMPILED)
def test_responds_to_a_dose_in_every_output_of_its_drug(name):
    model = load(name)
    held = HELD if "held" in model.input_names else {}
    one = cohort(model, typical=True, set=held)
    for target in (d for d in model.doses if not d.beside):
        treated, untreated = (
            simulate(model, rx(f"{amount} mg into {target.state}"), one, times="0:48:1")
            for amount in (50, 0)
        )
        moved = np.abs(treated.values - untreated.values).max(axis=(0, 1))
        moves = moved > 1e-6 * (1 + np.abs(untreated.values).max(axis=(0, 1)))
        still = {n for n, m in zip(treated.names, moves, strict=True) if not m}
        assert still == STILL.get((name, target.state), set()) & set(model.outputs)


@pytest.mark.parametrize("name", COMPILED)
def test_a_cohort_of_the_written_variability_finishes(name):
    model = load(name)
    result = simulate(model, "50 mg q24h x 3", cohort(model, 64, seed=3), times="0:96:24")
    assert (result.status == 0).all() and np.isfinite(result.values).all()


def test_amounts_and_concentrations_never_fall_below_zero():
    model = load("ldn/hormesis")
    result = simulate(
        model,
        "50 mg q24h x 3",
        cohort(model, 64, seed=3),
        times="0:200:1",
        outputs=("central", "Cn", "blockade", "glial_activation"),
    )
    # beyond the solver's own tolerance, which is 1e-6 of each state's largest value
    assert (result.values.min(axis=(0, 1)) > -1e-5 * result.values.max(axis=(0, 1))).all()
    assert result.values[:, :, 2].max() < 1.0


@pytest.mark.parametrize(
    ("switch", "still"),
    [("glia", ["glial_activation", "cytokine"]), ("rebound", ["endorphin", "receptor"])],
)
def test_a_switch_turns_off_its_part_and_leaves_the_kinetics(switch, still):
    model = load("ldn/hormesis")
    on, off = (
        simulate(
            model, "4.5 mg q24h x 7", cohort(model, typical=True, set={switch: v}), times="0:168:6"
        )
        for v in (1, 0)
    )
    for name in still:
        k = on.names.index(name)
        np.testing.assert_allclose(off.values[:, :, k], 1.0, atol=1e-12)
        assert np.abs(on.values[:, :, k] - 1.0).max() > 0.01
    k = on.names.index("blockade")
    np.testing.assert_allclose(on.values[:, :, k], off.values[:, :, k], rtol=1e-4)


def test_oral_auc_ratio_of_metabolite_to_parent_is_twelve():
    model = load("pk/naltrexone")
    result = simulate(
        model, "50 mg", cohort(model, typical=True), times="0:400:0.25", outputs=("Cc", "Ccm")
    )
    parent, metabolite = trapezoid(result.values[0], result.times, axis=0)
    assert metabolite / parent == pytest.approx(12.0, rel=0.01)


def test_cirrhosis_multiplies_oral_exposure_by_eight_and_absorbs_at_most_everything():
    model = load("pk/naltrexone")
    people = [cohort(model, 64, seed=3, set={"cirrhosis": c}) for c in (0, 1)]
    healthy, ill = (
        simulate(
            model, "50 mg", p, times="0:400:0.5", outputs=("Cc",), occasion="none", rtol=1e-8
        ).values[:, :, 0]
        for p in people
    )
    # linear kinetics: the ratio of areas is the ratio of absorbed fractions
    f = people[0].theta[:, model.input_names.index("f_oral")]
    np.testing.assert_allclose(
        ill.sum(axis=1) / healthy.sum(axis=1), np.minimum(8 * f, 1) / f, rtol=1e-4
    )
    assert (8 * f > 1).any() and (8 * f < 1).any()


def test_models_that_differ_in_values_and_words_alone_share_their_code(tmp_path):
    text = (LIBRARY / "pk/one_compartment.toml").read_text()
    other, changed = tmp_path / "other.toml", tmp_path / "changed.toml"
    other.write_text(text.replace('title   = "', 'title   = "Another: ', 1))
    changed.write_text(text.replace("-ka*depot ", "-2*ka*depot ", 1))
    first, second, third = load("pk/one_compartment"), load(str(other)), load(str(changed))
    assert first.digest != second.digest and first.structure == second.structure
    assert first.structure != third.structure


WORDS = {
    'title   = "': 'title   = "Another ',
    'label = "clearance"': 'label = "how fast it goes"',
    'source = "': 'source = "After a second look: ',
    'evidence = "assumed"': 'evidence = "derived"',
    'reason = "': 'reason = "as before, ',
    'notes = ["': 'notes = ["Nobody knows. ',
    'hypothesis = "': 'hypothesis = "perhaps ',
}
NUMBERS = {
    "value = 4.0": "value = 4.1",
    "cv = 0.30": "cv = 0.31",
    "no = 0.4, yes = 0.6": "no = 0.5, yes = 0.5",
    "-0.3": "-0.2",
    "low = 2": "low = 1",
    '0.05:50 mg"': '0.1:50 mg"',
    'f = "f1"': 'f = "f1*f1"',
    ' role = "switch", hypothesis = "it acts",': "",
    '"15 %"': '"20 %"',
    "- cl/vc": "- 2*cl/vc",
}
SOURCE = 'source = "none", evidence = "assumed" }'
PRIOR = 'prior = { low = 2, high = 8, reason = "a guess" }'
MADE = """title   = "Made"
time    = "h"
outputs = ["Cc"]
notes = ["A note."]

[dose]
depot = { unit = "mg", f = "f1" }

[benefit]
outcome = "Cc"
better  = "higher"
into    = "depot"
every   = "24 h"
doses   = "0.05:50 mg"
delta   = "10 %"

[parameters]
f1 = { value = 0.5, unit = "1", label = "fraction", SOURCE
cl = { value = 4.0, unit = "L/h", iiv = { cv = 0.30 }, PRIOR, label = "clearance", SOURCE
vc = { value = 20.0, unit = "L", iiv = { cv = 0.20 }, label = "volume", SOURCE
ka = { value = 1.0, unit = "1/h", label = "absorption", SOURCE
on = { value = 1.0, unit = "1", role = "switch", hypothesis = "it acts", label = "0 is off", SOURCE
who = { value = 1, unit = "1", iiv = { classes = { no = 0.4, yes = 0.6 } }, label = "class", SOURCE

[correlations]
"cl, vc" = -0.3

[residual]
Cc = { error = "15 %", SOURCE

[equations]
pk = '''
d/dt(depot)   = -ka*depot                            : mg
d/dt(central) = ka*depot*on*who - cl/vc*central      : mg
Cc            = central/vc                           : ng/mL
'''
"""
MADE = MADE.replace("SOURCE", SOURCE).replace("PRIOR", PRIOR)


def test_numbers_computed_before_hold_after_an_edit_of_words_alone(tmp_path):
    def of(name, text):
        file = tmp_path / f"{name}.toml"
        file.write_text(text)
        return load(str(file)).numbers

    assert all(part in MADE for part in (*WORDS, *NUMBERS))
    worded = MADE
    for part, other in WORDS.items():
        worded = worded.replace(part, other)
    first = of("first", MADE)
    assert of("second", worded) == first
    model = load(str(tmp_path / "first.toml"))
    assert replace(model, residuals=()).numbers != first
    # what a model does not have is no part of its numbers: a new kind of entry leaves them
    assert "published" not in _computed_with(asdict(model)) and model.published is None
    moved = {of(f"moved{k}", MADE.replace(*pair)) for k, pair in enumerate(NUMBERS.items())}
    assert len(moved) == len(NUMBERS) and first not in moved


def test_every_paper_has_authors_title_journal_and_year_or_is_called_unverified():
    entries = (LIBRARY / "references.bib").read_text().splitlines()
    for entry in filter(None, entries):
        missing = [w for w in ("author", "title", "journal", "year") if f" {w} = {{" not in entry]
        assert not missing or "unverified" in entry, entry


@pytest.mark.parametrize("name", [n for n in models() if n.startswith("explanations/")])
def test_what_an_explanation_adds_is_assumed_or_names_its_paper(name):
    keys = set(re.findall(r"@\w+\{(\w+),", (LIBRARY / "references.bib").read_text()))
    own = [i for i in load(name).inputs if name in i.place]
    for item in own:
        named = [key for key in keys if key in item.source]
        assert named or item.evidence == "assumed", (item.name, item.source)
    priors = [i for i in load(name).inputs if i.prior]
    assert len(priors) >= 3 and all(i.prior.reason for i in priors)
