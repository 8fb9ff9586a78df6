"""What becomes of damaged inputs: a right value or one sentence, never a traceback or a hang?

    python benchmarks/mutations.py [--count 10000] [--quick]

Sound inputs of each kind are damaged by up to three changes such as a typing mistake, a spreadsheet
or a broken file makes. Each must be read to a value that an independent reading confirms (equations
walked one by one, cells read by Python's csv, a regimen written and read again), or be refused in
one sentence. Input i of a kind is the same in every run. A full run appends one line to
results/mutations.jsonl.
"""

import csv
import io
import random
import re
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import records

import pkpd
from pkpd.errors import PkpdError

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from lowered import Lowered  # noqa: E402
from naive import Patient  # noqa: E402

SECONDS = 20  # that one input may take
LONGEST = 1500  # characters of a sentence
ODD = [
    "-1", "0", "-0.0", "1e400", "1e-400", "nan", "inf", "-inf", "1,5", "", ".", "NA", "1e308",
    "0x10", "1_000", "99999999999999999999", "٣", "½", "1e5e5", "--1", "TRUE", "1:30",
    "2024-01-01", "#N/A", "'", '"', "(", ")", "[", "}", "\x00", "\t", "\r", ";", "|", "\ufeff",
    "µg", "mg mg", "**", "9**9**9", "d/dt(x)", "__import__('os')", "\x1b[31m", "日本", "e" * 300,
    "(" * 300,
]  # fmt: skip


def mutated(text, number, kind):
    """The text after one to three changes drawn for this number."""
    draw = random.Random(f"{kind} {number}")
    for _ in range(draw.randint(1, 3)):
        text = draw.choice(CHANGES)(text, draw)
    return text


def _other_token(text, draw):
    tokens = list(re.finditer(r"[\w.]+|\S", text))
    if not tokens:
        return text
    place, other = draw.choice(tokens), draw.choice([*ODD, draw.choice(tokens).group()])
    return text[: place.start()] + other + text[place.end() :]


def _other_number(text, draw):
    numbers = list(re.finditer(r"(?<![\w.])-?\d+(\.\d+)?", text))
    if not numbers:
        return text
    place = draw.choice(numbers)
    return text[: place.start()] + draw.choice(ODD[:24]) + text[place.end() :]


def _inserted(text, draw):
    place = draw.randint(0, len(text))
    return text[:place] + draw.choice(ODD) + text[place:]


def _deleted(text, draw):
    place = draw.randint(0, max(len(text) - 1, 0))
    return text[:place] + text[place + draw.randint(1, 4) :]


def _lines(change):
    def changed(text, draw):
        lines = text.splitlines(keepends=True)
        if len(lines) < 2:
            return text
        change(lines, draw.randrange(len(lines)), draw.randrange(len(lines)))
        return "".join(lines)

    return changed


def _swap(lines, a, b):
    lines[a], lines[b] = lines[b], lines[a]


def _separators(text, draw):
    return text.replace(",", draw.choice([";", "\t", ", ", ",,", " "]))


def _cut(text, draw):
    return text[: draw.randint(0, len(text))]


def _ends(text, draw):
    return text.replace("\n", draw.choice(["\r\n", "\r", "\n\n", " \n"]))


def _case(text, draw):
    return draw.choice([str.upper, str.lower, str.swapcase])(text)


CHANGES = [
    *[_other_token] * 4,
    *[_other_number] * 4,
    *[_inserted] * 3,
    *[_deleted] * 3,
    _lines(lambda lines, a, b: lines.pop(a)),
    _lines(lambda lines, a, b: lines.insert(b, lines[a])),
    _lines(_swap),
    _separators,
    _cut,
    _ends,
    _case,
]

