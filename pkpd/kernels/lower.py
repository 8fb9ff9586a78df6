"""A checked model as straight-line source for one lane: constants, start values, rates, outputs.

What depends on inputs alone is computed once per patient (`constants`); what several equations
share is computed once per evaluation. Knows models and their graph of expressions; knows nothing
of steps, doses or compilation.
"""

from dataclasses import dataclass

from pkpd.errors import ModelError, PkpdError, closest
from pkpd.kernels.amounts import never_negative
from pkpd.kernels.graph import Graph, Source, is_number
from pkpd.kernels.switches import Switches
from pkpd.symbolic.parse import short

MOST_OPERATIONS = 5_000  # of all rates; the compiler takes one or two minutes for them
LARGEST = "largest y"  # and the number of a state: what its largest size so far is called


@dataclass(frozen=True)
class Switched:
    """Source of a pkpd.kernels.switches.Switch."""

    gap: str
    closed: bool
    when: str | None
    slope: str | None


@dataclass(frozen=True)
class Stepped:
    """Source of a pkpd.kernels.switches.Step."""

    rest: str
    slope: str


@dataclass(frozen=True)
class Program:
    """Sizes and source of one model's lane functions.

    dynamic : S, states of the model; states : S plus integrals (Q); outputs : O, observed names
    alike : (S,) number of the unit of each state
    constants : per-patient numbers, then the constant rates into the `infused` states
    sizes : ((constant, state), ...), constants that are the largest size so far of a state
    operations : how many the rates take
    the lines are in terms of t, y<i>, c<i> (p[i] in constants)
    """

    dynamic: int
    states: int
    constants: int
    outputs: int
    alike: tuple[int, ...]
    operations: int
    infused: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]
    shared_lines: tuple[str, ...]  # what several constants share
    constant_texts: tuple[tuple[int, str], ...]  # number and text of each constant made of inputs
    initial: tuple[str, ...]
    rhs_lines: tuple[str, ...]
    rates: tuple[str, ...]
    look_lines: tuple[str, ...]
    looks: tuple[str, ...]
    jacobian_lines: tuple[str, ...]
    jacobian: dict[tuple[int, int], str]  # (rate, state) -> derivative, where it is not 0
    slopes: dict[int, str]  # rate -> derivative by time, where it is not 0
    signal_lines: tuple[str, ...] = ()
    # watched at every step: the first `extremes` for their extremes, the others against a level
    signals: tuple[str, ...] = ()
    extremes: int = 0
    switch_lines: tuple[str, ...] = ()
    switches: tuple[Switched, ...] = ()  # each has a flag among the constants, before the infused
    step_lines: tuple[str, ...] = ()
    steps: tuple[Stepped, ...] = ()  # their whole numbers are the constants after the flags
    amounts: tuple[int, ...] = ()  # states that cannot fall below 0
    remembers: bool = False  # whether equations use the time or the amount of the last dose
    flag_lines: tuple[str, ...] = ()
    trigger_lines: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()  # of events; whether each held is a constant after the steps'
    at_start: tuple[bool, ...] = ()  # whether an event also happens at the start of a run
    change_lines: tuple[str, ...] = ()
    changes: tuple[tuple[tuple[int, str], ...], ...] = ()  # (state, new value) of each event

    @property
    def flags(self):
        """Place of the first flag among the constants."""
        return self.held - len(self.steps) - len(self.switches)

    @property
    def held(self):
        """Place of the first constant that says whether an event's condition held."""
        return self.constants - len(self.infused) - len(self.triggers)

    @property
    def compared(self):
        """Switches whose time is not known beforehand."""
        return tuple(k for k, switch in enumerate(self.switches) if switch.when is None)


def area(name):
    """What the integral of `name` since the start of the run is called among observed names."""
    return f"integral({name})"


def rate(state):
    """What the derivative of a state is called."""
    return f"d/dt({state})"


def start(state):
    """What the start value of a state is called."""
    return f"{state}(0)"


