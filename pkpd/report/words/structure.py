"""In words: the blocks of states that a model falls into, and how each is solved.

Knows models and their cascades; knows nothing of doses or patients.
"""

from pkpd.kernels.cascade import cascade
from pkpd.solvers.collocation.kernels import why_not

HEADERS = ("block", "states", "driven by", "rates")


def rows(model):
    """A row for each block, in the order of solution."""
    found = cascade(model)
    dosed = set(found.dosed)
    for number, (block, before) in enumerate(zip(found.blocks, found.follows, strict=True), 1):
        states = " ⇄ ".join(model.state_names[i] for i in block.states)
        drivers = ["doses"] if dosed & set(block.states) else []
        drivers += [model.state_names[i] for i in before]
        yield str(number), states, ", ".join(drivers) or "-", _rates(block)


def _rates(block):
    """What the rates of a block are."""
    own = "its states" if len(block.states) > 1 else "its state"
    if not block.linear:
        return f"not linear in {own}"
    if not block.constant:
        return f"linear in {own}, coefficients move"
    return "linear, proportional to the doses" if block.proportional else "linear, constant rate"


def sentence(model):
    """How many blocks there are and how steady states are found."""
    found = cascade(model)
    states, blocks = len(model.state_names), len(found.blocks)
    count = f"{states} {'state' if states == 1 else 'states'} in {blocks} "
    count += "block" if blocks == 1 else "blocks"
    if all(block.constant for block in found.blocks):
        return f"{count}. All rates are linear: time courses and steady states can be exact."
    reason = why_not(found)
    if reason:
        return f"{count}. Steady states are found by simulated days: {reason}."
    return f"{count}. Steady states are found block by block, without simulated days."
