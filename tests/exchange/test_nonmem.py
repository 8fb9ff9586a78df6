"""Textbook control streams against closed forms, matrix exponentials and SciPy.

The predictions are those of the imported model, solved by the script that it is exported as; that
the engine agrees with the script is tested elsewhere, and here for one of them.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.special import lambertw
from scipy.stats import truncnorm

import pkpd
from pkpd.exchange.readers.nonmem import Reader

sys.path.append(str(Path(__file__).parents[1]))
from naive import Patient

EXPORTED = [n for n in pkpd.models() if not n.startswith("absorption/")]  # no export holds it
TIMES = np.array([0.5, 1.0, 2.0, 6.0, 12.0, 24.0])
HEAD = "$PROBLEM {}\n$INPUT ID TIME AMT RATE CMT DV EVID MDV WT\n$DATA data.csv IGNORE=@\n"
TAIL = "$ERROR\nIPRED = F\nY = IPRED*(1 + EPS(1))\n{}$OMEGA 0.09\n$SIGMA 0.04\n$EST METHOD=1\n"


def stream(subroutines, pk, thetas, tail=TAIL, model="", des=""):
    """A control stream, with THETAs (0, value)."""
    listed = "".join(f"$THETA (0, {value}) ; number {k}\n" for k, value in enumerate(thetas, 1))
    parts = [HEAD.format("a textbook model"), f"$SUBROUTINES {subroutines}\n"]
    parts += [f"$MODEL {model}\n"] if model else []
    parts += [f"$PK\n{pk}\n", f"$DES\n{des}\n" if des else "", tail.format(listed)]
    return "".join(parts)


def imported(text, folder, **options):
    file = folder / "run.ctl"
    file.write_text(text, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pkpd.PkpdWarning)
        return pkpd.import_model(file, folder / "run.toml", **options)


def predicted(model, *doses, times=TIMES, **inputs):
    """Y of the typical patient. doses : (time, amount, compartment, duration)"""
    space = {"__name__": "script"}
    exec(compile(pkpd.export_model(model, "scipy"), "script", "exec"), space)
    equations = space["EQUATIONS"]
    values = space["simulate"](equations, times, doses, inputs, rtol=1e-11, atol=1e-13)
    return values[:, equations.outputs.index("Y")]


def linear(matrix, amounts, place, times=TIMES):
    """Amount at a place after the amounts at time 0, by the matrix exponential."""
    return np.array([(expm(matrix * t) @ amounts)[place] for t in times])


def mammillary(ka, cl, v, *peripherals):
    """Matrix of depot, central and peripherals of (flow, volume)."""
    size = 2 + len(peripherals)
    matrix = np.zeros((size, size))
    matrix[0, 0], matrix[1, 0], matrix[1, 1] = -ka, ka, -cl / v
    for k, (flow, volume) in enumerate(peripherals, 2):
        matrix[1, 1] -= flow / v
        matrix[k, 1], matrix[1, k], matrix[k, k] = flow / v, flow / volume, -flow / volume
    return matrix


CL_V = "CL = THETA(1)*EXP(ETA(1))\nV = THETA(2)"


def test_advan1_trans2_bolus(tmp_path):
    model = imported(stream("ADVAN1 TRANS2", f"{CL_V}\nS1 = V", [4, 30]), tmp_path)
    expected = 100 / 30 * np.exp(-4 / 30 * TIMES)
    assert predicted(model, (0, 100, "CENTRAL", 0)) == pytest.approx(expected, rel=1e-6)


def test_advan1_infusion(tmp_path):
    model = imported(stream("ADVAN1 TRANS2", f"{CL_V}\nS1 = V", [4, 30]), tmp_path)
    k, on = 4 / 30, np.minimum(TIMES, 2)
    expected = 50 / 4 * -np.expm1(-k * on) * np.exp(-k * (TIMES - on))
    assert predicted(model, (0, 100, "CENTRAL", 2)) == pytest.approx(expected, rel=1e-6)


def test_advan2_with_lag_and_bioavailability(tmp_path):
    pk = f"{CL_V}\nKA = THETA(3)\nALAG1 = THETA(4)\nF1 = 0.7\nS2 = V"
    model = imported(stream("ADVAN2 TRANS2", pk, [4, 30, 1.2, 0.25]), tmp_path)
    ka, k, t = 1.2, 4 / 30, TIMES - 0.25
    expected = 70 / 30 * ka / (ka - k) * (np.exp(-k * t) - np.exp(-ka * t))
    assert predicted(model, (0, 100, "DEPOT", 0)) == pytest.approx(expected, rel=1e-6)


def test_advan2_trans1(tmp_path):
    model = imported(stream("ADVAN2", "K = THETA(1)\nKA = THETA(2)", [0.2, 1.5]), tmp_path)
    expected = 100 * 1.5 / 1.3 * (np.exp(-0.2 * TIMES) - np.exp(-1.5 * TIMES))
    assert predicted(model, (0, 100, "DEPOT", 0)) == pytest.approx(expected, rel=1e-6)


TWO = mammillary(1.2, 4, 30, (2, 50))
TWO_BY_TRANS = {
    "TRANS4": "CL=4\nV1=30\nQ=2\nV2=50",
    "TRANS3": "CL=4\nV=30\nQ=2\nVSS=80",
    "TRANS1": "K=4/30\nK12=2/30\nK21=2/50",
}


@pytest.mark.parametrize("trans", TWO_BY_TRANS)
def test_advan3(trans, tmp_path):
    pk = f"{TWO_BY_TRANS[trans]}\nX=THETA(1)*EXP(ETA(1))\nS1=30"
    model = imported(stream(f"ADVAN3 {trans}", pk, [1]), tmp_path)
    expected = linear(TWO, [0, 100, 0], 1) / 30
    assert predicted(model, (0, 100, "CENTRAL", 0)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("trans", ["TRANS5", "TRANS6"])
def test_advan3_by_slopes(trans, tmp_path):
    beta, alpha = sorted(-np.linalg.eigvals(TWO[1:, 1:]).real)
    k21 = 2 / 50
    aob = (alpha - k21) / (k21 - beta)
    pk = f"ALPHA={alpha!r}\nBETA={beta!r}\nAOB={aob!r}\nK21={k21!r}\nX=THETA(1)\nS1=30"
    model = imported(stream(f"ADVAN3 {trans}", pk.replace("np.float64", ""), [1]), tmp_path)
    expected = linear(TWO, [0, 100, 0], 1) / 30
    assert predicted(model, (0, 100, "CENTRAL", 0)) == pytest.approx(expected, rel=1e-6)


def test_advan4_trans4(tmp_path):
    pk = "CL=THETA(1)\nV2=THETA(2)\nQ=THETA(3)\nV3=THETA(4)\nKA=THETA(5)\nS2=V2"
    model = imported(stream("ADVAN4 TRANS4", pk, [4, 30, 2, 50, 1.2]), tmp_path)
    expected = linear(TWO, [100, 0, 0], 1) / 30
    assert predicted(model, (0, 100, "DEPOT", 0)) == pytest.approx(expected, rel=1e-6)


def test_advan11_trans4(tmp_path):
    pk = "CL=4\nV1=30\nQ2=2\nV2=50\nQ3=0.7\nV3=200\nX=THETA(1)\nS1=V1"
    model = imported(stream("ADVAN11 TRANS4", pk, [1]), tmp_path)
    matrix = mammillary(0, 4, 30, (2, 50), (0.7, 200))
    expected = linear(matrix, [0, 100, 0, 0], 1) / 30
    assert predicted(model, (0, 100, "CENTRAL", 0)) == pytest.approx(expected, rel=1e-6)


def test_advan12_trans4(tmp_path):
    pk = "CL=4\nV2=30\nQ3=2\nV3=50\nQ4=0.7\nV4=200\nKA=1.2\nX=THETA(1)\nS2=V2"
    model = imported(stream("ADVAN12 TRANS4", pk, [1]), tmp_path)
    matrix = mammillary(1.2, 4, 30, (2, 50), (0.7, 200))
    expected = linear(matrix, [100, 0, 0, 0], 1) / 30
    assert predicted(model, (0, 100, "DEPOT", 0)) == pytest.approx(expected, rel=1e-6)


def test_advan10_michaelis_menten(tmp_path):
    model = imported(stream("ADVAN10", "VM=THETA(1)\nKM=THETA(2)", [9, 20]), tmp_path)
    expected = 20 * lambertw(100 / 20 * np.exp((100 - 9 * TIMES) / 20)).real
    assert predicted(model, (0, 100, "CENTRAL", 0)) == pytest.approx(expected, rel=1e-6)


def test_advan5_chain(tmp_path):
    text = stream("ADVAN5", "K12=0.5\nK2T3=0.25\nK30=0.1\nX=THETA(1)", [1], model="NCOMP=3")
    model = imported(text.replace("NCOMP=3", "COMP=(A) COMP=(B) COMP=(C DEFOBS)"), tmp_path)
    matrix = np.array([[-0.5, 0, 0], [0.5, -0.25, 0], [0, 0.25, -0.1]])
    expected = linear(matrix, [100, 0, 0], 2)
    assert predicted(model, (0, 100, "A", 0)) == pytest.approx(expected, rel=1e-6)


def test_advan13_indirect_response_with_start_values(tmp_path):
    pk = "KEL=THETA(1)\nKIN=THETA(2)\nKOUT=THETA(3)\nIC50=THETA(4)\nA_0(2)=KIN/KOUT"
    des = "CP=A(1)/10\nINH = CP/(IC50 + CP)\nDADT(1) = -KEL*A(1)\n"
    des += "DADT(2) = KIN*(1 - INH) &\n - KOUT*A(2)"
    tail = TAIL.replace("IPRED = F", "IPRED = A(2)")
    text = stream("ADVAN13 TOL=9", pk, [0.3, 5, 0.5, 2], tail, "COMP=(PK) COMP=(PD)", des)
    model = imported(text, tmp_path)

    def slopes(t, y):
        cp = y[0] / 10
        return [-0.3 * y[0], 5 * (1 - cp / (2 + cp)) - 0.5 * y[1]]

    run = solve_ivp(
        slopes, (0, 24), [100, 10], t_eval=TIMES, rtol=1e-11, atol=1e-13, method="DOP853"
    )
    assert predicted(model, (0, 100, "PK", 0)) == pytest.approx(run.y[1], rel=1e-6)


OCCASIONS = """
TVCL = THETA(1)*(WT/70)**0.75
IOV = 0
IF (OCC.EQ.1) IOV = ETA(3)
IF (OCC.EQ.2) IOV = ETA(4)
IF (SEX.EQ.1.AND.WT.GT.60) THEN
  TVV = THETA(2)*1.5
