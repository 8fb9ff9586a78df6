"""Model files: what is scaled, what is refused with file and line, and that nothing runs."""

import os
import subprocess
import sys

import pytest

from pkpd.errors import ModelError
from pkpd.symbolic.load import load

GOOD = """
title   = "One compartment"
time    = "h"
outputs = ["Cc"]
[dose]
central = { unit = "mg" }
[parameters]
cl = { value = 4.0, unit = "L/h", iiv = { cv = 0.3 }, label = "clearance", \
source = "test", evidence = "assumed" }
vc = { value = 40.0, unit = "L", label = "volume", source = "test", evidence = "assumed" }
[equations]
pk = '''
d/dt(central) = -cl/vc*central : mg
Cc = central/vc : ng/mL
'''
"""


@pytest.fixture
def write(tmp_path):
    def make(text, name="model"):
        path = tmp_path / f"{name}.toml"
        path.write_text(text)
        return path

    return make


def refused(path):
    with pytest.raises(ModelError) as caught:
        load(path)
    return str(caught.value)


def test_a_sound_model_is_scaled_to_its_declared_units(write):
    model = load(write(GOOD))
    assert model.assignments[0].expression == "(1000.0*(central/vc))"
    assert [s.name for s in model.states] == ["central"] and model.outputs == ("Cc",)


@pytest.mark.parametrize(
    ("old", "new", "line", "part"),
    [
        (
            "-cl/vc*central : mg",
            "-cl*vc + vc : mg",
            12,
            "in d/dt(central), '-cl*vc + vc' adds L to L**2/h",
        ),
        ("central/vc : ng/mL", "central*vc : ng/mL", 13, "in Cc, 'central*vc' has unit"),
        ("central/vc : ng/mL", "1000*central/vc : ng/mL", 13, "conversion factor 1000"),
        ("central/vc : ng/mL", "central/Vc : ng/mL", 13, "unknown name 'Vc'. Did you mean 'vc'?"),
        (
            "central/vc : ng/mL",
            "exp(vc) : 1",
            13,
            "the argument of exp 'vc' must have no unit, not L",
        ),
        (
            "central/vc : ng/mL",
            "sin(2*pi*t) : 1",
            13,
            "the argument of sin '2*pi*t' must have no unit, not h",
        ),
        ("central/vc : ng/mL", "floor(vc) : 1", 13, "the argument of floor 'vc' must have no unit"),
        ("central/vc : ng/mL", "central/vc", 13, "is not an equation"),
        ("central/vc : ng/mL", "central/vc + 1 : ng/mL", 13, "adds 1 to mg/L"),
        ('unit = "L/h"', 'unit = "L/hour/bananas"', 8, "is not a unit"),
        ("value = 4.0", "value = nan", 8, "must be a finite number"),
        ("value = 4.0", "value = 1" + "0" * 400, 8, "must be a finite number"),
        ("cv = 0.3", "cv = 1e200", 8, "must be a finite number"),
        ("value = 4.0", "value = -4.0", 8, "a log-normal median is positive"),
        (
            'evidence = "assumed" }\nvc',
            'evidence = "guess" }\nvc',
            8,
            "must be one of measured, estimated, derived, assumed, calibrated",
        ),
        (
            'source = "test", evidence = "assumed" }\nvc',
            'evidence = "assumed" }\nvc',
            8,
            "'cl' has no source",
        ),
        ("central = { unit", "gut = { unit", 6, "dose into 'gut', which is no state"),
        (
            'outputs = ["Cc"]',
            'outputs = ["CC"]',
            4,
            "output 'CC' is not defined. Did you mean 'Cc'?",
        ),
        (
            "[parameters]\ncl",
            "[parameter]\ncl",
            7,
            "unknown entry 'parameter'. Did you mean 'parameters'?",
        ),
        ("vc = {", "exp = {", 9, "'exp' is reserved"),
        ("vc = {", "floor = {", 9, "'floor' is reserved"),
        ('title   = "One', "title   = One", 2, "not valid TOML"),
        ("iiv = { cv = 0.3 }", "iiv = { cv = -0.3 }", 8, "must not be negative"),
        ("iiv = { cv = 0.3 }", "iiv = { cv = 0.3, sd = 1 }", 8, "'cv' does not go with sd"),
        ("iiv = { cv = 0.3 }", "iiv = { cv = 0.3, lower = 1 }", 8, "'lower' does not go with cv"),
        (
            "iiv = { cv = 0.3 }",
            "iiv = { cv = 0.3, logit_sd = 1 }",
            8,
            "a logitnormal input has one spread",
        ),
        (
            "iiv = { cv = 0.3 }",
            'iiv = { sd = 1, kind = "lognormal" }',
            8,
            "a lognormal input has one spread, cv",
        ),
        ("iiv = { cv = 0.3 }", "iiv = { cv = 0.3, kind = [1] }", 8, "its kind is one of lognormal"),
        (
            "iiv = { cv = 0.3 }",
            'iiv = { cv = 0.3, kind = "gamma" }',
            8,
            "its kind is one of lognormal, logitnormal, normal, not 'gamma'",
        ),
        (
            "iiv = { cv = 0.3 }",
            "iiv = { lower = 1, upper = 9 }",
            8,
            "a lognormal input has one spread, cv",
        ),
    ],
)
def test_each_mistake_is_reported_with_its_place(write, old, new, line, part):
    assert old in GOOD
    path = write(GOOD.replace(old, new))
    message = refused(path)
    assert message.startswith(f"{path}:{line}:"), message
    assert part in message, message