EVENTS = """ID,TIME,AMT,RATE,II,ADDL,SS,EVID,CMT,DV
1,0,100,0,12,3,0,1,1,.
1,4,0,0,0,0,0,0,2,1.5
1,30.5,50,10,0,0,0,1,2,.
2,0,100,0,12,0,1,1,1,.
2,6,.,.,.,.,.,0,2,2.25
2,24,0,0,0,0,0,2,2,.
"""
PEOPLE = """ID,cl,vc,NOTE
1,4.5,50,a
2,3.9,41.5,b
7,5.25,38,"c, d"
"""
SAMPLES = """ID,TIME,AMT,DV
1,0,100,.
1,0.5,.,4.1
1,1,.,6.2
1,2,.,5.5
1,4,.,3.1
1,8,.,1.2
1,12,.,0.4
2,0,100,0
2,1,.,5.9
2,3,.,4.2
2,6,.,2.0
2,10,.,0.7
"""
ASSAY = (ROOT / "docs" / "lettuce.csv").read_text()
TRIAL = """model = "ldn/hormesis"
patients = 60
seed = 7
run_in = 7

[[arms]]
name = "placebo"
phases = [{ name = "treatment", days = 28, dose = 0 }]

[[arms]]
name = "4.5 mg"
phases = [{ name = "treatment", days = 28, dose = 4.5, visits_every = 7 }]

[[endpoints]]
name = "change"
kind = "change"
day = 28
"""
TWO_DRUGS = """model = "ldn/opioid"
patients = 60
run_in = 7
benefit = { background = "30 mg into morphine_tablet q12h" }

[[arms]]
name = "cycles"
repeat = 2
background_until = 7
beside = "wait 7d then 10 mg into morphine_depot q12h x 6 and 2 mg into morphine over 3h q24h x 7"
phases = [{ name = "on", days = 14, dose = 4.5, taken = "at 08:00, 22:00" }]

[[adverse]]
name = "withdrawal"
when = "cmax(cows) >= 5"
stop = true

[rescue]
take = "10 mg into morphine_depot at 08:00, 20:00"
at_least = [7, 8]

[[endpoints]]
name = "use"
kind = "rescue"
phase = "on"
"""
REGIMENS = [
    "4.5 mg q24h x 28",
    "1.5 mg q24h x 14 then 3 mg q24h x 14 then 4.5 mg q24h x 56",
    "100 mg into central over 2 h q12h x 6",
    "50 mg",
    "10 mg q8h x 3 then wait 2 d then 20 mg q24h x 4",
]
SMALL = (
    "pk/one_compartment",
    "pk/two_compartment",
    "pd/indirect_response",
    "pd/effect_compartment",
)
LIBRARY = ROOT / "models"
OWN = """title = "limits by sex, powers and a chain"
time = "h"
outputs = ["effect", "Cc"]
[dose]
central = { unit = "mg", f = "fc" }
[benefit]
outcome = "effect"
better = "higher"
into = "central"
every = "24 h"
doses = "0.1:50 mg"
[parameters]
fc = { value = 0.5, unit = "1", iiv = { logit_sd = 0.3 }, label = "f", source = "t", \
evidence = "assumed" }
cl = { value = 4.0, unit = "L/h", iiv = { cv = 0.3 }, label = "cl", source = "t", \
evidence = "assumed" }
vc = { value = 40.0, unit = "L", label = "vc", source = "t", evidence = "assumed" }
c1 = { value = 1.0, unit = "mg/L", label = "c1", source = "t", evidence = "assumed" }
n = { value = 2.0, unit = "1", label = "n", source = "t", evidence = "assumed" }
[covariates]
female = { value = 1, unit = "1", iiv = { classes = { no = 0.5, yes = 0.5 } }, \
label = "sex", source = "t", evidence = "assumed" }
[correlations]
"fc, cl" = 0.3
[residual]
Cc = { error = "15 %", source = "t", evidence = "assumed" }
[equations]
pk = '''
d/dt(central) = -cl/vc*central : mg
r = central/vc/c1 : 1
limit = 0.2 if female == 1 else 0.05 : 1
a = r*exp(-r) : 1
b = a*exp(-a) - (r - 3)**5/1000 : 1
effect = b + (1 if r > limit else r**n) : 1
Cc = central/vc : ng/mL
'''
"""


def model(text, path):
    """Load and lower a model; the rates are those of the walked equations."""
    path = path.with_suffix(".toml")
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    found = pkpd.load(str(path))
    theta = [i.value for i in found.inputs]
    with np.errstate(all="ignore"):
        lowered = Lowered(found, theta, derivatives=True)
        y = np.linspace(0.3, 1.7, len(found.states))
        try:
            walked = Patient(found, theta).rate(2.0, y)
        except (ArithmeticError, ValueError):
            return
        np.testing.assert_allclose(lowered.rates(2.0, y), walked, rtol=1e-9, atol=1e-9)


def plain(text, path):
    """(columns, rows) of a CSV text as Python's csv reads it, or None where it is no plain one."""
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    if not rows or any(len(row) != len(rows[0]) for row in rows) or "C" in map(str.upper, rows[0]):
        return None
    return [cell.strip() for cell in rows[0]], rows[1:]


def column(table, name):
    """Sorted finite numbers of a column, or None where there is no such column of numbers."""
    titles, rows = table
    if name not in titles or any(row[0].startswith("#") for row in rows):
        return None
    try:
        numbers = sorted(float(row[titles.index(name)]) for row in rows)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def event_table(text, path):
    table = plain(text, path.with_suffix(".csv"))
    found = pkpd.events(pkpd.load("pk/one_compartment"), path.with_suffix(".csv"))
    times = table and column(table, "TIME")
    if times is not None:
        np.testing.assert_array_equal(np.sort(found.time), times)


def people(text, path):
    table = plain(text, path.with_suffix(".csv"))
    one = pkpd.load("pk/one_compartment")
    cohort = pkpd.cohort(one, n=3, seed=1, covariates=path.with_suffix(".csv"))
    volumes, ids = (table and column(table, name) for name in ("vc", "ID"))
    if volumes is not None and ids is not None and len(ids) == 3:
        named = pkpd.cohort(one, ids=[int(i) for i in ids], covariates=path.with_suffix(".csv"))
        drawn = named.theta[:, one.input_names.index("vc")]
        np.testing.assert_array_equal(np.sort(drawn), volumes)
    assert np.isfinite(cohort.theta).all()


def trial(text, path):
    from pkpd.trials.design import read

    path = path.with_suffix(".toml")
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    read(path)


