"""Source of one exact step for a block of patients whose model's rates are linear in the states.

The states, their integrals, the number 1 and the rates of infusion move by a constant matrix M from
one action to the next: over a length h they are multiplied by exp(M h). A step ends at the next
action or output time; every lane keeps the exponentials of its last few lengths. Knows states,
lanes and matrices; knows nothing of drugs or doses.

A Taylor series of degree 16 gives D = exp(M h/2^s) - 1, and s doublings D <- 2 D + D^2 the rest.
Without the 1, what a slow state does is not lost beside a fast one; off the diagonal, 2 D + D^2 of
a compartment model is a sum of positive numbers, so that every amount keeps its leading digits and
none falls below 0 (Xue & Ye 2013, Math. Comp. 82, 1577-1596, on such matrices; Moler & Van Loan
2003, SIAM Rev. 45, 3-49, on doubling). No eigenvalue is computed, so equal ones need no care.
Lengths are rounded to 40 bits, because those between regular doses differ by rounding: a relative
5e-13 of time.
"""

import numpy as np

from pkpd.kernels.layout import Layout
from pkpd.kernels.paste import indented
from pkpd.solvers import control, driver
from pkpd.solvers.control import clock, load, names

MOST = 8  # states and integrals up to which the compiler takes less than half a minute
KEPT = 8  # exponentials that a lane keeps beside the one in use
ROUNDING = 1e-9  # share of its largest value by which an amount may fall below 0
CLOCK = ("t", "stop", "next_output", "active", "count")


def _pattern(program, constant):
    """Places (row, column) of the entries of the matrix and its exponentials.

    The diagonal comes first, then what reaches what on any way. Rows and columns: states and
    integrals, the number 1 where a rate has a constant term, the infusions.
    """
    first = program.states + any(constant)
    size = first + len(program.infused)
    reach = np.zeros((size, size), bool)
    for place in program.jacobian:
        reach[place] = True
    for row, has in enumerate(constant):
        if has:
            reach[row, program.states] = True
    for column, row in enumerate(program.infused, first):
        reach[row, column] = True
    for k in range(size):
        reach |= np.outer(reach[:, k], reach[k])
    np.fill_diagonal(reach, False)
    return [(i, i) for i in range(size)] + list(map(tuple, np.argwhere(reach).tolist()))


