"""Where each number of a block of patients lives in its work array.

Offsets are literals in the generated source.

Rows are lanes wide: entry (row, lane) is at row*lanes + lane. Knows sizes only; nothing of drugs,
doses or methods.
"""

from dataclasses import dataclass

CLOCK = (
    "t",
    "h",
    "stop",
    "suggest",
    "log_error",
    "restart",
    "first",
    "reaches_event",
    "active",
    "accepted",
    "count",
    "next_output",
    "t_old",
    "h_old",
    "rejected",
    "trials",
    "event",
    "failed",
    "fresh",
    "probe",
    "stiffness",
    "no_output",
    "below_zero",
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
