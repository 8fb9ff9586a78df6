"""Comparisons that switch rates, found in a graph of expressions and frozen during a step.

A comparison of states or of the time makes a rate jump or bend. While a step is computed it holds
a flag instead, so that all stages of the step belong to the same smooth equations; where the
comparison would change, the step ends and the flag is set anew. Likewise a floor of the time holds
its whole number until its next jump. Knows nodes; knows nothing of models or lanes.
"""

from dataclasses import dataclass

from pkpd.kernels.graph import Node, is_number, parts

SIGNS = {">": (False, True), ">=": (True, True), "<": (True, False), "<=": (False, False)}


@dataclass(frozen=True)
class Switch:
    """A flag that is up while gap > 0, or gap >= 0 where it is `closed`.

    when, slope : the time at which a gap is 0 that depends on inputs and linearly on the time, and
        its slope by time, else None
    """

    gap: Node
    closed: bool
    when: Node | None = None
    slope: Node | None = None


@dataclass(frozen=True)
class Step:
    """A whole number that is the floor of rest + slope*t."""

    rest: Node
    slope: Node


class Switches:
    """The switches and the steps of nodes, in the order in which they were found."""

    def __init__(self, graph):
        self.graph = graph
        self.found = {}  # (gap, closed) -> number of the flag
        self.list = []
        self.steps = []

    def freeze(self, roots):
        """The nodes with all that jumps during a step replaced: comparisons by their flags, floors
        by their whole numbers.

        roots : without an `unforeseen` floor
        """
        return self._freeze_comparisons(self._freeze_floors(roots))

    def unforeseen(self, root):
        """Whether a node holds a floor whose next jump is not known beforehand."""
        floors = [n for n in parts([root], lambda n: n.moves) if n.kind == "floor"]
        time = self.graph.bits["t"]
        return any(n.moves != time or self._linear(n.args[0]) is None for n in floors)

    def _freeze_floors(self, roots):
        frozen: dict[Node, Node] = {}
        for node in parts(roots, lambda n: True):
            args = tuple(frozen[a] for a in node.args)
            if node.kind == "floor" and node.moves:
                frozen[node] = self.graph.held(f"whole{len(self.steps)}")
                self.steps.append(Step(*self._linear(args[0])))
            else:
                frozen[node] = node if args == node.args else self.graph.again(node, args)
        return [frozen[root] for root in roots]

    def _freeze_comparisons(self, roots):
        frozen: dict[Node, Node] = {}
        for node in parts(roots, lambda n: True):
            args = tuple(frozen[a] for a in node.args)
            if node.kind == "compare" and self._moves(node) and node.value in SIGNS:
                frozen[node] = self._flag(node)
            elif args == node.args:
                frozen[node] = node
            else:
                frozen[node] = self.graph.again(node, args)
                if self._may_lack_a_value(node):
                    # beyond a switch a branch may have no value, as sqrt(x) for x that was above 0
                    frozen[node] = self.graph.sound(frozen[node], node)
        return [frozen[root] for root in roots]

    def _may_lack_a_value(self, node):
        """Whether a node is a choice of what may have no value, at a time not known beforehand."""
        if node.kind != "choice" or self._known(node.args[0]):
            return False
        return not all(branch.kind == "number" for branch in node.args[1:])

    def moving(self, root):
        """Whether a frozen node still depends on what changes during a step."""
        return bool(self._moves(root))

    def _flag(self, comparison):
        """A comparison in terms of a flag."""
        closed, up = SIGNS[comparison.value]
        gap = self.graph.subtract(*comparison.args)
        if (gap, closed) not in self.found:
            self.found[gap, closed] = len(self.list)
            self.list.append(Switch(gap, closed, *self._time(gap)))
        return self.graph.flag(self.found[gap, closed], up)

    def _moves(self, node):
        """The names that a node depends on and that change during a step, one bit each."""
        return node.moves & ~self.graph.flags

    def _time(self, gap):
        """(when, slope) of a gap, empty where its time is not known beforehand."""
        graph, linear = self.graph, None
        if self._moves(gap) == graph.bits["t"]:
            linear = self._linear(gap)
        if linear is None:
            return ()
        rest, slope = linear
        return graph.product([graph.number(-1.0), rest], [slope]), slope

    def _linear(self, node):
        """(rest, slope) of a node of the time alone that is rest + slope*t, else None."""
        graph = self.graph
        slope = graph.slope(node, "t")
        if self._moves(slope) or is_number(slope, 0.0):
            return None
        return graph.replaced(node, {graph.name("t"): graph.number(0.0)}), slope

    def _known(self, condition):
        """Whether all comparisons of a condition change at known times."""
        moving = [n for n in parts([condition], self._moves) if n.kind == "compare"]
        return all(self._time_of(n) for n in moving)

    def _time_of(self, comparison):
        return self._time(self.graph.subtract(*comparison.args))
