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

from math import factorial

from pkpd.kernels.layout import Layout
from pkpd.solvers import driver
from pkpd.solvers.control import clock, function, load, names

MOST = 8  # states and integrals up to which the compiler takes less than half a minute
KEPT = 8  # exponentials that a lane keeps beside the one in use
DEGREE = 16  # of the series, from six products
ROUNDING = 1e-9  # share of its largest value by which an amount may fall below 0
LONGEST = 0.8  # norm of M h/2^s: 0.8^16/17! is half a rounding
CLOCK = ("t", "stop", "next_output", "active", "count")

TEMPLATE = '''
@njit(error_model="numpy")
def scale(w):
    """Write M h/2^s of every lane to {x}, and its s to {doublings}. Returns the largest s."""
    most = 0.0
    for l in range({lanes}):
        # inputs and integrals feed nothing back: their size costs no doubling
        norm = max({norms})*w[{length} + l]
        part = w[{length} + l]
        w[{doublings} + l] = 0.0
        while norm > {longest!r} and w[{doublings} + l] < 1100.0:
            norm *= 0.5
            part *= 0.5
            w[{doublings} + l] += 1.0
        most = max(most, w[{doublings} + l])
        w[{part} + l] = part
    for e in range({size}):
        for l in range({lanes}):
            w[{x} + e*{lanes} + l] = w[{m} + e*{lanes} + l]*w[{part} + l]
    return most


@njit(error_model="numpy")
def exponential(w):
    """Write exp(M h) of every lane to {d}, its diagonal to {f}."""
    most = scale(w)
    square(w)
    cube(w)
    fourth(w)
    for i in range({width}):
        lower = {c15!r}*w[{x3} + i] + ({c14!r}*w[{x2} + i] + {c13!r}*w[{x} + i])
        w[{d} + i] = {c16!r}*w[{x4} + i] + lower
    for i in range({diagonal}):
        w[{d} + i] += {c12!r}
    raised(w)
    for i in range({width}):
        w[{d} + i] = w[{p} + i] + ({c11!r}*w[{x3} + i] + ({c10!r}*w[{x2} + i] + {c9!r}*w[{x} + i]))
    for i in range({diagonal}):
        w[{d} + i] += {c8!r}
    raised(w)
    for i in range({width}):
        w[{d} + i] = w[{p} + i] + ({c7!r}*w[{x3} + i] + ({c6!r}*w[{x2} + i] + {c5!r}*w[{x} + i]))
    for i in range({diagonal}):
        w[{d} + i] += {c4!r}
    raised(w)
    for i in range({width}):
        w[{d} + i] = w[{p} + i] + ({c3!r}*w[{x3} + i] + ({c2!r}*w[{x2} + i] + w[{x} + i]))
    for i in range({diagonal}):
        w[{f} + i] = 1.0 + w[{d} + i]
    done = 0.0
    while done < most:
        double(w, done)
        done += 1.0


@njit(error_model="numpy")
def fetch(w):
    """Put the exponential of every lane's length in use, from those it keeps or anew."""
    missing = False
    for l in range({lanes}):
        w[{wanted} + l] = 0.0
        if w[{length} + l] > 0.0 and w[{length} + l] != w[{using} + l]:
            w[{wanted} + l] = 1.0
            for k in range({kept}):
                if w[{key} + k*{lanes} + l] == w[{length} + l]:
                    w[{wanted} + l] = 0.0
                    for e in range({size}):
                        w[{g} + e*{lanes} + l] = w[{cache} + (k*{size} + e)*{lanes} + l]
            w[{using} + l] = w[{length} + l]
            missing = missing or w[{wanted} + l] > 0.0
    if not missing:
        return
    exponential(w)
    for l in range({lanes}):
        if w[{wanted} + l] > 0.0:
            k = int(w[{oldest} + l])
            w[{oldest} + l] = (k + 1) % {kept}
            w[{key} + k*{lanes} + l] = w[{length} + l]
            for e in range({size}):
                value = w[{f} + e*{lanes} + l] if e < {n} else w[{d} + e*{lanes} + l]
                w[{g} + e*{lanes} + l] = value
                w[{cache} + (k*{size} + e)*{lanes} + l] = value


@njit(error_model="numpy")
def step(w, rtol, floor, limit):
    """Carry every active lane to its next action or output time.

    Returns how many lanes want attention.
    """
    calls = other = 0
    for l in range({lanes}):
        # an output time that is not ahead is read by `dense`
        target = w[{stop} + l]
        if w[{next_output} + l] > w[{t} + l]:
            target = min(target, w[{next_output} + l])
        length = (target - w[{t} + l])*w[{active} + l]
        high = 8193.0*length
        length = high - (high - length)
        w[{length} + l] = length
        other += 1 if (length > 0.0) & (length != w[{using} + l]) else 0
        calls += 1 if w[{active} + l] > 0.0 else 0
    if other > 0:
        fetch(w)
    move(w)
    return calls


@njit(error_model="numpy")
def dense(w, l, time, z):
    """Values of lane l at a time inside its last step, written to z ({states},)."""
    for other in range({lanes}):
        w[{length} + other] = time - w[{t_old} + l] if other == l else 0.0
    exponential(w)
    {within}


@njit(error_model="numpy")
def stiff(w, l):
    return False
'''


