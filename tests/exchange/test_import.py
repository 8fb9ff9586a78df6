"""Foreign text: what it means, and that what is not understood is one sentence with its line."""

import math
import sys
from pathlib import Path

import pandas as pd
import pytest

import pkpd

sys.path.append(str(Path(__file__).parents[1]))
from naive import Patient

NLMIXR = """
oral <- function() {
  ini({
    tka <- log(1.5); label("log ka, with a # sign")
    tcl <- fix(log(4))
    v <- c(0, 30, 100)
    eta.cl + eta.v ~ c(0.09,
                       0.02, 0.04)
    add.sd <- 0.3; prop.sd <- 0.1
  })
  model({
    ka <- exp(tka)
    cl <- exp(tcl + eta.cl)
    if (WT > 70 && SEX == 1) {
      cl <- cl*1.2
    } else if (WT <= 50) cl <- cl*0.8
    d/dt(depot) <- -ka*depot
    d/dt(center) <- ka*depot -
      cl/(v*exp(eta.v))*center
    depot(0) <- 2*v; lag(depot) <- 0.5; f(depot) <- 0.9
    cp <- center/v
    cp ~ add(add.sd) + prop(prop.sd)
  })
}
"""
MRGSOLVE = """
[ PROB ]
# two compartments
$PARAM CL = 4, V2 = 30, Q = 2, V3 = 50, KA = 1.5, WT = 80 // plain
$PARAM @annotated
TVX : 2e-1 : a number (1/h)
$CMT GUT CENT PERIPH
$GLOBAL
#define CP (CENT/V2)
$MAIN
double k = CL/V2*exp(ETA(1));
if(WT > 70) { k *= 2; } else { k = k; }
F_GUT = 0.7; ALAG_GUT = 0.25; CENT_0 = 3*TVX;
$OMEGA @block
0.1 0.01 0.2
$ODE
dxdt_GUT = -KA*GUT;
dxdt_CENT = KA*GUT - k*CENT - Q/V2*CENT + Q/V3*PERIPH;
dxdt_PERIPH = Q/V2*CENT - Q/V3*PERIPH;
$TABLE
capture DV = CP*exp(EPS(1)) + (TIME > 2 ? 1.0 : 0.0);
$SIGMA 0.1
$CAPTURE CP
"""


def imported(text, folder, suffix=".R", **options):
    file = folder / f"theirs{suffix}"
    file.write_text(text, encoding="utf-8")
    return pkpd.import_model(file, folder / "mine.toml", **options)


def values(model, t, *states):
    """Every name at one moment, and the slopes."""
    patient = Patient(model, pkpd.cohort(model, typical=True).theta[0])
    return patient.names(t, states) | {"slopes": patient.rate(t, states)}


@pytest.mark.parametrize(
    ("weight", "sex", "factor"), [(80, 1, 1.2), (80, 0, 1.0), (50, 1, 0.8), (60, 0, 1.0)]
)
def test_conditions_of_rxode2_choose_as_they_did(tmp_path, weight, sex, factor):
    model = imported(NLMIXR, tmp_path, set={"WT": weight, "SEX": sex})
    found = values(model, 0.0, 10.0, 5.0)
    assert found["slopes"] == pytest.approx([-15.0, 15.0 - 4 * factor / 30 * 5.0])
    assert found["cp"] == pytest.approx(5 / 30)


def test_etas_errors_doses_and_starts_of_nlmixr2_are_kept(tmp_path):
    model = imported(NLMIXR, tmp_path, set={"WT": 60, "SEX": 0})
    spread = {i.name: i.iiv for i in model.inputs if i.iiv}
    assert {n: (s.kind, s.sd) for n, s in spread.items()} == {
        "eta_cl": ("normal", pytest.approx(0.3)),
        "eta_v": ("normal", pytest.approx(0.2)),
    }
    assert model.correlations == (("eta_cl", "eta_v", pytest.approx(0.02 / 0.06)),)
    assert [(r.name, r.additive, r.proportional) for r in model.residuals] == [("cp", 0.3, 0.1)]
    depot = model.doses[0]
    assert (depot.state, float(depot.f)) == ("depot", 0.9) and "0.5" in depot.lag
    start = Patient(model, pkpd.cohort(model, typical=True).theta[0]).start()
    assert start == pytest.approx([60.0, 0.0])
    assert {i.name: i.label for i in model.parameters}["tka"] == "log ka, with a # sign"


