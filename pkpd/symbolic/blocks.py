"""Which part of a model an input belongs to: the first block of [equations] that uses it.

Blocks of included files come first. What only a dose target names (a lag, a bioavailability)
belongs to the block of the dosed state. Knows which equation uses which names; knows no units and
no values.
"""

from dataclasses import dataclass

from pkpd.errors import PkpdError
from pkpd.symbolic import parse


@dataclass(frozen=True)
class Use:
    """An equation of a block defines `name` and uses `names`."""

    block: str
    name: str
    names: frozenset


def names_in(expression):
    """The names that an expression uses; none where it cannot be read, which its check says."""
    try:
        return frozenset(parse.names(parse.tree(expression)))
    except PkpdError:
        return frozenset()


def blocks(uses, doses):
    """Input -> block.

    uses : Use of every equation in order; doses : pkpd.symbolic.model.DoseTarget
    """
    found: dict[str, str] = {}
    home: dict[str, str] = {}
    for use in uses:
        home[use.name] = use.block
        for name in use.names:
            found.setdefault(name, use.block)
    for dose in doses:
        for expression in (dose.f, dose.lag, dose.rate, dose.duration):
            for name in sorted(names_in(expression)) if expression else ():
                found.setdefault(name, home[dose.state])
    return found
