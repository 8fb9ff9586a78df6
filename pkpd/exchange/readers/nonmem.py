"""NONMEM control streams -> System.

The language: NONMEM Users Guide, Parts IV, VI and VIII. Knows records and abbreviated code; knows
no units, and opens no file that a control stream names.
"""

import ast
import math
import re
from dataclasses import dataclass
from itertools import chain
from typing import NoReturn

from pkpd.errors import ModelError, PkpdError
from pkpd.exchange.readers import advan, compartments, nonmem_covariance, residual, trees
from pkpd.exchange.readers.blocks import quoted_line
from pkpd.exchange.readers.expressions import FUNCTIONS, Functions, Grammar
from pkpd.exchange.readers.expressions import read as tree_of
from pkpd.exchange.readers.nonmem_numbers import MOST, Numbers
from pkpd.exchange.readers.statements import Assign, If, Program, statement_names
from pkpd.exchange.system import State, System

CARRIED = (
    "$PK, $DES, $ERROR, $PRED: assignments; IF with THEN, ELSE IF, ELSE; EXP, LOG, PHI and others",
    "ADVAN1-4, 10, 11, 12 with TRANS1-6; ADVAN5 and 7 with their Kij; ADVAN6, 8, 9, 13 with $DES",
    "$THETA, $OMEGA and $SIGMA with BLOCK and SAME, or final estimates by --estimates run.ext",
    "the covariance of the THETAs' estimates by --covariance run.cov, as a file for --uncertainty",
    "F1, ALAG1, R1, D1, S1, A_0(1) and those of the other compartments",
    "Y of additive, proportional, combined or exponential error",
    "data items in the code, such as WT, by --set WT=70 or as columns of an event table",
)
REFUSED = (
    "verbatim code, CALL, DO, MTIME, MIX, $PRIOR, $ABBR REPLACE, $INCLUDE and other files",
    "TIME, NEWIND, ICALL and records of doses in $PK: what $PK computes is constant here",
    "$OMEGA as CORRELATION or CHOLESKY; ADVAN11 and 12 with TRANS6; other ADVANs",
    "correlated residual errors, and any other Y: its residual error is left out with a note",
)
_RECORDS = {  # the letters that a record needs, and what it is
    **{"PROB": "PROBLEM", "INPU": "INPUT", "INP": "INPUT", "DATA": "", "INFI": ""},
    **{"SUBR": "SUBROUTINES", "SUBS": "SUBROUTINES", "SUB": "SUBROUTINES", "MODE": "MODEL"},
    **{"MOD": "MODEL", "PK": "PK", "PRED": "PRED", "DES": "DES", "ERRO": "ERROR", "ERR": "ERROR"},
    **{"THET": "THETA", "THE": "THETA", "OMEG": "OMEGA", "OME": "OMEGA", "SIGM": "SIGMA"},
    **{"SIG": "SIGMA", "ESTI": "", "EST": "", "ESTM": "", "COVA": "", "COV": "", "TABL": ""},
    **{"TAB": "", "SIMU": "", "SIM": "", "SIZE": "", "SIZ": "", "TOL": "", "SCAT": "", "MSFI": ""},
    **{"ETAS": "", "PHIS": "", "COVR": "", "DEFA": "", "WARN": ""},
}
_PRIORS = re.compile(r"(?:THETA|OMEGA|SIGMA)[A-Z]+\Z")
_HEAD = re.compile(r"\$([A-Za-z]+)\s*(.*)\Z")
_CODE = ("PK", "PRED", "DES", "ERROR")
_NUMBERED = {"THETA": "THETA{}", "ETA": "ETA{}", "EPS": "EPS{}", "ERR": "EPS{}", "A": "A({})"}
_IF = re.compile(r"IF\s*(?=\()", re.IGNORECASE)
_ASSIGNED = re.compile(r"([A-Za-z]\w*)\s*(\(\s*\d+\s*\))?\s*=(.+)\Z", re.DOTALL)
_SIGNS = {
    **{"EQ": "==", "EQN": "==", "NE": "!=", "NEN": "!=", "LT": "<", "LE": "<=", "GT": ">"},
    **{"GE": ">=", "AND": "&&", "OR": "||", "NOT": "!"},
}
_WORD = re.compile(rf"\.({'|'.join(_SIGNS)})\.", re.IGNORECASE)
_COMPARTMENT = re.compile(r"COMP(?:ARTMENT)?\s*=?\s*(?:\(([^)]*)\)|([A-Z]\w*))")
_ONLY = re.compile(r"\((?:ONLY )?OBS\w*(?: ONLY)?\)", re.IGNORECASE)
_IN_PK = ("T", "TIME", "NEWIND", "ICALL", "AMT", "EVID", "RATE", "DOSTIM", "DOSREC", "TSTATE")