HOSTILE = {
    "import": "__import__('os').system('touch {flag}') : ng/mL",
    "attribute": "central.__class__ : ng/mL",
    "call": "open('/etc/passwd') : ng/mL",
    "lambda": "(lambda: 1)() : ng/mL",
    "subscript": "central[0] : ng/mL",
    "string": "'abc' : ng/mL",
    "tower": "9**9**9 : 1",
    "huge power": "cl**1000000000 : 1",
    "nested": "(" * 10_000 + "1" + ")" * 10_000 + " : 1",
    "sum": "1" + "+1" * 50_000 + " : 1",
    "comprehension": "[x for x in (1,2)] : 1",
    "walrus": "(y := 3) : 1",
    "not": "not 1 : 1",
    "modulus": "7 % 2 : 1",
    "shift": "1 << 60 : 1",
    "membership": "1 if 1 in vc else 2 : 1",
    "power of powers": "((((2**99)**99)**99)**99) : 1",
    "overflow": "1e99*1e99*1e99*1e99 : 1",
    "tower of exp": "exp(exp(exp(9))) : 1",
    "minus signs": "-" * 3000 + "1 : 1",
    "division by nothing": "1/0 : 1",
    "complex": "1j : 1",
    "unit tower": "central/vc : kg**9**9**9",
    "unit with offset": "central/vc : degC",
    "huge number": "1" * 3000 + " : 1",
    "unit": "central/vc : __import__('os')",
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_equation_gets_one_sentence_and_runs_nothing(write, tmp_path, attack):
    flag = tmp_path / "flag"
    message = refused(
        write(GOOD.replace("central/vc : ng/mL", HOSTILE[attack].replace("{flag}", str(flag))))
    )
    assert "\n" not in message and len(message) < 600
    assert not flag.exists()


def test_an_include_outside_the_search_path_is_refused(write, tmp_path):
    (tmp_path.parent / "outside.toml").write_text(GOOD)
    for name in ("../outside", "/etc/passwd", "..\\\\outside", "pk/../../outside", "nowhere"):
        assert "is not a model of the library" in refused(write(f'include = ["{name}"]\n' + GOOD))


def test_a_link_out_of_the_folder_is_not_followed(write, tmp_path):
    (tmp_path.parent / "secret.toml").write_text(GOOD)
    (tmp_path / "inner").mkdir()
    path = tmp_path / "inner" / "model.toml"
    path.write_text('include = ["link"]\n' + GOOD)
    (tmp_path / "inner" / "link.toml").symlink_to(tmp_path.parent / "secret.toml")
    assert "is not a model of the library" in refused(path)


def test_a_file_of_100_mb_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.toml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    assert "too large for a model file" in refused(path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "bytes.toml"
    path.write_bytes(b"title = '\xff\xfe'")
    assert "not UTF-8" in refused(path)


def test_a_second_definition_must_be_announced(write):
    base = load("pk/one_compartment")
    again = (
        'title = "x"\ninclude = ["pk/one_compartment"]\noutputs = ["Cc"]\n[parameters]\n{p}\n{o}'
    )
    parameter = (
        'cl = { value = 9.0, unit = "L/h", label = "clearance", source = "test", '
        'evidence = "assumed" }'
    )
    assert "'cl' is already defined at" in refused(write(again.format(p=parameter, o="")))
    model = load(write(again.format(p=parameter, o='[override]\nnames = ["cl"]'), "other"))
    assert next(i.value for i in model.inputs if i.name == "cl") == 9.0
    assert model.input_names == base.input_names


def test_assignments_that_need_each_other_are_refused(write):
    assert "depend on each other in a circle" in refused(
        write(
            GOOD.replace("Cc = central/vc : ng/mL", "a = b : 1\nb = a : 1\nCc = central/vc : ng/mL")
        )
    )


def test_an_unknown_model_is_answered_with_the_closest():
    with pytest.raises(ModelError, match="Did you mean 'ldn/hormesis'"):
        load("ldn/hormesys")


def test_a_library_model_needs_neither_pint_nor_numba(tmp_path):
    code = (
        "import sys; from pkpd.symbolic.load import load; load('ldn/hormesis'); "
        "print({'pint', 'numba'} & set(sys.modules))"
    )
    environment = os.environ | {"PKPD_CACHE": str(tmp_path)}
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert [run.strip() for run in runs] == [
        "set()"
    ] * 2  # the units of the field need no Pint even cold
