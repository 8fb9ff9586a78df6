"""What messages tell the user to do can be done: options and commands exist, extras install.

Remedies are run: a command provokes each message, and the same command with the remedy goes well.
"""

import ast
import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

import pkpd
from pkpd.cli import app
from pkpd.report.words.trials import observed_sentences

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COMMANDS = {
    name: {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
    for name, command in typer.main.get_command(app).commands.items()
}
OF_THE_SCRIPT = {"--method"}  # of a model that is exported to SciPy
OPTIONS = set().union(*COMMANDS.values()) | {"--help", "--version"} | OF_THE_SCRIPT


def texts():
    """(file, text) of every string in the package, the parts of f-strings joined by a blank."""
    for path in sorted((ROOT / "pkpd").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [v.value if isinstance(v, ast.Constant) else "X" for v in node.values]
                yield path.name, "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path.name, node.value


def test_every_option_that_a_message_names_is_one():
    named = {
        (name, option)
        for name, text in texts()
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)
    }
    assert len(named) > 50
    assert not {(name, option) for name, option in named if option not in OPTIONS}


def test_every_command_that_a_message_names_has_the_options_named_with_it():
    found = 0
    for name, text in texts():
        text = re.sub(r"\\\n\s*", "", text)
        for command, rest in re.findall(r"pkpd ([a-z-]+)((?: [^\n`;]*)?)", text):
            options = re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)
            if options:
                assert command in COMMANDS, (name, text)
                assert set(options) <= COMMANDS[command], (name, text)
                found += 1
    assert found > 20


def test_every_extra_that_is_named_exists():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *(ROOT / "pkpd").rglob("*.py")]
    named = {
        extra
        for page in pages
        for extra in re.findall(r"pip install [^\n`]*?\[(\w+)\]", page.read_text())
    }
    assert {"bench", "cluster", "predict", "test"} <= named <= set(PROJECT["optional-dependencies"])


def test_no_extra_needs_a_compiler():
    # of these no wheels exist for the Python versions that the package asks for
    without_wheels = {"numbalsoda"}
    for extra, requirements in PROJECT["optional-dependencies"].items():
        names = {re.match(r"[\w-]+", r).group() for r in requirements}
        assert not names & without_wheels, extra


def test_too_few_titrations_are_cured_by_more_titrations():
    nothing = {"share": float("nan"), "low": float("nan"), "high": float("nan")}
    summary = {"outcome": {"found": 0}, "observed_to_true": None, "correlation": None}
    summary |= {"share_real": nothing, "own_traits": False}
    (line,) = observed_sentences(summary, "mg")
    words = shlex.split(re.search(r"\((-n .*)\)", line).group(1))
    assert {w for w in words if w.startswith("-")} == {"-n", "--titrations"} <= COMMANDS["med"]


BENEFIT = '--outcome Cc --better higher --into depot --every "24 h" --doses "1:100 mg"'
LOUD = f"med pk/one_compartment -n 4 {BENEFIT}"
COMMANDS_USED = {
    "RUN": 'simulate pk/one_compartment --rx "1 mg" -n 2',
    "STREAM": f"{LOUD} --quiet --stream --out large",
    "MED": f"{LOUD} --quiet",
    "LOUD": LOUD,
}
DOSED = "ID,TIME,AMT,DV\n1,0,100,.\n1,1,.,5\n1,2,.,3\n1,4,.,1\n"
FILES = {
    "t.csv": "dose,response\n0,9\n1,11\n2,12\n4,9\n8,5\n16,1\n",
    "doses.csv": "ID,TIME,AMT\n1,0,10\n1,5,0\n",
    "text.csv": "ID,TIME,AMT\nP-07,0,10\nP-07,5,0\n",
    "sets.csv": "cl\n" + "\n".join(str(100 + k) for k in range(40)),
    "profile.csv": DOSED,
    "two.csv": DOSED + "1,5,100,.\n1,6,.,5\n1,7,.,3\n1,9,.,1\n",
    "wide.csv": "TIME,A,B\n0,9,8\n1,5,4\n2,3,2\n4,1,1\n",
    "late.csv": "TIME,DV\n100,9\n101,5\n102,3\n",
    "below.csv": "TIME,DV\n0,9\n1,5\n2,3\n4,1\n8,<0.5\n",
    "infused.csv": "TIME,AMT,RATE,DV\n0,100,50,.\n1,.,.,5\n2,.,.,9\n3,.,.,4\n4,.,.,2\n6,.,.,1\n",
    "note.txt": "a file\n",
    "observed.csv": "TIME,Cc\n1,5\n",
    "idle.toml": """
title   = "A drug that does nothing"
time    = "h"
outputs = ["effect"]
[dose]
x = { unit = "mg" }
[parameters]
k = { value = 1.0, unit = "1/h", label = "k", source = "test", evidence = "assumed" }
[equations]
pk = '''
d/dt(x) = -k*x : mg
effect = 0*x : mg
'''
[benefit]
outcome = "effect"
better = "higher"
into = "x"
every = "24 h"
doses = "1:10 mg"
delta = "10 %"
""",
}