def test_mrgsolve_is_read_with_its_blocks_macros_and_conditions(tmp_path):
    model = imported(MRGSOLVE, tmp_path, ".cpp")
    found = values(model, 3.0, 10.0, 6.0, 2.0)
    k = 4 / 30 * 2
    slopes = [-15.0, 15 - k * 6 - 2 / 30 * 6 + 2 / 50 * 2, 2 / 30 * 6 - 2 / 50 * 2]
    assert found["slopes"] == pytest.approx(slopes)
    assert found["CP"] == pytest.approx(0.2) and found["DV"] == pytest.approx(1.2)
    assert set(model.outputs) == {"CP", "DV"}
    start = Patient(model, pkpd.cohort(model, typical=True).theta[0]).start()
    assert start == pytest.approx([0.0, 0.6, 0.0])
    assert model.correlations == (("ETA1", "ETA2", pytest.approx(0.01 / math.sqrt(0.02))),)


def test_not_binds_in_cpp_as_a_sign_does_and_in_r_after_comparisons(tmp_path):
    text = "$CMT A\n$ODE\ndxdt_A = !A > 0.5 ? 1.0 : 2.0;\n"
    assert values(imported(text, tmp_path, ".cpp"), 0.0, 0.0)["slopes"] == [1.0]
    model = imported("d/dt(a) <- ifelse(!a > 0.5, 1, 2)\n", tmp_path)
    assert values(model, 0.0, 0.0)["slopes"] == [1.0]
    assert values(model, 0.0, 0.4)["slopes"] == [1.0]


def test_closed_forms_of_mrgsolve_become_equations(tmp_path):
    text = '$PARAM CL=4 V2=30 Q=2 V3=50 KA=1.5\n$PKMODEL cmt="GUT CENT PER", depot=TRUE\n'
    found = values(imported(text, tmp_path, ".mod"), 0.0, 10.0, 6.0, 2.0)
    slopes = [-15.0, 15 - 0.8 - 0.4 + 0.08, 0.4 - 0.08]
    assert found["slopes"] == pytest.approx(slopes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2^3^2", 512.0),
        ("-2^2", -4.0),
        ("8/4/2", 1.0),
        ("1 - 2 - 3", -4.0),
        ("2*(3 + 4)", 14.0),
        ("(x > 1)*5 + !(x > 1)", 5.0),
        ("ifelse(x >= 2 | x < 0, 3, 4)", 3.0),
        ("x > 1 ? x < 3 ? 7 : 8 : 9", 7.0),
        ("min(3, x, 5) + max(1, x)", 4.0),
        ("cosh(x)^2 - sinh(x)^2", 1.0),
        ("1e2 + .5 + 3.", 103.5),
        ("expit(0)", 0.5),
    ],
)
def test_expressions_mean_what_they_meant(tmp_path, text, value):
    model = imported(f"x <- 2\nd/dt(a) <- -a\ny <- {text}\n", tmp_path)
    assert values(model, 0.0, 1.0)["y"] == pytest.approx(value, rel=1e-14)


def test_a_name_that_is_assigned_again_keeps_both_meanings(tmp_path):
    text = "k <- 1\nfirst <- k\nk <- k + 1\nk <- k*10\nd/dt(a) <- -k*a + first\n"
    model = imported(text, tmp_path)
    found = values(model, 0.0, 1.0)
    assert found["slopes"] == [-19.0] and found["k"] == 20.0


