"""Which dose targets an input belongs to: those whose doses reach a rate that uses it.

A dose into a target reaches the target's state, and every state whose rate uses one that it
reaches. So the bioavailability of one drug does not belong to another that is dosed beside it,
while receptors belong to both. Knows equations and targets; knows nothing of doses or patients.
"""

from pkpd.symbolic import parse


def targets_of(model, names):
    """Places in model.doses (frozenset) of the targets that each of the inputs `names` belongs to.

    An input that no reached rate uses, as one of outputs alone, belongs to all targets.
    """
    used = _used(model)
    places: dict[str, set[int]] = {name: set() for name in names}
    for place, dosed in enumerate(model.doses):
        own, entered = set(), set()
        for each in model.sharing(dosed):
            own |= of_doses(each)
            entered |= {each.state, each.since, each.last} & used.keys()
        for state in _reached(entered, used):
            own |= used[state]
        for name in own & places.keys():
            places[name].add(place)
    every = range(len(model.doses))
    return [frozenset(places[name] or every) for name in names]


def of_doses(dosed):
    """Names of the inputs that the f, lag, rate and duration of a target use."""
    given = (dosed.f, dosed.lag, dosed.rate, dosed.duration)
    return {name for text in given if text for name in parse.names(parse.checked(text))}


def _used(model):
    """State -> names of all that its rate uses, by way of assignments too."""
    known: dict[str, set] = {}
    for a in model.assignments:
        known[a.name] = _names(a.expression, known)
    return {s.name: _names(s.rate, known) for s in model.states}


def _names(expression, known):
    direct = parse.names(parse.checked(expression))
    return direct.union(*(known.get(name, ()) for name in direct))


def _reached(entered, used):
    """The states that what doses enter or set, a set of states, changes; these included."""
    reached, grown = set(), entered
    while grown:
        reached |= grown
        grown = {s for s, names in used.items() if names & reached} - reached
    return reached
