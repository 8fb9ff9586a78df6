"""Units of an imported model: solved from three; whatever they are, the numbers are the same."""

import warnings

import numpy as np
import pytest

import pkpd
from pkpd.exchange.units_of_names import AMOUNT, NONE, OBSERVED, TEN, TIME, Basis, plus

UNITS = {"DV": "ng/mL", "AMT": "mg", "TIME": "h"}
HEAD = "$PROBLEM units\n$INPUT ID TIME AMT DV WT\n$DATA data.csv IGNORE=@\n"
ONE = "$SUBROUTINES ADVAN2 TRANS2\n$PK\n{}\n$ERROR\n{}\n$THETA {}\n$OMEGA 0.09 0.04\n$SIGMA 0.04\n"
PK = "KA=THETA(1)\nCL=THETA(2)*EXP(ETA(1))\nV=THETA(3)\n"
Y = "IPRED=F\nY=IPRED*(1+EPS(1))"
DES = (
    "$SUBROUTINES ADVAN13 TOL=9\n$MODEL COMP=(DEPOT) COMP=(CENTRAL) COMP=(EFFECT)\n$PK\n{}\n"
    "$DES\n{}\n$ERROR\n{}\n$THETA {}\n$OMEGA 0.09\n$SIGMA 0.04\n"
)
STREAMS = {
    "clearance": ONE.format(PK + "S2=V/1000", Y, "1.1 4 40"),
    "no scale": ONE.format(PK, Y, "1.1 4 40"),
    "allometry": ONE.format(
        "KA=THETA(1)\nCL=THETA(2)*(WT/70)**0.75*EXP(ETA(1))\nV=THETA(3)*WT/70\nS2=V", Y, "1 4 40"
    ),
    "sums of covariates": ONE.format(
        "KA=THETA(1)+0.1\nCL=THETA(2)+THETA(3)*(WT-70)+ETA(1)\nV=THETA(4)\n"
        "IF (WT.GT.60) V=V*1.2\nS2=V",
        Y,
        "1 4 0.05 40",
    ),
    "mu": ONE.format(
        "MU_1=LOG(THETA(1))\nMU_2=LOG(THETA(2))\nKA=EXP(MU_1+ETA(1))\nCL=EXP(MU_2+ETA(2))\n"
        "V=EXP(THETA(3))\nS2=V\nF1=EXP(THETA(4))/(1+EXP(THETA(4)))\nALAG1=THETA(5)",
        Y,
        "1 4 3.6 0.3 0.25",
    ),
    "logarithms": ONE.format(
        PK + "S2=V", "IPRED=LOG(F+0.001)\nW=THETA(4)\nY=IPRED+W*EPS(1)", "1 4 40 0.2"
    ),
    "combined error": ONE.format(
        PK + "S2=V", "IPRED=F\nW=SQRT(THETA(4)**2*IPRED**2+THETA(5)**2)\nY=IPRED+W*EPS(1)",
        "1 4 40 0.2 0.01",
    ),
    "days": ONE.format("KA=THETA(1)/24\nCL=THETA(2)/24*1000\nV=THETA(3)*1000\nS2=V", Y, "24 90 40"),
    "hill": DES.format(
        "KA=THETA(1)\nK=THETA(2)\nV=THETA(3)\nEC=THETA(4)\nHILL=THETA(5)\nKE0=THETA(6)\nBASE=THETA(7)",
        "C=A(2)/V\nDADT(1)=-KA*A(1)\nDADT(2)=KA*A(1)-K*A(2)\nDADT(3)=KE0*(C-A(3))",
        "CE=A(3)\nE=BASE*(1-CE**HILL/(EC**HILL+CE**HILL))\nY=E+EPS(1)",
        "1 0.1 40 0.5 1.7 0.4 80",
    ),
    "turnover": DES.format(
        "KA=THETA(1)\nK=THETA(2)\nV=THETA(3)\nKIN=THETA(4)\nKOUT=THETA(5)\nIC=THETA(6)\nA_0(3)=KIN/KOUT",
        "C=A(2)/V\nDADT(1)=-KA*A(1)\nDADT(2)=KA*A(1)-K*A(2)\n"
        "DADT(3)=KIN*(1-C/(IC+C))*EXP(-0.001*T)-KOUT*A(3)",
        "Y=A(3)+SQRT(ABS(A(3)))*0.1+EPS(1)",
        "1 0.1 40 5 0.5 0.5",
    ),
}  # fmt: skip