def _indent(lines, depth):
    return ("\n" + " " * depth).join(lines or ["pass"])


def _pattern(program, constant):
    """Places (row, column) of the entries of the matrix and its exponentials.

    The diagonal comes first, then what reaches what on any way. Rows and columns: states and
    integrals, the number 1 where a rate has a constant term, the infusions.
    """
    one = [program.states] if any(constant) else []
    first = program.states + len(one)
    size = first + len(program.infused)
    reach = {(i, j) for i, j in program.jacobian} | {
        (i, one[0]) for i, has in enumerate(constant) if has
    }
    reach |= {(i, first + k) for k, i in enumerate(program.infused)}
    for k in range(size):
        reach |= {
            (i, j) for i in range(size) if (i, k) in reach for j in range(size) if (k, j) in reach
        }
    return [(i, i) for i in range(size)] + sorted((i, j) for i, j in reach if i != j)


class _Step:
    """Source of the parts of the step that are written out entry by entry."""

    def __init__(self, program, constant, lanes):
        self.program, self.one = program, program.states if any(constant) else None
        self.pattern = _pattern(program, constant)
        self.number = {place: e for e, place in enumerate(self.pattern)}
        self.n, self.size = 1 + max(i for i, _ in self.pattern), len(self.pattern)
        rows = dict.fromkeys(("m", "x", "x2", "x3", "x4", "d", "p", "g"), self.size) | {
            "f": self.n,
            "key": KEPT,
            "cache": KEPT * self.size,
        }
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
        return function(head, lines, self.layout).replace("**INLINE", 'error_model="numpy"')

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
        lines += [f"d{e} = {self.entry('d', e)}" for e in range(self.size)] + [
            f"f{i} = {self.entry('f', i)}" for i in range(self.n)
        ]
        for e, (i, j) in enumerate(self.pattern):
            cross = (
                " + ".join(f"d{left}*d{right}" for left, right in self.terms(i, j, cross=True))
                or "0.0"
            )
            if i != j:
                lines.append(
                    f"{self.entry('d', e)} = d{e}*(f{i} + f{j}) + ({cross}) if go else d{e}"
                )
                continue
            lines += [
                f"cross = {cross}",
                f"twice = d{e}*(2.0 + d{e}) + cross",
                f"{self.entry('d', e)} = twice if go else d{e}",
                # of the small rest of a state the difference to 1 knows nothing
                f"rest = 1.0 + twice if twice > -0.5 else f{e}*f{e} + cross",
                f"{self.entry('f', e)} = rest if go else f{e}",
            ]
        return self.function("def double(w, done):", lines)

    def refresh(self):
        """Source of `refresh(w)`: the matrix of every lane from its inputs.

        Where it changed, no exponential is kept.
        """
        lines = [*load(self.layout.constant, "c", self.layout.constants), *self._matrix()]
        same = " & ".join(f"(a{e} == {self.entry('m', e)})" for e in range(self.size))
        lines += [
            f"same = 1.0 if {same} else 0.0",
            *(f"{self.entry('m', e)} = a{e}" for e in range(self.size)),
        ]
        lines += [f"{self.entry('key', k)} *= same" for k in range(KEPT)] + [
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
            *self._moved(lambda e: self.entry("g", e), lambda i: f"w[{layout.y(i)} + l]"),
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
            "below_zero": "1.0 if below else 0.0",
            "event": "1.0 if target == stop else 0.0",
        }
        return self.function(
            "def move(w):",
            lines + [f"w[{layout.clock(name)} + l] = {value}" for name, value in values.items()],
        )

    def method(self):
        """Source of what is the same for every model but for numbers."""
        layout, lanes, dynamic = self.layout, self.layout.lanes, self.program.dynamic
        columns = [
            [
                f"abs({self.entry('m', e)})"
                for e, (i, j) in enumerate(self.pattern)
                if j == column and i < dynamic
            ]
            for column in range(dynamic)
        ]
        within = self._moved(
            lambda e: self.entry("f" if e < self.n else "d", e), lambda i: f"w[{layout.old(i)} + l]"
        )
        return TEMPLATE.strip().format(
            **self.places,
            **{name: layout.clock(name) for name in (*CLOCK[:4], "t_old")},
            **{f"c{k}": 1.0 / factorial(k) for k in range(2, DEGREE + 1)},
            norms=", ".join(["0.0", *(" + ".join(c) for c in columns)]),
            lanes=lanes,
            kept=KEPT,
            longest=LONGEST,
            n=self.n,
            size=self.size,
            width=self.size * lanes,
            diagonal=self.n * lanes,
            states=self.program.states,
            within=_indent([*within, *(f"z[{i}] = z{i}" for i in range(self.program.states))], 4),
        )


def sources(program, constant, lanes):
    """Layout and source of all functions of the exact step for one linear program with a Jacobian.

    constant : (S + Q,) whether each rate has a term without states
    """
    step = _Step(program, constant, lanes)
    products = [
        step.product("square", "x", "x", "x2"),
        step.product("cube", "x2", "x", "x3"),
        step.product("fourth", "x2", "x2", "x4"),
    ]
    products.append(step.product("raised", "x4", "d", "p"))
    return step.layout, [
        *products,
        step.double(),
        step.refresh(),
        step.move(),
        step.method(),
        driver.source(program, step.layout),
    ]
