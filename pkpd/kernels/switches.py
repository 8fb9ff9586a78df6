"""Comparisons that switch rates, found in a graph of expressions and frozen during a step.

A comparison of states or of the time makes a rate jump or bend. While a step is computed it holds
a flag instead, so that all stages of the step belong to the same smooth equations; where the
comparison would change, the step ends and the flag is set anew. Knows nodes; knows nothing of
steps, models or lanes.
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


class Switches:
    """The switches of nodes, in the order in which they were found."""

    def __init__(self, graph):
        self.graph = graph
        self.found = {}  # (gap, closed) -> number of the flag
        self.list = []

    def freeze(self, roots):
        """The nodes with each comparison that can change during a step replaced by its flag."""
        frozen: dict[Node, Node] = {}
        for node in parts(roots, lambda n: True):
            args = tuple(frozen[a] for a in node.args)
            if node.kind == "compare" and node.moves and node.value in SIGNS:
                frozen[node] = self._flag(node)
            elif args == node.args:
                frozen[node] = node
            else:
                frozen[node] = self.graph.again(node, args)
                if node.kind == "choice" and not self._known(node.args[0]):
                    # beyond a switch a branch may have no value, as sqrt(x) for x that was above 0
                    frozen[node] = self.graph.sound(frozen[node], node)
        return [frozen[root] for root in roots]

    def _flag(self, comparison):
        """A comparison in terms of a flag."""
        closed, up = SIGNS[comparison.value]
        gap = self.graph.subtract(*comparison.args)
        if (gap, closed) not in self.found:
            self.found[gap, closed] = len(self.list)
            self.list.append(Switch(gap, closed, *self._time(gap)))
        return self.graph.flag(self.found[gap, closed], up)

    def _time(self, gap):
        """(when, slope) of a gap, empty where its time is not known beforehand."""
        graph = self.graph
        if gap.moves != graph.bits["t"]:
            return ()
        slope = graph.slope(gap, "t")
        if slope.moves or is_number(slope, 0.0):
            return ()
        rest = graph.replaced(gap, {graph.name("t"): graph.number(0.0)})
        return graph.product([graph.number(-1.0), rest], [slope]), slope

    def _known(self, condition):
        """Whether all comparisons of a condition change at known times."""
        moving = [n for n in parts([condition], lambda n: n.moves) if n.kind == "compare"]
        return all(n.moves == self.graph.bits["t"] and self._time_of(n) for n in moving)

    def _time_of(self, comparison):
        return self._time(self.graph.subtract(*comparison.args))