ELSE IF (SEX.EQ.1) THEN
  TVV = THETA(2)*1.2
ELSE
  TVV = THETA(2)
ENDIF
MU_1 = LOG(TVCL)
CL = EXP(MU_1 + ETA(1) + IOV)
V = TVV*EXP(ETA(2))
S1 = V
"""
BLOCKS = TAIL.replace(
    "$OMEGA 0.09\n",
    "$OMEGA BLOCK(2)\n0.09\n0.02 0.04\n$OMEGA BLOCK(1) 0.01\n$OMEGA BLOCK(1) SAME\n",
)


def test_covariates_conditions_occasions_and_blocks(tmp_path):
    text = stream("ADVAN1 TRANS2", OCCASIONS, [4, 30], BLOCKS)
    model = imported(text, tmp_path, set={"WT": 80, "OCC": 2, "SEX": 1})
    for given, volume in (({}, 45), ({"WT": 50.0}, 36), ({"SEX": 0.0}, 30)):
        weight = given.get("WT", 80)
        k = 4 * (weight / 70) ** 0.75 * np.exp(0.3) / volume
        got = predicted(model, (0, 100, "CENTRAL", 0), ETA1=0.1, ETA4=0.2, ETA3=7.0, **given)
        assert got == pytest.approx(100 / volume * np.exp(-k * TIMES), rel=1e-6)
    spread = {i.name: i.iiv.sd for i in model.inputs if i.iiv}
    assert spread == pytest.approx({"ETA1": 0.3, "ETA2": 0.2, "ETA3": 0.1, "ETA4": 0.1})
    assert model.correlations == (("ETA1", "ETA2", pytest.approx(0.02 / 0.06)),)


@pytest.mark.parametrize(
    "omega", ["(0.3 SD) 0.04", "0.3 SD 0.04 FIX", "DIAGONAL(2) (STANDARD 0.3) (0.2, SD)"]
)
def test_a_standard_deviation_is_that_of_a_single_value(tmp_path, omega):
    text = stream("ADVAN1 TRANS2", CL_V.replace("THETA(2)", "THETA(2)*EXP(ETA(2))"), [4, 30])
    model = imported(text.replace("$OMEGA 0.09", f"$OMEGA {omega}"), tmp_path)
    spread = {i.name: i.iiv.sd for i in model.inputs if i.iiv}
    assert spread == pytest.approx({"ETA1": 0.3, "ETA2": 0.2})


def test_pred_without_compartments(tmp_path):
    text = HEAD.format("emax") + (
        "$PRED\nE = THETA(1)*TIME/(THETA(2) + TIME)\nY = E + ETA(1) + EPS(1)\n"
        "$THETA 10 5 FIX\n$OMEGA 1\n$SIGMA 1\n"
    )
    model = imported(text, tmp_path)
    assert predicted(model) == pytest.approx(10 * TIMES / (5 + TIMES), rel=1e-12)


ERRORS = [
    ("Y = F + EPS(1)", "$SIGMA 0.04", (0.2, 0.0, 0.0)),
    ("Y = F*(1 + EPS(1))", "$SIGMA 0.04", (0.0, 0.2, 0.0)),
    ("Y = F*(1 + EPS(1)) + ERR(2)", "$SIGMA 0.04 0.09", (0.3, 0.2, 0.0)),
    ("Y = F*EXP(EPS(1))", "$SIGMA 0.04", (0.0, 0.0, 0.2)),
    ("W = SQRT(0.25 + (F*0.1)**2)\nY = F + W*EPS(1)", "$SIGMA 1 FIX", (0.5, 0.1, 0.0)),
    (
        "IPRED = F\nIF (IPRED.LT.0.001) IPRED = 0.001\nY = IPRED + IPRED*EPS(1)",
        "$SIGMA 0.04",
        (0.0, 0.2, 0.0),
    ),
    ("Y = F + SQRT(F)*EPS(1)", "$SIGMA 0.04", None),
    ("Y = LOG(F + 1) + EPS(1)", "$SIGMA 0.04", None),
    ("Y = F + EPS(1) + F*EPS(2)", "$SIGMA BLOCK(2) 0.04 0.01 0.04", None),
]


@pytest.mark.parametrize(("y", "sigma", "expected"), ERRORS)
def test_the_residual_error_of_y_is_told_or_left_out_with_a_note(y, sigma, expected, tmp_path):
    tail = f"$ERROR\n{y}\n{{}}$OMEGA 0.09\n{sigma}\n"
    model = imported(stream("ADVAN1 TRANS2", CL_V, [4, 30], tail), tmp_path)
    if expected is None:
        assert not model.residuals and any("residual error" in note for note in model.notes)
        return
    (found,) = model.residuals
    assert (found.additive, found.proportional, found.log) == pytest.approx(expected)


def test_final_estimates_take_the_place_of_initial_ones(tmp_path):
    header = "ITERATION THETA1 THETA2 SIGMA(1,1) OMEGA(1,1) OBJ"
    (tmp_path / "run.ext").write_text(
        f"TABLE NO. 1\n {header}\n 0 4 30 0.04 0.09 1\n -1000000000 5 25 0.01 0.16 0.5\n"
    )
    text = stream("ADVAN1 TRANS2", CL_V, [4, 30])
    model = imported(text, tmp_path, estimates=tmp_path / "run.ext")
    values = {i.name: i.value for i in model.inputs}
    assert (values["THETA1"], values["THETA2"]) == (5.0, 25.0)
    assert {i.name: i.iiv.sd for i in model.inputs if i.iiv} == {"ETA1": pytest.approx(0.4)}
    assert model.residuals[0].proportional == pytest.approx(0.1)


COV = """TABLE NO.     1: First Order
 NAME THETA1 THETA2 SIGMA(1,1) OMEGA(1,1)
 THETA1 9 9 0 0
 THETA2 9 9 0 0
 SIGMA(1,1) 0 0 1 0
 OMEGA(1,1) 0 0 0 1
