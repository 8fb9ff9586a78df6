"""Source of the collocation of one model: its blocks' rates at nodes, and a plan of its blocks.

The linear algebra and the order of work are the same for every model (`algebra`, `blocks`); what
is written here is what the model's equations say. Knows blocks and places in a work array; knows
nothing of mesh or doses.
"""

import re
from itertools import compress, product

from pkpd.kernels.lanevector import WIDTH
from pkpd.kernels.paste import indented
from pkpd.solvers.collocation.nodes import NODES

MOST_PANELS = 128  # of both meshes
# what a row of PLAN says of a block: its number of states, what it is, and places of its parts
COLUMNS = (
    "SIZE_OF",
    "LINEAR",
    "PREPARED",
    "PROPORTIONAL",
    "NODES_AT",
    "STARTS_AT",
    "JUMPS_AT",
    "MAP_AT",
    "MATRIX_AT",
    "KEPT_FLOW_AT",
    "KEPT_INVERSE_AT",
    "START_AT",
    "LARGEST_AT",
    "SMALLEST_AT",
    "UNIT_NODES_AT",
    "UNIT_ENDS_AT",
    "UNIT_STARTS_AT",
)
_NAME = re.compile(r"\b([ycv])(\d+)\b")


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
    for name in ("going", "unsolved"):
        w.add(name, 1)
    w.add("change", largest_block)
    for name in ("start", "coarse", "found", "largest"):
        w.add(name, cascade.states + len(cascade.looks[1]))
    for name in ("smallest", "guesses"):
        w.add(name, cascade.states)
    w.add("scale", 1)
    # what the equations read and write at one node
    signals = sum(len(s.texts) for s in cascade.signals)
    w.add("weight", 1)
    w.add("lanes", 1)
    w.add("read", cascade.states + signals)
    most = max(signals, len(cascade.sights[1]), largest_block * (largest_block + 1))
    w.add("written", most)
    w.add("monodromy", sum(len(b.states) ** 2 for b in cascade.blocks))
    w.add("system", n * (2 * n + largest_block))
    w.add("rest", nodes * largest_block)
    w.add("matrix", nodes * largest_block**2)
    w.add("flow", nodes * largest_block**2)
    w.add("shift", nodes * largest_block)
    for k in range(signals):
        w.add(f"v{k}", nodes)
    for k, block in enumerate(cascade.blocks):
        m = len(block.states)
        w.add(f"x{k}", nodes * m)
        w.add(f"left{k}", MOST_PANELS * m)
        w.add(f"jump{k}", MOST_PANELS * m)
        # of both meshes
        if block.proportional:
            w.add(f"unit{k}", nodes * m)
            w.add(f"ends{k}", 6 * m)
            w.add(f"begin{k}", MOST_PANELS * m)
        if block.kept:
            w.add(f"matrix{k}", block.kept**2)
            w.add(f"flow{k}", nodes * block.kept**2)
            w.add(f"inverse{k}", nodes * block.kept**2 * NODES)
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
        blocks, amounts = self.cascade.blocks, self.cascade.amounts
        everywhere = range(len(blocks))
        signals = [bool(signals.texts) for signals in self.cascade.signals]
        return "\n\n\n".join(
            [
                f"PLAN = np.array({list(self.plan())})",
                f"ORDER = np.array({self.order})",
                f"AMOUNTS = np.array({[self.rank[i] for i in amounts]}, dtype=np.int64)",
                f"TARGETS = np.array({list(self.targets())})",
                f"READ = np.array({list(self.read_states())}, dtype=np.int64).reshape(-1, 4)",
                *self.offsets(),
                self.constants_source(),
                chosen("signals(k, w, P)", self.signals, compress(everywhere, signals)),
                chosen("rates(k, w, P)", self.rates, everywhere),
                chosen("matrix(k, w)", self.matrix, (k for k in everywhere if blocks[k].kept)),
                function("guess(w)", self.guess()),
                function("quadrature(w, first, P)", self.quadrature()),
                function("watch(w)", self.watch()),
            ]
        )

    def plan(self):
        """One row for each block, see COLUMNS."""
        w, monodromy = self.places, self.places["monodromy"]
        for k, block in enumerate(self.cascade.blocks):
            m, first = len(block.states), self.rank[block.states[0]] * WIDTH
            kept = [w[f"{name}{k}"] if block.kept else 0 for name in ("matrix", "flow", "inverse")]
            unit = [
                w[f"{name}{k}"] if block.proportional else 0 for name in ("unit", "ends", "begin")
            ]
            yield [
                m,
                int(block.linear),
                block.kept,
                int(block.proportional),
                *(w[name + str(k)] for name in ("x", "left", "jump")),
                monodromy,
                *kept,
                *(w[name] + first for name in ("start", "largest", "smallest")),
                *unit,
            ]
            monodromy += m * m * WIDTH

    def targets(self):
        """For each dose target: the place of its jumps, and numbers from one panel to the next."""
        for state in self.cascade.dosed:
            k, r = self.home[state]
            yield [self.places[f"jump{k}"] + r * WIDTH, len(self.cascade.blocks[k].states) * WIDTH]

    def read_states(self):
        """For each state that `watch` needs: where it is read, its places at the start and the
        first node of the first panel, and the way to the next node."""
        lines, texts = self.cascade.sights
        for i in named([*lines, *texts], "y"):
            k, r = self.home[i]
            places = (self.places[f"{name}{k}"] + r * WIDTH for name in ("left", "x"))
            yield [self.read(i), *places, len(self.cascade.blocks[k].states) * WIDTH]

    def watch(self):
        """Lines that compute what is watched from the states that stand where they are read."""
        lines, texts = self.cascade.sights
        names = [*lines, *texts]
        inner = [f"c{i} = w[{self.constant(i)} + l]" for i in named(names, "c")]
        inner += [f"y{i} = w[{self.read(i)} + l]" for i in named(names, "y")]
        written = (f"{self.places['written'] + e * WIDTH} + l" for e in range(len(texts)))
        inner += [*lines, *(f"w[{at}] = {t}" for at, t in zip(written, texts, strict=True))]
        return over_lanes(inner) if texts else []

    def offsets(self):
        names = ["lanes", "lengths", "going", "change", "unsolved", "start", "coarse", "found"]
        names += ["largest", "smallest", "scale", "monodromy", "system", "rest", "matrix", "shift"]
        names += ["flow", "written", "guesses"]
        sizes = {"SIZE": self.places.size, "STATES": self.cascade.states}
        sizes |= {"BLOCKS": len(self.cascade.blocks), "INTEGRALS": len(self.cascade.looks[1])}
        sizes |= {name.upper(): self.places[name] for name in names}
        sizes |= {name: column for column, name in enumerate(COLUMNS)}
        yield "\n".join(f"{name} = {value}" for name, value in sizes.items())

    def constants_source(self):
        texts = self.cascade.constant_texts
        lines = [f"w[{self.constant(i)} + l] = {text}" for i, text in texts]
        return function("constants(p, w, l)", [*self.cascade.shared_lines, *lines], inline=True)

    def signals(self, k):
        """Lines that compute the signals of a block at all nodes."""
        signals = self.cascade.signals[k]
        values = {(f"v{i}", 0, 1): text for i, text in signals.texts.items()}
        return self.over_nodes(signals.lines, values)

    def rates(self, k):
        """Lines that compute M, where it moves, and the rest b of a block at all nodes."""
        block, terms = self.cascade.blocks[k], self.cascade.terms[k]
        m = len(block.states)
        values = dict(zip((("rest", r, m) for r in range(m)), terms.rest, strict=True))
        if block.proportional or not block.constant:
            for r, q in product(range(m), repeat=2):
                values["matrix", r * m + q, m * m] = terms.matrix.get((r, q), "0.0")
        return self.over_nodes(terms.lines, values)

    def matrix(self, k):
        """Lines that compute the constant M of a block, or of its first state."""
        terms, m = self.cascade.terms[k], self.cascade.blocks[k].kept
        texts = [terms.matrix.get(each, "0.0") for each in product(range(m), repeat=2)]
        lines = [f"c{i} = w[{self.constant(i)} + l]" for i in named(texts, "c")]
        for place, text in enumerate(texts):
            lines.append(f"w[{self.places[f'matrix{k}'] + place * WIDTH} + l] = {text}")
        return over_lanes(lines)

    def guess(self):
        """Lines that write the start values of all blocks that are not linear."""
        states = [i for block in self.cascade.blocks if not block.linear for i in block.states]
        texts = {self.rank[i]: self.cascade.initial[i] for i in states}
        lines = [f"c{i} = w[{self.constant(i)} + l]" for i in named(texts.values(), "c")]
        lines += [f"w[{self.places['guesses'] + i * WIDTH} + l] = {t}" for i, t in texts.items()]
        return over_lanes(lines) if texts else []

    def quadrature(self):
        """Lines that compute the integrals over P panels from the first one on."""
        lines, texts = self.cascade.looks
        adding = [f"weight = w[{self.places['weight']} + l]"]
        clear = []
        for q, text in enumerate(texts):
            number = (self.cascade.states + q) * WIDTH
            places = [self.places[name] + number for name in ("start", "largest")]
            clear += [f"store(w, {place}, spread(0.0))" for place in places]
            adding.append(f"part = weight*{text}")
            adding.append(f"w[{places[0]} + l] += part")
            adding.append(f"w[{places[1]} + l] += abs(part)")
        length = f"load(w, {self.places['lengths']} + (first + node//{NODES})*{WIDTH})"
        weight = (
            f"store(w, {self.places['weight']}, {length}*spread(A[{NODES - 1}, node % {NODES}]))"
        )
        return [*clear, *self.over_nodes([*lines, *adding], {}, [weight])]

    def over_nodes(self, lines, values, before=()):
        """Lines that compute values at every node from the states there.

        values : (part of the work array, number, numbers of each node) -> text. They pass through
        fixed places, because only there the compiler sees that lanes do not overlap.
        """
        texts = [*lines, *values.values()]
        written = [f"{self.places['written'] + k * WIDTH}" for k in range(len(values))]
        ys, vs = named(texts, "y"), named(texts, "v")
        given = {f"y{i}": (self.read(i), self.state(i)) for i in ys}
        behind = self.cascade.states
        given |= {f"v{i}": (self.read(behind + i), self.at_node(f"v{i}", 0, 1)) for i in vs}
        copies = [f"store(w, {at}, load(w, {place}))" for at, place in given.values()]
        results = [
            f"store(w, {self.at_node(*place)}, load(w, {at}))"
            for place, at in zip(values, written, strict=True)
        ]
        inner = [f"c{i} = w[{self.constant(i)} + l]" for i in named(texts, "c")]
        inner += [f"{name} = w[{at} + l]" for name, (at, _) in given.items()]
        inner += [*lines]
        inner += [f"w[{at} + l] = {t}" for t, at in zip(values.values(), written, strict=True)]
        # the compiler must not know how many lanes there are: it would write them out one by one
        lanes = f"for l in range(int(w[{self.places['lanes']}])):"
        body = [*before, *copies, lanes, *indented(inner), *results]
        return [f"for node in range(P*{NODES}):", *indented(body)]

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
    """Numbers of the constants "c", states "y" or signals "v" that texts name."""
    found = {pair for text in texts for pair in _NAME.findall(text)}
    return sorted(int(number) for other, number in found if other == letter)


def function(head, lines, inline=False):
    options = "**INLINE" if inline else "**INSIDE"
    return "\n".join([f"@njit({options})", f"def {head}:", *indented(lines or ["pass"])])


def over_lanes(lines):
    return [f"for l in range({WIDTH}):", *indented(lines)]


def chosen(head, body, blocks):
    """Source of a function whose first argument k chooses the lines body(k), of some blocks k."""
    lines = []
    for k in blocks:
        lines += [f"if k == {k}:", *indented(body(k))]
    return function(head, lines)