WRONG = {
    "no equation": ("x <- 1\n", ".R", "no differential equation"),
    "half a line": ("d/dt(a) <- -k*(a\n", ".R", r"theirs.R:1: the bracket"),
    "a function": ("k <- 1\nd/dt(a) <- system(a)\n", ".R", r"theirs.R:2: .*function 'system'"),
    "an open name": ("d/dt(a) <- -k*a\n", ".R", "no value of k; give it by --set k=1"),
    "code": ("d/dt(a) <- -a\nlibrary(rxode2)\n", ".R", r"theirs.R:2: 'library\(rxode2\)'"),
    "half a condition": ("if (t > 1) k <- 2\nd/dt(a) <- -k*a\n", ".R", "R:1: 'k' has no value"),
    "linCmt": ("cl<-1;v<-2\ncp <- linCmt()\n", ".R", "R:2: .*function 'linCmt'"),
    "deep": ("d/dt(a) <- " + "(" * 500 + "a" + ")" * 500, ".R", "nested deeper than 60"),
    "signs": ("d/dt(a) <- " + "-" * 5000 + "a", ".R", "nested deeper than 60"),
    "long": ("d/dt(a) <- a" + " + a" * 4000, ".R", "more than 140 terms in a row"),
    "a circle": ("a(0) <- x\nx <- y\ny <- x\nd/dt(a) <- -a\n", ".R", "circle|no value|beforehand"),
    "huge": ("d/dt(a) <- 1e999*a\n", ".R", "no number that a model file holds"),
    "C++": ("$CMT A\n$ODE\nfor(int i=0;i<3;++i) dxdt_A = i;\n", ".cpp", r"theirs.cpp:3: .*C\+\+"),
    "plugin": ("$PLUGIN Rcpp\n$CMT A\n$ODE\ndxdt_A = -A;\n", ".cpp", "cpp:1: .PLUGIN is not"),
    "whole": ("$CMT A\n$ODE\ndxdt_A = -A*1/2;\n", ".cpp", "cpp:3: C.. rounds the quotient '1/2'"),
    "time": ("$CMT A\n$MAIN\ndouble k=TIME;\n$ODE\ndxdt_A = -A*k;\n", ".cpp", "time in .MAIN"),
    "nothing": ("", ".cpp", "no block such as"),
    "ending": ("", ".docx", "does not say what it is"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_understood_is_one_sentence_with_its_line(what, tmp_path):
    text, suffix, message = WRONG[what]
    with pytest.raises(pkpd.PkpdError, match=message) as caught:
        imported(text, tmp_path, suffix)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    assert not (tmp_path / "mine.toml").exists()


def test_names_that_a_model_file_cannot_hold_are_renamed_and_told(tmp_path):
    model = imported("lambda <- 2\nx.y <- 3\nd/dt(ID) <- -lambda*ID*x.y\n", tmp_path)
    assert model.state_names == ("ID_",)
    assert "ID is ID_" in model.notes[-1] and "lambda is lambda_" in model.notes[-1]
    assert values(model, 0.0, 1.0)["slopes"] == [-6.0]


def test_an_import_can_be_dosed_and_simulated(run):
    Path("theirs.R").write_text("k <- 0.5\nd/dt(a) <- -k*a\ncp <- a/10\n")
    assert run("import", "theirs.R", "-o", "mine.toml")[0] == 0
    words = ["--rx", "100 mg", "--typical", "--times", "0:4:2", "--rtol", "1e-10"]
    assert run("simulate", "mine.toml", *words, "--out", "run.csv")[0] == 0
    table = pd.read_csv("run.csv")
    assert table["cp"].tolist() == pytest.approx([10 * math.exp(-0.5 * t) for t in (0, 2, 4)])


def test_what_is_supported_is_printed(run):
    code, out, _ = run("import", "--supported")
    assert code == 0
    assert "rxode2" in out and "linCmt()" in out and "$PLUGIN" in out


def test_a_name_that_means_the_time_or_pi_in_equations_is_refused(tmp_path):
    text = "$PARAM pi=7, V=2\n$CMT A\n$ODE\ndxdt_A=-pi*A;\n$TABLE\ndouble CP=A/V;\n$CAPTURE CP\n"
    for name, said in (("pi", "the number pi"), ("t", "the time")):
        file = tmp_path / "model.cpp"
        file.write_text(text.replace("pi", name))
        with pytest.raises(pkpd.PkpdError, match=f"'{name}' is not carried over.*{said}"):
            pkpd.import_model(file, tmp_path / "model.toml")
    file.write_text(text.replace("pi", "TIME"))
    with pytest.raises(pkpd.PkpdError, match="'TIME' is the time"):
        pkpd.import_model(file, tmp_path / "model.toml")


def test_what_cpp_would_cut_or_tear_apart_is_refused(tmp_path):
    text = "$PARAM CL=1, V=2\n$CMT A\n$MAIN\nQ\n$GLOBAL\n#define BB M\n"
    text += "$ODE\ndxdt_A=-A*BB/q;\n$CAPTURE A\n"
    for cut, macro, said in (
        ("int q = 7.9;", "(CL+V)", "loses what is behind the point"),
        ("double q = 7.9;", "CL+V", r"write \(CL\+V\)"),
    ):
        file = tmp_path / "model.cpp"
        file.write_text(text.replace("Q", cut).replace("M\n", f"{macro}\n"))
        with pytest.raises(pkpd.PkpdError, match=said):
            pkpd.import_model(file, tmp_path / "model.toml")