TABLE NO.     2: Importance Sampling
 NAME                THETA1       THETA2       SIGMA(1,1)   OMEGA(1,1)
 THETA1              1.60000E+01  1.20000E+00  0.0          0.0
 THETA2              1.20000E+00  9.00000E+00  0.0          0.0
 SIGMA(1,1)          0.0          0.0          1.0E-04      0.0
 OMEGA(1,1)          0.0          0.0          0.0          1.0E-04
"""


def test_the_covariance_of_a_run_draws_its_thetas_within_their_ends(tmp_path):
    (tmp_path / "run.cov").write_text(COV)
    text = stream("ADVAN1 TRANS2", CL_V, [4, 30])
    model = imported(text, tmp_path, covariance=tmp_path / "run.cov")
    sets = pkpd.parameter_sets(model, tmp_path / "run-uncertainty.toml", 2**11, seed=3)
    assert sets.names == ("THETA1", "THETA2")
    cl, v = sets.values.T
    assert cl.min() > 0.0  # $THETA (0, 4), and a standard error of 4
    cut = truncnorm(-1.0, np.inf, loc=4.0, scale=4.0)
    error = 4 / 2**5.5
    assert cl.mean() == pytest.approx(cut.mean(), abs=error * cut.std())
    assert cl.std() == pytest.approx(cut.std(), rel=error)
    slope = np.cov(cl, v)[0, 1] / cl.var()
    assert slope == pytest.approx(1.2 / 16, abs=error * 3 / 4)


@pytest.mark.parametrize(
    ("cov", "message"),
    [
        (COV.replace("THETA2", "THETA3"), "no row of THETA2"),
        (COV.replace("1.20000E+00", "1.3", 1), "not symmetric"),
        (COV.replace("9.00000E+00", "nan"), "not finite"),
        (COV.replace("9.00000E+00", "nine"), "could not convert"),
        (
            COV.replace(" OMEGA(1,1) 0", " OMEGA 0").replace(" OMEGA(1,1)  ", " OM "),
            "no covariance",
        ),
        ("", "no covariance matrix"),
    ],
)
def test_a_file_that_is_no_covariance_of_the_run_is_one_sentence(cov, message, tmp_path):
    (tmp_path / "run.cov").write_text(cov)
    text = stream("ADVAN1 TRANS2", CL_V, [4, 30])
    with pytest.raises(pkpd.PkpdError, match=message):
        imported(text, tmp_path, covariance=tmp_path / "run.cov")


def test_an_empty_file_of_estimates_is_refused(tmp_path):
    (tmp_path / "run.ext").write_text("")
    text = stream("ADVAN1 TRANS2", CL_V, [4, 30])
    with pytest.raises(pkpd.PkpdError, match="have no final line"):
        imported(text, tmp_path, estimates=tmp_path / "run.ext")


def test_ends_of_thetas_are_read(tmp_path):
    text = stream("ADVAN1 TRANS2", CL_V, [4, 30]).replace("$THETA (0, 4)", "$THETA (-INF, 4, 9)")
    reader = Reader(text.replace("(0, 30)", "30 FIX"), "run.ctl", None)
    assert reader.numbers.theta == [4.0, 30.0]
    assert reader.numbers.ends == [(-np.inf, 9.0), (-np.inf, np.inf)]


def test_a_run_proves_itself(tmp_path):
    """PRED and IPRED of a table, here by closed forms with NONMEM's digits, are found again."""
    etas, weights, times = {1: 0.3, 2: -0.2}, {1: 80, 2: 55}, [0, 1, 4, 12]
    data, table = (
        ["C,TIME,AMT,RATE,CMT,DV,EVID,MDV,WT"],
        ["TABLE NO.  1", "ID TIME ETA1 PRED IPRED"],
    )
    for person, eta in etas.items():
        for t in times:
            dose = t == 0
            amount = "100" if dose else "."
            data.append(f"{person},{t},{amount},0,1,.,{dose:d},{dose:d},{weights[person]}")
            k = 4 * weights[person] / 70 / 30
            values = [100 / 30 * np.exp(-k * np.exp(x) * t) for x in (0.0, eta)]
            table.append(f"{person} {t} {eta} {values[0]:.4E} {values[1]:.4E}")
    (tmp_path / "data.csv").write_text("\n".join(data))
    (tmp_path / "sdtab").write_text("\n".join(table))
    text = stream("ADVAN1 TRANS2", "CL=THETA(1)*WT/70*EXP(ETA(1))\nV=THETA(2)\nS1=V", [4, 30])
    options = {"data": tmp_path / "data.csv", "table": tmp_path / "sdtab"}
    model = imported(text, tmp_path, **options)
    proofs = [note for note in model.notes if "computed again at 6 observations" in note]
    assert [note.split()[0] for note in proofs] == ["PRED", "IPRED"]
    for note in proofs:
        assert float(note.split("difference ")[1].split(",")[0]) < 1e-4
    wrong = imported(text.replace("WT/70", "WT/60"), tmp_path, **options)
    (note,) = [note for note in wrong.notes if note.startswith("PRED")]
    assert float(note.split("difference ")[1].split(",")[0]) > 0.01


