"""Odd but real surroundings: closed and full outputs, odd letters, hostile titles."""

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

import pkpd
from pkpd import units
from pkpd.cli import options
from pkpd.dosing.rx import rx
from pkpd.errors import PkpdError, closest
from pkpd.report.words.harmless import harmless
from pkpd.result import ResultFolder, read_columns, write_table
from pkpd.symbolic.quantities import dose_range

PROGRAM = "import sys; from pkpd.cli import main; main(sys.argv[1:])"
ESCAPES = "\x1b[31m red \x1b[2J \x07 \u202e turned"


def shell(line, **options):
    """Exit code, stdout and stderr of `$PKPD ...` in a shell."""
    command = f"PKPD() {{ '{sys.executable}' -c '{PROGRAM}' \"$@\"; }}\n{line}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, **options)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "line, code, message",
    [
        ("PKPD --version > /dev/full", 1, "cannot be printed: No space left on device.\n"),
        ("PKPD check pk/one_compartment > /dev/full", 1, "No space left on device.\n"),
        ("PKPD --version >&-", 1, "cannot be printed: stdout is closed.\n"),
        ("PKPD check pk/one_compartment --quiet >&-", 0, ""),
        ("PKPD check nonsense 2> /dev/full", 1, ""),
        ("PKPD check nonsense 2>&-", 1, ""),
        ("PKPD check pk/one_compartment | head -c 1 > /dev/null", 0, ""),
    ],
)
def test_a_closed_or_full_output_is_one_sentence(line, code, message):
    found, out, err = shell(line)
    assert (found, out) == (code, "") and err.endswith(message) and err.count("\n") <= 1
    assert bool(err) == bool(message)


def own_model(folder, title, name="own.toml"):
    """A library model with another title, in a file of one's own."""
    lines = Path(pkpd.load("pk/one_compartment").path).read_text().splitlines()
    lines = [line for line in lines if not line.startswith("title")]
    path = folder / name
    path.write_text("\n".join([f"title = {toml(title)}", *lines]))
    return path


def toml(text):
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'


def test_titles_reach_a_terminal_without_their_controls(run, tmp_path):
    own_model(tmp_path, ESCAPES)
    code, out, err = run("show", "own.toml")
    assert (code, err) == (0, "") and harmless(ESCAPES) in out
    assert not set("\x1b\x07\u202e") & set(out)
    code, out, err = run("check", "own.toml\x1b[31m")
    assert code == 1 and "\x1b" not in err and r"\x1b[31m" in err


def test_letters_that_the_output_cannot_show_are_escaped(tmp_path):
    own_model(tmp_path, "Größe")
    for variables in ("PYTHONIOENCODING=ascii", "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0"):
        code, out, err = shell(f"export {variables}; PKPD show own.toml", cwd=tmp_path)
        assert (code, err) == (0, "") and out.startswith(r"own: Gr\xf6\xdfe")