# part of a message, leading from the source to what is printed; + commands that come first,
# - the one that provokes it, > the one that it advises
REFUSED = """
is written as .json
  - fit t.csv --out a.txt
  > fit t.csv --out a.json
say where with --out, such as --out
  - fit t.csv --figure
  > fit t.csv --figure --out fit.json
write FROM:TO, such as 0:12
  - nca profile.csv --partial 3
  > nca profile.csv --partial 0:2
patients, but other options choose
  - RUN --id 3
  > simulate pk/one_compartment --rx "1 mg" --id 3
is one patient without draws; leave out
  - simulate pk/one_compartment --rx "1 mg" --typical --id 3
  > simulate pk/one_compartment --rx "1 mg" --id 3
--sampling
  - simulate pk/one_compartment --rx "1 mg" --typical --sampling mc
  > simulate pk/one_compartment --rx "1 mg" --typical
is a file, not a folder; choose another one
  - MED --out note.txt
  > MED --out a-folder
has no such ID
  - simulate pk/one_compartment --events text.csv --id p-07
  > simulate pk/one_compartment --events text.csv --id P-07
write NAME=VALUE, such as --set cl=120
  - RUN --set cl
  > RUN --set cl=120
give one of them
  - RUN --set cl=1 --set cl=2
  > RUN --set cl=2
or --spread cl=0.4
  - RUN --spread cl
  > RUN --spread cl=0.4
write OUTPUT: ERROR, such as --residual
  - RUN --residual Cc
  > RUN --residual "Cc: 15 % + 0.05 ng/mL"
ask one at a time
  - RUN --replicates 3 --uncertainty sets.csv
  > RUN --replicates 3
has no sampling error; leave out
  - simulate pk/one_compartment --rx "1 mg" --typical --replicates 3
  > RUN --replicates 3
give the file
  - RUN --sets 40
  > RUN --sets 40 --uncertainty sets.csv
the page is written as .html
  + MED --out med
  - report med --out page.pdf
  > report med --out page.html
--report writes to a folder; give it with --out
  - MED --report
  > MED --report --out med
give the doses by one of --rx and --events
  - simulate pk/one_compartment -n 2
  > RUN
say when by --window or by --from and --to
  - RUN --endpoint "cmax(Cc)" --window "day 1" --from 2
  > RUN --endpoint "cmax(Cc)" --window "day 1"
is drawn on time courses; leave out --endpoint
  - RUN --endpoint "cmax(Cc)" --data observed.csv --out a.csv
  > RUN --data observed.csv --out a.csv
repeat a regimen; give the doses by --rx
  - simulate pk/one_compartment --events doses.csv --replicates 3
  > RUN --replicates 3
repeat time courses; leave out --endpoint
  - RUN --endpoint "cmax(Cc)" --replicates 3
  > RUN --replicates 3
Choose another folder with --out
  - RUN --out note.txt/a.csv
  > RUN --out b/a.csv
say which column holds the concentrations, with --column
  - nca wide.csv
  > nca wide.csv --column A
how long was the infusion? Write --duration
  - nca profile.csv --route infusion
  > nca profile.csv --route infusion --duration 0.5
say when the dose was given, with --start
  - nca late.csv
  > nca late.csv --start 100
say after which one with --start
  - nca two.csv
  > nca two.csv --start 5
has no dose at --start
  - nca two.csv --start 3
  > nca two.csv --start 5
is below the limit; choose --blq
  - nca below.csv
  > nca below.csv --blq missing
write --route infusion
  - nca infused.csv
  > nca infused.csv --route infusion
is not a folder; give the --out folder of pkpd med
  + MED --out med
  - report note.txt
  > report med
which is 0, and the typical patient does not respond either; give delta in the unit of
  - med idle.toml -n 4
  > med idle.toml -n 4 --delta 0.5
holds a study already
  + STREAM
  - STREAM
  > summarise large
Read it with pkpd summarise
  + STREAM
  - STREAM
  > summarise large
Choose larger chunks with --chunk
  - STREAM -n 4e9 --chunk 1
  > STREAM --chunk 2
holds another study
  + STREAM
  - STREAM --resume --seed 3
  > MED --stream --out other --seed 3
it is not the --out folder of a run with --stream
  + MED --out a-folder
  + STREAM
  - summarise a-folder
  > summarise large
is not empty: it holds
  + MED --out a-folder
  - MED --stream --out a-folder
  > STREAM
--stream writes to a folder; give it with --out
  - MED --stream
  > STREAM
--resume, --scheduler and --chunk go with --stream
  - MED --chunk 2
  > STREAM --chunk 2
leave out --typical, --id, --titrate
  - STREAM --id 3
  > STREAM
--null is a control for
  - MED --null same-med
  > MED
--diary is the diary of a
  - MED --diary note.txt
  > MED
--titrations is the number of times of
  - MED --titrations 2
  > MED
"""
# the same of comments on what went well
COMMENTED = """
for 95 % intervals add --replicates 8
  - LOUD
  > MED --replicates 8
See the result without it: --set
  - med ldn/hormesis -n 4 --seed 7
  > simulate ldn/hormesis --rx "1 mg" -n 2 --set glia=0
"""