@pytest.mark.parametrize("name", EXPORTED)
def test_rates_of_every_model_survive_a_round_trip(name, tmp_path):
    model = pkpd.load(name)
    values = {
        c.name.upper(): c.value if c.reference is None else c.reference for c in model.covariates
    }
    again = imported(pkpd.export_model(model, "nonmem"), tmp_path, set=values)
    one, other = (Patient(m, pkpd.cohort(m, typical=True).theta[0]) for m in (model, again))
    np.testing.assert_allclose(other.start(), one.start(), rtol=1e-14)
    states = np.random.default_rng(7).uniform(0.1, 2.0, len(model.states))
    np.testing.assert_allclose(other.rate(3.25, states), one.rate(3.25, states), rtol=1e-13)
    seen = one.names(3.25, states)[model.outputs[0]]
    assert other.names(3.25, states)["Y"] == pytest.approx(seen, rel=1e-13, nan_ok=True)


GOOD = stream("ADVAN1 TRANS2", CL_V, [4, 30])
WRONG = {
    "verbatim": (GOOD.replace("V = THETA(2)", '"CALL SYSTEM'), r"run.ctl:\d+: verbatim code"),
    "a call": (GOOD.replace("V = THETA(2)", "CALL SIMETA(ETA)"), r"run.ctl:7: 'CALL SIMETA"),
    "a missing parameter": (GOOD.replace("V = THETA(2)", "VV=1"), "does not assign V"),
    "an open item": (GOOD.replace("THETA(2)", "THETA(2)*AGE"), "no value of AGE"),
    "time in $PK": (GOOD.replace("THETA(2)", "THETA(2)*TIME"), r"run.ctl:7: TIME in \$PK"),
    "half an IF": (GOOD.replace("V = THETA(2)", "IF (ICALL.EQ.1) THEN"), "has no ENDIF"),
    "a lonely ELSE": (GOOD.replace("V = THETA(2)", "ELSE"), "'ELSE' without its IF"),
    "another ADVAN": (GOOD.replace("ADVAN1", "ADVAN16"), "ADVAN16 is not carried over"),
    "own code": (GOOD.replace("TRANS2", "TRANS2 OTHER=my.f90"), "OTHER=.*not carried over"),
    "an include": (GOOD + "$INCLUDE /etc/passwd\n", r"\$INCLUDE is not carried over"),
    "no number": (GOOD.replace("(0, 4)", "(0, four)"), r"run.ctl:\d+: 'four' is not a number"),
    "a short block": (GOOD.replace("$OMEGA 0.09", "$OMEGA BLOCK(2) 1 2"), "needs 3 numbers"),
    "whose SD": (GOOD.replace("$OMEGA 0.09", "$OMEGA SD 0.3 0.2"), "SD before several values"),
    "no Y": (GOOD.replace("Y =", "YY ="), "Y is not assigned"),
    "a function": (GOOD.replace("EXP(ETA(1))", "FUNCA(ETA(1))"), "function 'FUNCA'"),
    "no record": ("hello\n", "no record such as"),
    "a missing THETA": (GOOD.replace("THETA(2)", "THETA(9)"), "THETA9"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_carried_over_is_one_sentence_with_its_line(what, tmp_path):
    text, message = WRONG[what]
    with pytest.raises(pkpd.PkpdError, match=message) as caught:
        imported(text, tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run.toml").exists()