def given(found):
    """(time, amount, target) of each dose of a regimen; the first thousand of a phase."""
    return [
        (phase.start + phase.every * k, phase.amount, phase.unit, phase.into)
        for phase in found.phases
        for k in range(min(phase.count, 1000))
    ]


def regimen(text, path):
    found = pkpd.rx(text)
    assert given(pkpd.rx(str(found))) == given(found)


def samples(text, path):
    plain(text, path.with_suffix(".csv"))
    pkpd.noncompartmental(path.with_suffix(".csv"), unit="mg/L", dose="100 mg")


def assay(text, path):
    from pkpd.fits.data import assay as read

    table = plain(text, path.with_suffix(".csv"))
    found = read(path.with_suffix(".csv"))
    doses, responses = (table and column(table, name) for name in ("dose", "response"))
    if doses is not None and responses is not None:
        np.testing.assert_allclose(np.sort(found.response), responses)


KINDS = {
    "model": (model, [(LIBRARY / f"{name}.toml").read_text() for name in SMALL] + [OWN] * 3),
    "event table": (event_table, [EVENTS]),
    "people": (people, [PEOPLE]),
    "trial": (trial, [TRIAL, TWO_DRUGS]),
    "regimen": (regimen, REGIMENS),
    "concentrations": (samples, [SAMPLES]),
    "dose response": (assay, [ASSAY]),
}


class Hang(Exception):
    """An input took longer than SECONDS."""


@contextmanager
def limited():
    """A limit of time on what is done within, where signals allow it."""

    def stop(signum, frame):
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(kind, number, folder):
    """("value" | "sentence" | "fault", what was wrong) of one damaged input."""
    read, sound = KINDS[kind]
    text = mutated(sound[number % len(sound)], number, kind)
    try:
        with limited(), warnings.catch_warnings(action="error"):
            read(text, Path(folder) / f"{kind.replace(' ', '_')}{number}")
        return "value", ""
    except PkpdError as error:
        message = str(error)
        several = "\n" in message.strip() and kind in ("model", "trial", "regimen")
        if several or not message.strip() or len(message) > LONGEST:
            return "fault", f"no sentence: {message[:300]!r}"
        return "sentence", message
    except Hang:
        return "fault", f"longer than {SECONDS} s"
    except Exception:
        return "fault", traceback.format_exc(limit=-2)


def run(count, folder):
    """kind -> Counter of outcomes, and [(kind, number, what)] of the faults of `count` inputs."""
    tally, faults = {kind: Counter() for kind in KINDS}, []
    for k in range(count):
        kind = list(KINDS)[k % len(KINDS)]
        found, what = outcome(kind, k // len(KINDS), folder)
        tally[kind][found] += 1
        if found == "fault":
            faults.append((kind, k // len(KINDS), what))
    return tally, faults


def compiled(count, folder):
    """What was wrong, or "", with each of the first `count` damaged models that are still models.

    Their typical patient is simulated by the compiled code and by SciPy on the walked equations.
    """
    found, number = [], 0
    while len(found) < count:
        path, number = Path(folder) / f"compiled{number}.toml", number + 1
        path.write_text(mutated(OWN, number, "compiled"), "utf-8", "surrogatepass", "")
        try:
            damaged = pkpd.load(str(path))
        except PkpdError:
            continue
        found.append(_simulated(damaged))
    return found


def _simulated(damaged):
    times = np.array([0.0, 3.0, 12.0])
    names = [*damaged.state_names, *(a.name for a in damaged.assignments)]
    person = pkpd.cohort(damaged, typical=True)
    dose = damaged.doses[0]
    try:
        result = pkpd.simulate(
            damaged, f"10 {dose.unit} into {dose.state}", person, times, outputs=names, rtol=1e-9
        )
        if result.status[0] != 0:
            return ""  # a failed patient is one sentence
        exact = Patient(damaged, person.theta[0]).simulate([(0.0, 10.0, dose.state)], times, names)
    except (PkpdError, ArithmeticError, ValueError) as error:
        return "" if isinstance(error, PkpdError) else f"only walked: {error!r}"
    close = np.allclose(result.values[0], exact, rtol=1e-5, atol=1e-7)
    return "" if close else f"{result.values[0]} is not {exact}"


def main():
    parser = records.options(__doc__, rounds=1)
    parser.add_argument("--count", type=int, default=10_000, help="damaged inputs")
    options = parser.parse_args()
    count = 70 if options.quick else options.count
    with tempfile.TemporaryDirectory() as folder:
        tally, faults = run(count, folder)
    for kind, number, what in faults:
        print(f"{kind} {number}: {what}\n", file=sys.stderr)
    outcomes = ("value", "sentence", "fault")
    rows = [[kind, *(tally[kind][o] for o in outcomes)] for kind in KINDS]
    headers = ["input", "right value", "one sentence", "fault"]
    record = {"rounds": 1, "count": count, "outcomes": {kind: dict(tally[kind]) for kind in KINDS}}
    records.finish("mutations", record, [(headers, rows)], options.quick)


if __name__ == "__main__":
    main()