def _phi(x):
    root = trees.number(math.sqrt(2.0))
    return trees.multiply(
        trees.number(0.5), trees.add(trees.number(1.0), trees.call("erf", trees.divide(x, root)))
    )


def _int(x):
    upward = trees.compare(x, ast.GtE(), trees.number(0.0))
    return trees.choice(upward, trees.call("floor", x), trees.call("ceil", x))


def _mod(a, b):
    return trees.binary(a, ast.Sub(), trees.multiply(b, _int(trees.divide(a, b))))


_OWN: Functions = {"PHI": (1, _phi), "INT": (1, _int), "MOD": (2, _mod)}
GRAMMAR = Grammar(
    called="NM-TRAN",
    functions={
        **{name.upper(): made for name, made in FUNCTIONS.items()},
        **{f"D{name.upper()}": FUNCTIONS[name] for name in ("exp", "log", "sqrt", "abs")},
        **{"GAMLN": FUNCTIONS["lgamma"], **_OWN},
    },
    reference=lambda name, arguments: (
        _NUMBERED[name].format(int(arguments[0]))
        if name in _NUMBERED and arguments[0].isdigit()
        else None
    ),
    constants={"A_0FLG": 1.0},
    fold=str.upper,
)


@dataclass(frozen=True)
class Line:
    text: str
    comment: str
    number: int


def read(
    text: str,
    place: str,
    given: dict[str, float],
    estimates: str | None = None,
    covariance: str | None = None,
) -> System:
    """The System of a control stream.

    estimates : text of its .ext file, whose final estimates then take the place of the initial ones
    covariance : text of its .cov file

    Raises ModelError with the line of what is not carried over.
    """
    reader = Reader(text, place, estimates)
    system = reader.system(given)
    if covariance is not None:
        where = f"The covariance of {place}"
        system.estimates = nonmem_covariance.read(covariance, reader.numbers, where)
    return system


