"""Which part of a model an input belongs to: the first block of [equations] that uses it.

Blocks of included files come first.

What only a dose target names (a lag, a bioavailability) belongs to the block of the dosed state.
Works on the texts of blocks; knows no units and no values.
"""

import re

_NAME = re.compile(r"[A-Za-z_]\w*")


def blocks(texts, doses):
    """Input -> block.

    texts : (block, text of its equations) in order; doses : pkpd.symbolic.model.DoseTarget
    """
    found, home = {}, {}
    for block, text in texts:
        for line in text.splitlines():
            left, _, right = line.split("#")[0].rpartition(":")[0].partition("=")
            home |= dict.fromkeys(_NAME.findall(left), block)
            for name in _NAME.findall(right):
                found.setdefault(name, block)
    for dose in doses:
        for name in (dose.f, dose.lag, dose.rate, dose.duration):
            if name:
                found.setdefault(name, home[dose.state])
    return found