@given(st.text(st.characters(exclude_categories=())))
def test_harmless_text_holds_no_control_and_keeps_all_else(text):
    shown = harmless(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cs", "Zl", "Zp"}
    assert {c for c in shown if unicodedata.category(c) == "Cc"} <= {"\n", "\t"}
    assert harmless(shown) == shown and shown.encode().decode() == shown
    if text.isprintable():
        assert shown == text


@given(st.integers(1, 10**9))
def test_a_whole_number_may_be_written_with_an_exponent(number):
    read = options.whole(1, 10**9)
    assert read(f"{number}") == read(f"{number}e0") == read(f"{number / 1000!r}e3") == number
    assert read(number) == number


@given(st.one_of(st.floats(), st.integers(), st.text(max_size=10)))
def test_anything_else_than_a_whole_number_in_range_is_wrong_usage(value):
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = float("nan")
    if number.is_integer() and 1 <= number <= 100:
        assert options.whole(1, 100)(str(value)) == number
    else:
        with pytest.raises(typer.BadParameter):
            options.whole(1, 100)(str(value))


SIMULATE = ["simulate", "pk/one_compartment", "--rx", "1 mg"]


@pytest.mark.parametrize(
    "words, code, message",
    [
        (["med", "ldn/hormesis", "-n", "1e11"], 2, "100000000000 is not from 1 to 4,294,967,296"),
        (["med", "ldn/hormesis", "-n", "9" * 5000], 2, "'-n'"),
        (["med", "ldn/hormesis", "-n", "4e9"], 1, "this machine has"),
        ([*SIMULATE, "-n", "4e9"], 1, "this machine has"),
        (["predict", "ldn/hormesis", "-n", "4e9"], 1, "this machine has"),
        (["med", "ldn/hormesis", "-n", "2e9", "--stream", "--out", "s", "--chunk", 1], 1, "files"),
        (["med", "ldn/hormesis", "--replicates", "1e11"], 2, "is not from 2 to 10,000"),
        (["sensitivity", "ldn/hormesis", "--points", "1e12"], 2, "is not from 2 to 1,048,576"),
        (["sensitivity", "ldn/hormesis", "--scramblings", "1e12"], 2, "is not from 2 to 10,000"),
        (["explain", "ldn/hormesis", "--id", 2**32 + 1], 2, "4294967297 is not from 1 to"),
        ([*SIMULATE, "--id", 2**63], 2, "is not from 1 to 4,294,967,296"),
        ([*SIMULATE, "--seed", 2**63], 2, "is not from 0 to 9,223,372,036,854,775,807"),
        ([*SIMULATE, "-n", "2.5"], 2, "'2.5' is not a whole number"),
    ],
)
def test_absurd_sizes_end_in_a_sentence_before_work_begins(run, words, code, message):
    found, out, err = run(*words)
    assert (found, out) == (code, "") and message in " ".join(err.split())
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [0, -1, 2**32 + 1, 2**63, 10**30, 1.0, True, None, "3"])
def test_a_cohort_refuses_sizes_and_ids_that_no_patient_has(number):
    model = pkpd.load("pk/one_compartment")
    for asked in ({"n": number}, {"ids": [1, number]}):
        with pytest.raises(PkpdError, match="must be a whole number from 1 to 4,294,967,296"):
            pkpd.cohort(model, **asked)
    if number not in (0, 2**32 + 1):
        with pytest.raises(PkpdError, match="seed must be a whole number"):
            pkpd.cohort(model, n=2, seed=number)


def test_the_last_patient_and_the_last_seed_can_be_drawn():
    model = pkpd.load("pk/one_compartment")
    for sampling in ("sobol", "mc"):
        last = pkpd.cohort(model, ids=[1, 2**32], seed=2**63 - 1, sampling=sampling)
        assert last.ids.tolist() == [1, 2**32] and np.isfinite(last.theta).all()


@pytest.mark.parametrize("value", ["1e2", "1E2", "+100", "100.", "1e2 mL", "0.1e0 L"])
def test_typical_values_may_be_written_with_an_exponent(value):
    model = pkpd.load("pk/one_compartment")
    people = pkpd.cohort(model, typical=True, set={"vc": value})
    assert people.column("vc")[0] == pytest.approx(0.1 if "L" in value else 100.0)


def test_a_model_whose_name_is_not_utf8_is_checked_kept_and_read_back(run, tmp_path):
    path = own_model(tmp_path, "any", os.fsdecode(b"m\xe9.toml"))
    code, out, err = run("check", path)
    assert (code, err) == (0, "") and "m\ufffd is sound" in out
    model = pkpd.load(path)
    ResultFolder(tmp_path).write_model(model)
    again = ResultFolder(tmp_path).model({"model": model.name, "digest": model.digest})
    assert again.digest == model.digest
    assert run("check", os.fsdecode(b"none\xe9"))[::2] == (
        1,
        f"No model 'none\\udce9' in the library.{closest('none', pkpd.models())} "
        "A path must end in .toml.\n",
    )
    table = tmp_path / os.fsdecode(b"t\xe9.parquet")
    write_table({"x": np.arange(3)}, table, {}, {"command": os.fsdecode(b"m\xe9")})
    assert read_columns(table)[1] == {"command": "m\udce9"}


MED = ["med", "ldn/hormesis"]


