"""Where each number of a block of patients lives in its work array.

Generated code holds these places as named constants or as plain numbers. Rows are lanes wide: entry
(row, lane) is at row*lanes + lane. Knows sizes only; nothing of drugs, doses or methods.
"""

from dataclasses import dataclass

# The clock of a lane: what every step with error control reads ...
STEPPING = (
    "t",
    "h",
    "stop",
    "suggest",
    "log_error",
    "restart",
    "first",
    "reaches_event",
    "active",
    "count",
    "next_output",
    "rejected",
    "trials",
    "probe",
)
# ... and what it writes besides, or what the loop over patients keeps
CLOCK = (
    *STEPPING,
    "accepted",
    "t_old",
    "h_old",
    "event",
    "failed",
    "fresh",
    "stiffness",
    "come_upon",
    "fell_below",
)


@dataclass(frozen=True)
class Layout:
    """Row numbers of the work array (rows, L) for a program and a method with `stages` stages.

    more : rows that a method needs beside its stages
    sizes : ((constant, state), ...), constants that are the largest size so far of a state
    """

    lanes: int
    states: int
    constants: int
    stages: int
    more: int = 0
    sizes: tuple[tuple[int, int], ...] = ()

    def clock(self, name):
        return CLOCK.index(name) * self.lanes

    def constant(self, i):
        state = dict(self.sizes).get(i)
        return (len(CLOCK) + i) * self.lanes if state is None else self.largest(state)

    def _state(self, group, i):
        return (len(CLOCK) + self.constants + group * self.states + i) * self.lanes

    def y(self, i):
        return self._state(0, i)

    def old(self, i):
        return self._state(1, i)

    def largest(self, i):
        return self._state(2, i)

    def stage(self, s, i):
        """Derivative of stage s: 0 at the start of the next step, 1, 2, ... of the last step."""
        return self._state(3 + s, i)

    def extra(self, i):
        return self._state(3 + self.stages + 1, 0) + i * self.lanes

    @property
    def size(self):
        return self.extra(self.more)

    @property
    def width(self):
        """Numbers that hold one value of every state in every lane."""
        return self.states * self.lanes
