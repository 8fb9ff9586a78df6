"""A model as blocks of states that are solved one after another, and their terms as source.

States that depend on each other are one block (the strongly connected components of who depends on
whom); a block is followed by what it drives. The rates of a block are M x + b: in its own states x
with the Jacobian M, and b the rest. Knows models and their graph of expressions; knows nothing of
steps, doses or compilation.
"""

from dataclasses import dataclass
from functools import reduce
from operator import or_

from pkpd.kernels.amounts import never_negative
from pkpd.kernels.graph import Node, Source, is_number, parts
from pkpd.kernels.lower import equations, nodes_of, rate, sizes_of, start
from pkpd.kernels.switches import Switches

COSTLY = ("exp", "log", "sqrt", "power", "sin", "cos", "tan", "tanh", "erf")


@dataclass(frozen=True)
class Block:
    """Some states that depend on each other, or one alone.

    states : their numbers
    linear : whether the rates are linear in them; constant : whether M is of inputs alone
    proportional : whether the states are proportional to the doses, as in linear kinetics
    leads : whether they are a pair, of which the first one's M[0, 0] is of inputs alone
    """

    states: tuple[int, ...]
    linear: bool
    constant: bool
    proportional: bool
    leads: bool

    @property
    def kept(self):
        """How many of the states, from the first on, have an M of inputs alone."""
        return len(self.states) if self.constant else int(self.leads)


@dataclass(frozen=True)
class Terms:
    """Source of what the rates of a block are made of, in terms of y<i>, v<i> and c<i>.

    matrix : ((row, column) -> text) of M where it is not 0; rest : text of each b
    """

    lines: tuple[str, ...]
    matrix: dict[tuple[int, int], str]
    rest: tuple[str, ...]


@dataclass(frozen=True)
class Signals:
    """Costly parts of rates that are computed before a block is solved.

    They serve several blocks, or do not change while a block that is not linear is solved.
    lines : what they share; texts : number of v<i> -> text
    """

    lines: tuple[str, ...]
    texts: dict[int, str]


@dataclass(frozen=True)
class Cascade:
    """Blocks of a model in the order of their solution.

    follows : for each block, the states outside it that drive it
    dosed, amounts : states that are dosed, and that cannot fall below 0
    regular : whether nothing switches or names the time
    """

    states: int
    blocks: tuple[Block, ...]
    follows: tuple[tuple[int, ...], ...]
    terms: tuple[Terms, ...]
    signals: tuple[Signals, ...]
    looks: tuple[tuple[str, ...], tuple[str, ...]]
    sights: tuple[tuple[str, ...], tuple[str, ...]]
    initial: tuple[str, ...]
    constants: int
    sizes: tuple[tuple[int, int], ...]
    shared_lines: tuple[str, ...]
    constant_texts: tuple[tuple[int, str], ...]
    dosed: tuple[int, ...]
    amounts: tuple[int, ...]
    regular: bool


def cascade(model, integrals=(), watched=()):
    """The Cascade of a checked model, with the named integrands and what is watched."""
    graph, nodes = equations(model, ())
    rates = nodes_of(nodes, map(rate, model.state_names))
    looked, seen = nodes_of(nodes, integrals), nodes_of(nodes, watched)
    everything = [*rates, *looked, *seen]
    switches = Switches(graph)
    jumps = any(switches.unforeseen(node) for node in everything)
    if not jumps:
        switches.freeze(everything)
    bits = [graph.bits[f"y{i}"] for i in range(len(rates))]
    depends = [[j for j, bit in enumerate(bits) if node.moves & bit] for node in rates]
    source = Source(graph)
    blocks, roots = _blocks(graph, rates, bits, depends)
    signals, terms = _written(source, roots, _signals(graph, blocks, roots, bits))
    initial = source.lines(nodes_of(nodes, map(start, model.state_names)))[1]
    looks, sights = source.lines(looked), source.lines(seen)
    shared_lines, constant_texts = source.constant_lines()
    timed = _moves(everything) & graph.bits["t"]
    return Cascade(
        states=len(rates),
        blocks=tuple(blocks),
        follows=tuple(_follows(block.states, depends) for block in blocks),
        terms=terms,
        signals=signals,
        looks=looks,
        sights=sights,
        initial=initial,
        constants=len(source.constants),
        sizes=sizes_of(source),
        shared_lines=shared_lines,
        constant_texts=constant_texts,
        dosed=tuple(map(model.state_names.index, model.dose_places)),
        amounts=never_negative(model, rates),
        regular=not (jumps or switches.list or timed),
    )


def _blocks(graph, rates, bits, depends):
    """The Blocks in order, and of each the nodes of its M and of each b."""
    blocks, roots, proportional = [], [], 0
    for states in components(depends):
        block, matrix, rest = _block(graph, rates, bits, states, proportional)
        if block.proportional:
            proportional |= sum(bits[i] for i in states)
        blocks.append(block)
        roots.append((matrix, rest))
    return blocks, roots


