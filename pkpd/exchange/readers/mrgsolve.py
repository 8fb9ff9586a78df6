"""Model files of mrgsolve -> System.

The language: mrgsolve user guide, "Model specification". Knows that language; knows no units.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pkpd.errors import ModelError, PkpdError
from pkpd.exchange.readers import blocks, compartments, linear, trees
from pkpd.exchange.readers.blocks import Condition
from pkpd.exchange.readers.expressions import FUNCTIONS, Functions, Grammar
from pkpd.exchange.readers.expressions import read as tree_of
from pkpd.exchange.readers.statements import Assign, If, Program, statement_names
from pkpd.exchange.system import Parameter, System

CARRIED = (
    "$PARAM, $FIXED, $THETA, $CMT, $INIT, plain and @annotated; $MAIN or $PK, $ODE or $DES, $TABLE "
    "or $ERROR; $CAPTURE",
    "F_, ALAG_, R_, D_ and _0 of compartments; if, else; several assignments to one name",
    "$OMEGA, diagonal and @block, for ETA(n); $PKMODEL with one or two compartments",
    "#define NAME expression in $GLOBAL",
)
REFUSED = (
    "$PLUGIN, $PREAMBLE, loops, pointers and any other C++ beyond expressions",
    "$EVENT, mtime(), self, evt:: and other functions that change doses during the run",
    "$SIGMA and EPS(n): residual error is left out, EPS being 0",
)
_BLOCK = re.compile(r"^[ \t]*(?:\$(\w+)|\[[ \t]*(\w+)[ \t]*\])[ \t]*", re.MULTILINE)
_SAME = {
    **{"PARAMETERS": "PARAM", "PARA": "PARAM", "INPUT": "PARAM", "FIXED": "PARAM"},
    **{"PK": "MAIN", "DES": "ODE", "ERROR": "TABLE", "POST": "TABLE", "PRED": "MAIN"},
    **{"COMPARTMENTS": "CMT", "CAPT": "CAPTURE", "PROBLEM": "PROB"},
}
_IGNORED = {"SET", "ENV", "SIGMA"}
_READ = {"PARAM", "THETA", "CMT", "INIT", "MAIN", "ODE", "TABLE", "CAPTURE", "OMEGA", "GLOBAL"}
_FUNCTIONS: Functions = {
    **FUNCTIONS,
    **{new: FUNCTIONS[old] for new, old in (("fabs", "abs"), ("fmin", "min"), ("fmax", "max"))},
    **{f"std::{name}": made for name, made in FUNCTIONS.items()},
}
_TIME = {"SOLVERTIME", "TIME"}
GRAMMAR = Grammar(
    called="mrgsolve",
    functions=_FUNCTIONS,
    reference=lambda name, arguments: (
        f"{name}{int(arguments[0])}"
        if name in ("ETA", "EPS", "THETA") and arguments[0].isdigit()
        else None
    ),
    constants={"M_PI": 3.141592653589793, "true": 1.0, "false": 0.0},
    fold=lambda name: "t" if name in _TIME else name,
    tight_not=True,
)
_BRACKETED = re.compile(r"\(.*\)", re.DOTALL)
_DECLARED = re.compile(r"(?:const\s+)?(?:double|int|bool|localdouble|capture)\s+")
_PAIR = re.compile(
    r"([A-Za-z_]\w*)\s*=\s*([^,;=]+?)(?=\s*(?:[,;]|\Z|\s[A-Za-z_]\w*\s*=))", re.DOTALL
)
_WHOLE_QUOTIENT = re.compile(r"(?<![\w.])\d+\s*/\s*\d+(?![\w.])")
_PROPERTIES = {"F": "f", "ALAG": "lag", "R": "rate", "D": "duration"}


def read(text: str, place: str, given: dict[str, float]) -> System:
    """The System of a model file. Raises ModelError with the line of what cannot be read."""
    return _Reader(text, place).system(given)


@dataclass(frozen=True)
class _Block:
    """A block of a model file. plain : its body without options"""

    name: str
    body: str
    plain: str
    options: frozenset[str]
    line: int
    where: str


def _refuse_truncated(kind, text, where):
    """Raises ModelError where a declaration of this kind would cut a value to a whole number."""
    if "int" in kind and not re.search(r"=\s*-?\d+\Z", text.strip()):
        raise ModelError(
            f"{where}: {blocks.quoted_line(text)} of an int loses what is behind the point; "
            "declare it double."
        )


class _Reader:
    def __init__(self, text, place):
        self.place = place
        self.title, self.found = f"Model, from {place}", System("", place)
        self.order: list[str] = []
        self.starts: dict[str, float] = {}
        self.macros: list[Assign] = []
        self.captured: list[str] = []
        self.code: dict[str, list] = {"MAIN": [], "ODE": [], "TABLE": []}
        self.linear: tuple[str, str] | None = None
        self.etas = 0
        for name, body, line in self._blocks(text):
            self._block(name, body, line)

    def _blocks(self, text) -> Iterator[tuple[str, str, int]]:
        text = blocks.without_comments(text, "//")
        heads = list(_BLOCK.finditer(text))
        if not heads:
            raise ModelError(f"{self.place}:1: no block such as $PARAM or $ODE.")
        for head, after in zip(heads, [*heads[1:], None], strict=True):
            name = (head[1] or head[2]).upper()
            body = text[head.end() : after.start() if after else len(text)]
            yield _SAME.get(name, name), body, text.count("\n", 0, head.end()) + 1

    def _block(self, name, body, line):
        options = frozenset(re.findall(r"@(\w+)", body))
        plain = re.sub(r"@\w+[ \t]*(?:=[^\n]*)?", "", body)
        block = _Block(name, body, plain, options, line, f"{self.place}:{line}")
        kinds = {
            "PROB": self._problem,
            "PKMODEL": self._closed,
            **dict.fromkeys(("PARAM", "THETA", "INIT", "CMT"), self._values),
            **dict.fromkeys(self.code, self._statements_of),
            "CAPTURE": self._capture,
            "OMEGA": self._omega,
            "GLOBAL": self._globals,
        }
        if name in kinds:
            kinds[name](block)
        elif name not in _IGNORED:
            raise ModelError(
                f"{block.where}: ${name} is not carried over; known are the blocks "
                f"{', '.join('$' + n for n in sorted(_READ))}."
            )

    def _problem(self, block):
        first = next((t.strip() for t in block.plain.splitlines() if t.strip()), "Model")
        self.title = f"{first[:200]}, from {self.place}"

    def _closed(self, block):
        self.linear = (block.plain, block.where)

    def _statements_of(self, block):
        self.code[block.name] += self._statements(block.plain, block.line)

    def _capture(self, block):
        words = filter(None, re.split(r"[,\s]+", block.plain))
        self.captured += [word.partition("=")[0].strip() for word in words]

    def _values(self, block):
        for own, text, label in self._entries(block):
            value = self._number(text, block.where)
            if block.name in ("CMT", "INIT"):
                if own not in self.order:
                    self.order.append(own)
                self.starts[own] = value
            elif own in _TIME:
                raise ModelError(f"{block.where}: '{own}' is the time; call the number otherwise.")
            else:
                self.found.parameters[own] = Parameter(value, label)

    def _entries(self, block):
        """(name, text of its value, label) of each value of a block."""
        if "annotated" in block.options:
            return self._annotated(block.name, block.plain, block.line)
        words = list(filter(None, re.split(r"[,\s]+", block.plain)))
        if block.name == "CMT":
            return [(word, "0", "") for word in words]
        if block.name == "THETA":
            return [(f"THETA{k}", word, "") for k, word in enumerate(words, 1)]
        return [(m[1], m[2], "") for m in _PAIR.finditer(block.plain)]

    def _annotated(self, name, body, line):
        for number, text in enumerate(body.splitlines(), line):
            parts = [p.strip() for p in text.split(":")]
            if not text.strip():
                continue
            if name == "CMT" and len(parts) >= 1:
                yield parts[0], "0", ""
            elif len(parts) >= 2:
                yield parts[0], parts[1], ":".join(parts[2:])
            else:
                raise ModelError(
                    f"{self.place}:{number}: {blocks.quoted_line(text)} is not "
                    "'name : value : label'."
                )

    def _number(self, text, where):
        from pkpd.symbolic.parse import value

        known = {name: item.value for name, item in self.found.parameters.items()}
        try:
            return float(value(self._tree(text, where), known))
        except (KeyError, ValueError, ArithmeticError) as error:
            raise ModelError(f"{where}: {blocks.quoted_line(text)} is not a number.") from error

    def _tree(self, text, where):
        whole = _WHOLE_QUOTIENT.search(text)
        if whole:
            raise ModelError(
                f"{where}: C++ rounds the quotient '{whole[0]}' of whole numbers down; "
                "write one of them with a decimal point."
            )
        try:
            return tree_of(text, GRAMMAR)
        except PkpdError as error:
            raise ModelError(f"{where}: {error}.") from error

    def _statements(self, body, line):
        return blocks.Reader(body, self.place, ends_at_lines=False, first=line).statements()

    def _omega(self, block):
        words = filter(None, re.split(r"[,\s]+", block.plain))
        numbers = [self._number(word, block.where) for word in words]
        together = self._is_triangle(block)
        rows = [[number] for number in numbers]
        if together:
            rows = _triangle(numbers)
            if rows is None:
                raise ModelError(f"{block.where}: {len(numbers)} numbers are no lower triangle.")
        names = [f"ETA{self.etas + k}" for k in range(1, len(rows) + 1)]
        self.etas += len(rows)
        for name in names:
            self.found.parameters[name] = Parameter(0.0, f"{name}, between people", sd=0.0)
        if together:
            self.found.omega.append((names, rows))
        else:
            self.found.omega += [([n], [row]) for n, row in zip(names, rows, strict=True)]

    def _is_triangle(self, block):
        """Whether a block of $OMEGA is a lower triangle. Raises ModelError for other ways."""
        if block.options - {"block", "name", "annotated", "labels"}:
            ways = ", ".join(sorted(block.options))
            raise ModelError(f"{block.where}: $OMEGA as {ways} is not carried over.")
        return "block" in block.options

    def _globals(self, block):
        for number, text in enumerate(block.body.splitlines(), block.line):
            where = f"{self.place}:{number}"
            macro = re.fullmatch(r"\s*#\s*define\s+([A-Za-z_]\w*)\s+(.+)", text)
            if macro:
                self._check_macro(macro[2].strip(), where)
                self.macros.append(Assign(macro[1], self._tree(macro[2].strip(), where), where))
            elif text.strip() and not re.fullmatch(r"\s*(?:double|int|bool)\s[\w\s,]+;\s*", text):
                raise ModelError(
                    f"{where}: {blocks.quoted_line(text)} is C++ that is not carried "
                    "over; #define NAME expression is."
                )

    def _check_macro(self, text, where):
        """Refuse what another operator would tear apart where the text is put in a formula."""
        if isinstance(self._tree(text, where), ast.BinOp) and not _BRACKETED.fullmatch(text):
            raise ModelError(
                f"{where}: '{text[:40]}' is put as it is where its name stands, which may tear it "
                f"apart; write ({text[:40]})."
            )

    def _converted(self, statements):
        for item in statements:
            where = f"{self.place}:{item.line}"
            if isinstance(item, Condition):
                branches = tuple(
                    (None if test is None else self._tree(test, where), tuple(self._converted(own)))
                    for test, own in item.branches
                )
                yield If(branches, where)
            else:
                yield from self._assigned(item.text, where)

    def _assigned(self, text, where):
        declared = _DECLARED.match(text)
        if declared and "=" not in text:
            return
        if declared and text.startswith("capture"):
            self.captured.append(re.split(r"[\s=]+", text)[1])
        if declared:
            text = text[declared.end() :]
            _refuse_truncated(declared[0], text, where)
        found = re.fullmatch(r"([A-Za-z_]\w*)\s*([-+*/]?)=(?!=)(.+)", text, re.DOTALL)
        if not found:
            raise ModelError(
                f"{where}: {blocks.quoted_line(text)} is C++ that is not carried over."
            )
        name, sign, right = found.groups()
        if sign:
            right = f"{name} {sign} ({right})"
        yield Assign(self._key(name), self._tree(right, where), where)

    def _key(self, name):
        """What an assignment is about."""
        if name.startswith("dxdt_"):
            return compartments.key("d/dt", name[5:])
        if name.endswith("_0") and name[:-2] in self.order:
            return compartments.key("start", name[:-2])
        word, _, own = name.partition("_")
        if word in _PROPERTIES and own in self.order:
            return compartments.key(_PROPERTIES[word], own)
        return name

    def system(self, given):
        program = Program(taken=frozenset(self.found.parameters))
        for k in range(1, 21):
            program.current[f"EPS{k}"] = trees.number(0.0)
        for name, value in self.starts.items():
            start = compartments.key("start", name)
            program.run([Assign(start, trees.number(value), self.place)])
        program.run(self._main())
        program.run(self._closed_form())
        program.run(self.macros)
        program.run(self._converted(self.code["ODE"]))
        program.run(self._converted(self.code["TABLE"]))
        self.found.title = self.title
        compartments.fill(self.found, program, self.order, given, self.place)
        self.found.outputs = self._outputs()
        return self.found

    def _outputs(self):
        """What is captured, the compartments where nothing is."""
        known = {*self.found.equations, *self.found.states}
        for name in self.captured:
            if name not in known and name not in self.found.parameters:
                raise ModelError(f"{self.place}: $CAPTURE of unknown '{name}'.")
        return [n for n in dict.fromkeys(self.captured) if n in known] or list(self.order)

    def _main(self):
        """$MAIN, in which the time would be that of the last record."""
        statements = list(self._converted(self.code["MAIN"]))
        for item in statements:
            if "t" in statement_names(item):
                raise ModelError(
                    f"{item.place}: the time in $MAIN, which stands still between "
                    "records, is not carried over; use SOLVERTIME in $ODE."
                )
        return statements

    def _closed_form(self):
        """The rates of $PKMODEL."""
        if self.linear is None:
            return
        body, where = self.linear
        depot = bool(re.search(r"depot\s*=\s*(?:TRUE|T)\b", body))
        central = self._central(body, where, depot)
        volume, other = ("V", "") if central == 1 else ("V2", "V3") if depot else ("V1", "V2")
        names = {word: trees.name(word) for word in ("CL", "Q", "KA")}
        constants = {"ka": names["KA"], "k": trees.divide(names["CL"], trees.name(volume))}
        if central == 2:
            constants["k12"] = trees.divide(names["Q"], trees.name(volume))
            constants["k21"] = trees.divide(names["Q"], trees.name(other))
        for name, rate in linear.rates(self.order, constants, depot=depot).items():
            yield Assign(compartments.key("d/dt", name), rate, where)

    def _central(self, body, where, depot):
        """The number of compartments of $PKMODEL without its depot."""
        named = re.search(r"cmt\s*=\s*[\"']([^\"']+)[\"']", body)
        number = re.search(r"ncmt\s*=\s*(\d)", body)
        if named:
            self.order += [n for n in re.split(r"[,\s]+", named[1]) if n not in self.order]
        central = int(number[1]) if number else len(self.order) - depot
        if central not in (1, 2) or len(self.order) != central + depot:
            raise ModelError(
                f"{where}: $PKMODEL needs one or two compartments and a depot at most."
            )
        return central


def _triangle(numbers):
    """Rows of a lower triangle that stands in one line, or None."""
    rows: list[list[float]] = []
    left = list(numbers)
    while len(left) > len(rows):
        count = len(rows) + 1
        rows.append(left[:count])
        left = left[count:]
    return None if left else rows