class _Step:
    """Source of the parts of the step that are written out entry by entry."""

    def __init__(self, program, constant, lanes):
        self.program, self.one = program, program.states if any(constant) else None
        self.pattern = _pattern(program, constant)
        self.number = {place: e for e, place in enumerate(self.pattern)}
        self.n, self.size = 1 + max(i for i, _ in self.pattern), len(self.pattern)
        # rows of the work array: matrices of as many entries, then numbers of a lane
        rows = dict.fromkeys(
            ("matrix_m", "x", "x2", "x3", "x4", "exponential", "product", "in_use"), self.size
        )
        rows |= {"diagonal": self.n, "lengths": KEPT, "kept": KEPT * self.size}
        rows |= dict.fromkeys(("length", "part", "doublings", "wanted", "using", "oldest"), 1)
        more, sizes = sum(rows.values()), program.sizes
        self.layout = Layout(lanes, program.states, program.constants, 0, more, sizes)
        firsts = (sum(list(rows.values())[:k]) for k in range(len(rows)))
        self.places = {
            name: self.layout.extra(first) for name, first in zip(rows, firsts, strict=True)
        }

    def entry(self, group, e):
        """Text of entry e of a matrix, of lane l."""
        return f"w[{self.places[group] + e * self.layout.lanes} + l]"

    def function(self, head, lines):
        """A compiled function with one loop over lanes, without fused operations.

        So a lane has the same bits in any vector.
        """
        return control.function(head, lines, self.layout, inline=False)

    def terms(self, i, j, cross=False):
        """Numbers of the entries whose products add up to entry (i, j) of a product.

        cross : without those on the diagonal
        """
        ways = [((i, k), (k, j)) for k in range(self.n) if not (cross and k in (i, j))]
        return [
            (self.number[a], self.number[b])
            for a, b in ways
            if a in self.number and b in self.number
        ]

    def product(self, name, a, b, into):
        lines = []
        for e, place in enumerate(self.pattern):
            parts = [
                f"{self.entry(a, left)}*{self.entry(b, right)}"
                for left, right in self.terms(*place)
            ]
            lines.append(f"{self.entry(into, e)} = {' + '.join(parts)}")
        return self.function(f"def {name}(w):", lines)

    def double(self):
        """Source of `double(w, done)`: one doubling in every lane that still needs one."""
        lines = [f"go = done < w[{self.places['doublings']} + l]"]
        lines += [f"d{e} = {self.entry('exponential', e)}" for e in range(self.size)] + [
            f"f{i} = {self.entry('diagonal', i)}" for i in range(self.n)
        ]
        for e, (i, j) in enumerate(self.pattern):
            products = (f"d{left}*d{right}" for left, right in self.terms(i, j, cross=True))
            cross, into = " + ".join(products) or "0.0", self.entry("exponential", e)
            if i != j:
                lines.append(f"{into} = d{e}*(f{i} + f{j}) + ({cross}) if go else d{e}")
                continue
            lines += [
                f"cross = {cross}",
                f"twice = d{e}*(2.0 + d{e}) + cross",
                f"{into} = twice if go else d{e}",
                # of the small rest of a state the difference to 1 knows nothing
                f"rest = 1.0 + twice if twice > -0.5 else f{e}*f{e} + cross",
                f"{self.entry('diagonal', e)} = rest if go else f{e}",
            ]
        return self.function("def double(w, done):", lines)

    def refresh(self):
        """Source of `refresh(w)`: the matrix of every lane from its inputs.

        Where it changed, no exponential is kept.
        """
        lines = [*load(self.layout.constant, "c", self.layout.constants), *self._matrix()]
        same = " & ".join(f"(a{e} == {self.entry('matrix_m', e)})" for e in range(self.size))
        lines += [
            f"same = 1.0 if {same} else 0.0",
            *(f"{self.entry('matrix_m', e)} = a{e}" for e in range(self.size)),
        ]
        lines += [f"{self.entry('lengths', k)} *= same" for k in range(KEPT)] + [
            f"{self.entry('using', 0)} *= same"
        ]
        return self.function("def refresh(w):", lines)

    def _matrix(self):
        """Lines that leave the entries of the matrix in a<e>, from the constants c<i>."""
        program, rates = self.program, len(self.program.infused)
        if self.one is not None:
            values = (
                ["0.0"] * (1 + program.states)
                + names("c", program.constants - rates)
                + ["0.0"] * rates
            )
            yield f"({', '.join(names('b', program.states))},) = rhs({', '.join(values)})"
        yield from program.jacobian_lines
        for e, (i, j) in enumerate(self.pattern):
            if j == self.one and i != j:
                yield f"a{e} = b{i}"
            elif j >= self.n - rates:
                yield f"a{e} = {float(i == program.infused[j - self.n + rates])!r}"
            else:
                yield f"a{e} = {program.jacobian.get((i, j), '0.0')}"

    def _moved(self, entry, start):
        """Lines that leave the states and integrals after an exponential in z<i>.

        entry(e), start(i) : texts of the entries of the exponential and of the values before
        """
        rates = range(self.program.constants - len(self.program.infused), self.program.constants)
        given = (["1.0"] if self.one is not None else []) + [
            f"w[{self.layout.constant(i)} + l]" for i in rates
        ]
        yield from (f"v{i} = {start(i)}" for i in range(self.program.states))
        yield from (f"v{self.program.states + k} = {value}" for k, value in enumerate(given))
        for i in range(self.program.states):
            yield f"z{i} = " + " + ".join(
                f"{entry(e)}*v{j}" for e, (row, j) in enumerate(self.pattern) if row == i
            )

    def _below(self):
        """Lines that refuse a step in which an amount falls below 0 by more than rounding."""
        yield "below = 0.0 > 1.0"
        for i in self.program.amounts:
            least = f"-{ROUNDING!r}*max(w[{self.layout.largest(i)} + l], abs(v{i}))"
            yield f"below = below | ((z{i} < {least}) & (v{i} >= {least}))"
        yield "good = good & (not below)"

    def move(self):
        """Source of `move(w)`: every active lane over its length, by the exponential in use."""
        layout, states = self.layout, range(self.program.states)
        lines = [
            *clock(layout, *CLOCK),
            f"moving = {self.entry('length', 0)} > 0.0",
            *self._moved(lambda e: self.entry("in_use", e), lambda i: f"w[{layout.y(i)} + l]"),
            *(f"z{i} = z{i} if moving else v{i}" for i in states),
            # 0 times a number that is not finite is not 0
            f"good = (active > 0.0) & ({' + '.join(f'0.0*z{i}' for i in states)} == 0.0)",
            *self._below(),
            "target = min(stop, next_output) if next_output > t else stop",
        ]
        for i in states:
            lines += [
                f"w[{layout.old(i)} + l] = v{i}",
                f"w[{layout.y(i)} + l] = z{i} if good else v{i}",
                f"w[{layout.stage(0, i)} + l] = z{i}",
                f"so_far = w[{layout.largest(i)} + l]",
                f"w[{layout.largest(i)} + l] = max(so_far, abs(z{i})) if good else so_far",
            ]
        values = {
            "t_old": "t",
            "t": "target if good else t",
            "count": "count + 1.0 if (moving & good) else count",
            "accepted": "1.0 if good else 0.0",
            "failed": "0.0 if good else 1.0",
            "fell_below": "1.0 if below else 0.0",
            "event": "1.0 if target == stop else 0.0",
        }
        return self.function("def move(w):", lines + control.clock_rows(layout, values))

    def norm(self):
        """Source of `norm(w, l)`: the largest sum of sizes in a column of lane l's matrix.

        Inputs and integrals feed nothing back and are left out.
        """
        dynamic = self.program.dynamic
        columns = ["0.0"]
        for column in range(dynamic):
            entries = (e for e, (i, j) in enumerate(self.pattern) if j == column and i < dynamic)
            columns.append(" + ".join(f"abs({self.entry('matrix_m', e)})" for e in entries))
        return _plain("def norm(w, l):", [f"return max({', '.join(columns)})"])

    def inside(self):
        """Source of `inside(w, l, z)`: values after the last exponential from those before it."""

        def entry(e):
            return self.entry("diagonal" if e < self.n else "exponential", e)

        lines = [*self._moved(entry, lambda i: f"w[{self.layout.old(i)} + l]")]
        lines += [f"z[{i}] = z{i}" for i in range(self.program.states)]
        return _plain("def inside(w, l, z):", lines)

    def constants(self):
        """What pkpd/solvers/lanes/exact.py imports besides."""
        sizes = {"ROWS": self.n, "ENTRIES": self.size, "MOST_KEPT": KEPT}
        sizes["ENTRY_WIDTH"] = self.size * self.layout.lanes
        return sizes | {name.upper(): place for name, place in self.places.items()}


def _plain(head, lines):
    """Source of a function of one lane, never fused."""
    return "\n".join(['@njit(error_model="numpy")', head, *indented(lines)])


def method(program, constant, lanes):
    """The Method of exact steps for one linear program with a Jacobian.

    constant : (S + Q,) whether each rate has a term without states
    """
    step = _Step(program, constant, lanes)
    functions = [
        step.product("square", "x", "x", "x2"),
        step.product("cube", "x2", "x", "x3"),
        step.product("fourth", "x2", "x2", "x4"),
        step.product("raised", "x4", "exponential", "product"),
        step.double(),
        step.refresh(),
        step.move(),
        step.norm(),
        step.inside(),
    ]
    return driver.method(program, step.layout, functions, "exact", **step.constants())