@dataclass(frozen=True)
class Remedy:
    part: str
    commands: dict  # mark -> command lines


def remedies(text):
    """Remedies of a text as above."""
    found = []
    for line in text.strip().splitlines():
        mark, _, command = line.strip().partition(" ")
        if not line.startswith(" "):
            found.append(Remedy(line, {"+": [], "-": [], ">": []}))
            continue
        for name, words in COMMANDS_USED.items():
            command = re.sub(rf"\b{name}\b", words, command)
        found[-1].commands[mark].append(command)
    return found


# messages whose remedy no test here runs, with the reason
NOT_RUN = {
    "no permission to write in": "the tests may run as root, who may write anywhere",
    "of memory; with --stream --out FOLDER": "said of cohorts that fill hundreds of megabytes",
    "Finished chunks are kept": "takes a signal: tests/response/test_stream.py kills and resumes",
    "holds no finished chunk yet": "takes a killed run: tests/response/test_stream.py",
    "to compute it again": "takes a damaged file: tests/response/test_stream.py",
    "is being written by": "takes two processes: tests/scale/test_chunks.py",
    "The run needs up to": "takes a full disk",
    "A cluster needs Dask": "takes a package that is not installed",
    "Prediction needs scikit-learn": "takes a package that is not installed",
    "No Dask scheduler answers at": "takes a cluster",
    "A worker cannot load what": "takes a cluster",
    "could not be solved; there is no split": "no model here has such a patient",
    "here; see the dose it would be otherwise": "tests/sensitivity/test_explanation.py",
    "patients are too few to learn from": "tests/sensitivity/test_prediction.py",
    "its noise, placebo response": "takes a diary: tests/trials/test_observation.py",
    "the share of the spread that is real": "the test of too few titrations above",
    "was computed with another": "takes another version of this package",
    "holds no results of pkpd; fill it with": "the test of an empty folder below",
    "such as --titrate slow-ladder": "the second half of three messages that are run",
    "--diary is the diary of a titration": "the same of pkpd sensitivity",
    "as given by --": "said of an option that was given",
    "is not a summary of pkpd med": "no remedy: it names what can be drawn",
    "names no run; it was not written by": "no remedy: it names what can be drawn",
    "holds a comparison that has not finished": "tests/evidence/test_compare.py",
    "(pkpd show": "the command of the comment on switches",
    "pkpd solves": "said of a speed",
    "pkpd.plot draws": "no remedy: it names what can be drawn",
    "A cohort is what pkpd.cohort returns": "the test of Python below",
    "write pkpd.load(": "the test of Python below",
}