def imported(text, folder, name, **options):
    (folder / "run.ctl").write_text(HEAD + text, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pkpd.PkpdWarning)
        return pkpd.import_model(
            folder / "run.ctl", folder / f"{name}.toml", set={"WT": 82}, **options
        )


def predicted(model):
    """Y at some times after a dose, by the model's SciPy script."""
    space = {"__name__": "script"}
    exec(compile(pkpd.export_model(model, "scipy"), "script", "exec"), space)
    values = space["simulate"](
        space["EQUATIONS"], np.array([0.5, 2.0, 9.0]), [(0.0, 100.0, model.state_names[0], 0.0)],
        {}, rtol=1e-11, atol=1e-14,
    )  # fmt: skip
    return values[:, space["EQUATIONS"].outputs.index("Y")]


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("units", [UNITS, {"DV": "mg/L", "AMT": "mg", "TIME": "d"}], ids=str)
def test_predictions_are_those_of_plain_numbers_whatever_the_units(name, units, tmp_path):
    plain = imported(STREAMS[name], tmp_path, "plain", time=units["TIME"])
    found = imported(STREAMS[name], tmp_path, "units", units=units)
    np.testing.assert_allclose(predicted(found), predicted(plain), rtol=1e-9)
    (y,) = (item for item in found.assignments if item.name == "Y")
    assert (y.unit, found.time) == (units["DV"], units["TIME"])


def units_of(model):
    named = (*model.inputs, *model.states, *model.assignments)
    return {item.name: item.unit for item in named}


def test_units_of_a_clearance_model_are_those_of_a_textbook(tmp_path):
    found = units_of(imported(STREAMS["clearance"], tmp_path, "units", units=UNITS))
    expected = {"THETA1": "1/h", "THETA2": "L/h", "THETA3": "L", "ETA1": "1", "V": "L"}
    assert found | expected == found
    found = units_of(imported(STREAMS["no scale"], tmp_path, "units", units=UNITS | {"DV": "mg/L"}))
    assert (found["CENTRAL"], found["F"]) == ("mg", "mg")  # nothing scales it


def test_additive_etas_and_residual_errors_have_the_unit_of_what_they_are_added_to(tmp_path):
    model = imported(STREAMS["sums of covariates"], tmp_path, "units", units=UNITS | {"DV": "mg/L"})
    assert units_of(model)["ETA1"] == units_of(model)["CL"] == "L/h"
    imported(STREAMS["combined error"], tmp_path, "units", units=UNITS)
    text = (tmp_path / "units.toml").read_text(encoding="utf-8")
    assert 'error = "4 % + 0.002 ng/mL"' in text


def test_a_unit_that_does_not_follow_is_said(tmp_path):
    model = imported(STREAMS["hill"], tmp_path, "units", units=UNITS | {"DV": "NRS"})
    (note,) = [note for note in model.notes if "do not follow" in note]
    assert note.startswith("The units of THETA4, ETA1 do not follow")
    assert units_of(model)["BASE"] == "NRS"


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ({"DV": "mg/L"}, "units are those of DV, AMT and TIME"),
        (UNITS | {"V": "L"}, "units are those of DV, AMT and TIME"),
        (UNITS | {"TIME": "mg"}, "time is a unit of time"),
        (UNITS | {"DV": "furlong per"}, "is not a unit"),
        ("DV=mg/L", "units is a dict"),
    ],
)
def test_wrong_units_are_one_sentence(units, message, tmp_path):
    with pytest.raises(pkpd.PkpdError, match=message):
        imported(STREAMS["clearance"], tmp_path, "units", units=units)


def test_texts_of_units():
    basis = Basis("mg", "h", "ng/mL")
    volume = plus(AMOUNT, OBSERVED, -1)
    assert basis.text(NONE) == "1"
    assert basis.text(plus(volume, TEN, -3)) == "L"
    assert basis.text(plus(plus(volume, TEN, -6), TIME, -1)) == "mL/h"
    assert basis.text(plus(volume, TEN, 21)) is None