class Reader:
    """Reads one control stream. numbers : those of its records"""

    def __init__(self, text, place, estimates):
        self.place = place
        self.records: dict[str, list[list[Line]]] = {}
        for name, lines in self._records(text):
            self.records.setdefault(name, []).append(lines)
        self.title = self._title()
        self.found = System(self.title, place)
        self.numbers = Numbers(self.records, place, estimates)
        self.program = Program(undefined=trees.number(0.0))
        self._compartments()

    def fail(self, line, message) -> NoReturn:
        raise ModelError(f"{self.place}:{line.number}: {message}.")

    def _records(self, text):
        """(name, lines) of each record, continued lines joined, comments apart."""
        name, lines = "", []
        for line in _lines(text):
            head = _HEAD.match(line.text)
            if not head:
                lines.append(line)
                continue
            if name:
                yield name, lines
            name, lines = self._named(head[1].upper(), line), []
            lines.append(Line(head[2], line.comment, line.number))
        if name:
            yield name, lines
        else:
            raise ModelError(f"{self.place}:1: no record such as $PROBLEM.")

    def _named(self, word, line):
        known = _RECORDS.get(word, _RECORDS.get(word[:4]))
        if known is None or _PRIORS.match(word):
            self.fail(line, f"${word} is not carried over")
        return known or "ignored"

    def _lines(self, name):
        return [line for line in chain.from_iterable(self.records.get(name, [])) if line.text]

    def _title(self):
        first = next((line.text for line in self._lines("PROBLEM")), "")
        return f"{' '.join(first.split())[:200] or 'Model'}, from {self.place}"

    def _compartments(self):
        """Names of the compartments, and what their rates are."""
        if self.records.get("PRED"):
            self.method, self.order, self.observed = "PRED", [], ""
            return
        words = " ".join(line.text.upper() for line in self._lines("SUBROUTINES"))
        method = re.search(r"ADVAN\s*=?\s*(?:ADVAN)?(\d+)", words)
        trans = re.search(r"TRANS\s*=?\s*(?:TRANS)?(\d+)", words)
        other = re.search(r"\b(?:OTHER|INFN|PK|ERROR|DES|MODEL|MIX)\s*=", words)
        lines = self._lines("SUBROUTINES")
        if not method:
            raise ModelError(f"{self.place}: neither $PRED nor an ADVAN in $SUBROUTINES.")
        if other:
            self.fail(lines[0], f"{other[0]} names code of its own, which is not carried over")
        self.method, self.trans = f"ADVAN{method[1]}", int(trans[1]) if trans else 1
        if self.method in advan.LINEAR:
            self.order = list(advan.LINEAR[self.method])
            self.observed = "CENTRAL"
        elif self.method in (*advan.GENERAL, *advan.DES):
            self._named_compartments()
        else:
            self.fail(lines[0], f"{self.method} is not carried over")

    def _named_compartments(self):
        text = " ".join(line.text.upper() for line in self._lines("MODEL"))
        self.order, self.observed = [], ""
        for inside, alone in _COMPARTMENT.findall(text):
            self._compartment(*re.split(r"[\s,]+", (inside or alone).strip()))
        count = re.search(r"NCOMP(?:ARTMENTS)?\s*=\s*(\d+)", text)
        if count and int(count[1]) > MOST:
            raise ModelError(f"{self.place}: $MODEL has more than {MOST} compartments.")
        if count and not self.order:
            self.order = [f"COMP{k}" for k in range(1, int(count[1]) + 1)]
        if not self.order or len(set(self.order)) < len(self.order):
            raise ModelError(f"{self.place}: $MODEL names no compartments, or two alike.")
        central = "CENTRAL" if "CENTRAL" in self.order else self.order[0]
        self.observed = self.observed or central

    def _compartment(self, name, *options):
        """A compartment of $MODEL with its options."""
        self.order.append(name)
        if {"DEFOBS", "DEFOBSERVATION"} & set(options):
            self.observed = name
        if "DEFDOSE" in options and len(self.order) > 1:
            self.found.notes.append(f"Doses go into {name} (DEFDOSE): say so where they do.")

    def system(self, given):
        for name, item in self.numbers.parameters().items():
            self.found.parameters[name] = item
        self.found.omega = self.numbers.omega()
        self.program.taken = frozenset(self.found.parameters)
        amounts = {f"A({k})": trees.name(name) for k, name in enumerate(self.order, 1)}
        self.program.current |= amounts
        first = self._code("PK")
        for item in first:
            used = [name for name in _IN_PK if name in statement_names(item)]
            if used:
                raise ModelError(
                    f"{item.place}: {used[0]} in $PK, which is constant between "
                    "records, is not carried over."
                )
        self.program.run(first)
        self.program.run(self._rates())
        self.program.current["T"] = self.program.current["TIME"] = trees.name("t")
        self.program.run(self._code("DES"))
        self._scaled()
        self.program.run(self._code("ERROR"))
        self.program.run(self._code("PRED"))
        self._doses()
        self._residual()
        compartments.fill(self.found, self.program, self.order, given, self.place)
        return self._finished()

    def _rates(self):
        """The rates of compartments that NONMEM solves by closed forms."""
        if self.method in advan.DES or self.method == "PRED":
            return
        known = set(self.program.current)
        try:
            rates = advan.rates(self.method, self.trans, self.order, known)
        except PkpdError as error:
            raise ModelError(f"{self.place}: {error}.") from error
        for name, tree in rates.items():
            yield Assign(compartments.key("d/dt", name), tree, self.place)

    def _scaled(self):
        """F, the scaled amount of the compartment that is observed."""
        if not self.observed:
            return
        number = self.order.index(self.observed) + 1
        scales = [f"S{number}", *(["SC"] if self.observed == "CENTRAL" else [])]
        scale = next((name for name in scales if name in self.program.current), None)
        tree = trees.name(f"A({number})")
        tree = trees.divide(tree, trees.name(scale)) if scale else tree
        self.program.run([Assign("F", tree, self.place)])

    def _doses(self):
        words = {"F": "f", "ALAG": "lag", "R": "rate", "D": "duration"}
        for number, name in enumerate(self.order, 1):
            for word, kind in words.items():
                if f"{word}{number}" in self.program.current:
                    tree = trees.name(f"{word}{number}")
                    self.program.run([Assign(compartments.key(kind, name), tree, self.place)])

    def _residual(self):
        """Residual error told from Y, then left out of it."""
        sigma = self.numbers.sigma()
        if "Y" not in self.program.current:
            raise ModelError(f"{self.place}: Y is not assigned in $ERROR or $PRED.")
        values = {n: p.value for n, p in self.found.parameters.items()}
        told = residual.told(self.program, sigma, values)
        if told is None:
            self.found.notes.append("The residual error of Y is not carried over.")
        else:
            self.found.residual["Y"] = told
        self.program.current |= {name: trees.number(0.0) for name in sigma}
        zero = {name: trees.number(0.0) for name in sigma}
        for name, tree in self.program.equations.items():
            self.program.equations[name] = trees.replaced(tree, zero)

    def _finished(self):
        system = self.found
        if not system.states:
            system.states["CLOCK"] = State(trees.number(0.0), trees.number(1.0))
        system.outputs = [name for name in ("Y", "IPRED") if name in system.equations]
        if self.observed:
            system.notes.append(
                f"F is {self.observed}, the compartment that is observed by default; records that "
                "name another CMT observe that one."
            )
        return system

    def _code(self, record):
        """Statements of abbreviated code."""
        lines = [line for line in self._lines(record) if not _ONLY.fullmatch(line.text)]
        statements, at = self._block(lines, 0, 0)
        if at < len(lines):
            self.fail(lines[at], f"{quoted_line(lines[at].text)} without its IF")
        return statements

    def _block(self, lines, at, depth):
        """(statements, place of the ELSE or ENDIF that ends them)."""
        if depth > 20:
            self.fail(lines[at - 1], "conditions are nested deeper than 20")
        found = []
        while at < len(lines):
            word = lines[at].text.upper().replace(" ", "")
            if word.startswith("ELSE") or word == "ENDIF":
                break
            if _IF.match(lines[at].text):
                item, at = self._condition(lines, at, depth)
                found.append(item)
            else:
                found += self._assigned(lines[at])
                at += 1
        return found, at

    def _condition(self, lines, at, depth):
        line = lines[at]
        test, rest = self._test(line)
        where = f"{self.place}:{line.number}"
        if rest.upper() != "THEN":
            simple = self._assigned(Line(rest, "", line.number))
            return If(((test, tuple(simple)),), where), at + 1
        branches = []
        while True:
            own, at = self._block(lines, at + 1, depth + 1)
            branches.append((test, tuple(own)))
            if at >= len(lines):
                self.fail(line, "this IF has no ENDIF")
            word = lines[at].text.upper().replace(" ", "")
            if word == "ENDIF":
                return If(tuple(branches), where), at + 1
            if test is None:
                self.fail(lines[at], "an ELSE after the last ELSE")
            if word == "ELSE":
                test = None
                continue
            inner = re.sub(r"\AELSE\s*", "", lines[at].text, flags=re.IGNORECASE)
            test, rest = self._test(Line(inner, "", lines[at].number))
            if rest.upper() != "THEN":
                self.fail(lines[at], f"{quoted_line(lines[at].text)} cannot be read")

    def _test(self, line):
        """(condition, what follows it) of a line that begins with IF."""
        match = _IF.match(line.text)
        if not match:
            self.fail(line, f"{quoted_line(line.text)} cannot be read")
        depth = 0
        for k in range(match.end(), len(line.text)):
            depth += (line.text[k] == "(") - (line.text[k] == ")")
            if depth == 0:
                test = self._tree(line.text[match.end() + 1 : k], line)
                return test, line.text[k + 1 :].strip()
        self.fail(line, f"the bracket in {quoted_line(line.text)} is not closed")

    def _assigned(self, line):
        if line.text.startswith('"'):
            self.fail(line, "verbatim code is not carried over")
        match = _ASSIGNED.match(line.text)
        if not match:
            self.fail(line, f"{quoted_line(line.text)} is not carried over")
        name, number, right = match[1].upper(), match[2], match[3]
        where = f"{self.place}:{line.number}"
        if number:
            name = self._element(name, int(number.strip("( )")), line)
        if name in ("MTIME", "MIXP"):
            self.fail(line, f"{name} is not carried over")
        return [Assign(name, self._tree(right, line), where)]

    def _element(self, name, number, line):
        kinds = {"DADT": "d/dt", "A_0": "start"}
        if name not in kinds:
            self.fail(line, f"{name}({number}) is not carried over")
        if not 1 <= number <= len(self.order):
            self.fail(line, f"{name}({number}) is of no compartment")
        return compartments.key(kinds[name], self.order[number - 1])

    def _tree(self, text, line):
        try:
            return tree_of(_WORD.sub(_sign, text), GRAMMAR)
        except PkpdError as error:
            self.fail(line, str(error))


def _sign(word):
    """The sign that stands for one of Fortran's words, such as .GE."""
    return f" {_SIGNS[word[1].upper()]} "


def _lines(text):
    """Lines without blanks around them, comments apart, those that end in & joined to the next."""
    begun, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        content, _, comment = raw.partition(";")
        content = f"{begun} {content.strip()}".strip()
        first = first or number
        if content.endswith("&"):
            begun = content[:-1]
            continue
        yield Line(content, comment.strip(), first)
        begun, first = "", 0