def _written(source, roots, chosen):
    """Signals and Terms of each block.

    roots : the nodes of M and of b of each block; chosen : nodes that are signals, in the order of
        the blocks that need them
    """
    names = {node: source.graph.signal(k) for k, node in enumerate(chosen)}
    signals, terms, known = [], [], 0
    for matrix, rest in roots:
        used = parts([*matrix.values(), *rest], lambda n: True)
        new = {k: node for k, node in enumerate(chosen) if k >= known and node in used}
        lines, texts = source.lines(list(new.values()))
        signals.append(Signals(lines, dict(zip(new, texts, strict=True))))
        known = max(new, default=known - 1) + 1
        replaced = [source.graph.replaced(node, names) for node in (*matrix.values(), *rest)]
        lines, texts = source.lines(replaced)
        count = len(matrix)
        terms.append(Terms(lines, dict(zip(matrix, texts[:count], strict=True)), texts[count:]))
    return tuple(signals), tuple(terms)


def _block(graph, rates, bits, states, proportional):
    """The Block of some states, the nodes of its M and of each b.

    proportional : bits of the states before it that are proportional to the doses
    """
    own = sum(bits[i] for i in states)
    moving = [graph.slope(rates[i], f"y{i}").moves != 0 for i in states]
    leads = len(states) == 2 and not all(moving)
    if leads and moving[0]:
        states = states[::-1]
    matrix = _jacobian(graph, rates, states)
    moves = _moves(matrix.values())
    linear = not moves & own
    if linear:
        zero = {graph.name(f"y{i}"): graph.number(0.0) for i in states}
        rest = [graph.replaced(rates[i], zero) for i in states]
    else:
        rest = _rest(graph, rates, states, matrix)
    follows = not moves and all(_is_sum_of(graph, node, bits, proportional) for node in rest)
    return Block(tuple(states), linear, not moves, follows, leads), matrix, rest


def _moves(nodes):
    """The moving names that some nodes depend on, one bit each."""
    return reduce(or_, [node.moves for node in nodes], 0)


def _jacobian(graph, rates, states):
    """(row, column) -> node of M where it is not 0."""
    matrix = {}
    for row, i in enumerate(states):
        for column, j in enumerate(states):
            slope = graph.slope(rates[i], f"y{j}")
            if not is_number(slope, 0.0):
                matrix[row, column] = slope
    return matrix


def _rest(graph, rates, states, matrix):
    """Nodes of b, which is what M x leaves of the rates of a block that is not linear."""
    rest = []
    for row, i in enumerate(states):
        moved = [
            graph.product([matrix[row, column], graph.name(f"y{j}")])
            for column, j in enumerate(states)
            if (row, column) in matrix
        ]
        rest.append(graph.subtract(rates[i], graph.add(*moved)) if moved else rates[i])
    return rest


def _follows(states, depends):
    """Other states that some depend on, in order."""
    return tuple(sorted({j for i in states for j in depends[i]} - set(states)))


def _is_sum_of(graph, node, bits, states):
    """Whether a node is a sum of some states, given by their bits, times what does not move."""
    if node.moves & ~states:
        return False
    names = [f"y{i}" for i, bit in enumerate(bits) if node.moves & bit]
    nothing = graph.replaced(node, {graph.name(name): graph.number(0.0) for name in names})
    fixed = not any(graph.slope(node, name).moves for name in names)
    return fixed and is_number(nothing, 0.0)


def _signals(graph, blocks, roots, bits):
    """Nodes to compute on their own, the largest ones, in the order of the blocks that need them.

    roots : the nodes of M and of b of each block
    """
    users: dict[Node, list[int]] = {}
    for k, (matrix, rest) in enumerate(roots):
        for node in parts([*matrix.values(), *rest], lambda n: n.moves):
            users.setdefault(node, []).append(k)
    chosen, inside = [], set()
    for node in sorted(users, key=lambda n: -n.number):
        if node in inside or not _is_costly(node):
            continue
        first = users[node][0]
        own = sum(bits[i] for i in blocks[first].states)
        if len(users[node]) > 1 or not (blocks[first].linear or node.moves & own):
            chosen.append(node)
            inside.update(parts([node], lambda n: True))
    return sorted(chosen, key=lambda n: (users[n][0], n.number))


def _is_costly(node):
    """Whether a node divides or calls a function."""
    divides = node.kind == "product" and any(d.moves for d in node.factors()[1])
    return divides or node.kind in COSTLY


def components(depends):
    """Strongly connected components of a graph, each after those that it depends on.

    depends : for each node, those that it depends on. Tarjan (1972), SIAM J. Comput. 1(2), without
    recursion.
    """
    count = len(depends)
    index: dict[int, int] = {}
    low, found, stack, on = [0] * count, [], [], set()
    for root in range(count):
        if root in index:
            continue
        work = [(root, 0)]
        while work:
            node, edge = work.pop()
            if edge == 0:
                index[node] = low[node] = len(index)
                stack.append(node)
                on.add(node)
            for k in range(edge, len(depends[node])):
                other = depends[node][k]
                if other not in index:
                    work += [(node, k + 1), (other, 0)]
                    break
                if other in on:
                    low[node] = min(low[node], index[other])
            else:
                if low[node] == index[node]:
                    cut = stack.index(node)
                    found.append(tuple(sorted(stack[cut:])))
                    on -= set(stack[cut:])
                    del stack[cut:]
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
    return found