def lower(model, observe, integrals=(), derivatives=False, extremes=(), levels=()):
    """The Program of a checked model that observes and integrates the named states or assignments.

    observe : may hold area(name) for a name of `integrals`: its integral so far
    derivatives : whether the Jacobian and the derivatives by time are wanted
    extremes : names watched for their extremes
    levels : (name, other, factor), the signals name - factor*other; other None: name alone

    Raises PkpdError for a name that the model lacks and for a model too large to compile, and
    ModelError for an equation that has no value.
    """
    ys = [f"y{len(model.states) + k}" for k in range(len(integrals))]
    graph, nodes = equations(model, ys)
    areas = dict(zip(map(area, integrals), map(graph.name, ys), strict=True))
    _refuse_unknown(model, (*observe, *integrals), areas)
    watched = _signals(model, graph, nodes, extremes, levels)
    source = Source(graph)
    rates = nodes_of(nodes, [*map(rate, model.state_names), *integrals])
    amounts = never_negative(model, rates[: len(model.states)])
    switches = Switches(graph)
    named = (*integrals, *extremes, *_compared(levels))
    _refuse_unforeseen(model, switches, nodes, named)
    frozen = switches.freeze([*rates, *watched])
    rates, watched = frozen[: len(rates)], frozen[len(rates) :]
    triggers = _triggers(model, graph, nodes, switches)
    initial = source.lines(nodes_of(nodes, map(start, model.state_names)))[1]
    rhs_lines, rate_texts = source.lines(rates)
    operations = source.operations
    _budget(model, "rates", operations, MOST_OPERATIONS)
    look_lines, looks = source.lines(nodes_of(nodes | areas, observe))
    signal_lines, signals = source.lines(watched)
    jacobian = _derivatives(graph, source, rates, len(model.states)) if derivatives else _NONE
    switch_lines, switched = _switched(source, switches.list)
    _budget(model, "equations", source.operations, 5 * MOST_OPERATIONS)
    steps = tuple(Stepped(*source.lines([s.rest, s.slope])[1]) for s in switches.steps)
    happenings = _happenings(model, graph, source, nodes, triggers)
    shared_lines, constant_texts = source.constant_lines()
    infused = tuple(map(model.state_names.index, model.dose_places))
    flags = _flags(len(source.constants), len(switched), len(steps))
    first = len(source.constants) + len(flags) + len(triggers)
    return Program(
        dynamic=len(model.states),
        states=len(rates),
        constants=first + len(infused),
        outputs=len(looks),
        alike=_alike([state.unit for state in model.states]),
        operations=operations,
        infused=infused,
        sizes=sizes_of(source),
        shared_lines=shared_lines,
        constant_texts=constant_texts,
        initial=initial,
        rhs_lines=flags + rhs_lines,
        rates=_with_inflows(rate_texts, infused, first),
        look_lines=look_lines,
        looks=looks,
        jacobian_lines=flags + jacobian[0],
        jacobian=jacobian[1],
        slopes=jacobian[2],
        signal_lines=flags + signal_lines,
        signals=signals,
        extremes=len(extremes),
        switch_lines=switch_lines,
        switches=switched,
        step_lines=flags[len(switched) :],
        steps=steps,
        amounts=() if triggers else amounts,
        remembers=bool(model.memory),
        flag_lines=flags,
        **happenings,
    )


def _alike(units):
    """Numbers of units, from 0, in the order of their first appearance."""
    numbers = {unit: k for k, unit in enumerate(dict.fromkeys(units))}
    return tuple(numbers[unit] for unit in units)


def _refuse_unknown(model, wanted, areas):
    """Raise PkpdError for a name that is none of a state, an output or an integral so far."""
    names = model.computed_names
    for name in wanted:
        if name not in names and name not in areas:
            message = f"{model.name} has no state or output '{name}'.{closest(name, names)}"
            raise PkpdError(message)


def _flags(first, switches, steps):
    """Lines that name what is frozen during a step, which follows the first constants."""
    held = [f"on{k}" for k in range(switches)] + [f"whole{k}" for k in range(steps)]
    return tuple(f"{name} = c{place}" for place, name in enumerate(held, first))


def _with_inflows(rates, infused, first):
    """Texts of the rates, with constant `first` and the next ones added to those of `infused`."""
    texts = [f"({text})" for text in rates]
    for constant, state in enumerate(infused, first):
        texts[state] = f"({rates[state]} + c{constant})"
    return tuple(texts)


def _refuse_unforeseen(model, switches, nodes, named):
    """Raise ModelError for a floor of anything but a + b*t, at whose jumps no step could end.

    It is looked for in the rates and in what is integrated or watched, which is `named`.
    """
    equations = {s.name: (rate(s.name), s.rate, s.place) for s in model.states}
    equations |= {a.name: (a.name, a.expression, a.place) for a in model.assignments}
    wanted = [equations[n] for n in (*model.state_names, *named) if n in equations]
    for label, text, place in wanted:
        if switches.unforeseen(nodes[label]):
            raise ModelError(
                f"{place}: in {label}, '{short(text)}': floor and ceil in a rate, an integral or "
                "what is watched are of the time alone, in the form a + b*t; write a comparison, "
                "as in '1 if x > level else 0'."
            )


