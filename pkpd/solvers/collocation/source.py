"""Source of the collocation of one model: its blocks' rates at nodes, and a plan of its blocks.

The linear algebra and the order of work are the same for every model (`algebra`, `blocks`); what
is written here is what the model's equations say. Knows blocks and places in a work array; knows
nothing of mesh or doses.
"""

import re

from pkpd.kernels.lanevector import WIDTH
from pkpd.solvers.collocation.nodes import NODES

MOST_PANELS = 64
_NAME = re.compile(r"\b([yc])(\d+)\b")


class Places:
    """Offsets of named parts in the work array. A number takes WIDTH entries."""

    def __init__(self):
        self.size, self.first = 0, {}

    def add(self, name, numbers):
        self.first[name] = self.size
        self.size += numbers * WIDTH

    def __getitem__(self, name):
        return self.first[name]


def places(cascade):
    """Places of everything that the kernel of a model keeps."""
    w, nodes = Places(), MOST_PANELS * NODES
    largest_block = max(len(b.states) for b in cascade.blocks)
    n = largest_block * NODES
    w.add("constants", cascade.constants)
    w.add("lengths", MOST_PANELS)
    for name in ("going", "change", "unsolved"):
        w.add(name, 1)
    for name in ("start", "largest", "smallest", "error"):
        w.add(name, cascade.states)
    # what the equations read and write at one node
    w.add("weight", 1)
    w.add("lanes", 1)
    w.add("read", cascade.states)
    w.add("written", largest_block * (largest_block + 1))
    w.add("integral", max(1, len(cascade.looks[1])))
    w.add("monodromy", sum(len(b.states) ** 2 for b in cascade.blocks))
    w.add("system", n * (2 * n + largest_block))
    w.add("rest", nodes * largest_block)
    w.add("matrix", nodes * largest_block**2)
    w.add("flow", nodes * largest_block**2)
    w.add("shift", nodes * largest_block)
    for k, block in enumerate(cascade.blocks):
        m = len(block.states)
        w.add(f"x{k}", nodes * m)
        w.add(f"left{k}", MOST_PANELS * m)
        w.add(f"jump{k}", MOST_PANELS * m)
        w.add(f"amplified{k}", m * m)
        if block.constant:
            w.add(f"matrix{k}", m * m)
            w.add(f"flow{k}", nodes * m * m)
            w.add(f"inverse{k}", nodes * m * m * NODES)
    return w