@pytest.mark.parametrize(
    "words, code, message",
    [
        ([*SIMULATE, "--set", "ka=1", "--set", "ka=2"], 1, "--set ka is both 1 and 2"),
        (
            [*SIMULATE, "--typical", "-n", 5],
            1,
            "-n 5 asks for 5 patients, but other options choose 1",
        ),
        ([*SIMULATE, "--id", 5, "-n", 5], 1, "leave out -n"),
        ([*SIMULATE, "--typical", "--id", 5], 2, "leave out --id"),
        ([*SIMULATE, "--typical", "--sampling", "mc"], 2, "leave out --sampling mc"),
        ([*SIMULATE, "--sets", 5], 1, "--uncertainty FILE"),
        ([*SIMULATE, "--id", 3, "--id", 3], 1, "each of them once"),
        ([*MED, "--typical", "-n", 5], 1, "leave out -n"),
        ([*MED, "--id", 1, "--typical"], 2, "leave out --id"),
        ([*MED, "--titrations", 3], 1, "give --titrate as well"),
        ([*MED, "--null", "no-effect"], 1, "give --titrate as well"),
        ([*MED, "--resume"], 2, "go with --stream"),
        (["dose-response", "ldn/hormesis", "--typical", "-n", 2], 1, "leave out -n"),
    ],
)
def test_options_that_contradict_each_other_are_refused(run, words, code, message):
    found, out, err = run(*words)
    assert (found, out) == (code, "") and message in " ".join(err.split())


def test_a_table_of_people_with_ids_chooses_the_patients(run, tmp_path):
    (tmp_path / "people.csv").write_text("ID,vc\n1,40\n2,60\n")
    words = [*SIMULATE, "--covariates", "people.csv", "-n", 7]
    assert "-n 7 asks for 7 patients, but other options choose 2" in run(*words)[2]


@pytest.mark.parametrize(
    "words, message",
    [
        (["--rx", "100 Mg"], "Did you mean 'mg'?"),
        (["--rx", "1 mg then wait 1d then 1 Gg"], "Did you mean 'kg'?"),
        (["--rx", "1 tonne"], "Did you mean 'kg'?"),
        (["--rx", "1 mg then wait 1000000wk then 1 mg"], "too many hourly output times"),
        (["--rx", "1 mg then wait 1e9wk then 1 mg", "--times", "0:1:1"], "is beyond 1e+09 h"),
        (["--rx", "1 mg", "--times", "1e300:1e301:1e300"], "is beyond 1e+09 h"),
        (["--rx", "1 mg", "--times", "0:1:1e-12"], "at most 10 million points"),
        (["--rx", "1 mg", "-n", "1e6", "--times", "0:1e6:1"], "this machine has"),
        (["--rx", "1 mg", "--endpoint", "cmax(Cc)", "--to", "1e300"], "is beyond 1e+09 h"),
    ],
)
def test_absurd_doses_and_times_end_in_a_sentence(run, words, message):
    code, out, err = run("simulate", "pk/one_compartment", *words)
    assert (code, out) == (1, "") and message in err and err.count("\n") == 1


@pytest.mark.parametrize("unit", ["Mg", "Gg", "Tg", "Mmol", "tonne", "megagram", "Mg/kg"])
def test_only_units_of_tonnes_and_megamoles_are_questioned(unit):
    with pytest.raises(PkpdError, match="Did you mean"):
        units.check_dose(unit)
    for usual in ("kg", "g", "mg", "mcg", "mmol", "kmol", "lb", "MBq", "mL", "mg/kg", "mg/m**2"):
        units.check_dose(usual)


def test_a_range_of_doses_in_tonnes_is_questioned():
    with pytest.raises(PkpdError, match="Did you mean 'mg'"):
        dose_range("1:50 Mg", "mg")
    assert dose_range("1:50 g", "mg") == (1000.0, 50_000.0)


@pytest.mark.parametrize(
    "text",
    ["1e2 mg", "1E2 mg", "1 mg q1e1h x 2", "1 mg then wait 1e2h then 1 mg", "1 mg q24h x 1e1"],
)
def test_numbers_of_a_regimen_may_have_an_exponent(text):
    numbers = {"1e2": "100", "1E2": "100", "1e1": "10"}
    plain = text
    for written, meant in numbers.items():
        plain = plain.replace(written, meant)
    assert rx(text) == rx(plain)