NAMED = re.compile(
    r"(?<![\w-])(--[a-z]\w+|-n\b)|\bpkpd [a-z]+|pkpd\.[a-z]+\(|pip install|'dask \w+'"
)


def messages():
    """(file, text) of what is printed that names an option or a command, help left out."""
    for path in sorted((ROOT / "pkpd").rglob("*.py")):
        tree = ast.parse(path.read_text())
        nodes = list(ast.walk(tree))
        inner = {id(v) for n in nodes if isinstance(n, ast.JoinedStr) for v in n.values}
        inner |= {id(n.value) for n in nodes if isinstance(n, ast.keyword) and n.arg == "help"}
        inner |= {id(n.value) for n in nodes if isinstance(n, ast.Expr)}  # docstrings
        for node in nodes:
            if isinstance(node, (ast.JoinedStr, ast.Constant)) and id(node) not in inner:
                text = _said(node)
                if NAMED.search(text) and " " in text.strip():
                    yield path.name, text


def _said(node):
    """The text of a string or f-string, X for what it puts in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(v.value if isinstance(v, ast.Constant) else "X" for v in node.values)
    return node.value if isinstance(node.value, str) else ""


def test_every_message_with_an_option_or_a_command_is_run_or_has_a_reason():
    known = [remedy.part for remedy in remedies(REFUSED + COMMENTED)]
    found = list(messages())
    assert len(found) > 60
    assert not [m for m in found if not any(part in m[1] for part in (*known, *NOT_RUN))]
    assert not [part for part in (*known, *NOT_RUN) if not any(part in text for _, text in found)]


@pytest.fixture
def command(run, tmp_path):
    """command(line) -> (exit code, what it prints) in a folder with FILES."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    def call(line):
        code, out, error = run(*shlex.split(line))
        return code, out + error

    return call


def one_line(text):
    """The text without the frames and line breaks of a terminal."""
    return re.sub(r"\s*[│\n]\s*", " ", text)


@pytest.mark.parametrize("remedy", remedies(REFUSED), ids=lambda remedy: remedy.part)
def test_the_remedy_of_a_refusal_is_run(remedy, command):
    for line in remedy.commands["+"]:
        assert command(line)[0] == 0
    (wrong,), (right,) = remedy.commands["-"], remedy.commands[">"]
    code, said = command(wrong)
    assert code and remedy.part in one_line(said)
    code, said = command(right)
    assert code == 0, said


@pytest.mark.parametrize("remedy", remedies(COMMENTED), ids=lambda remedy: remedy.part)
def test_what_a_comment_advises_is_run(remedy, command):
    (first,), (advised,) = remedy.commands["-"], remedy.commands[">"]
    code, said = command(first)
    assert code == 0 and remedy.part in one_line(said)
    assert command(advised)[0] == 0


def test_an_empty_folder_is_filled_by_the_command_that_is_printed(run, tmp_path):
    (tmp_path / "empty").mkdir()
    _, _, error = run("report", "empty")
    words = shlex.split(error[error.index("pkpd med") :])[1:]
    words[words.index("1000")] = "4"
    assert run(*words, "--quiet")[0] == 0
    assert run("report", "empty")[0] == 0


def test_what_python_is_told_to_write_can_be_written():
    with pytest.raises(pkpd.PkpdError) as caught:
        pkpd.cohort("pk/one_compartment")
    model = eval(re.search(r"pkpd\.load\([^)]*\)", str(caught.value)).group(), {"pkpd": pkpd})
    with pytest.raises(pkpd.PkpdError) as caught:
        pkpd.simulate(model, "1 mg", 100)
    code = re.search(r"pkpd\.cohort\([^)]*\)", str(caught.value)).group()
    assert len(eval(code, {"pkpd": pkpd, "model": model})) == 100