class Source:
    """Source of the functions of one model's kernel.

    states are numbered in the order of solution wherever blocks are walked through
    """

    def __init__(self, cascade):
        self.cascade, self.places = cascade, places(cascade)
        self.sizes = dict(cascade.sizes)
        self.order = [i for block in cascade.blocks for i in block.states]
        self.rank = {i: k for k, i in enumerate(self.order)}
        self.home = {
            i: (k, r) for k, block in enumerate(cascade.blocks) for r, i in enumerate(block.states)
        }

    def text(self):
        """The whole source, but for what all models share."""
        count = len(self.cascade.blocks)
        constant = [k for k in range(count) if self.cascade.blocks[k].constant]
        nonlinear = [k for k in range(count) if not self.cascade.blocks[k].linear]
        return "\n\n\n".join(
            [
                f"PLAN = np.array({list(self.plan())})",
                f"ORDER = np.array({self.order})",
                f"TARGETS = np.array({list(self.targets())})",
                *self.offsets(),
                self.constants_source(),
                *(self.rates(k) for k in range(count)),
                *(self.matrix(k) for k in constant),
                *(self.guess(k) for k in nonlinear),
                chosen("rates", "k, w, P", range(count)),
                chosen("matrix", "k, w", constant),
                chosen("guess", "k, w, P", nonlinear),
                self.quadrature(),
            ]
        )

    def plan(self):
        """One row for each block: states, whether linear, whether M is constant, and places."""
        w, monodromy = self.places, self.places["monodromy"]
        for k, block in enumerate(self.cascade.blocks):
            m, first = len(block.states), self.rank[block.states[0]] * WIDTH
            own = (f"matrix{k}", f"flow{k}", f"inverse{k}")
            shared = ("matrix", "flow", "flow")
            yield [
                m,
                int(block.linear),
                int(block.constant),
                *(w[name + str(k)] for name in ("x", "left", "jump", "amplified")),
                monodromy,
                *(w[name] for name in (own if block.constant else shared)),
                *(w[name] + first for name in ("start", "largest", "smallest", "error")),
            ]
            monodromy += m * m * WIDTH

    def targets(self):
        """For each dose target: the place of its jumps, and numbers from one panel to the next."""
        for state in self.cascade.dosed:
            k, r = self.home[state]
            yield [self.places[f"jump{k}"] + r * WIDTH, len(self.cascade.blocks[k].states) * WIDTH]

    def offsets(self):
        names = ["lanes", "lengths", "going", "change", "unsolved", "start", "largest"]
        names += ["smallest", "error", "integral", "monodromy", "system", "rest", "matrix", "shift"]
        sizes = {"SIZE": self.places.size, "STATES": self.cascade.states}
        sizes |= {"BLOCKS": len(self.cascade.blocks), "INTEGRALS": len(self.cascade.looks[1])}
        sizes |= {name.upper(): self.places[name] for name in names}
        yield "\n".join(f"{name} = {value}" for name, value in sizes.items())

    def constants_source(self):
        texts = self.cascade.constant_texts
        lines = [f"w[{self.constant(i)} + l] = {text}" for i, text in texts]
        return function("constants(p, w, l)", [*self.cascade.shared_lines, *lines], inline=True)

    def rates(self, k):
        """Source of rates<k>(w, P): M, where it moves, and the rest b of a block at all nodes."""
        block, terms = self.cascade.blocks[k], self.cascade.terms[k]
        m = len(block.states)
        moving = {} if block.constant else terms.matrix
        values = dict(zip((("rest", r, m) for r in range(m)), terms.rest, strict=True))
        if not block.constant:
            places = [(r, q) for r in range(m) for q in range(m)]
            values |= {("matrix", r * m + q, m * m): moving.get((r, q), "0.0") for r, q in places}
        return self.over_nodes(f"rates{k}", terms.lines, values)

    def matrix(self, k):
        """Source of matrix<k>(w): the constant M of a block."""
        terms, m = self.cascade.terms[k], len(self.cascade.blocks[k].states)
        lines = [f"c{i} = w[{self.constant(i)} + l]" for i in named(terms.matrix.values(), "c")]
        for r in range(m):
            for q in range(m):
                place = self.places[f"matrix{k}"] + (r * m + q) * WIDTH
                lines.append(f"w[{place} + l] = {terms.matrix.get((r, q), '0.0')}")
        return function(f"matrix{k}(w)", over_lanes(lines))

    def guess(self, k):
        """Source of guess<k>(w, P): the start values of a block at all nodes."""
        states, lines = self.cascade.blocks[k].states, []
        for i in states:
            big = self.places["largest"] + self.rank[i] * WIDTH
            lines += [f"start{i} = {self.cascade.initial[i]}", f"w[{big} + l] = abs(start{i})"]
        values = {(f"x{k}", r, len(states)): f"start{i}" for r, i in enumerate(states)}
        return self.over_nodes(f"guess{k}", lines, values)

    def quadrature(self):
        """Source of quadrature(w, P): the integrals over all panels."""
        lines, texts = self.cascade.looks
        adding = [f"weight = w[{self.places['weight']} + l]"]
        for q, text in enumerate(texts):
            adding.append(f"w[{self.places['integral'] + q * WIDTH} + l] += weight*{text}")
        length = f"load(w, {self.places['lengths']} + node//{NODES}*{WIDTH})"
        weight = (
            f"store(w, {self.places['weight']}, {length}*spread(A[{NODES - 1}, node % {NODES}]))"
        )
        return self.over_nodes("quadrature", [*lines, *adding], {}, [weight])

    def over_nodes(self, name, lines, values, before=()):
        """Source of name(w, P): values at every node from the states there.

        values : (part of the work array, number, numbers of each node) -> text. They pass through
        fixed places, because only there the compiler sees that lanes do not overlap.
        """
        texts = [*lines, *values.values()]
        written = [f"{self.places['written'] + k * WIDTH}" for k in range(len(values))]
        ys = named(texts, "y")
        copies = [f"store(w, {self.read(i)}, load(w, {self.state(i)}))" for i in ys]
        results = [
            f"store(w, {self.at_node(*place)}, load(w, {at}))"
            for place, at in zip(values, written, strict=True)
        ]
        inner = [f"c{i} = w[{self.constant(i)} + l]" for i in named(texts, "c")]
        inner += [f"y{i} = w[{self.read(i)} + l]" for i in ys]
        inner += [*lines]
        inner += [f"w[{at} + l] = {t}" for t, at in zip(values.values(), written, strict=True)]
        # the compiler must not know how many lanes there are: it would write them out one by one
        lanes = f"for l in range(int(w[{self.places['lanes']}])):"
        body = [*before, *copies, lanes, *indented(inner), *results]
        return function(f"{name}(w, P)", [f"for node in range(P*{NODES}):", *indented(body)])

    def constant(self, i):
        """Place of a constant; one that is the largest size of a state is kept with those."""
        state = self.sizes.get(i)
        if state is None:
            return self.places["constants"] + i * WIDTH
        return self.places["largest"] + self.rank[state] * WIDTH

    def read(self, i):
        return self.places["read"] + i * WIDTH

    def state(self, i):
        """Place of a state at a node."""
        k, r = self.home[i]
        return self.at_node(f"x{k}", r, len(self.cascade.blocks[k].states))

    def at_node(self, name, number, numbers):
        """Place of one of some numbers that are kept for every node."""
        return f"{self.places[name] + number * WIDTH} + node*{numbers * WIDTH}"


def named(texts, letter):
    """Numbers of the constants "c" or states "y" that texts name."""
    found = {pair for text in texts for pair in _NAME.findall(text)}
    return sorted(int(number) for other, number in found if other == letter)


def function(head, lines, inline=False):
    options = "**INLINE" if inline else 'error_model="numpy", nogil=True'
    return "\n".join([f"@njit({options})", f"def {head}:", *indented(lines or ["pass"])])


def over_lanes(lines):
    return [f"for l in range({WIDTH}):", *indented(lines)]


def indented(lines):
    return [f"    {line}" for line in lines]


def chosen(name, arguments, numbers):
    """Source of name(k, ...): the function name<k> of a block."""
    rest = arguments.removeprefix("k, ")
    lines = [line for k in numbers for line in (f"if k == {k}:", f"    {name}{k}({rest})")]
    return function(f"{name}({arguments})", lines)