def _triggers(model, graph, nodes, switches):
    """Nodes of the conditions of events in terms of flags, 1 or 0.

    Raises ModelError for a condition that no change of a sign shows.
    """
    triggers = switches.freeze([graph.equation(e.trigger, nodes) for e in model.events])
    for event, trigger in zip(model.events, triggers, strict=True):
        if switches.moving(trigger):
            raise ModelError(
                f"{event.place}: event '{event.name}': its condition is made of comparisons by "
                "<, <=, > and >=, with 'and' and 'or', of what changes during a run."
            )
    return triggers


def _happenings(model, graph, source, nodes, triggers):
    """What a Program holds of events."""
    trigger_lines, texts = source.lines(triggers)
    change_lines, changes = _changed(model, graph, source, nodes)
    return {
        "trigger_lines": trigger_lines,
        "triggers": texts,
        "at_start": tuple(e.at_start for e in model.events),
        "change_lines": change_lines,
        "changes": changes,
    }


def _changed(model, graph, source, nodes):
    """(shared lines, ((state, text of its new value), ...) of each event)."""
    places = [[model.state_names.index(s) for s, _ in e.changes] for e in model.events]
    values = [graph.equation(text, nodes) for e in model.events for _, text in e.changes]
    lines, texts = source.lines(values)
    left = iter(texts)
    return lines, tuple(tuple((i, next(left)) for i in own) for own in places)


def _switched(source, switches):
    """Shared lines and source of switches."""
    gaps = [s.gap for s in switches]
    times = [part for s in switches if s.when is not None for part in (s.when, s.slope)]
    lines, texts = source.lines(gaps + times)
    gaps, left = texts[: len(gaps)], iter(texts[len(gaps) :])
    return lines, tuple(
        Switched(gap, s.closed, *((None, None) if s.when is None else (next(left), next(left))))
        for gap, s in zip(gaps, switches, strict=True)
    )


def _budget(model, what, operations, most):
    """Raise PkpdError where the compiler would take longer than anybody waits."""
    if operations > most:
        raise PkpdError(
            f"The {what} of {model.name} take {operations:,} operations; at most {most:,} can be "
            "compiled in a reasonable time. Simplify the model."
        )


def equations(model, areas):
    """(graph, nodes): the node of each input, state, assignment, rate(state) and start(state).

    areas : names of integrals so far, which move too
    """
    states = [f"y{i}" for i in range(len(model.states))]
    graph = Graph([*states, "t", *areas], {y: f"{LARGEST}{i}" for i, y in enumerate(states)})
    nodes = {name: graph.name(f"p[{i}]") for i, name in enumerate(model.input_names)}
    nodes |= zip(model.state_names, map(graph.name, states), strict=True)
    nodes["t"] = graph.name("t")
    equations = [(a.name, a.expression, a.place) for a in model.assignments]
    equations += [(rate(s.name), s.rate, s.place) for s in model.states]
    equations += [(start(s.name), s.initial, s.place) for s in model.states]
    for name, text, place in equations:
        try:
            nodes[name] = graph.equation(text, nodes)
        except PkpdError as error:
            raise ModelError(f"{place}: in {name}, '{short(text)}': {error}.") from error
    return graph, nodes


def _signals(model, graph, nodes, extremes, levels):
    """Nodes of what is watched. Raises PkpdError for an unknown name."""
    names = (*model.input_names, *model.computed_names)
    for name in (*extremes, *_compared(levels)):
        if name not in names:
            message = f"{model.name} has no state, output or input '{name}'.{closest(name, names)}"
            raise PkpdError(message)
    signals = nodes_of(nodes, extremes)
    for name, other, factor in levels:
        level = graph.multiply(graph.number(factor), nodes[other]) if other else graph.number(0.0)
        signals.append(graph.subtract(nodes[name], level))
    return signals


def nodes_of(nodes, names):
    """The nodes of these names."""
    return list(map(nodes.__getitem__, names))


def _compared(levels):
    """The names that levels compare, in order."""
    return [name for level in levels for name in level[:2] if name is not None]


_NONE: tuple = ((), {}, {})


def _derivatives(graph, source, rates, states):
    """Shared lines, and the texts of the rates' derivatives by states and time, where not 0."""
    slopes = {}
    for i, node in enumerate(rates):
        for j, name in enumerate(graph.bits):
            slope = graph.slope(node, name)
            if not is_number(slope, 0.0):
                slopes[i, j] = slope
    lines, texts = source.lines(list(slopes.values()))
    texts = dict(zip(slopes, texts, strict=True))
    by_state = {place: text for place, text in texts.items() if place[1] < states}
    return lines, by_state, {i: text for (i, j), text in texts.items() if j == states}


def sizes_of(source):
    """((constant, state), ...) of the constants that are the largest size so far of a state."""
    sizes = [(node.value, i) for node, i in source.constants.items() if node.moves]
    return tuple((i, int(name.removeprefix(LARGEST))) for name, i in sizes)
